//! Promises to users, kept on real processes and real brokers.
