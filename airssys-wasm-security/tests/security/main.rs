//! What the guard admits and what it refuses.

mod audit;
mod backlog;
mod guard;
mod rate;
mod rights;
