//! Where the engine describes what it links: in the sources of its own crates, which Cargo knows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// Folders of WIT.
#[derive(Debug)]
pub(super) struct Descriptions {
    /// Of `wasi:cli/command`.
    pub(super) command: PathBuf,
    /// Of `wasi:http/proxy`, with all that programs import besides.
    pub(super) http: PathBuf,
}

impl Descriptions {
    /// Those of the engine that the workspace at `root` is built with.
    pub(super) fn find(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(["--locked".to_owned(), "--offline".to_owned()])
            .exec()
            .context("cargo metadata failed")?;
        let folder = |package: &str, wit: &str| -> Result<PathBuf> {
            let found = metadata.packages.iter().find(|found| found.name.as_str() == package);
            let manifest = &found.with_context(|| format!("{package} is no dependency"))?.manifest_path;
            let folder = manifest.parent().with_context(|| format!("{manifest} lies nowhere"))?;
            Ok(folder.join(wit).into_std_path_buf())
        };
        Ok(Self {
            command: folder("wasmtime-wasi", "src/p2/wit")?,
            http: folder("wasmtime-wasi-http", "wit")?,
        })
    }
}
