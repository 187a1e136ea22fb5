//! The fingerprint of a model: equal for replicas that compute the same, whatever their files look like.
//!
//! Everything is written to the hash in one canonical form: windows and continuous queries by name, edges by target, texts and
//! lists with their length in front, so that no two models share a form. Structs are taken apart field by field: a new field
//! doesn't compile until somebody decides whether it counts.

use core::time::Duration;

use types::{Field, Fingerprint, Schema};
use xxhash_rust::xxh3::Xxh3Default;

use super::{
    Connector, ContQuery, Direction, Edge, EdgeRole, ExprInitialize, Functional, IndexKind, Initializer, Located,
    NamedText, Project, Property, Retention, RetentionKind, Statistic, Summary, SummaryOutput, UserFunction, Window,
    WindowKind,
};

/// Changes when the canonical form does; then every model begins a new generation.
const FORM: &str = "understudy model 1";

/// Properties of connectors that decide what bytes become which events, or the reverse. All others are about connections.
const SHAPING_PROPERTIES: &[&str] = &[
    "addcsvflags",
    "addcsvopcode",
    "blocksize",
    "collapse",
    "csvfielddelimiter",
    "csvincludeschema",
    "csvmsgperevent",
    "csvmsgpereventblock",
    "dateformat",
    "ignorecsvparseerrors",
    "kafkatype",
    "maxevents",
    "noautogenfield",
    "publishwithupsert",
    "rmretdel",
    "transactional",
];

impl Project {
    /// Hash of what the project computes: windows, schemas, edges, expressions, heartbeat, and how connectors shape events.
    ///
    /// Descriptions, layout, the order of windows in the file, addresses and topics have no influence. Positions in the file
    /// neither.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let Self { name, heartbeat_interval, contqueries } = self;
        let mut canon = Canon(Xxh3Default::new());
        canon.text(FORM);
        canon.text(name);
        canon.time(*heartbeat_interval);
        let mut contqueries: Vec<&ContQuery> = contqueries.iter().collect();
        contqueries.sort_by_key(|query| &query.name);
        canon.list(contqueries, Canon::contquery);
        Fingerprint(canon.0.digest())
    }
}

struct Canon(Xxh3Default);

