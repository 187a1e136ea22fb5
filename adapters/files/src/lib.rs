//! Files in and out: csv and json rows, positions, adapter configuration.
