//! What the process holds, as the operating system counts it.

use std::fs;

use anyhow::{Context, Result};
use tokio::runtime::Handle;

/// What the process holds at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footprint {
    pub(super) resident_bytes: u64,
    pub(super) mappings: u64,
    pub(super) descriptors: u64,
    /// Tasks of the runtime that are not over.
    pub(super) tasks: u64,
}

impl Footprint {
    /// Reads `/proc`, so that it works on Linux only.
    pub(super) fn now() -> Result<Self> {
        Ok(Self {
            resident_bytes: resident_bytes(&fs::read_to_string("/proc/self/status")?)?,
            mappings: fs::read_to_string("/proc/self/maps")?.lines().count() as u64,
            // One of them is the listing's own, each time.
            descriptors: fs::read_dir("/proc/self/fd")?.count() as u64,
            tasks: Handle::current().metrics().num_alive_tasks() as u64,
        })
    }
}

fn resident_bytes(status: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.context("the system does not tell what is resident")?.trim().parse()?;
    Ok(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_resident_is_one_line_of_the_status() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   12 kB\nRssAnon:\t 7 kB\n").unwrap(), 12_288);
        assert!(resident_bytes("Name:\tx\n").is_err());
        assert!(resident_bytes("VmRSS:\t 12 MB\n").is_err());
    }
}
