//! The replica machine: facts in, actions out.
