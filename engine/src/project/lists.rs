//! The three lists: which words of the language work, which are accepted without effect, which are not built yet.
//!
//! Whatever a project file says beyond these lists is an error. A new feature moves its words from one list to another.

mod connectors;
mod parts;
mod windows;

use super::words::{Refused, Vocabulary, Words};

pub(super) use connectors::*;
pub(super) use parts::*;
pub(super) use windows::*;

const NOT_BUILT: &str = "is not built yet";
const UNUSABLE: &str = "can't be used here";

const fn not_built(words: &'static [&'static str]) -> Refused {
    let why = "it is part of the language, and leaving it out would change results";
    Refused { words, verdict: NOT_BUILT, why }
}

const NOTHING: Words = Words { works: &[], no_effect: &[], refused: &[] };
const NO_DESCRIPTION: Words = Words { works: &[], no_effect: &[DESCRIPTION], refused: &[] };

/// An element that holds text and nothing else.
pub(super) const TEXT: Vocabulary = Vocabulary { attributes: NOTHING, children: NOTHING, text: true };

const fn container(works: &'static [&'static [&'static str]]) -> Vocabulary {
    Vocabulary { attributes: NOTHING, children: Words { works, no_effect: &[DESCRIPTION], refused: &[] }, text: false }
}

const DESCRIPTION: (&str, &str) = ("description", "it is for readers of the file");
const METADATA: (&str, &str) = ("metadata", "it is for graphical editors");
const PUBSUB: (&str, &str) = ("pubsub", "events enter and leave through connectors");
const PORT: (&str, &str) = ("port", "the daemon's addresses are settings of the daemon");

// The document and the project.

pub(super) const ENGINE: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[],
        no_effect: &[PORT, ("name", "only the project's name counts"), ("dateformat", "each connector has its own")],
        refused: &[],
    },
    children: Words {
        works: &[&["projects"]],
        no_effect: &[DESCRIPTION, METADATA],
        refused: &[not_built(&["esp-routers"])],
    },
    text: false,
};
pub(super) const PROJECTS: Vocabulary = container(&[&["project"]]);
pub(super) const PROJECT: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[&["name", "heartbeat-interval", "index"]],
        no_effect: &[
            ("threads", "results never depend on the number of threads"),
            PUBSUB,
            PORT,
            ("use-tagged-token", "a window always waits for all branches of the same event"),
            ("luaroot", "no window here runs Lua"),
            ("compress-open-patterns", "no window here has patterns"),
        ],
        refused: &[not_built(&[
            "disk-store-path",
            "restore",
            "retention-tracking",
            "score-input-window",
            "score-input-field",
            "score-output-window",
            "score-output-field",
        ])],
    },
    children: Words {
        works: &[&["properties", "contqueries"]],
        no_effect: &[DESCRIPTION, METADATA, ("mcp", "it only describes the project to other tools")],
        refused: &[not_built(&[
            "project-connectors",
            "lua-modules",
            "lua-snippets",
            "python-modules",
            "python-snippets",
            "mas-modules",
        ])],
    },
    text: false,
};
pub(super) const PROPERTIES: Vocabulary = container(&[&["property"]]);
pub(super) const PROPERTY: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
pub(super) const CONTQUERIES: Vocabulary = container(&[&["contquery"]]);
pub(super) const CONTQUERY: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[&["name", "index"]],
        no_effect: &[
            ("trace", "tail an outbound topic to see a window's events"),
            ("timing-threshold", "slow windows are shown by the metrics"),
            ("include-singletons", "windows without edges are always allowed"),
            PUBSUB,
        ],
        refused: &[],
    },
    children: Words { works: &[&["windows", "edges"]], no_effect: &[DESCRIPTION, METADATA], refused: &[] },
    text: false,
};

// Edges.

pub(super) const EDGES: Vocabulary = container(&[&["edge"]]);
pub(super) const EDGE: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["source", "target", "role", "slot"]], no_effect: &[], refused: &[] },
    children: NO_DESCRIPTION,
    text: false,
};
/// Values of an edge's `role`.
pub(super) const EDGE_ROLES: Words = Words {
    works: &[&["data"]],
    no_effect: &[],
    refused: &[not_built(&["left", "right", "model", "request", "position", "geometry"])],
};

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[(&str, &Words)] = &[
        ("project attributes", &PROJECT.attributes),
        ("project children", &PROJECT.children),
        ("contquery attributes", &CONTQUERY.attributes),
        ("windows", &WINDOWS.children),
        ("source attributes", &WINDOW_SOURCE.attributes),
        ("filter attributes", &WINDOW_FILTER.attributes),
        ("functional children", &WINDOW_FUNCTIONAL.children),
        ("calculate children", &WINDOW_CALCULATE.children),
        ("field types", &FIELD_TYPES),
        ("indexes", &INDEXES),
        ("algorithms", &ALGORITHMS),
        ("summary outputs", &SUMMARY_OUTPUTS),
        ("connector classes", &CONNECTOR_CLASSES),
        ("kafka publish", &KAFKA_PUBLISH),
        ("kafka subscribe", &KAFKA_SUBSCRIBE),
    ];

    #[test]
    fn no_word_stands_in_two_lists() {
        for (place, words) in ALL {
            let mut known: Vec<_> = words.known().collect();
            known.sort_unstable();
            let count = known.len();
            known.dedup();
            assert_eq!(known.len(), count, "{place}");
        }
    }

    #[test]
    fn every_field_type_that_works_is_a_type() {
        for name in FIELD_TYPES.working() {
            assert!(name.parse::<types::FieldType>().is_ok(), "{name}");
        }
    }

    #[test]
    fn every_statistic_is_an_output_of_summary() {
        let outputs: Vec<_> = crate::project::Statistic::ALL.iter().map(|statistic| statistic.output()).collect();
        assert_eq!(SUMMARY_OUTPUTS.working().collect::<Vec<_>>(), outputs);
    }
}
