//! Results as tables, JSON or YAML.

use std::fmt::Write as _;

use serde_json::Value;

use super::print;
use crate::cli::OutputForm;

/// Prints a result: `document` for programs, `table` for people.
///
/// # Errors
/// None of ours: a JSON value always has a text.
pub(super) fn show(form: OutputForm, document: &Value, table: impl FnOnce() -> String) -> anyhow::Result<()> {
    match form {
        OutputForm::Table => print(&table()),
        OutputForm::Json => print(&format!("{}\n", serde_json::to_string_pretty(document)?)),
        OutputForm::Yaml => print(&yaml(document)),
    }
    Ok(())
}

/// YAML 1.2 in block style. Texts that YAML could take for something else stand in JSON's quotes, which it reads alike.
fn yaml(document: &Value) -> String {
    let mut out = String::new();
    match document {
        Value::Object(_) | Value::Array(_) => block(document, 0, &mut out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&scalar(document)),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let _ = write!(out, "{indent}{}:", text(key));
                inner(value, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{indent}-");
                inner(item, depth, out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// What stands behind a key or a dash: on its line, or below it.
fn inner(value: &Value, depth: usize, out: &mut String) {
    let is_empty = match value {
        Value::Object(entries) => entries.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if is_empty {
        let _ = writeln!(out, " {}", scalar(value));
    } else {
        out.push('\n');
        block(value, depth + 1, out);
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn text(word: &str) -> String {
    /// Words that some reader of YAML takes for something else.
    const TAKEN: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "nan"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let is_plain = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(plain)
        && !TAKEN.contains(&word.to_ascii_lowercase().as_str());
    if is_plain { word.to_owned() } else { Value::from(word).to_string() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_says_what_json_says() {
        let document = json!({
            "apiVersion": "v1",
            "items": [{"lag": 0, "line": [], "member": "esp-1", "reason": null}, ["a: b", "no", "7", ""]],
            "members": {},
        });
        expect![[r#"
            apiVersion: v1
            items:
              -
                lag: 0
                line: []
                member: esp-1
                reason: null
              -
                - "a: b"
                - "no"
                - "7"
                - ""
            members: {}
        "#]]
        .assert_eq(&yaml(&document));
        assert_eq!(yaml(&json!("x")), "x\n");
    }
}
