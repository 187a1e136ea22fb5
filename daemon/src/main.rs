//! Understudy: a hot-failover daemon for event stream processing.

fn main() {}
