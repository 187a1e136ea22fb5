//! Links between replicas: hello, heartbeats, end of file.
