//! The parts of windows: schemas, retention, expressions, algorithms.

use super::super::words::{Vocabulary, Words};
use super::{DESCRIPTION, NO_DESCRIPTION, NOTHING, container, not_built};

pub(in crate::project) const SCHEMA: Vocabulary = Vocabulary {
    attributes: Words {
        works: &[&["copy"]],
        no_effect: &[("name", "nothing refers to a schema's name")],
        refused: &[not_built(&["copy-keys"])],
    },
    children: Words { works: &[&["fields", "schema-string"]], no_effect: &[DESCRIPTION], refused: &[] },
    text: false,
};
pub(in crate::project) const FIELDS: Vocabulary = container(&[&["field"]]);
pub(in crate::project) const FIELD: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name", "type", "key"]], no_effect: &[], refused: &[] },
    children: NO_DESCRIPTION,
    text: false,
};
/// Field types.
pub(in crate::project) const FIELD_TYPES: Words = Words {
    works: &[
        &["int32", "int64", "double", "string", "date", "stamp", "money", "blob"],
        &["rstring", "rutstr", "utf8str", "timestamp"],
    ],
    no_effect: &[],
    refused: &[not_built(&["array(i32)", "array(i64)", "array(dbl)", "array(int32)", "array(int64)", "array(double)"])],
};
pub(in crate::project) const RETENTION: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["type", "field", "unit"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
/// Values of retention's `type`.
pub(in crate::project) const RETENTION_TYPES: Words = Words {
    works: &[&["bycount_sliding", "bycount_jumping", "bytime_sliding", "bytime_jumping", "bytime_jumping_lookback"]],
    no_effect: &[],
    refused: &[],
};
/// Values of `index`.
pub(in crate::project) const INDEXES: Words = Words {
    works: &[&["pi_RBTREE", "pi_HASH", "pi_LN_HASH", "pi_CL_HASH", "pi_FW_HASH", "pi_EMPTY"]],
    no_effect: &[],
    refused: &[not_built(&["pi_HLEVELDB"])],
};
pub(in crate::project) const EXPR_INITIALIZE: Vocabulary = container(&[&["initializer", "udfs"]]);
pub(in crate::project) const INITIALIZER: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["type"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
pub(in crate::project) const UDFS: Vocabulary = container(&[&["udf"]]);
pub(in crate::project) const UDF: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name", "type"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
pub(in crate::project) const COMPUTE_OUTPUT: Vocabulary = Vocabulary {
    attributes: NOTHING,
    children: Words { works: &[&["field-expr"]], no_effect: &[DESCRIPTION], refused: &[not_built(&["field-plug"])] },
    text: false,
};
pub(in crate::project) const FUNCTION_CONTEXT: Vocabulary = Vocabulary {
    attributes: NOTHING,
    children: Words {
        works: &[&["functions"]],
        no_effect: &[DESCRIPTION],
        refused: &[not_built(&["expressions", "properties"])],
    },
    text: false,
};
pub(in crate::project) const FUNCTIONS: Vocabulary = container(&[&["function"]]);
pub(in crate::project) const FUNCTION: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["name"]], no_effect: &[], refused: &[] },
    children: NOTHING,
    text: true,
};
/// `parameters`, `input-map` and `output-map` of calculate windows, and what holds a connector's properties.
pub(in crate::project) const MAP: Vocabulary = container(&[&["properties"]]);
/// Values of calculate's `algorithm`.
pub(in crate::project) const ALGORITHMS: Words = Words {
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
pub(in crate::project) const SUMMARY_PARAMETERS: Words =
    Words { works: &[&["windowLength"]], no_effect: &[], refused: &[] };
/// `Summary`: names in `input-map`.
pub(in crate::project) const SUMMARY_INPUTS: Words = Words { works: &[&["input"]], no_effect: &[], refused: &[] };
/// `Summary`: names in `output-map`.
pub(in crate::project) const SUMMARY_OUTPUTS: Words = Words {
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
