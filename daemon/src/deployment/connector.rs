//! Reads the `kafka` connectors of a project.

use std::fmt;

use engine::project::{Connector, Direction, Position, Project, Property, Window, WindowKind};
use failover::journal::INPUTS_MAX;
use proto::{CsvFraming, CsvOptions, DateFormat, Format, JsonOptions, SchemaLine};
use types::{FieldType, Flags, TopicName};

use super::properties::{self, Treatment};
use super::topics::{derived, label};
use super::{Deployment, Inbound, InitialOffset, Outbound};

/// `numbufferedmsgs` where the file says nothing: the default that users of other clients know.
const BUFFERED_MAX_DEFAULT: u64 = 10_000;

/// Something in a connector that stands in the way, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where in the project file.
    pub position: Position,
    /// What is wrong.
    pub what: String,
    /// Why, and what to do.
    pub fix: String,
}

/// Something that was accepted and does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where in the project file.
    pub position: Position,
    /// What it is, and why nothing needs it.
    pub text: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.text)
    }
}

/// Reads what a project asks to be run under hot failover.
///
/// # Errors
/// Every refusal that was found, in file order.
pub fn read(project: &Project) -> Result<(Deployment, Vec<Notice>), Vec<Refusal>> {
    let mut reader = Reader { project, refusals: Vec::new(), notices: Vec::new() };
    let deployment = reader.deployment();
    reader.refusals.sort_by_key(|refusal| refusal.position);
    match deployment {
        Some(deployment) if reader.refusals.is_empty() => Ok((deployment, reader.notices)),
        _ => Err(reader.refusals),
    }
}

/// A connector with what surrounds it.
struct Site<'a> {
    window: &'a Window,
    /// `cq/window`.
    path: String,
    connector: &'a Connector,
}

