//! The metadata topic: the notebook of a cluster.
