//! Documents held to their JSON schemas: the few keywords that the schemas in `docs/` use, and no others.

use serde_json::{Map, Value};

/// Keywords that say something to people only, or are followed by reference.
const SILENT: [&str; 5] = ["$schema", "$id", "$defs", "title", "description"];

/// What is wrong with a document, each fault with its place; empty when it fits.
///
/// # Panics
/// A schema with a keyword that isn't checked here: it would promise what no test holds.
#[must_use]
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    Check { root: schema, faults: &mut faults }.value(schema, document, "");
    faults
}

struct Check<'a> {
    root: &'a Value,
    faults: &'a mut Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, place: &str) {
        let none = Map::new();
        let keywords = schema.as_object().unwrap_or(&none);
        assert!(!keywords.is_empty(), "a schema that says nothing at {place}");
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let path = wanted.as_str().and_then(|path| path.strip_prefix('#'));
                    let found = path.and_then(|path| self.root.pointer(path)).cloned();
                    self.value(&found.unwrap_or_default(), value, place);
                }
                "type" if !types(wanted).any(|name| is(name, value)) => {
                    self.fault(place, &format!("{value} is no {wanted}"))
                }
                "const" if wanted != value => self.fault(place, &format!("{value} is not {wanted}")),
                "enum" if !wanted.as_array().is_some_and(|known| known.contains(value)) => {
                    self.fault(place, &format!("{value} is none of {wanted}"));
                }
                "minimum" if value.as_f64() < wanted.as_f64() => {
                    self.fault(place, &format!("{value} is below {wanted}"))
                }
                "required" => self.required(wanted, value, place),
                "properties" => self.properties(wanted, value, place),
                "additionalProperties" => self.no_others(schema, wanted, value, place),
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(wanted, item, &format!("{place}/{i}"));
                    }
                }
                "type" | "const" | "enum" | "minimum" => (),
                silent => assert!(SILENT.contains(&silent), "the keyword {silent} at {place} isn't checked"),
            }
        }
    }

    fn required(&mut self, wanted: &Value, value: &Value, place: &str) {
        let Some(object) = value.as_object() else { return };
        for key in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                self.fault(place, &format!("{key} is missing"));
            }
        }
    }

    fn properties(&mut self, wanted: &Value, value: &Value, place: &str) {
        for (key, schema) in wanted.as_object().into_iter().flatten() {
            if let Some(value) = value.get(key) {
                self.value(schema, value, &format!("{place}/{key}"));
            }
        }
    }

    fn no_others(&mut self, schema: &Value, wanted: &Value, value: &Value, place: &str) {
        assert_eq!(*wanted, Value::Bool(false), "additionalProperties at {place} is only checked as false");
        for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
            if schema["properties"].get(key).is_none() {
                self.fault(place, &format!("{key} is in no schema"));
            }
        }
    }

    fn fault(&mut self, place: &str, what: &str) {
        self.faults.push(format!("{}: {what}", if place.is_empty() { "/" } else { place }));
    }
}

/// `"string"` or `["string", "null"]`.
fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    wanted.as_str().into_iter().chain(wanted.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type of a JSON schema"),
    }
}
