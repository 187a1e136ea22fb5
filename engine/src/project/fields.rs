//! Checks of a window's fields against its own schema and its input's.

use types::{Field, FieldType, Schema};

use super::reader::Reader;
use super::window::Draft;
use super::{Functional, Located, Position, Retention, Summary, WindowKind};

/// Tells what doesn't fit; without an input's schema (something is wrong with it) what needs one is left out.
pub(super) fn check(reader: &mut Reader<'_>, draft: &Draft, schema: &Schema, input: Option<&Schema>) {
    match &draft.kind {
        WindowKind::Source { insert_only, autogen_key, retention } => {
            if *autogen_key {
                autogen(reader, draft, schema, *insert_only);
            }
            retention_field(reader, schema, retention.as_ref());
        }
        WindowKind::Copy { retention } => retention_field(reader, schema, retention.as_ref()),
        WindowKind::Filter { .. } => (),
        WindowKind::Compute { field_exprs, .. } => {
            field_expr_count(reader, draft, schema, field_exprs);
            let keys = |field: &Field| field.key;
            copied_fields(reader, draft, schema, input, keys, "key fields come from input fields of the same name");
        }
        WindowKind::Functional(functional) => functional_fields(reader, draft, schema, input, functional),
        WindowKind::Summary(summary) => summary_fields(reader, draft, schema, input, summary),
    }
}

fn autogen(reader: &mut Reader<'_>, draft: &Draft, schema: &Schema, insert_only: bool) {
    if !insert_only {
        let what = format!("Source window \"{}\" has autogen-key but not insert-only.", draft.name);
        let problem = reader.problem_at(
            draft.position,
            draft.mark,
            what,
            "an update or delete can't name a key that the window makes up",
        );
        reader.add(problem.fix("add insert-only=\"true\""));
    }
    let keys: Vec<&Field> = schema.keys().iter().map(|&key| &schema.fields()[key]).collect();
    let fits = matches!(keys.as_slice(), [Field { field_type: FieldType::Int64 | FieldType::String, .. }]);
    if !fits {
        let found = keys.iter().map(|key| format!("{}:{}", key.name, key.field_type)).collect::<Vec<_>>().join(", ");
        let what = format!("Source window \"{}\" can't make up its key ({found}).", draft.name);
        let problem = reader.problem_at(
            draft.schema_position,
            "<schema".len(),
            what,
            "autogen-key gives values to one key field",
        );
        reader.add(problem.fix("have one key field, of type int64 or string"));
    }
}

fn retention_field(reader: &mut Reader<'_>, schema: &Schema, retention: Option<&Retention>) {
    let Some(Retention { field: Some(name), position, .. }) = retention else { return };
    let len = "<retention".len();
    match schema.position(name).map(|at| schema.fields()[at].field_type) {
        None => {
            let what = format!("Retention goes by the field \"{name}\", which the window has not.");
            let meant = types::nearest(name, names(schema));
            reader.add(reader.problem_at(*position, len, what, "rows leave by the time in that field").suggest(meant));
        }
        Some(FieldType::Date | FieldType::Stamp) => (),
        Some(
            found @ (FieldType::Int32
            | FieldType::Int64
            | FieldType::Double
            | FieldType::String
            | FieldType::Money
            | FieldType::Blob),
        ) => {
            let what = format!("Retention goes by the field \"{name}\" of type {found}.");
            let problem = reader.problem_at(*position, len, what, "rows leave by the time in that field");
            reader.add(problem.fix("name a field of type stamp or date"));
        }
    }
}

fn field_expr_count(reader: &mut Reader<'_>, draft: &Draft, schema: &Schema, field_exprs: &[Located<String>]) {
    let wanted = schema.fields().len() - schema.keys().len();
    if field_exprs.len() == wanted {
        return;
    }
    let what = format!("Window \"{}\" has {} field-expr for {wanted} fields.", draft.name, field_exprs.len());
    let why = "each field that is no key takes one, in the order of the schema, and key fields take none";
    let problem = match field_exprs.get(wanted) {
        Some(surplus) => {
            reader.problem_at_value(surplus, what, why).fix("remove the surplus, or add fields to the schema")
        }
        None => reader
            .problem_at(draft.schema_position, "<schema".len(), what, why)
            .fix(format!("write a field-expr for each of {}", values(schema).collect::<Vec<_>>().join(", "))),
    };
    reader.add(problem);
}

