//! The ports in memory, with faults on demand.
