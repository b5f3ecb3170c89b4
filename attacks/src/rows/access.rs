//! Folders, variables and rights that mean everything: what no guest has that was not granted it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use airssys_wasm_core::HostCapabilities;
use airssys_wasm_runtime::{MAX_FILE_CHUNK_BYTES, MAX_OPEN_FILES, MAX_PATH_BYTES};
use airssys_wasm_system::{Component, SystemError};

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::siege::{Field, ROUNDS, Siege};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "ways out of a folder that is read",
        key: "capabilities.filesystem.read",
        guest: "path_escapes",
        unit: "ways that led out",
        measure: || Box::pin(ways_out(Grant::Read)),
    },
    Attack {
        limit: "ways out of a folder that is written",
        key: "capabilities.filesystem.write",
        guest: "path_escapes",
        unit: "ways that led out",
        measure: || Box::pin(ways_out(Grant::Write)),
    },
    Attack {
        limit: "changes in a folder that is read",
        key: "capabilities.filesystem.read",
        guest: "path_escapes",
        unit: "changes that were made",
        measure: || Box::pin(changes()),
    },
    Attack {
        limit: "pipes in a granted folder",
        key: "capabilities.filesystem.read",
        guest: "path_escapes",
        unit: "pipes that were opened",
        measure: || Box::pin(pipes()),
    },
    Attack {
        limit: "files that are open",
        key: "MAX_OPEN_FILES",
        guest: "open_file_flood",
        unit: "files, folders and streams",
        measure: || Box::pin(open_files()),
    },
    Attack {
        limit: "one read of a file",
        key: "MAX_FILE_CHUNK_BYTES",
        guest: "huge_file_parts",
        unit: "bytes",
        measure: || Box::pin(parts("read", MAX_FILE_CHUNK_BYTES as u64)),
    },
    Attack {
        limit: "one write to a file",
        key: "MAX_FILE_CHUNK_BYTES",
        guest: "huge_file_parts",
        unit: "bytes",
        measure: || Box::pin(parts("write", MAX_FILE_CHUNK_BYTES as u64)),
    },
    Attack {
        limit: "path of a file",
        key: "MAX_PATH_BYTES",
        guest: "huge_file_parts",
        unit: "bytes of the longest",
        measure: || Box::pin(parts("path", MAX_PATH_BYTES as u64)),
    },
    Attack {
        limit: "what it sees of the environment",
        key: "capabilities.environment.variables",
        guest: "environment_reader",
        unit: "variables, arguments and inputs that were not granted",
        measure: || Box::pin(environment()),
    },
    Attack {
        limit: "rights that mean everything",
        key: "host.policy.allow_broad",
        guest: "forbidden_send",
        unit: "instances that were started",
        measure: || Box::pin(broad()),
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Read,
    Write,
}

/// A granted folder, with a secret beside it.
struct Ground {
    _folder: TempDir,
    root: PathBuf,
}

impl Ground {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = fs::canonicalize(&folder)?;
        fs::create_dir_all(root.join("granted/folder"))?;
        fs::write(root.join("granted/file"), vec![b'x'; 4 * MAX_FILE_CHUNK_BYTES])?;
        fs::write(root.join("secret"), "secret")?;
        // Links that an operator has left there.
        symlink("..", root.join("granted/link"))?;
        symlink(root.join("secret"), root.join("granted/file-link"))?;
        Ok(Self { _folder: folder, root })
    }

    fn path(&self) -> Result<String> {
        Ok(format!("{}/granted", self.root.to_str().context("a path that is text")?))
    }

    fn component(&self, guest: &str, grant: Grant) -> Result<Component> {
        let mut capabilities = HostCapabilities::default();
        let path = self.path()?.parse()?;
        match grant {
            Grant::Read => capabilities.filesystem.read.push(path),
            Grant::Write => capabilities.filesystem.write.push(path),
        }
        Ok(guests::component(guest)?
            .host_capabilities(capabilities)
            .max_fuel(10_000_000_000)
            .timeout_ms(20_000))
    }
}

async fn number(siege: &Siege, order: &str) -> Result<u64> {
    let answer = String::from_utf8(siege.probe(order).await?)?;
    answer.parse().with_context(|| format!("{order:?} is answered with {answer:?}"))
}

