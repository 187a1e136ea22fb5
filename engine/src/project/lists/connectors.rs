//! Connectors and their properties.

use super::super::words::{Refused, Vocabulary, Words};
use super::{DESCRIPTION, NOT_BUILT, UNUSABLE, container, not_built};

pub(in crate::project) const CONNECTORS: Vocabulary = container(&[&["connector"]]);
pub(in crate::project) const CONNECTOR: Vocabulary = Vocabulary {
    attributes: Words { works: &[&["class", "name", "active", "type"]], no_effect: &[], refused: &[] },
    children: Words { works: &[&["properties"]], no_effect: &[DESCRIPTION], refused: &[] },
    text: false,
};
/// Values of a connector's `class`.
pub(in crate::project) const CONNECTOR_CLASSES: Words = Words {
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
pub(in crate::project) const CONNECTOR_TYPES: Words =
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
pub(in crate::project) const KAFKA_PUBLISH: Words = Words {
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
pub(in crate::project) const KAFKA_SUBSCRIBE: Words = Words {
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
