//! Writes an access log to standard output: Common and Combined Log Format mixed, with bursts of
//! server errors and malformed lines of every kind.
//!
//! `log-generator [LINES [SEED [MALFORMED_PER_MILLE]]]`, by default the `sample.log` beside it:
//! 5000 lines, seed 1, 20 in 1000 malformed. The same arguments give the same bytes everywhere.
#![forbid(unsafe_code)]

mod calendar;
mod malformed;
mod random;
mod traffic;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use crate::malformed::Malformed;
use crate::random::Random;
use crate::traffic::Traffic;

const DEFAULT_LINES: u64 = 5_000;
const DEFAULT_SEED: u64 = 1;
const DEFAULT_MALFORMED_PER_MILLE: u64 = 20;

fn main() -> ExitCode {
    let result = arguments().and_then(|[lines, seed, per_mille]| {
        let mut out = BufWriter::new(io::stdout().lock());
        write_log(&mut out, lines, seed, per_mille).and_then(|()| out.flush())
    });
    match result {
        // Whoever read the log has enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_reads_it = writeln!(io::stderr(), "log-generator: {error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn arguments() -> io::Result<[u64; 3]> {
    let usage = || io::Error::other("usage: log-generator [LINES [SEED [MALFORMED_PER_MILLE]]]");
    let mut values = [DEFAULT_LINES, DEFAULT_SEED, DEFAULT_MALFORMED_PER_MILLE];
    let mut arguments = std::env::args().skip(1);
    for (value, argument) in values.iter_mut().zip(&mut arguments) {
        *value = argument.parse().map_err(|_| usage())?;
    }
    let [_, _, per_mille] = values;
    if arguments.next().is_some() || per_mille > 1_000 { Err(usage()) } else { Ok(values) }
}

/// The last line has no LF.
fn write_log(out: &mut impl Write, lines: u64, seed: u64, per_mille: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let mut traffic = Traffic::new();
    let mut malformed = Malformed::new();
    for line in 0..lines {
        let entry = traffic.next(&mut random);
        let bytes = if random.chance(per_mille) {
            malformed.next(&entry, &mut random)
        } else {
            entry.to_string().into_bytes()
        };
        out.write_all(&bytes)?;
        if random.chance(30) {
            out.write_all(b"\r")?;
        }
        if line + 1 < lines {
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: u64, seed: u64, per_mille: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_log(&mut out, lines, seed, per_mille).unwrap();
        out
    }

    #[test]
    fn the_sample_is_what_the_program_writes() {
        let sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../sample.log")).unwrap();
        assert!(log(DEFAULT_LINES, DEFAULT_SEED, DEFAULT_MALFORMED_PER_MILLE) == sample);
    }

    #[test]
    fn lines_are_as_many_as_asked_for() {
        for lines in [0, 1, 2, 777] {
            let log = log(lines, 5, 200);
            let feeds = log.iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(feeds, usize::try_from(lines.saturating_sub(1)).unwrap());
        }
    }

    #[test]
    fn the_seed_makes_the_difference() {
        assert!(log(100, 1, 20) != log(100, 2, 20));
    }
}