async fn ways_out(grant: Grant) -> Result<Observation> {
    let mut observation = Observation::of(0);
    let mut denied = 0;
    for _ in 0..ROUNDS {
        let ground = Ground::new()?;
        let siege = Siege::lay(ground.component("path_escapes", grant)?).await?;
        let led = String::from_utf8(siege.probe(&format!("leave {} secret", ground.path()?)).await?)?;
        ensure!(fs::read_to_string(ground.root.join("secret"))? == "secret", "the file was written");
        let beside = fs::read_dir(&ground.root)?.count();
        ensure!(beside == 2, "{beside} things are beside the folder");
        denied = siege.status()?.access_denied;
        ensure!(denied > 0, "no attempt was counted");
        ensure!(led.is_empty(), "these led out: {led}");
        observation.add(led.lines().count() as u64);
        siege.lift().await;
    }
    Ok(observation.noting(format!("{denied} denials a round")))
}

async fn changes() -> Result<Observation> {
    let mut observation = Observation::of(0);
    let ground = Ground::new()?;
    let siege = Siege::lay(ground.component("path_escapes", Grant::Read)?).await?;
    let before = fs::read(ground.root.join("granted/file"))?;
    for _ in 0..ROUNDS {
        observation.add(number(&siege, &format!("change {}", ground.path()?)).await?);
        ensure!(fs::read(ground.root.join("granted/file"))? == before, "the file is another");
        ensure!(fs::read_dir(ground.root.join("granted"))?.count() == 4, "the folder is another");
    }
    siege.lift().await;
    Ok(observation)
}

async fn pipes() -> Result<Observation> {
    let mut observation = Observation::of(0);
    let ground = Ground::new()?;
    let made = Command::new("mkfifo").arg(ground.root.join("granted/pipe")).status()?;
    ensure!(made.success(), "there is no pipe to open");
    let siege = Siege::lay(ground.component("path_escapes", Grant::Read)?.timeout_ms(2_000)).await?;
    for _ in 0..ROUNDS {
        let answer = siege.probe(&format!("open {} pipe", ground.path()?)).await?;
        observation.add(u64::from(answer != b"not-permitted"));
    }
    siege.lift().await;
    Ok(observation.noting("nobody writes to it, so that opening it would wait for ever"))
}

async fn open_files() -> Result<Observation> {
    let mut observation = Observation::of(MAX_OPEN_FILES as u64).never_less();
    let ground = Ground::new()?;
    let siege = Siege::lay(ground.component("open_file_flood", Grant::Read)?).await?;
    for _ in 0..ROUNDS {
        let answer = String::from_utf8(siege.probe(&ground.path()?).await?)?;
        let (open, error) = answer.split_once(' ').context("two words")?;
        ensure!(error == "insufficient-memory", "the last was refused as {error}");
        observation.add(open.parse::<u64>()?);
    }
    siege.lift().await;
    Ok(observation.noting("beside the folder that was granted"))
}

async fn parts(verb: &str, declared: u64) -> Result<Observation> {
    let mut observation = Observation::of(declared);
    let ground = Ground::new()?;
    let siege = Siege::lay(ground.component("huge_file_parts", Grant::Write)?).await?;
    for _ in 0..ROUNDS {
        let most = number(&siege, &format!("{verb} {}", ground.path()?)).await?;
        ensure!(most > 0, "nothing was done");
        observation.add(most);
    }
    siege.lift().await;
    Ok(observation)
}

async fn environment() -> Result<Observation> {
    const GRANTED: &str = "PATH";
    ensure!(std::env::vars().count() > 1, "this process has no variable that could be seen");
    let mut capabilities = HostCapabilities::default();
    capabilities.environment.variables.push(GRANTED.parse()?);
    let component = guests::component("environment_reader")?.host_capabilities(capabilities);
    let siege = Siege::lay(component).await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        observation.add(number(&siege, GRANTED).await?);
        ensure!(number(&siege, "NONE").await? == 1, "it does not see what was granted");
    }
    siege.lift().await;
    Ok(observation)
}

async fn broad() -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let component = guests::component("forbidden_send")?.send_to("*/*".parse()?);
        let address = component.address();
        match field.host().start(component).await {
            Err(SystemError::TooBroad { .. }) => {}
            Err(other) => return Err(anyhow::Error::new(other).context("refused for another reason")),
            Ok(_) => {}
        }
        let started = field.host().status_of(&address).len() as u64;
        observation.add(started);
        if started > 0 {
            bail!("a right to send to everybody was granted");
        }
    }
    field.clear().await;
    Ok(observation)
}
