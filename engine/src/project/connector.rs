//! Connectors of a window.

use roxmltree::Node;

use super::lists;
use super::properties::{self, Entry};
use super::reader::Reader;
use super::words::{Standing, Words};
use super::{Connector, Direction, Located};

/// The connectors of a window, in the order of the file.
pub(super) fn read(reader: &mut Reader<'_>, window: Node<'_, '_>) -> Vec<Connector> {
    let mut connectors: Vec<Connector> = Vec::new();
    let Some(node) = reader.child(window, "connectors") else { return connectors };
    reader.enter(node, &lists::CONNECTORS);
    let takes_events = window.tag_name().name() == "window-source";
    for (number, child) in (1_usize..).zip(Reader::children(node, "connector")) {
        let Some(connector) = read_one(reader, child, number, takes_events) else { continue };
        if connectors.iter().any(|earlier| earlier.name == connector.name) {
            let what = format!("Two connectors of the window are called \"{}\".", connector.name);
            reader.add(
                reader.problem_at_element(child, what, "they are told apart by their names").fix("rename one of them"),
            );
        }
        connectors.push(connector);
    }
    connectors
}

fn read_one(reader: &mut Reader<'_>, node: Node<'_, '_>, number: usize, takes_events: bool) -> Option<Connector> {
    reader.enter(node, &lists::CONNECTOR);
    let class = reader.required_attribute(node, "class", "it says what kind of connector this is");
    let name = reader.attribute(node, "name").filter(|name| !name.value.is_empty());
    let active = reader.flag(node, "active", true);
    let class = class?;
    let acts = reader.works(&class, "connector class", &lists::CONNECTOR_CLASSES);
    if !acts && !has_no_effect(&class) {
        return None;
    }

    // Of a connector without effect only the direction is of interest, so its other properties may say anything.
    let (kind, properties) =
        if acts { split_type(properties::read(reader, node)) } else { (raw_type(reader, node), Vec::new()) };
    let kind = kind.or_else(|| reader.attribute(node, "type"));
    let direction = read_direction(reader, node, kind, takes_events)?;
    if acts {
        check_names(reader, &properties, words(direction));
    }
    Some(Connector {
        name: name.map_or_else(|| format!("{}_{number}", class.value), |name| name.value),
        class: class.value,
        direction,
        active,
        properties: properties.into_iter().map(Entry::into_property).map(unquote_date_format).collect(),
        position: reader.position(node),
    })
}

fn has_no_effect(class: &Located<String>) -> bool {
    match lists::CONNECTOR_CLASSES.standing(&class.value) {
        Standing::NoEffect { .. } => true,
        Standing::Works | Standing::Refused { .. } | Standing::Unknown => false,
    }
}

fn words(direction: Direction) -> &'static Words {
    match direction {
        Direction::Publish => &lists::KAFKA_PUBLISH,
        Direction::Subscribe => &lists::KAFKA_SUBSCRIBE,
    }
}

fn split_type(mut entries: Vec<Entry>) -> (Option<Located<String>>, Vec<Entry>) {
    let kind = entries.iter().position(|entry| entry.name.value == "type").map(|at| entries.remove(at));
    (kind.and_then(|entry| entry.value), entries)
}

/// The value of the property `type`, without reading the others.
fn raw_type(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Located<String>> {
    let properties = Reader::children(node, "properties").next()?;
    let kind = Reader::children(properties, "property").find(|property| property.attribute("name") == Some("type"))?;
    reader.text(kind)
}

fn read_direction(
    reader: &mut Reader<'_>,
    node: Node<'_, '_>,
    kind: Option<Located<String>>,
    takes_events: bool,
) -> Option<Direction> {
    let Some(kind) = kind else {
        let problem =
            reader.problem_at_element(node, "Element connector has no type.".to_owned(), "events go in or out");
        reader.add(problem.fix("add <property name=\"type\">pub</property> (into a source window) or sub"));
        return None;
    };
    if !reader.works(&kind, "connector type", &lists::CONNECTOR_TYPES) {
        return None;
    }
    if kind.value.starts_with("sub") {
        return Some(Direction::Subscribe);
    }
    if !takes_events {
        let what = "Only a source window takes events from outside.".to_owned();
        let why = "other windows get their events through edges";
        reader.add(
            reader.problem_at_value(&kind, what, why).fix("move the connector to a source window, or make it type sub"),
        );
        return None;
    }
    Some(Direction::Publish)
}

fn check_names(reader: &mut Reader<'_>, properties: &[Entry], words: &Words) {
    for entry in properties {
        reader.works(&entry.name, "connector property", words);
    }
}

/// Files exist whose date format has a stray quote at its beginning; no format needs quotes at its ends.
fn unquote_date_format(mut property: super::Property) -> super::Property {
    if property.name == "dateformat" {
        property.value = property.value.trim_matches(['\'', '"']).to_owned();
    }
    property
}