fn functional_fields(
    reader: &mut Reader<'_>,
    draft: &Draft,
    schema: &Schema,
    input: Option<&Schema>,
    functional: &Functional,
) {
    let without_function = |field: &Field| !functional.functions.iter().any(|function| function.name == field.name);
    let why = "fields without a function come from input fields of the same name";
    copied_fields(reader, draft, schema, input, without_function, why);
}

fn summary_fields(reader: &mut Reader<'_>, draft: &Draft, schema: &Schema, input: Option<&Schema>, summary: &Summary) {
    if let Some(input) = input {
        numeric(reader, input, &summary.input, "input");
    }
    for output in &summary.outputs {
        let key = schema.position(&output.field.value).is_some_and(|at| schema.fields()[at].key);
        if key {
            let what = format!("A statistic goes into the key field \"{}\".", output.field.value);
            reader.add(
                reader.problem_at_value(&output.field, what, "keys stay those of the input").fix("name another field"),
            );
        } else {
            numeric(reader, schema, &output.field, "schema");
        }
    }
    let unmapped = |field: &Field| !summary.outputs.iter().any(|output| output.field.value == field.name);
    let why = "fields that take no statistic come from input fields of the same name";
    copied_fields(reader, draft, schema, input, unmapped, why);
}

/// A name must be that of an int32, int64 or double field.
fn numeric(reader: &mut Reader<'_>, schema: &Schema, name: &Located<String>, whose: &str) {
    let why = "statistics are made of numbers";
    match schema.position(&name.value).map(|at| schema.fields()[at].field_type) {
        None => {
            let what = format!("There is no field \"{}\" in the {whose}.", name.value);
            let meant = types::nearest(&name.value, names(schema));
            reader.add(reader.problem_at_value(name, what, why).suggest(meant));
        }
        Some(FieldType::Int32 | FieldType::Int64 | FieldType::Double) => (),
        Some(found @ (FieldType::String | FieldType::Date | FieldType::Stamp | FieldType::Money | FieldType::Blob)) => {
            let what = format!("Field \"{}\" is of type {found}.", name.value);
            reader.add(reader.problem_at_value(name, what, why).fix("name a field of type int32, int64 or double"));
        }
    }
}

/// Each field that `copied` picks must be in the input, with the same type.
fn copied_fields(
    reader: &mut Reader<'_>,
    draft: &Draft,
    schema: &Schema,
    input: Option<&Schema>,
    copied: impl Fn(&Field) -> bool,
    why: &str,
) {
    let Some(input) = input else { return };
    for field in schema.fields().iter().filter(|field| copied(field)) {
        let place: Position = draft.schema_position;
        let len = "<schema".len();
        match input.position(&field.name).map(|at| input.fields()[at].field_type) {
            None => {
                let what = format!("Field \"{}\" of window \"{}\" gets no value.", field.name, draft.name);
                let fix = format!("rename or remove it; the input has {}", names(input).collect::<Vec<_>>().join(", "));
                let meant = types::nearest(&field.name, names(input));
                reader.add(reader.problem_at(place, len, what, why).fix(fix).suggest(meant));
            }
            Some(found) if found != field.field_type => {
                let what = format!(
                    "Field \"{}\" of window \"{}\" is {}, but {found} in the input.",
                    field.name, draft.name, field.field_type
                );
                reader.add(reader.problem_at(place, len, what, why).fix(format!("declare it as {found}")));
            }
            Some(_) => (),
        }
    }
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name.as_str())
}

fn values(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().filter(|field| !field.key).map(|field| field.name.as_str())
}
