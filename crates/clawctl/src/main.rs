//! The companion from a shell.
fn main() {}
