//! One attack, and the row of the table that it comes to.

use serde::Serialize;

use airssys_wasm_core::BoxFuture;

use crate::observation::{Figure, Observation, Verdict};

/// What an attack measures; an error means that the limit did not hold or could not be observed.
pub(crate) type Measurement = BoxFuture<'static, anyhow::Result<Observation>>;

/// A limit and the guest that attacks it.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// What is limited, for people.
    pub limit: &'static str,
    /// The manifest key that declares the limit, or the constant that does.
    pub key: &'static str,
    /// The guest, as it is called in `guests/hostile`.
    pub guest: &'static str,
    /// The unit of what is declared and observed.
    pub unit: &'static str,
    pub(crate) measure: fn() -> Measurement,
}

/// A row of the enforcement table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What is limited.
    pub limit: &'static str,
    /// The manifest key or constant that declares it.
    pub key: &'static str,
    /// The guest that attacked it.
    pub attack: &'static str,
    /// What was declared, where the attack came so far.
    pub declared: Option<Figure>,
    /// Whether what was declared follows from a measurement of the same run, so that another run declares
    /// something else.
    pub declared_is_measured: bool,
    /// The least and the most that the verdict lets pass: what is declared, and what a machine may do to it.
    pub allowed: Option<[Figure; 2]>,
    /// The worst that was observed, where the attack came so far.
    pub observed: Option<Figure>,
    /// The unit of both.
    pub unit: &'static str,
    /// Whether the limit held.
    pub verdict: Verdict,
    /// What was observed in each round.
    pub samples: Vec<Figure>,
    /// What a reader has to know to judge again.
    pub note: String,
}

impl Attack {
    /// Attacks, and judges what was observed.
    pub async fn run(&self) -> Row {
        let (limit, key, attack, unit) = (self.limit, self.key, self.guest, self.unit);
        match (self.measure)().await {
            Ok(observation) => Row {
                limit,
                key,
                attack,
                unit,
                declared: Some(observation.declared()),
                declared_is_measured: observation.declared_is_measured(),
                allowed: Some(observation.allowed()),
                observed: observation.worst(),
                verdict: observation.verdict(),
                samples: observation.samples().to_vec(),
                note: observation.note(),
            },
            Err(error) => Row {
                limit,
                key,
                attack,
                unit,
                declared: None,
                declared_is_measured: false,
                allowed: None,
                observed: None,
                verdict: Verdict::Broken(format!("{error:#}")),
                samples: Vec::new(),
                note: String::new(),
            },
        }
    }
}
