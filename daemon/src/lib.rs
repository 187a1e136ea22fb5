//! The shell around the pure rooms: configuration, wiring, processes.
