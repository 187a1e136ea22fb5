//! The three lists: which words of the language work, which are accepted without effect, which are not built yet.
//!
//! Whatever a project file says beyond these lists is an error. A new feature moves its words from one list to another.

use super::words::{Refused, Vocabulary, Words};

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

// Windows.

/// Elements in `windows`.
pub(super) const WINDOWS: Vocabulary = Vocabulary {
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

pub(super) const WINDOW_SOURCE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["insert-only", "autogen-key"]]),
    children: window_children(&[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["retention"]]),
    text: false,
};
pub(super) const WINDOW_COPY: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES]),
    children: window_children(&[WINDOW_CHILDREN, &["retention"]]),
    text: false,
};
pub(super) const WINDOW_FILTER: Vocabulary = Vocabulary {
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
pub(super) const WINDOW_COMPUTE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["expr-initialize", "output"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["context-plugin"])],
    },
    text: false,
};
pub(super) const WINDOW_FUNCTIONAL: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["produces-only-inserts"]]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["function-context", "generate", "opcode"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["expr-initialize", "event-loops"])],
    },
    text: false,
};
pub(super) const WINDOW_CALCULATE: Vocabulary = Vocabulary {
    attributes: window_attributes(&[WINDOW_ATTRIBUTES, &["algorithm"]]),
    children: Words {
        works: &[WINDOW_CHILDREN, SCHEMA_CHILDREN, &["parameters", "input-map", "output-map"]],
        no_effect: &[DESCRIPTION],
        refused: &[WINDOW_CHILDREN_NOT_BUILT, not_built(&["mas-map"])],
    },
    text: false,
};

// Parts of windows.

pub(super) const SCHEMA: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[&["copy"]],
        no_effect: &[("name", "nothing refers to a schema's name")],
        refused: &[not_built(&["copy-keys"])],
    },
    children: Words { works: &[&["fields", "schema-string"]], no_effect: &[DESCRIPTION], refused: &[] },
    text: false,
};
pub(super) const FIELDS: Vocabulary = container(&[&["field"]]);
pub(super) const FIELD: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name", "type", "key"]], no_effect: &[], refused: &[] },
    children: NO_DESCRIPTION,
    text: false,
};
/// Field types.
pub(super) const FIELD_TYPES: Words = Words {
    works: &[
        &["int32", "int64", "double", "string", "date", "stamp", "money", "blob"],
        &["rstring", "rutstr", "utf8str", "timestamp"],
    ],
    no_effect: &[],
    refused: &[not_built(&["array(i32)", "array(i64)", "array(dbl)", "array(int32)", "array(int64)", "array(double)"])],
};
pub(super) const RETENTION: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["type", "field", "unit"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
/// Values of retention's `type`.
pub(super) const RETENTION_TYPES: Words = Words {
    works: &[&["bycount_sliding", "bycount_jumping", "bytime_sliding", "bytime_jumping", "bytime_jumping_lookback"]],
    no_effect: &[],
    refused: &[],
};
/// Values of `index`.
pub(super) const INDEXES: Words = Words {
    works: &[&["pi_RBTREE", "pi_HASH", "pi_LN_HASH", "pi_CL_HASH", "pi_FW_HASH", "pi_EMPTY"]],
    no_effect: &[],
    refused: &[not_built(&["pi_HLEVELDB"])],
};
pub(super) const EXPR_INITIALIZE: Vocabulary = container(&[&["initializer", "udfs"]]);
pub(super) const INITIALIZER: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["type"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
pub(super) const UDFS: Vocabulary = container(&[&["udf"]]);
pub(super) const UDF: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name", "type"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
pub(super) const COMPUTE_OUTPUT: Vocabulary = Vocabulary {
    attributes: NOTHING,
    children: Words { works: &[&["field-expr"]], no_effect: &[DESCRIPTION], refused: &[not_built(&["field-plug"])] },
    text: false,
};
pub(super) const FUNCTION_CONTEXT: Vocabulary = Vocabulary {
    attributes: NOTHING,
    children: Words {
        works: &[&["functions"]],
        no_effect: &[DESCRIPTION],
        refused: &[not_built(&["expressions", "properties"])],
    },
    text: false,
};
pub(super) const FUNCTIONS: Vocabulary = container(&[&["function"]]);
pub(super) const FUNCTION: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
/// `parameters`, `input-map` and `output-map` of calculate windows, and what holds a connector's properties.
pub(super) const MAP: Vocabulary = container(&[&["properties"]]);
/// Values of calculate's `algorithm`.
pub(super) const ALGORITHMS: Words = Words {
    works: &[&["Summary"]],
    no_effect: &[],
    refused: &[not_built(&[
        "AudioFeatureComputation",
        "Cepstrum",
        "ChangeDetection",
        "ConnectedComponentLabeling",
        "Correlation",
        "DistributionFitting",
        "FitStat",
        "HighDimensionalDSP",
        "Histogram",
        "ImageProcessing",
        "LagMonitor",
        "MAS",
        "MRR",
        "Python",
        "ROC",
        "SegmentedCorrelation",
        "SST",
        "STFT",
        "TextVectorization",
        "TFIDF",
        "Tokenization",
        "Transcription",
        "TwoDimensionalConvolution",
    ])],
};
/// `Summary`: names in `parameters`.
pub(super) const SUMMARY_PARAMETERS: Words = Words { works: &[&["windowLength"]], no_effect: &[], refused: &[] };
/// `Summary`: names in `input-map`.
pub(super) const SUMMARY_INPUTS: Words = Words { works: &[&["input"]], no_effect: &[], refused: &[] };
/// `Summary`: names in `output-map`.
pub(super) const SUMMARY_OUTPUTS: Words = Words {
    works: &[&[
        "nOut",
        "nmissOut",
        "minOut",
        "maxOut",
        "sumOut",
        "meanOut",
        "stdOut",
        "varOut",
        "cssOut",
        "ussOut",
        "stderrOut",
        "cvOut",
    ]],
    no_effect: &[],
    refused: &[],
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

// Connectors.

pub(super) const CONNECTORS: Vocabulary = container(&[&["connector"]]);
pub(super) const CONNECTOR: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["class", "name", "active", "type"]], no_effect: &[], refused: &[] },
    children: Words { works: &[&["properties"]], no_effect: &[DESCRIPTION], refused: &[] },
    text: false,
};
/// Values of a connector's `class`.
pub(super) const CONNECTOR_CLASSES: Words = Words {
    works: &[&["kafka"]],
    no_effect: &[("fs", "files are published and written by adapters (understudy adapter fs)")],
    refused: &[not_built(&[
        "adapter",
        "audio",
        "bacnet",
        "bfile",
        "db",
        "eventhubs",
        "lua",
        "modbus",
        "mq",
        "mqtt",
        "nurego",
        "opcua",
        "pi",
        "project",
        "pylon",
        "python",
        "rmq",
        "smtp",
        "sniffer",
        "sol",
        "tdata",
        "tdlistener",
        "tibrv",
        "timer",
        "tva",
        "url",
        "uvc",
        "videocap",
        "websocket",
    ])],
};
/// Values of a connector's `type`.
pub(super) const CONNECTOR_TYPES: Words =
    Words { works: &[&["pub", "publish", "sub", "subscribe"]], no_effect: &[], refused: &[] };

