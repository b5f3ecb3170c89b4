//! The targets, by name.

use std::borrow::Cow;

use anyhow::Result;

use crate::{loader, manifest, names};

/// What became of an input that was read as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// It means something.
    Accepted,
    /// It was refused, with an error that says why.
    Refused,
}

/// One thing that takes bytes from strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// `Component.toml`.
    ComponentManifest,
    /// `airssys.toml`.
    SystemManifest,
    /// Ids and patterns: a line for each.
    Names,
    /// A component as it comes from disk.
    Loader,
    /// One of the built guests, changed in as many places as there are pairs of numbers in the input.
    ChangedGuest,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ComponentManifest, Self::SystemManifest, Self::Names, Self::Loader, Self::ChangedGuest];

    /// Its name, which is that of its fuzz target and of the folder with its seeds.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ComponentManifest => "component_manifest",
            Self::SystemManifest => "system_manifest",
            Self::Names => "names",
            Self::Loader => "loader",
            Self::ChangedGuest => "changed_guest",
        }
    }

    /// Gives it these bytes. Needs a tokio runtime with time enabled.
    ///
    /// # Errors
    ///
    /// What does not hold of the code under test. A panic in it is passed on, for a fuzzer to catch.
    pub async fn run(self, bytes: &[u8]) -> Result<Told> {
        match self {
            Self::ComponentManifest => manifest::component(&text(bytes)),
            Self::SystemManifest => manifest::system(&text(bytes)),
            Self::Names => names::check(&text(bytes)),
            Self::Loader => loader::check(bytes).await,
            Self::ChangedGuest => loader::check_changed_guest(bytes).await,
        }
    }
}

/// Manifests and names reach their readers as text.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
