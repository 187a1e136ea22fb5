//! Schemas as they are declared: fields, a schema string, or another window's schema.

use roxmltree::Node;
use types::{Field, FieldType, Schema, SchemaError};

use super::lists;
use super::reader::Reader;
use super::{Located, Position};

/// How a window comes by its schema, before other windows are known.
#[derive(Debug)]
pub(super) enum SchemaPlan {
    /// Written in the file.
    Declared(Schema),
    /// That of another window.
    CopyOf(Located<String>),
    /// That of the window's only input.
    FromInput,
    /// Something is wrong with it, which has been told.
    Broken,
}

/// The schema that a window declares, and where.
pub(super) fn read(reader: &mut Reader<'_>, window: Node<'_, '_>) -> (SchemaPlan, Position) {
    if let Some(text) = reader.child(window, "schema-string") {
        return (read_string(reader, text), reader.position(text));
    }
    let Some(node) = reader.required_child(window, "schema", "its fields can't be guessed") else {
        return (SchemaPlan::Broken, reader.position(window));
    };
    reader.enter(node, &lists::SCHEMA);
    (read_element(reader, node), reader.position(node))
}

fn read_element(reader: &mut Reader<'_>, node: Node<'_, '_>) -> SchemaPlan {
    if node.has_attribute("copy") {
        return reader.attribute(node, "copy").map_or(SchemaPlan::Broken, SchemaPlan::CopyOf);
    }
    if let Some(text) = reader.child(node, "schema-string") {
        return read_string(reader, text);
    }
    match reader.required_child(node, "fields", "a schema is a list of fields") {
        Some(fields) => read_fields(reader, fields),
        None => SchemaPlan::Broken,
    }
}

fn read_fields(reader: &mut Reader<'_>, node: Node<'_, '_>) -> SchemaPlan {
    reader.enter(node, &lists::FIELDS);
    let mut fields: Vec<Field> = Vec::new();
    let mut complete = true;
    for field in Reader::children(node, "field") {
        match read_field(reader, field) {
            Some(field) => fields.push(field),
            None => complete = false,
        }
    }
    if complete { checked(reader, node, fields) } else { SchemaPlan::Broken }
}

fn read_field(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Field> {
    reader.enter(node, &lists::FIELD);
    let name = reader.required_attribute(node, "name", "fields go by their names");
    let field_type = reader.required_attribute(node, "type", "values are read and stored by it");
    let key = reader.flag(node, "key", false);
    let field_type = read_type(reader, &field_type?)?;
    Some(Field { name: name?.value, field_type, key })
}

fn read_type(reader: &mut Reader<'_>, name: &Located<String>) -> Option<FieldType> {
    if !reader.works(name, "field type", &lists::FIELD_TYPES) {
        return None;
    }
    // Each type on the list that works is known; a test beside the list says so.
    name.value.parse().ok()
}

fn read_string(reader: &mut Reader<'_>, node: Node<'_, '_>) -> SchemaPlan {
    reader.enter(node, &lists::TEXT);
    let Some(text) = reader.required_text(node, "a schema is a list of fields") else { return SchemaPlan::Broken };
    match text.value.parse::<Schema>() {
        Ok(schema) => SchemaPlan::Declared(schema),
        Err(error) => {
            let problem = reader.problem_at_value(
                &text,
                format!("This is no schema: {error}."),
                "it is read as name*:type,name:type, where * marks keys",
            );
            reader.add(problem);
            SchemaPlan::Broken
        }
    }
}

fn checked(reader: &mut Reader<'_>, node: Node<'_, '_>, fields: Vec<Field>) -> SchemaPlan {
    let error = match Schema::new(fields) {
        Ok(schema) => return SchemaPlan::Declared(schema),
        Err(error) => error,
    };
    let problem = match &error {
        SchemaError::DuplicateField { name } => {
            let named =
                Reader::children(node, "field").filter(|field| field.attribute("name").map(str::trim) == Some(name));
            let place = named.last().unwrap_or(node);
            reader.problem_at_element(place, format!("Field \"{name}\" is declared twice."), "fields go by their names")
        }
        SchemaError::NoKey => reader
            .problem_at_element(node, "No field is a key.".to_owned(), "rows are told apart by their keys")
            .fix("add key=\"true\" to at least one field"),
        SchemaError::NoType { .. } | SchemaError::UnknownType { .. } => reader.problem_at_element(
            node,
            format!("These fields make no schema: {error}."),
            "values are read and stored by it",
        ),
    };
    reader.add(problem);
    SchemaPlan::Broken
}