const KAFKA_PROPERTIES: &[&str] = &[
    "type",
    "kafkahostport",
    "kafkatopic",
    "kafkapartition",
    "kafkatype",
    "urlhostport",
    "kafkaglobalconfig",
    "kafkatopicconfig",
    "dateformat",
];
const KAFKA_SCHEMAS: Refused = Refused {
    words: &[
        "protofile",
        "protomsg",
        "avroschemaregistryurl",
        "avroschemadefinition",
        "avroschemaname",
        "avroschemanoopcode",
    ],
    verdict: NOT_BUILT,
    why: "payloads are binary, csv, json or opaquestring",
};
const CLIENT_IDS: Refused = Refused {
    words: &["useclientmsgid"],
    verdict: UNUSABLE,
    why: "message ids are offsets of the inbound topic, so that all replicas give the same",
};
const OTHER_FILES: Refused = Refused {
    words: &["configfilesection"],
    verdict: UNUSABLE,
    why: "replicas agree on what stands in the project's file",
};
const CONSUMER_GROUPS: Refused = Refused {
    words: &["kafkaconsumergroupid"],
    verdict: UNUSABLE,
    why: "every replica reads every record, and a consumer group would share them out",
};
/// Properties of a `kafka` connector that publishes into a source window.
pub(super) const KAFKA_PUBLISH: Words = Words {
    works: &[
        KAFKA_PROPERTIES,
        &[
            "kafkainitialoffset",
            "useoffsetmsgid",
            "transactional",
            "blocksize",
            "csvfielddelimiter",
            "ignorecsvparseerrors",
            "noautogenfield",
            "addcsvopcode",
            "addcsvflags",
            "publishwithupsert",
            "maxevents",
        ],
    ],
    no_effect: &[],
    refused: &[KAFKA_SCHEMAS, CLIENT_IDS, OTHER_FILES, CONSUMER_GROUPS],
};
/// Properties of a `kafka` connector that subscribes to a window.
pub(super) const KAFKA_SUBSCRIBE: Words = Words {
    works: &[
        KAFKA_PROPERTIES,
        &[
            "numbufferedmsgs",
            "snapshot",
            "hotfailover",
            "zookeeperhostport",
            "collapse",
            "rmretdel",
            "csvincludeschema",
            "csvmsgperevent",
            "csvmsgpereventblock",
        ],
    ],
    no_effect: &[],
    refused: &[KAFKA_SCHEMAS, CLIENT_IDS, OTHER_FILES],
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
