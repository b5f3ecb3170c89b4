//! What was accepted and did not reach the report.

use std::error::Error;
use std::fmt;

use airssys_wasm_core::Address;
use airssys_wasm_system::{ComponentStatus, Kills};

/// What one component lost.
#[derive(Debug, PartialEq, Eq)]
struct Loss {
    component: Address,
    /// Messages accepted for it and not delivered.
    dead_letters: u64,
    /// Ends by force.
    kills: u64,
    /// Messages that it answered with an error.
    handler_errors: u64,
    /// Messages of its own that were refused for want of a right, by size or by rate.
    denied: u64,
}

/// The report misses something; as an error it says what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Losses(Vec<Loss>);

impl Losses {
    /// What components lost that the report may depend on: all but those that get nothing but copies.
    pub(crate) fn of(statuses: &[ComponentStatus], copied: &[Address]) -> Option<Self> {
        let mut losses: Vec<Loss> = Vec::new();
        for status in statuses {
            let component = status.id.component();
            let kills = all(&status.kills);
            let is_spotless =
                status.dead_letters == 0 && kills == 0 && status.handler_errors == 0 && status.denied == 0;
            if is_spotless || copied.contains(&component) {
                continue;
            }
            match losses.iter_mut().find(|loss| loss.component == component) {
                Some(loss) => {
                    loss.dead_letters += status.dead_letters;
                    loss.kills += kills;
                    loss.handler_errors += status.handler_errors;
                    loss.denied += status.denied;
                }
                None => losses.push(Loss {
                    component,
                    dead_letters: status.dead_letters,
                    kills,
                    handler_errors: status.handler_errors,
                    denied: status.denied,
                }),
            }
        }
        (!losses.is_empty()).then_some(Self(losses))
    }
}

fn all(kills: &Kills) -> u64 {
    kills.out_of_fuel + kills.timeout + kills.out_of_memory + kills.trap + kills.host_limit
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the report may miss lines")?;
        for (number, loss) in self.0.iter().enumerate() {
            let Loss { component, dead_letters, kills, handler_errors, denied } = loss;
            let start = if number == 0 { ": " } else { "; " };
            write!(f, "{start}{component} (dead letters: {dead_letters}, kills: {kills}, ")?;
            write!(f, "handler errors: {handler_errors}, denied: {denied})")?;
        }
        Ok(())
    }
}

impl Error for Losses {}