impl Canon {
    // Values.

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.number(u64::from(flag));
    }

    fn time(&mut self, time: Duration) {
        self.number(time.as_secs());
        self.number(u64::from(time.subsec_nanos()));
    }

    fn located(&mut self, located: &Located<String>) {
        let Located { value, position: _ } = located;
        self.text(value);
    }

    fn list<T>(&mut self, items: Vec<T>, each: impl Fn(&mut Self, T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn option<T>(&mut self, item: Option<T>, each: impl Fn(&mut Self, T)) {
        self.list(item.into_iter().collect(), each);
    }

    // The graph.

    fn contquery(&mut self, query: &ContQuery) {
        let ContQuery { name, windows, edges, position: _ } = query;
        self.text(name);
        let mut windows: Vec<&Window> = windows.iter().collect();
        windows.sort_by_key(|window| &window.name);
        self.list(windows, Self::window);
        // A window with several inputs hears them in the order of the file, so the sort must keep that order.
        let mut edges: Vec<&Edge> = edges.iter().collect();
        edges.sort_by_key(|edge| &edge.target);
        self.list(edges, Self::edge);
    }

    fn edge(&mut self, edge: &Edge) {
        let Edge { source, target, role, position: _ } = edge;
        self.text(source);
        self.text(target);
        match role {
            EdgeRole::Data => self.text("data"),
        }
    }

    fn window(&mut self, window: &Window) {
        let Window { name, kind, schema, index, output_insert_only, collapse_updates, connectors, position: _ } =
            window;
        self.text(name);
        self.schema(schema);
        self.index(*index);
        self.flag(*output_insert_only);
        self.flag(*collapse_updates);
        self.kind(kind);
        let mut shapes: Vec<_> = connectors.iter().filter(|connector| connector.active).map(shape).collect();
        shapes.sort();
        self.list(shapes, |canon, (direction, properties)| {
            canon.text(&direction);
            canon.list(properties, |canon, (name, value)| {
                canon.text(name);
                canon.text(value);
            });
        });
    }

    fn schema(&mut self, schema: &Schema) {
        self.list(schema.fields().iter().collect(), |canon, field: &Field| {
            let Field { name, field_type, key } = field;
            canon.text(name);
            canon.text(field_type.name());
            canon.flag(*key);
        });
    }

    fn index(&mut self, index: IndexKind) {
        self.text(match index {
            IndexKind::RbTree => "rbtree",
            IndexKind::Hash => "hash",
            IndexKind::LnHash => "lnhash",
            IndexKind::ClHash => "clhash",
            IndexKind::FwHash => "fwhash",
            IndexKind::Empty => "empty",
        });
    }

    fn kind(&mut self, kind: &WindowKind) {
        match kind {
            WindowKind::Source { insert_only, autogen_key, retention } => {
                self.text("source");
                self.flag(*insert_only);
                self.flag(*autogen_key);
                self.option(retention.as_ref(), Self::retention);
            }
            WindowKind::Copy { retention } => {
                self.text("copy");
                self.option(retention.as_ref(), Self::retention);
            }
            WindowKind::Filter { expression, initialize } => {
                self.text("filter");
                self.located(expression);
                self.option(initialize.as_ref(), Self::initialize);
            }
            WindowKind::Compute { initialize, field_exprs } => {
                self.text("compute");
                self.option(initialize.as_ref(), Self::initialize);
                self.list(field_exprs.iter().collect(), Self::located);
            }
            WindowKind::Functional(functional) => self.functional(functional),
            WindowKind::Summary(summary) => self.summary(summary),
        }
    }

    // Parts of windows.

    fn retention(&mut self, retention: &Retention) {
        let Retention { kind, field, position: _ } = retention;
        match kind {
            RetentionKind::ByCountSliding { limit } => {
                self.text("bycount_sliding");
                self.number(*limit);
            }
            RetentionKind::ByCountJumping { limit } => {
                self.text("bycount_jumping");
                self.number(*limit);
            }
            RetentionKind::ByTimeSliding { limit } => {
                self.text("bytime_sliding");
                self.time(*limit);
            }
            RetentionKind::ByTimeJumping { limit } => {
                self.text("bytime_jumping");
                self.time(*limit);
            }
            RetentionKind::ByTimeJumpingLookback { limit, lookback } => {
                self.text("bytime_jumping_lookback");
                self.time(*limit);
                self.time(*lookback);
            }
        }
        self.option(field.as_deref(), Self::text);
    }

    fn initialize(&mut self, initialize: &ExprInitialize) {
        let ExprInitialize { initializer, user_functions } = initialize;
        self.option(initializer.as_ref(), |canon, Initializer { result_type, text }| {
            canon.option(result_type.as_deref(), Self::text);
            canon.located(text);
        });
        self.list(user_functions.iter().collect(), |canon, UserFunction { name, result_type, text }| {
            canon.text(name);
            canon.option(result_type.as_deref(), Self::text);
            canon.located(text);
        });
    }

    fn functional(&mut self, functional: &Functional) {
        let Functional { functions, generate, opcode, produces_only_inserts } = functional;
        self.text("functional");
        self.list(functions.iter().collect(), |canon, NamedText { name, text }| {
            canon.text(name);
            canon.located(text);
        });
        self.option(generate.as_ref(), Self::located);
        self.option(opcode.as_ref(), Self::located);
        self.flag(*produces_only_inserts);
    }

    fn summary(&mut self, summary: &Summary) {
        let Summary { window_length, input, outputs } = summary;
        self.text("summary");
        self.number(u64::from(*window_length));
        self.located(input);
        let mut outputs: Vec<(Statistic, &Located<String>)> =
            outputs.iter().map(|SummaryOutput { statistic, field }| (*statistic, field)).collect();
        outputs.sort_by_key(|(statistic, _)| *statistic);
        self.list(outputs, |canon, (statistic, field)| {
            canon.text(statistic.output());
            canon.located(field);
        });
    }
}

/// What of a connector decides about events: direction, class and shaping properties; a property that says `false` says nothing.
fn shape(connector: &Connector) -> (String, Vec<(&str, &str)>) {
    let Connector { class, name: _, direction, active: _, properties, position: _ } = connector;
    let direction = match direction {
        Direction::Publish => format!("{class} in"),
        Direction::Subscribe => format!("{class} out"),
    };
    let pair =
        |property: &'_ Property| SHAPING_PROPERTIES.contains(&property.name.as_str()) && property.value != "false";
    let mut shaping: Vec<(&str, &str)> = properties
        .iter()
        .filter(|property| pair(property))
        .map(|Property { name, value, position: _ }| (name.as_str(), value.as_str()))
        .collect();
    shaping.sort_unstable();
    (direction, shaping)
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    const SUM20: &str = include_str!("../../../examples/sum20/project.xml");

    fn fingerprint(text: &str) -> Fingerprint {
        load(text, "project.xml", &|_| None).unwrap().project.fingerprint()
    }

    fn changed(from: &str, to: &str) -> bool {
        assert!(SUM20.contains(from), "{from}");
        fingerprint(&SUM20.replace(from, to)) != fingerprint(SUM20)
    }

    #[test]
    fn the_canonical_form_is_frozen() {
        // Another value here means that running clusters will refuse their own models: change FORM knowingly.
        assert_eq!(fingerprint(SUM20).to_string(), "d2f383cf88bdc1b3");
    }

    #[test]
    fn what_is_computed_counts() {
        let changes = [
            ("heartbeat-interval=\"1\"", "heartbeat-interval=\"2\""),
            ("30 minutes", "31 minutes"),
            ("bytime_sliding", "bytime_jumping"),
            (">20<", ">21<"),
            ("eventCounter()", "eventNumber()"),
            ("<field-expr>kilowatt<", "<field-expr>kilowatt + 1<"),
            ("name=\"half_hour\">", "name=\"half_hour\" index=\"pi_RBTREE\">"),
            ("sumOut", "meanOut"),
            ("kafkatype\">binary", "kafkatype\">csv"),
            ("index=\"pi_EMPTY\"", ""),
        ];
        for (from, to) in changes {
            assert!(changed(from, to), "{from} -> {to}");
        }
        let renamed = SUM20.replace("\"meter\"", "\"meter_id\"").replace("<field-expr>meter<", "<field-expr>meter_id<");
        assert_ne!(fingerprint(&renamed), fingerprint(SUM20));
    }

    #[test]
    fn how_it_is_written_and_connected_does_not() {
        assert!(!changed("127.0.0.1:19091", "broker:9092"));
        assert!(!changed("plant_31415", "other_1"));
        assert!(!changed("numbufferedmsgs\">10000", "numbufferedmsgs\">5"));
        assert!(!changed("threads=\"2\"", "threads=\"8\""));
        assert!(!changed("<description>Each", "<description>Every"));
        assert!(!changed("report_to_kafka", "out"));
        assert!(!changed("bytime_sliding\">30 minutes", "bytime_sliding\">  1800 seconds\n"));
        assert!(!changed(
            "<property name=\"snapshot\">",
            "<property name=\"collapse\">false</property><property name=\"snapshot\">"
        ));
        assert!(!changed("<field-expr>meter<", "<field-expr><![CDATA[ meter ]]><"));
    }

    #[test]
    fn the_order_of_windows_and_edges_in_the_file_does_not() {
        let start = SUM20.find("        <window-functional").unwrap();
        let end = SUM20.find("        <window-calculate").unwrap();
        let functional = &SUM20[start..end];
        let moved = SUM20.replacen(functional, "", 1).replacen(
            "      <windows>\n",
            &format!("      <windows>\n{functional}"),
            1,
        );
        assert_ne!(moved, SUM20);
        assert_eq!(fingerprint(&moved), fingerprint(SUM20));

        let edge = "        <edge source=\"summed\" target=\"report\"/>\n";
        let moved = SUM20.replacen(edge, "", 1).replacen("      <edges>\n", &format!("      <edges>\n{edge}"), 1);
        assert_eq!(fingerprint(&moved), fingerprint(SUM20));
    }
}
