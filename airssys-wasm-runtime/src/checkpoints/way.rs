//! How far the code at hand is from the last look at fuel and time.

/// The longest of the ways that lead to an instruction. They are in order: what is true of a longer one is true of a
/// shorter one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// None leads here.
    Unreachable,
    /// Nothing was done elsewhere since the last look.
    Looked,
    /// Something has come back that was done elsewhere, and since the last look so many units of work were done.
    Returned(u32),
}

impl Way {
    /// A way that joins this one.
    pub(super) fn join(&mut self, other: Self) {
        *self = (*self).max(other);
    }

    /// So much work more.
    pub(super) fn extend(&mut self, units: u32) {
        if let Self::Returned(before) = self {
            *before = before.saturating_add(units);
        }
    }

    /// So much work more that is done elsewhere, where nobody looks.
    pub(super) fn leave_for(&mut self, units: u32) {
        match self {
            Self::Unreachable => {}
            Self::Looked => *self = Self::Returned(units),
            Self::Returned(_) => self.extend(units),
        }
    }

    /// Goes on with another one, unless no way leads here at all.
    pub(super) fn go_on(&mut self, with: Self) {
        if *self != Self::Unreachable {
            *self = with;
        }
    }

    /// It leads on elsewhere, and the code that follows is reached by others only.
    pub(super) fn leave(&mut self) -> Self {
        std::mem::replace(self, Self::Unreachable)
    }
}
