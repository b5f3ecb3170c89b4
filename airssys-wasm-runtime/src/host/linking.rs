//! Which interfaces the host offers, and how they get into the linker.

use std::collections::BTreeSet;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Compiled, HasSelf, Linker};

use crate::bindings::Component;
use crate::files::bound_files;
use crate::host::http::bound_requests;
use crate::host::lookup::judge_look_ups;
use crate::host::random::bound_random;
use crate::host::sockets::bound_sockets;
use crate::host::timed::look_at_the_time;
use crate::state::HostState;

/// The interfaces of WASI 0.2 that the host links.
const WASI: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

const OWN: &[&str] =
    &["airssys:core/messaging", "airssys:core/services", "airssys:core/storage", "airssys:core/types"];

/// The interfaces that the host links for every component, without their versions.
pub fn offered_interfaces() -> impl Iterator<Item = &'static str> {
    OWN.iter().chain(WASI).copied()
}

/// Fills a linker with everything that the host offers.
pub(crate) fn link_host(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    // What the engine offers without a bound or a right, or with one that cannot be told apart, is replaced.
    linker.allow_shadowing(true);
    look_at_the_time(linker)?;
    bound_random(linker)?;
    bound_requests(linker)?;
    bound_files(linker)?;
    bound_sockets(linker)?;
    judge_look_ups(linker)?;
    linker.allow_shadowing(false);
    Component::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// Names of interfaces that the linker holds, because the linker itself cannot be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownInterfaces {
    extensions: BTreeSet<String>,
}

impl KnownInterfaces {
    pub(crate) fn add(&mut self, interface: &str) {
        self.extensions.insert(interface.to_owned());
    }

    /// Everything that `component` imports and the host does not offer, sorted.
    pub(crate) fn missing(&self, component: &Compiled) -> Vec<String> {
        let mut missing: Vec<String> = component
            .component_type()
            .imports(component.engine())
            .filter(|(name, import)| is_needed(&import.ty, component) && !self.offers(name))
            .map(|(name, _)| name.to_owned())
            .collect();
        missing.sort();
        missing
    }

    fn offers(&self, import: &str) -> bool {
        let Some((interface, version)) = import.split_once('@') else {
            return self.extensions.contains(import);
        };
        (OWN.contains(&interface) && compatible(version, "0.1"))
            || (WASI.contains(&interface) && compatible(version, "0.2"))
            || self.extensions.contains(import)
    }
}

/// Whether `version` is of the line `line` (0.x versions are compatible within their minor, as Cargo has it).
fn compatible(version: &str, line: &str) -> bool {
    version.strip_prefix(line).is_some_and(|rest| rest.starts_with('.')) && !version.contains('-')
}

/// An import of types alone needs nothing from the host.
fn is_needed(item: &ComponentItem, component: &Compiled) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(component.engine()).any(|(_, export)| {
                matches!(export.ty, ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_))
            })
        }
        ComponentItem::Type(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_line_are_compatible() {
        assert!(compatible("0.2.0", "0.2"));
        assert!(compatible("0.2.12", "0.2"));
        for other in ["0.20.0", "0.3.0", "1.2.0", "0.2", "0.2.0-rc1"] {
            assert!(!compatible(other, "0.2"), "{other}");
        }
    }
}
