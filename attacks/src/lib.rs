//! Runs every hostile guest against a real host, and tells for each limit what was declared and what was
//! observed.
//!
//! A row of the table is an [`Attack`]: a limit, the key or constant that declares it, the guest that
//! attacks it, and a function that measures. A new row is one entry in a module of `rows`. Every key of the
//! manifests that limits or grants something has one, or a reason in [`DECLARED_KEYS`] why it has none; so has
//! every fixed bound, in [`DECLARED_BOUNDS`].
//!
//! A row of [`measurements`] is made like an attack, but tells what a crowd of hostile guests costs everybody
//! else: how late kills are, how long a sibling waits, what stays of ten thousand lives.
//!
//! Beside the limits stand the rights: [`imports`] has a row for each import of the host, and [`prove`] holds them
//! against the linker and against what a guest without rights was told.
//!
//! Invariant: a verdict comes from what was measured while the guest ran, never from what was configured;
//! a row that measured nothing is broken.
//!
//! ```
//! let attacks = airssys_wasm_attacks::attacks();
//! assert!(attacks.iter().any(|attack| attack.guest == "loop_forever"));
//! ```

#![forbid(unsafe_code)]

mod attack;
mod bare;
mod contention;
mod flood;
mod guests;
mod keys;
mod log_meter;
mod names;
mod observation;
mod post;
mod quarters;
mod resident;
mod rights;
mod rows;
mod siege;
mod table;

pub use attack::{Attack, Row};
pub use contention::{LEFT_OUT, measurements};
pub use keys::{DECLARED_BOUNDS, DECLARED_KEYS, DeclaredKey, unattacked};
pub use observation::{Figure, Verdict};
pub use resident::{FLOOD_ARGUMENT, run_flood, run_floods_with};
pub use rights::{Class, Import, imports, prove, to_markdown};
pub use rows::attacks;
pub use table::{to_json, to_text};
