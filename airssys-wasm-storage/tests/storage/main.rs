//! What a store promises to components and to their operator, on disk, in memory and on media that fail.

mod support;

mod closing;
mod damage;
mod faults;
mod folder;
mod growth;
mod keys;
mod killed;
mod model;
mod power;
mod quota;
mod swap;
mod turns;
