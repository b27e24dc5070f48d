//! Every task a developer runs.
fn main() {}
