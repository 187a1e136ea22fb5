//! Metrics in OpenMetrics text; the names are an interface.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::node::status::Status;
use crate::snapshot::Shown;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Role {
    member: String,
    role: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Topic {
    topic: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Everything that `/metrics` says of a status.
pub(super) fn text(status: &Status, failovers: u64) -> String {
    let mut registry = Registry::with_prefix("understudy");
    roles(&mut registry, status);
    gauge(&mut registry, "term", "Leadership, counted by the coordinator", status.term);
    gauge(&mut registry, "input_offset", "Next inbound offset to process", status.input.offset);
    if let Some(lag) = status.input.lag {
        gauge(&mut registry, "input_lag_records", "Inbound records not yet processed", lag);
    }
    gauge(&mut registry, "standby_in_sync", "Whether this replica could take over", u64::from(status.eligible));
    gauge(&mut registry, "blocked", "Whether this replica can't go on", u64::from(status.role == "blocked"));
    counter(&mut registry, "failovers", "Takeovers by this process", failovers);
    counter(&mut registry, "input_records", "Inbound records processed", status.input.records);
    counter(&mut registry, "input_events", "Events in them", status.input.events);
    counter(&mut registry, "dead_letters", "Rows that became dead letters", status.input.rejected);
    outputs(&mut registry, status);
    snapshots(&mut registry, &status.snapshots);
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(signed(value));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstCounter::new(value));
}

fn roles(registry: &mut Registry, status: &Status) {
    let family: Family<Role, Gauge> = Family::default();
    for role in ["active", "standby", "blocked"] {
        let label = Role { member: status.member.clone(), role: role.to_owned() };
        family.get_or_create(&label).set(i64::from(status.role == role));
    }
    registry.register("role", "1 for the role that this replica has", family);
}

fn snapshots(registry: &mut Registry, shown: &Shown) {
    counter(registry, "snapshots_taken", "Snapshots put on disk by this process", shown.taken);
    counter(registry, "snapshots_given_up", "Snapshots begun and not kept", shown.given_up);
    gauge(registry, "snapshot_offset", "Inbound offset that the newest one goes on from", shown.newest.unwrap_or(0));
    gauge(registry, "snapshot_bytes", "Size of the newest one", shown.bytes);
    gauge(registry, "snapshot_pause_max_us", "Longest standstill of the engine for one", shown.pause_max_us);
    let refused: Family<Reason, Gauge> = Family::default();
    for (&reason, &count) in &shown.refused {
        refused.get_or_create(&Reason { reason }).set(signed(count));
    }
    registry.register("snapshots_refused", "Snapshots that could not be used at the start", refused);
}

fn outputs(registry: &mut Registry, status: &Status) {
    let id: Family<Topic, Gauge> = Family::default();
    let held: Family<Topic, Gauge> = Family::default();
    let capacity: Family<Topic, Gauge> = Family::default();
    let kept: Family<Topic, Gauge> = Family::default();
    let sound: Family<Topic, Gauge> = Family::default();
    for output in &status.outputs {
        let label = Topic { topic: output.topic.clone() };
        id.get_or_create(&label).set(signed(output.id));
        held.get_or_create(&label).set(signed(output.buffer));
        capacity.get_or_create(&label).set(signed(output.bound));
        kept.get_or_create(&label).set(signed(output.kept_back));
        sound.get_or_create(&label).set(i64::from(output.producer_state == "ok"));
    }
    registry.register("output_message_id", "Message id of the last output computed", id);
    registry.register("standby_buffer_records", "Outputs computed and not published", held);
    registry.register("standby_buffer_capacity_records", "Bound of that", capacity);
    registry.register("output_kept_records", "Published outputs kept because the topic may lose them", kept);
    registry.register("output_sound", "1 while every precondition of the topic holds", sound);
}
