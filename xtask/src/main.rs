//! The project's own commands: verify, layers, bench.

fn main() {}
