//! Election through ephemeral sequential znodes.
