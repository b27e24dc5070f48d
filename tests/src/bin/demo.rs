//! `cargo xtask demo` without a display.
fn main() {}
