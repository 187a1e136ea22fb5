//! Windows and what stands directly in them.

use super::super::words::{Refused, Vocabulary, Words};
use super::{DESCRIPTION, NOTHING, PUBSUB, not_built};

/// Elements in `windows`.
pub(in crate::project) const WINDOWS: Vocabulary = Vocabulary {
    attributes: NOTHING,
    children: Words {
        works: &[&[
            "window-source",
            "window-copy",
            "window-filter",
            "window-compute",
            "window-functional",
            "window-calculate",
        ]],
        no_effect: &[DESCRIPTION],
        refused: &[not_built(&[
            "window-aggregate",
            "window-counter",
            "window-custom",
            "window-geofence",
            "window-join",
            "window-lua",
            "window-model-reader",
            "window-model-supervisor",
            "window-notification",
            "window-object-tracker",
            "window-pattern",
            "window-procedural",
            "window-python",
            "window-remove-state",
            "window-score",
            "window-statedb-reader",
            "window-statedb-writer",
            "window-textcategory",
            "window-textcontext",
            "window-textsentiment",
            "window-texttopic",
            "window-train",
            "window-transpose",
            "window-union",
        ])],
    },
    text: false,
};

const WINDOW_ATTRIBUTES: &[&str] = &["name", "index", "output-insert-only", "collapse-updates"];
const WINDOW_ATTRIBUTES_NO_EFFECT: &[(&str, &str)] = &[
    PUBSUB,
    ("pubsub-index", "subscribers get no snapshots"),
    ("queue-height", "the engine has no queues between windows"),
];
const WINDOW_ATTRIBUTES_NOT_BUILT: Refused = not_built(&["pulse-interval", "exp-max-string"]);
const WINDOW_CHILDREN: &[&str] = &["connectors"];
const WINDOW_CHILDREN_NOT_BUILT: Refused = not_built(&["splitter-expr", "splitter-plug", "finalized-callback"]);
const SCHEMA_CHILDREN: &[&str] = &["schema", "schema-string"];

const fn window_attributes(works: &'static [&'static [&'static str]]) -> Words {
    Words { works, no_effect: WINDOW_ATTRIBUTES_NO_EFFECT, refused: &[WINDOW_ATTRIBUTES_NOT_BUILT] }
}

const fn window_children(works: &'static [&'static [&'static str]]) -> Words {
    Words { works, no_effect: &[DESCRIPTION], refused: &[WINDOW_CHILDREN_NOT_BUILT] }
}

pub(in crate::project) const WINDOW_SOURCE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["insert-only", "autogen-key"]]),
    children: window_children(&[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["retention"]]),
    text: false,
};
pub(in crate::project) const WINDOW_COPY: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES]),
    children: window_children(&[WINDOW_CHILDREN, &["retention"]]),
    text: false,
};
pub(in crate::project) const WINDOW_FILTER: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[WINDOW_ATTRIBUTES],
        no_effect: WINDOW_ATTRIBUTES_NO_EFFECT,
        refused: &[WINDOW_ATTRIBUTES_NOT_BUILT, not_built(&["func", "init", "engine"])],
    },
    children: Words {
        works: &[WINDOW_CHILDREN, &["expression", "expr-initialize"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["use", "code", "plugin"])],
    },
    text: false,
};
pub(in crate::project) const WINDOW_COMPUTE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["expr-initialize", "output"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["context-plugin"])],
    },
    text: false,
};
pub(in crate::project) const WINDOW_FUNCTIONAL: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["produces-only-inserts"]]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["function-context", "generate", "opcode"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["expr-initialize", "event-loops"])],
    },
    text: false,
};
pub(in crate::project) const WINDOW_CALCULATE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["algorithm"]]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["parameters", "input-map", "output-map"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["mas-map"])],
    },
    text: false,
};
