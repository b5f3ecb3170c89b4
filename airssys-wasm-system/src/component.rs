//! What a host is asked to run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value};

use airssys_wasm_core::{
    Address, AddressPattern, Ceilings, CodecSet, ComponentLoader, ComponentManifest, HostCapabilities,
    MailboxConfig, SupervisionConfig, TopicPattern,
};

use crate::error::SystemError;

/// A component with its manifest, ready to be started.
///
/// Made from code it has the defaults of a manifest: no rights, 1,000,000 units of fuel and 100 ms for each
/// call. There is no default for memory.
///
/// ```
/// use airssys_wasm_system::Component;
///
/// let component = Component::from_bytes("logs/parser".parse()?, b"\0asm".to_vec(), 1 << 20)
///     .timeout_ms(250)
///     .send_to("logs/*".parse()?);
/// assert_eq!(component.address().as_str(), "logs/parser");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Component {
    pub(crate) manifest: ComponentManifest,
    pub(crate) source: Source,
    pub(crate) instances: u32,
    /// The ceilings that hold for this component, where they are not the host's.
    pub(crate) ceilings: Option<Ceilings>,
}

#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>),
    Loader(Arc<dyn ComponentLoader>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Self::Loader(_) => f.write_str("Loader"),
        }
    }
}

impl Component {
    /// A component called `address`, from a file. `max_memory_bytes` bounds the sum of its linear memories.
    #[must_use]
    pub fn from_file(address: Address, path: impl Into<PathBuf>, max_memory_bytes: u64) -> Self {
        Self::new(address, Source::File(path.into()), max_memory_bytes)
    }

    /// A component called `address`, from its bytes. `max_memory_bytes` bounds the sum of its linear
    /// memories.
    #[must_use]
    pub fn from_bytes(address: Address, wasm: impl Into<Arc<[u8]>>, max_memory_bytes: u64) -> Self {
        Self::new(address, Source::Bytes(wasm.into()), max_memory_bytes)
    }

    /// A component called `address`, whose bytes a loader of the embedder brings; it is asked for the first
    /// instance's id. `max_memory_bytes` bounds the sum of its linear memories.
    #[must_use]
    pub fn from_loader(address: Address, loader: Arc<dyn ComponentLoader>, max_memory_bytes: u64) -> Self {
        Self::new(address, Source::Loader(loader), max_memory_bytes)
    }

    /// A component from its manifest; `wasm` is the file that the manifest means.
    #[must_use]
    pub fn from_manifest(manifest: ComponentManifest, wasm: impl Into<PathBuf>) -> Self {
        Self { manifest, source: Source::File(wasm.into()), instances: 1, ceilings: None }
    }

    /// Reads a `Component.toml`; the component's file must lie in its folder.
    ///
    /// # Errors
    ///
    /// [`SystemError::File`], [`SystemError::Manifest`] and [`SystemError::OutsideFolder`].
    pub fn from_manifest_file(path: &Path, ceilings: &Ceilings) -> Result<Self, SystemError> {
        crate::system_files::read_component(path, ceilings)
    }

    fn new(address: Address, source: Source, max_memory_bytes: u64) -> Self {
        let manifest = ComponentManifest::new(address, Version::new(0, 0, 0), max_memory_bytes);
        Self { manifest, source, instances: 1, ceilings: None }
    }

    /// How many instances are started at once, numbered from 0; 1 by default.
    #[must_use]
    pub fn instances(mut self, count: u32) -> Self {
        self.instances = count;
        self
    }

    /// Fuel units for each call.
    #[must_use]
    pub fn max_fuel(mut self, units: u64) -> Self {
        self.manifest.resources.cpu.max_fuel = units;
        self
    }

    /// Wall clock of each call in milliseconds, host calls included.
    #[must_use]
    pub fn timeout_ms(mut self, milliseconds: u64) -> Self {
        self.manifest.resources.cpu.timeout_ms = milliseconds;
        self
    }

    /// Grants the right to send to those that match.
    #[must_use]
    pub fn send_to(mut self, pattern: AddressPattern) -> Self {
        self.manifest.messaging.send_to.push(pattern);
        self
    }

    /// Takes messages from those that match; the host needs no listing.
    #[must_use]
    pub fn receive_from(mut self, pattern: AddressPattern) -> Self {
        self.manifest.messaging.receive_from.push(pattern);
        self
    }

    /// Grants the right to publish to the topics that match.
    #[must_use]
    pub fn publish(mut self, topics: TopicPattern) -> Self {
        self.manifest.messaging.publish.push(topics);
        self
    }

    /// Grants the right to subscribe to patterns that this one covers. What it takes from whom is still for
    /// [`receive_from`](Self::receive_from) to say.
    #[must_use]
    pub fn subscribe(mut self, topics: TopicPattern) -> Self {
        self.manifest.messaging.subscribe.push(topics);
        self
    }

    /// What it may do with the host: folders, connections, variables, and what it may keep.
    ///
    /// ```
    /// use airssys_wasm_core::HostCapabilities;
    /// use airssys_wasm_system::Component;
    ///
    /// let mut capabilities = HostCapabilities::default();
    /// capabilities.filesystem.read.push("/var/log/nginx".parse()?);
    /// capabilities.environment.variables.push("TZ".parse()?);
    /// let component =
    ///     Component::from_file("logs/tail".parse()?, "tail.wasm", 1 << 20).host_capabilities(capabilities);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn host_capabilities(mut self, capabilities: HostCapabilities) -> Self {
        self.manifest.host = capabilities;
        self
    }

    /// Lets it keep keys and values, so many bytes of them for all its instances together.
    #[must_use]
    pub fn storage_quota(mut self, bytes: u64) -> Self {
        self.manifest.host.storage.quota_bytes = Some(bytes);
        self
    }

    /// Largest message that it takes, in bytes; 64 KiB by default.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.manifest.messaging.max_message_bytes = bytes;
        self
    }

    /// The codecs that a message to it must begin with the multicodec prefix of one of; any form by default. Whoever
    /// sends something else is told `denied`. Replies and the arguments of typed calls are not meant.
    #[must_use]
    pub fn codecs(mut self, codecs: CodecSet) -> Self {
        self.manifest.messaging.codecs = Some(codecs);
        self
    }

    /// Messages that each sending component may send per second, and at once.
    #[must_use]
    pub fn rate(mut self, per_second: u32, burst: u32) -> Self {
        self.manifest.messaging.rate_per_second = per_second;
        self.manifest.messaging.burst = burst;
        self
    }

    /// The bounds of its mailbox.
    #[must_use]
    pub fn mailbox(mut self, mailbox: MailboxConfig) -> Self {
        self.manifest.mailbox = mailbox;
        self
    }

    /// When and how often it is restarted.
    #[must_use]
    pub fn supervision(mut self, supervision: SupervisionConfig) -> Self {
        self.manifest.supervision = supervision;
        self
    }

    /// What `initialize` gets, as JSON.
    #[must_use]
    pub fn config(mut self, config: Map<String, Value>) -> Self {
        self.manifest.config = config;
        self
    }

    /// Lets this component alone ask for more than the host's ceilings allow.
    #[must_use]
    pub fn within(mut self, ceilings: Ceilings) -> Self {
        self.ceilings = Some(ceilings);
        self
    }

    /// Its name.
    #[must_use]
    pub fn address(&self) -> Address {
        self.manifest.address()
    }

    /// The file that it is read from; none where it comes from elsewhere.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Bytes(_) | Source::Loader(_) => None,
        }
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &ComponentManifest {
        &self.manifest
    }
}
