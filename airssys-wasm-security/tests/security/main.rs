//! What the guard admits and what it refuses.

mod guard;
mod rate;
mod rights;