struct Reader<'a> {
    project: &'a Project,
    refusals: Vec<Refusal>,
    notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, position: Position, what: impl Into<String>, fix: impl Into<String>) {
        self.refusals.push(Refusal { position, what: what.into(), fix: fix.into() });
    }

    fn sites(&self) -> Vec<Site<'a>> {
        let mut sites = Vec::new();
        for contquery in &self.project.contqueries {
            for window in &contquery.windows {
                for connector in window.connectors.iter().filter(|connector| connector.active) {
                    sites.push(Site { window, path: format!("{}/{}", contquery.name, window.name), connector });
                }
            }
        }
        sites
    }

    fn deployment(&mut self) -> Option<Deployment> {
        let sites = self.sites();
        for site in &sites {
            self.check_properties(site.connector);
        }
        let kafka: Vec<&Site<'_>> = sites.iter().filter(|site| site.connector.class == "kafka").collect();
        for site in sites.iter().filter(|site| site.connector.class != "kafka") {
            self.refuse(
                site.connector.position,
                format!("connector {} of class \"{}\" can't run under hot failover", site.connector.name, site.connector.class),
                "only class kafka reads and writes in one order on all replicas; use an adapter (understudy adapter fs) for files",
            );
        }
        let inbound = self.inbound(&kafka)?;
        let outbound = self.outbound(&kafka)?;
        let first = kafka.first()?;
        let label = self.agreed(&kafka, "urlhostport").map(label)?;
        self.check_names(&kafka, &label);
        Some(Deployment {
            project: self.project.name.clone(),
            label,
            bootstrap: self.agreed(&kafka, "kafkahostport")?.to_owned(),
            global_config: first.connector.property("kafkaglobalconfig").unwrap_or_default().to_owned(),
            topic_config: first.connector.property("kafkatopicconfig").unwrap_or_default().to_owned(),
            zookeeper: kafka.iter().find_map(|site| site.connector.property("zookeeperhostport")).map(str::to_owned),
            inbound,
            outbound,
        })
    }

    fn check_properties(&mut self, connector: &Connector) {
        if connector.class != "kafka" {
            return;
        }
        for property in &connector.properties {
            let Property { name, position, .. } = property;
            match properties::treatment(connector.direction, name) {
                Some(Treatment::Works) => (),
                Some(Treatment::NoEffect(why)) => {
                    self.notices.push(Notice { position: *position, text: format!("{name} has no effect: {why}") });
                }
                Some(Treatment::Refused(why)) => self.refuse(*position, format!("property {name} is refused"), why),
                None => {
                    let known: Vec<_> = properties::names(connector.direction).map(|(name, _)| *name).collect();
                    self.refuse(
                        *position,
                        format!("unknown property {name}"),
                        format!("known are {}", known.join(", ")),
                    );
                }
            }
        }
        self.check_partition(connector);
    }

    fn check_partition(&mut self, connector: &Connector) {
        let Some(property) = find(connector, "kafkapartition") else { return };
        if property.value != "0" {
            self.refuse(
                property.position,
                format!("kafkapartition is {}", property.value),
                "order is kept inside one partition only: use a topic with one partition, and 0 here",
            );
        }
    }

    /// The value of a property that all connectors must share.
    fn agreed(&mut self, sites: &[&Site<'a>], name: &str) -> Option<&'a str> {
        let mut agreed: Option<&'a str> = None;
        for site in sites {
            let Some(property) = find(site.connector, name) else {
                let what = format!("connector {} has no {name}", site.connector.name);
                self.refuse(site.connector.position, what, format!("add <property name=\"{name}\">…</property>"));
                continue;
            };
            match agreed {
                None => agreed = Some(&property.value),
                Some(value) if value == property.value => (),
                Some(value) => self.refuse(
                    property.position,
                    format!("{name} is \"{}\" here and \"{value}\" in another connector", property.value),
                    "all connectors of a project share one cluster and one label",
                ),
            }
        }
        agreed
    }

    fn inbound(&mut self, sites: &[&Site<'a>]) -> Option<Vec<Inbound>> {
        let publishers: Vec<_> = sites.iter().filter(|site| site.connector.direction == Direction::Publish).collect();
        if publishers.is_empty() {
            let (what, fix) =
                ("no kafka connector of type pub", "give a source window one: it is the log that every replica reads");
            self.refuse(self.start(), what, fix);
            return None;
        }
        let mut inbound: Vec<Inbound> = Vec::new();
        for site in publishers {
            let topic = self.topic(site)?;
            if let Some(other) = inbound.iter().find(|other| other.topic == topic) {
                let position =
                    find(site.connector, "kafkatopic").map_or(site.connector.position, |found| found.position);
                let what = format!("{topic} is read by a connector of {} already", other.window);
                self.refuse(position, what, "a topic feeds one source window; use a copy window behind it for more");
                continue;
            }
            inbound.push(Inbound {
                window: site.path.clone(),
                topic,
                format: self.format(site)?,
                initial_offset: self.initial_offset(site.connector)?,
                generated_key: matches!(site.window.kind, WindowKind::Source { autogen_key: true, .. }),
            });
        }
        if inbound.len() > INPUTS_MAX {
            let what = format!("{} inbound topics", inbound.len());
            self.refuse(self.start(), what, format!("{INPUTS_MAX} at most; let several publishers share a topic"));
        }
        Some(inbound)
    }

    fn outbound(&mut self, sites: &[&Site<'a>]) -> Option<Vec<Outbound>> {
        let mut outbound = Vec::new();
        for site in sites.iter().filter(|site| site.connector.direction == Direction::Subscribe) {
            if !self.flag(site.connector, "hotfailover") {
                self.refuse(
                    site.connector.position,
                    format!("connector {} has no hotfailover=true", site.connector.name),
                    "without it every replica would write every event; add <property name=\"hotfailover\">true</property>",
                );
            }
            if self.flag(site.connector, "snapshot") {
                let position = find(site.connector, "snapshot").map_or(site.connector.position, |found| found.position);
                self.refuse(
                    position,
                    "snapshot=true can't fail over",
                    "what a window holds when a connector starts is no function of the input; say snapshot=false",
                );
            }
            outbound.push(Outbound {
                window: site.path.clone(),
                topic: self.topic(site)?,
                format: self.format(site)?,
                buffered_max: self.buffered_max(site.connector)?,
                collapse: self.flag(site.connector, "collapse"),
                drop_retention_deletes: self.flag(site.connector, "rmretdel"),
            });
        }
        if outbound.is_empty() {
            let position = self.start();
            self.refuse(position, "no kafka connector of type sub", "without an output there is nothing to fail over");
            return None;
        }
        Some(outbound)
    }

    fn start(&self) -> Position {
        self.project.contqueries.first().map_or(Position { line: 1, column: 1 }, |contquery| contquery.position)
    }

    fn topic(&mut self, site: &Site<'a>) -> Option<TopicName> {
        let Some(property) = find(site.connector, "kafkatopic").filter(|property| !property.value.is_empty()) else {
            let what = format!("connector {} has no kafkatopic", site.connector.name);
            self.refuse(site.connector.position, what, "add <property name=\"kafkatopic\">…</property>");
            return None;
        };
        Some(TopicName(property.value.clone()))
    }

    /// Adapters derive topic names from `dfESP` addresses; a connector with another name would never meet them.
    fn check_names(&mut self, sites: &[&Site<'a>], label: &str) {
        for site in sites {
            let suffix = match site.connector.direction {
                Direction::Publish => 'I',
                Direction::Subscribe => 'O',
            };
            let wanted = derived(label, &self.project.name, &site.path, suffix);
            let Some(property) = find(site.connector, "kafkatopic") else { continue };
            if property.value != wanted {
                self.notices.push(Notice {
                    position: property.position,
                    text: format!(
                        "kafkatopic is {}; adapters started with url= will look for {wanted}",
                        property.value
                    ),
                });
            }
        }
    }

    fn initial_offset(&mut self, connector: &Connector) -> Option<InitialOffset> {
        let Some(property) = find(connector, "kafkainitialoffset") else { return Some(InitialOffset::Smallest) };
        match property.value.as_str() {
            "smallest" => Some(InitialOffset::Smallest),
            "largest" => Some(InitialOffset::Largest),
            number => {
                let offset = number.parse().ok().map(InitialOffset::At);
                if offset.is_none() {
                    self.refuse(
                        property.position,
                        format!("kafkainitialoffset \"{number}\""),
                        "write smallest, largest or a number",
                    );
                }
                offset
            }
        }
    }

    fn buffered_max(&mut self, connector: &Connector) -> Option<u64> {
        let Some(property) = find(connector, "numbufferedmsgs") else { return Some(BUFFERED_MAX_DEFAULT) };
        let bound = property.value.parse().ok().filter(|&bound: &u64| bound > 0);
        if bound.is_none() {
            self.refuse(
                property.position,
                format!("numbufferedmsgs \"{}\"", property.value),
                "write a number of messages, at least 1",
            );
        }
        bound
    }

    fn flag(&mut self, connector: &Connector, name: &str) -> bool {
        let Some(property) = find(connector, name) else { return false };
        match property.value.as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            other => {
                self.refuse(property.position, format!("{name} is \"{other}\""), "write true or false");
                false
            }
        }
    }

    fn format(&mut self, site: &Site<'a>) -> Option<Format> {
        let connector = site.connector;
        let Some(property) = find(connector, "kafkatype") else {
            let what = format!("connector {} has no kafkatype", connector.name);
            self.refuse(connector.position, what, "write binary, csv, json or opaquestring");
            return None;
        };
        match property.value.as_str() {
            "binary" => Some(Format::Binary),
            "csv" => Some(Format::Csv(self.csv_options(connector)?)),
            "json" => Some(Format::Json(JsonOptions {
                date_format: self.date_format(connector)?,
                publish_with_upsert: self.flag(connector, "publishwithupsert"),
                ..JsonOptions::default()
            })),
            "opaquestring" if connector.direction == Direction::Publish => Some(Format::OpaqueString),
            other => self.raw_field(site, property, other),
        }
    }

    /// A subscriber's `kafkatype` may name a string or blob field: a record is then that field of one event.
    fn raw_field(&mut self, site: &Site<'a>, property: &Property, name: &str) -> Option<Format> {
        let schema = &site.window.schema;
        let found = schema.position(name).map(|position| schema.fields()[position].field_type);
        let fix = match (site.connector.direction, found) {
            (Direction::Subscribe, Some(FieldType::String | FieldType::Blob)) => {
                return Some(Format::Field(name.to_owned()));
            }
            (Direction::Subscribe, Some(_)) => "only a string or blob field can be sent raw; write binary, csv or json",
            (Direction::Publish, Some(_)) => {
                "a single field is no event to read; write binary, csv, json or opaquestring"
            }
            (_, None) if name == "avro" => properties::AVRO,
            (_, None) if name == "protobuf" => properties::PROTOBUF,
            (Direction::Subscribe, None) => "write binary, csv, json, or the name of a string or blob field",
            (Direction::Publish, None) => "write binary, csv, json or opaquestring",
        };
        self.refuse(property.position, format!("kafkatype \"{name}\""), fix);
        None
    }

    fn csv_options(&mut self, connector: &Connector) -> Option<CsvOptions> {
        let mut options = CsvOptions {
            date_format: self.date_format(connector)?,
            add_opcode: self.flag(connector, "addcsvopcode"),
            no_autogen_field: self.flag(connector, "noautogenfield"),
            publish_with_upsert: self.flag(connector, "publishwithupsert"),
            ..CsvOptions::default()
        };
        if let Some(property) = find(connector, "csvfielddelimiter") {
            match CsvOptions::parse_delimiter(&property.value) {
                Ok(delimiter) => options.delimiter = delimiter,
                Err(error) => self.refuse(property.position, error.to_string(), "write one character, or \\t"),
            }
        }
        if let Some(property) = find(connector, "addcsvflags") {
            match property.value.as_str() {
                "normal" => options.add_flags = Some(Flags::NORMAL),
                "partialupdate" => options.add_flags = Some(Flags::PARTIAL),
                other => {
                    self.refuse(property.position, format!("addcsvflags \"{other}\""), "write normal or partialupdate")
                }
            }
        }
        if let Some(property) = find(connector, "csvincludeschema") {
            match property.value.as_str() {
                "never" => options.schema_line = SchemaLine::Never,
                "once" => options.schema_line = SchemaLine::Once,
                "pereventblock" => options.schema_line = SchemaLine::PerEventBlock,
                other => self.refuse(
                    property.position,
                    format!("csvincludeschema \"{other}\""),
                    "write never, once or pereventblock",
                ),
            }
        }
        if self.flag(connector, "csvmsgpereventblock") {
            options.framing = CsvFraming::PerBlock;
        }
        if self.flag(connector, "csvmsgperevent") {
            options.framing = CsvFraming::PerEvent;
        }
        Some(options)
    }

    /// Binary events need no text form of dates, so a date format beside them isn't even read: public files hold broken ones.
    fn date_format(&mut self, connector: &Connector) -> Option<Option<DateFormat>> {
        let Some(property) = find(connector, "dateformat") else { return Some(None) };
        match DateFormat::new(&property.value) {
            Ok(format) => Some(Some(format)),
            Err(error) => {
                self.refuse(property.position, error.to_string(), "write a strftime pattern like %Y-%m-%d %H:%M:%S");
                None
            }
        }
    }
}

fn find<'a>(connector: &'a Connector, name: &str) -> Option<&'a Property> {
    connector.properties.iter().find(|property| property.name == name)
}
