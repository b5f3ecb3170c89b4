//! The table, interface by interface.

mod command;
mod filesystem;
mod http;
mod io;
mod own;
mod sockets;

use crate::rights::class::{Class, Import};

/// Imports of one interface and class.
enum Rows {
    /// With what each is answered.
    Denied { interface: &'static str, rule: &'static str, answers: &'static [(&'static str, &'static str)] },
    /// Those that need a handle of one resource.
    Unreachable { interface: &'static str, handle: &'static str, functions: &'static [&'static str] },
    /// With what each is answered.
    Harmless {
        interface: &'static str,
        reason: &'static str,
        answers: &'static [(&'static str, &'static str)],
    },
}

impl Rows {
    fn imports(&self) -> Vec<Import> {
        match *self {
            Self::Denied { interface, rule, answers } => {
                let row = |&(function, answer): &(&'static str, _)| Import {
                    interface,
                    function,
                    class: Class::Denied { rule, answer },
                };
                answers.iter().map(row).collect()
            }
            Self::Unreachable { interface, handle, functions } => {
                let row = |&function: &&'static str| Import {
                    interface,
                    function,
                    class: Class::Unreachable { handle },
                };
                functions.iter().map(row).collect()
            }
            Self::Harmless { interface, reason, answers } => {
                let row = |&(function, answer): &(&'static str, _)| Import {
                    interface,
                    function,
                    class: Class::Harmless { answer, reason },
                };
                answers.iter().map(row).collect()
            }
        }
    }

    fn interface(&self) -> &'static str {
        match self {
            Self::Denied { interface, .. }
            | Self::Unreachable { interface, .. }
            | Self::Harmless { interface, .. } => interface,
        }
    }
}

/// Every import of the host surface, those of one interface together.
#[must_use]
pub fn imports() -> Vec<Import> {
    let parts = [own::ROWS, command::ROWS, io::ROWS, filesystem::ROWS, sockets::ROWS, http::ROWS];
    let mut rows: Vec<&Rows> = parts.into_iter().flatten().collect();
    rows.sort_by_key(|rows| rows.interface());
    rows.into_iter().flat_map(Rows::imports).collect()
}
