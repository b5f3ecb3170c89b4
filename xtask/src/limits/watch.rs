//! A child that may do anything: it is ended past its time, or past its memory.
//!
//! The limits that the operating system could set are not at hand on every system, so that the child is
//! looked at again and again.

use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often it is looked at: what it takes of memory meanwhile is no danger to the machine.
const LOOK: Duration = Duration::from_millis(50);

/// What a child may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) time: Duration,
    pub(super) resident_bytes: u64,
}

/// How a child ended.
#[derive(Debug)]
pub(super) enum Ending {
    Exited(ExitStatus),
    OutOfTime,
    OutOfMemory,
}

/// Waits for a child, and ends it where it takes more than its allowance or cannot be watched.
pub(super) fn watch(mut child: Child, allowance: Allowance) -> Result<Ending> {
    let ending = look(&mut child, allowance);
    if !matches!(ending, Ok(Ending::Exited(_))) {
        // It may have ended by itself since.
        drop(child.kill());
        child.wait()?;
    }
    ending
}

fn look(child: &mut Child, allowance: Allowance) -> Result<Ending> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ending::Exited(status));
        }
        if begin.elapsed() >= allowance.time {
            return Ok(Ending::OutOfTime);
        }
        if resident_bytes(child.id())? > allowance.resident_bytes {
            return Ok(Ending::OutOfMemory);
        }
        thread::park_timeout(LOOK);
    }
}

/// Resident memory of a process; none of one that has ended just now.
fn resident_bytes(process: u32) -> Result<u64> {
    let kibibytes = match fs::read_to_string(format!("/proc/{process}/status")) {
        Ok(status) => status.lines().find_map(|line| line.strip_prefix("VmRSS:")).map(str::to_owned),
        Err(_) => {
            let listed = Command::new("ps").args(["-o", "rss=", "-p", &process.to_string()]).output();
            let listed = listed.context("neither /proc nor `ps` tells what a process takes of memory")?;
            Some(String::from_utf8_lossy(&listed.stdout).into_owned())
        }
    };
    let Some(kibibytes) = kibibytes else { return Ok(0) };
    let number = kibibytes.trim().trim_end_matches("kB").trim_end();
    match number.parse::<u64>() {
        Ok(number) => Ok(number.saturating_mul(1024)),
        Err(_) if number.is_empty() => Ok(0),
        Err(_) => bail!("`{kibibytes}` is no amount of memory"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    const PLENTY: Allowance = Allowance { time: Duration::MAX, resident_bytes: u64::MAX };

    fn tail(arguments: &[&str], allowance: Allowance) -> Result<Ending> {
        let child = Command::new("tail").args(arguments).stdout(Stdio::null()).spawn()?;
        watch(child, allowance)
    }

    #[test]
    fn a_child_that_ends_is_waited_for() -> Result<()> {
        assert!(matches!(tail(&["/dev/null"], PLENTY)?, Ending::Exited(status) if status.success()));
        Ok(())
    }

    #[test]
    fn a_child_that_does_not_end_is_ended() -> Result<()> {
        let allowance = Allowance { time: Duration::from_millis(1), ..PLENTY };
        assert!(matches!(tail(&["-f", "/dev/null"], allowance)?, Ending::OutOfTime));
        Ok(())
    }

    #[test]
    fn a_child_that_takes_memory_without_end_is_ended() -> Result<()> {
        // It looks for the end of a last line that has none.
        let allowance = Allowance { resident_bytes: 64 << 20, ..PLENTY };
        assert!(matches!(tail(&["/dev/zero"], allowance)?, Ending::OutOfMemory));
        Ok(())
    }
}
