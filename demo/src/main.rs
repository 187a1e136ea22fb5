//! The demonstration: an in-memory broker, the drill and its report.

fn main() {}
