//! Hands its bytes to the target of this name.

#![no_main]

use airssys_wasm_fuzz::feed;
use airssys_wasm_fuzz_targets::Target;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| feed(Target::Names, bytes));
