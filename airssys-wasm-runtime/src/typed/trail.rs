//! The way to the value that is being read or written, and what the values of the call may still take.

use std::cell::{Cell, RefCell};
use std::fmt::Write;

use wasmtime::component::Val;

use crate::bounds::MAX_TYPED_VALUE_BYTES;

/// One step on the way to a part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'t> {
    /// A parameter: the way begins anew.
    Parameter(&'t str),
    /// A field of a record, or the payload of a case.
    Name(&'t str),
    /// A part of a tuple.
    Part(usize),
    /// An element of a list.
    Element(usize),
}

/// The way to where a conversion is, or has failed.
///
/// A step that fails is not taken back: what remains at the end is the way to the failure.
#[derive(Debug)]
pub(super) struct Trail<'t> {
    steps: RefCell<Vec<Step<'t>>>,
    left: Cell<Option<usize>>,
}

impl<'t> Trail<'t> {
    pub(super) fn new() -> Self {
        Self { steps: RefCell::default(), left: Cell::new(Some(MAX_TYPED_VALUE_BYTES)) }
    }

    /// Does something one step further.
    pub(super) fn within<T, E>(
        &self,
        step: Step<'t>,
        further: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.steps.borrow_mut().push(step);
        let done = further()?;
        self.steps.borrow_mut().pop();
        Ok(done)
    }

    /// Counts one value with this many bytes besides; an error once all values together take too much.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), &'static str> {
        let spent = size_of::<Val>().saturating_add(bytes);
        self.left.set(self.left.get().and_then(|left| left.checked_sub(spent)));
        self.left.get().map(|_| ()).ok_or("the values take too much memory")
    }

    /// Whether the values together took too much.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.left.get().is_none()
    }

    /// The parameter that it leads into.
    pub(super) fn parameter(&self) -> Option<&'t str> {
        match self.steps.borrow().first() {
            Some(Step::Parameter(name)) => Some(name),
            _ => None,
        }
    }

    /// The way from the parameter on, or from the result.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in &*self.steps.borrow() {
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Parameter(_) => Ok(()),
                Step::Name(name) => write!(path, ".{name}"),
                Step::Part(number) => write!(path, ".{number}"),
                Step::Element(number) => write!(path, "[{number}]"),
            };
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_where_the_trail_ends() {
        let trail = Trail::new();
        let outcome = trail.within(Step::Parameter("order"), || {
            trail.within(Step::Name("total"), || Ok::<_, &str>(()))?;
            trail.within(Step::Name("items"), || {
                trail.within(Step::Element(3), || trail.within(Step::Part(1), || Err::<(), _>("wrong")))
            })
        });
        assert_eq!(outcome, Err("wrong"));
        assert_eq!(trail.parameter(), Some("order"));
        assert_eq!(trail.path(), ".items[3].1");
    }

    #[test]
    fn values_are_charged_until_there_is_nothing_left() {
        let trail = Trail::new();
        assert!(trail.charge(MAX_TYPED_VALUE_BYTES - size_of::<Val>()).is_ok());
        assert!(!trail.is_overdrawn());
        assert!(trail.charge(0).is_err());
        assert!(trail.is_overdrawn());
    }
}
