//! One row of the matrix.

/// What a component that was granted nothing gets of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A typed error, and a record in the audit log.
    Denied {
        /// The part of the manifest that grants such things, which the record names.
        rule: &'static str,
        /// What the guest is told.
        answer: &'static str,
    },
    /// Nothing: it needs a handle that cannot be had.
    Unreachable {
        /// The resource of its interface that it needs a handle of.
        handle: &'static str,
    },
    /// What everybody may have.
    Harmless {
        /// What the guest is told.
        answer: &'static str,
        /// Why nobody is harmed by it.
        reason: &'static str,
    },
}

impl Class {
    /// Its name in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Unreachable { .. } => "unreachable",
            Self::Harmless { .. } => "harmless",
        }
    }

    /// What the guest is told; none where it cannot ask.
    #[must_use]
    pub fn answer(&self) -> Option<&'static str> {
        match self {
            Self::Denied { answer, .. } | Self::Harmless { answer, .. } => Some(answer),
            Self::Unreachable { .. } => None,
        }
    }
}

/// An import of the host surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Import {
    /// Its interface, without the version.
    pub interface: &'static str,
    /// Its name in there, as the component model writes it: `[method]pollable.ready`, `[resource-drop]pollable`.
    pub function: &'static str,
    /// What a component without rights gets of it.
    pub class: Class,
}

impl Import {
    /// Its whole name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.interface, self.function)
    }
}
