//! `properties`: names and values, as projects, connectors and calculate windows have them.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::lists;
use super::reader::Reader;
use super::{Located, Position, Property};

/// One `property` as it was read.
pub(super) struct Entry {
    pub name: Located<String>,
    /// `None` when it is empty, or has a problem that was told.
    pub value: Option<Located<String>>,
    /// Where the element begins.
    pub position: Position,
}

impl Entry {
    pub(super) fn into_property(self) -> Property {
        let (value, position) = match self.value {
            Some(value) => (value.value, value.position),
            None => (String::new(), self.position),
        };
        Property { name: self.name.value, value, position }
    }
}

/// The entries of the element's `properties`, in the order of the file; each name once.
pub(super) fn read(reader: &mut Reader<'_>, parent: Node<'_, '_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut names = BTreeSet::new();
    let Some(node) = reader.child(parent, "properties") else { return entries };
    reader.enter(node, &lists::PROPERTIES);
    for property in Reader::children(node, "property") {
        if let Some(entry) = read_entry(reader, property) {
            if !names.insert(entry.name.value.clone()) {
                let what = format!("Property \"{}\" is given twice.", entry.name.value);
                reader.add(
                    reader
                        .problem_at_value(&entry.name, what, "only one of the values can hold")
                        .fix("remove one of them"),
                );
            } else {
                entries.push(entry);
            }
        }
    }
    entries
}

fn read_entry(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Entry> {
    reader.enter(node, &lists::PROPERTY);
    let name = reader.required_attribute(node, "name", "properties go by their names");
    let value = reader.text(node);
    Some(Entry { name: name?, value, position: reader.position(node) })
}
