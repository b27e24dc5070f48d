//! Fuzz target: the session state machine, driven by a script of frames, timers and commands.
#![no_main]

#[path = "../../tests/common/drive.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    drive::drive(script);
});
