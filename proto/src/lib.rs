//! Payload bytes to event blocks and back: binary, csv, json, opaquestring.
