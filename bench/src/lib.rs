//! Measurements as ratios of one run.
