//! Holding what is there to what is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::admin::{Admin, BrokerDescription, ClusterDescription, PartitionDescription, TopicDescription, TopicState};
use super::finding::{Code, Finding, Severity};
use super::plan::{Expectations, MARKERS_KEPT, Replay, TopicRole, TopicSpec};
use crate::error::Error;

/// What the appender must know of the brokers' clocks. Brokers that can't be reached right now don't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrokerLimits {
    /// The shortest memory of a writer over all brokers (`producer.id.expiration.ms`); `None` when a broker doesn't tell.
    pub producer_id_expiration: Option<Duration>,
    /// The longest life of an idle connection over all brokers (`connections.max.idle.ms`); `None` when a broker doesn't tell.
    pub connections_max_idle: Option<Duration>,
    /// The shortest retention over all topics written in sequence; `None` when it is unlimited or unknown.
    pub output_retention: Option<Duration>,
    /// The longest time after which the others take a broker for dead; `None` when one doesn't tell.
    pub broker_session: Option<Duration>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Errors first.
    pub findings: Vec<Finding>,
    /// For the appender.
    pub limits: BrokerLimits,
    /// What was looked at.
    pub cluster: ClusterDescription,
}

impl Report {
    /// An engine may start.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }
}

/// Asks the brokers and holds the answer to the plan.
///
/// # Errors
/// [`Error::Broker`] when nobody answers.
pub fn check(admin: &Admin, specs: &[TopicSpec], expected: &Expectations) -> Result<Report, Error> {
    let names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
    let cluster = admin.describe(&names)?;
    Ok(judge(cluster, specs, expected, admin.bootstrap()))
}

pub(super) fn judge(
    cluster: ClusterDescription,
    specs: &[TopicSpec],
    expected: &Expectations,
    bootstrap: &str,
) -> Report {
    let limits = limits(&cluster, specs);
    let mut judge = Judge { expected, bootstrap, findings: Vec::new() };
    for broker in &cluster.brokers {
        judge.broker(broker);
    }
    judge.clocks(&cluster, limits);
    for (spec, topic) in specs.iter().zip(&cluster.topics) {
        judge.topic(spec, topic);
    }
    let mut findings = judge.findings;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report { findings, limits, cluster }
}

fn limits(cluster: &ClusterDescription, specs: &[TopicSpec]) -> BrokerLimits {
    let over_all = |key| -> Option<Vec<Duration>> {
        let asked = cluster.brokers.iter().filter(|broker| broker.reachable);
        let told = asked.map(|broker| millis(broker.configs.as_ref()?, key));
        told.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    };
    let retention = |(spec, topic): (&TopicSpec, &TopicDescription)| match &topic.state {
        TopicState::Present { configs: Some(configs), .. } if spec.role.is_sequenced() => {
            millis(configs, "retention.ms")
        }
        TopicState::Present { .. } | TopicState::Missing | TopicState::Refused { .. } => None,
    };
    let sessions = cluster.brokers.iter().filter(|broker| broker.reachable).map(session);
    BrokerLimits {
        broker_session: sessions.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max()),
        producer_id_expiration: over_all("producer.id.expiration.ms").and_then(|all| all.into_iter().min()),
        connections_max_idle: over_all("connections.max.idle.ms").and_then(|all| all.into_iter().max()),
        output_retention: specs.iter().zip(&cluster.topics).filter_map(retention).min(),
    }
}

/// In ZooKeeper mode a broker has a session there, else with the controller.
fn session(broker: &BrokerDescription) -> Option<Duration> {
    let configs = broker.configs.as_ref()?;
    let has_zookeeper = configs.get("zookeeper.connect").is_some_and(|servers| !servers.is_empty());
    millis(configs, if has_zookeeper { "zookeeper.session.timeout.ms" } else { "broker.session.timeout.ms" })
}

/// Collects findings.
struct Judge<'a> {
    expected: &'a Expectations,
    bootstrap: &'a str,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn broker(&mut self, broker: &BrokerDescription) {
        let BrokerDescription { id, address, reachable, configs } = broker;
        if !reachable {
            let what = format!("of {} advertises \"{address}\", where nothing answers", self.bootstrap);
            let fix = if is_local(&address.host) {
                format!(
                    "advertised.listeners on broker {id}: a name that its clients can reach, not \"{}\"",
                    address.host
                )
            } else {
                format!("start broker {id}, or correct its advertised.listeners")
            };
            self.note(Code::E009, &format!("broker {id}"), &what, "clients go where a broker says it is", &fix);
        }
        if let Some(version) = configs.as_ref().and_then(|configs| configs.get("inter.broker.protocol.version"))
            && is_before_3_7(version)
        {
            self.note(
                Code::E019,
                &format!("broker {id}"),
                &format!("speaks protocol {version}"),
                "before 3.7 a record could be read that one disk alone holds",
                "brokers 3.7 or newer (3.9.1 in the 3.9 line), and inter.broker.protocol.version raised after the upgrade",
            );
        }
    }

    fn clocks(&mut self, cluster: &ClusterDescription, limits: BrokerLimits) {
        let silent = cluster.brokers.iter().filter(|broker| broker.reachable && broker.configs.is_none());
        let silent: Vec<String> = silent.map(|broker| broker.id.to_string()).collect();
        if !silent.is_empty() {
            self.note(
                Code::E015,
                &format!("broker {}", silent.join(", ")),
                "tells nothing of its settings",
                "how long it remembers writers (producer.id.expiration.ms) can't be checked",
                "grant DESCRIBE_CONFIGS on the cluster; to go on anyway (demo only): --allow-unreplicated",
            );
        }
        if let (Some(idle), Some(expiry)) = (limits.connections_max_idle, limits.producer_id_expiration)
            && idle >= expiry / 2
        {
            self.note(
                Code::E017,
                "brokers",
                &format!("keep idle connections for {idle:?} and remember writers for {expiry:?}"),
                "a request that was held back for that long could repeat a record",
                "connections.max.idle.ms below half of producer.id.expiration.ms on all brokers",
            );
        }
    }

    fn topic(&mut self, spec: &TopicSpec, topic: &TopicDescription) {
        let name = spec.name.as_str();
        match &topic.state {
            // Nothing is lost with it, whatever its settings are.
            TopicState::Present { .. } if spec.role == TopicRole::Scratch => {}
            TopicState::Missing | TopicState::Refused { .. } if spec.role == TopicRole::Scratch => self.warn(
                Code::E011,
                name,
                "is not there, or not for us",
                "how brokers answer a writer is then not tried at start",
                "understudy topics create -p <project file>",
            ),
            TopicState::Missing => self.note(
                Code::E011,
                name,
                "is not there",
                "brokers that create topics by themselves give them the wrong settings",
                "understudy topics create -p <project file>",
            ),
            TopicState::Refused { reason } => self.note(
                Code::E007,
                name,
                &format!("is refused: {reason}"),
                "nothing can be said of it",
                &format!("kafka-acls --add --allow-principal User:<name> --operation Read --operation Write --operation Describe --operation DescribeConfigs --topic {name}"),
            ),
            TopicState::Present { partitions, configs } => {
                self.partitions(spec, partitions);
                match configs {
                    Some(configs) => self.configs(spec, configs),
                    None => self.note(
                        Code::E015,
                        name,
                        "keeps its settings secret",
                        "whether acknowledged records are safe can't be checked",
                        "grant DESCRIBE_CONFIGS on the topic; to go on anyway (demo only): --allow-unreplicated",
                    ),
                }
            }
        }
    }

    fn partitions(&mut self, spec: &TopicSpec, partitions: &[PartitionDescription]) {
        let name = spec.name.as_str();
        if partitions.len() != 1 {
            self.note(
                Code::E002,
                name,
                &format!("has {} partitions, must be 1", partitions.len()),
                "order is kept inside one partition only",
                "understudy topics delete -p <project file>, then understudy topics create -p <project file> (their data is lost)",
            );
        }
        let copies = partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0);
        if copies < usize::from(self.expected.replication) {
            self.note(
                Code::E003,
                name,
                &format!("has replication factor {copies}, must be {}", self.expected.replication),
                "the loss of brokers would lose records",
                &format!("kafka-reassign-partitions --bootstrap-server {} with {} replicas for {name}-0; to go on anyway (demo only): --allow-unreplicated", self.bootstrap, self.expected.replication),
            );
        }
    }

    fn configs(&mut self, spec: &TopicSpec, configs: &BTreeMap<String, String>) {
        let get = |key: &str| configs.get(key).map_or("", String::as_str);
        let min_insync: usize = get("min.insync.replicas").parse().unwrap_or(0);
        if min_insync < usize::from(self.expected.min_insync) {
            let (what, needed) = (format!("has min.insync.replicas={min_insync}"), self.expected.min_insync);
            self.set(
                Code::E003,
                spec,
                &what,
                "an acknowledged record may be on one disk only",
                &format!("min.insync.replicas={needed}"),
            );
        }
        if get("unclean.leader.election.enable") == "true" {
            self.set(
                Code::E012,
                spec,
                "allows unclean elections",
                "a broker that lags behind could become leader",
                "unclean.leader.election.enable=false",
            );
        }
        if get("cleanup.policy") != "delete" {
            let what = format!("has cleanup.policy={}", get("cleanup.policy"));
            self.set(Code::E013, spec, &what, "records would vanish from the middle", "cleanup.policy=[delete]");
        }
        if get("remote.storage.enable") == "true" {
            self.set(
                Code::E018,
                spec,
                "has tiered storage",
                "a follower would then remember writers as they were long ago",
                "remote.storage.enable=false",
            );
        }
        self.timestamps(spec, get("message.timestamp.type"));
        self.retention(spec, configs);
    }

    fn timestamps(&mut self, spec: &TopicSpec, found: &str) {
        let why = match spec.role {
            TopicRole::Outbound | TopicRole::DeadLetter | TopicRole::Journal => {
                "one writer with a wrong clock could make brokers forget all writers"
            }
            TopicRole::Inbound => "a producer with a wrong clock moves the engines' time; larger jumps are clipped",
            TopicRole::Metadata | TopicRole::AdapterMetadata | TopicRole::Scratch => return,
        };
        if found != "LogAppendTime" {
            let what = format!("has message.timestamp.type={found}");
            self.set(Code::E014, spec, &what, why, "message.timestamp.type=LogAppendTime");
        }
    }

    fn retention(&mut self, spec: &TopicSpec, configs: &BTreeMap<String, String>) {
        let by_time = millis(configs, "retention.ms");
        let by_size = configs.get("retention.bytes").and_then(|text| text.parse::<u64>().ok());
        match spec.role {
            TopicRole::Inbound => self.inbound_retention(spec, by_time, by_size),
            TopicRole::Outbound | TopicRole::DeadLetter => self.outbound_retention(spec, by_time),
            TopicRole::Journal => {
                self.inbound_retention(spec, by_time, by_size);
                self.outbound_retention(spec, by_time);
            }
            TopicRole::Metadata if by_time.is_some() || by_size.is_some() => {
                let what = "deletes old records";
                self.set(
                    Code::E016,
                    spec,
                    what,
                    "what was agreed first decides, so it must stay",
                    "retention.ms=-1,retention.bytes=-1",
                );
            }
            TopicRole::Metadata | TopicRole::AdapterMetadata | TopicRole::Scratch => {}
        }
    }

    /// A warning only: everything works until an engine that starts again needs what is gone.
    fn inbound_retention(&mut self, spec: &TopicSpec, by_time: Option<Duration>, by_size: Option<u64>) {
        if let (Some(kept), Some(model)) = (by_time, self.expected.model_retention)
            && kept < model
        {
            let what = format!("keeps records for {kept:?}, the model's windows for {model:?}");
            let fix = format!("retention.ms={}", model.as_millis());
            self.set(Code::E004, spec, &what, "an engine that starts again could not fill its windows", &fix);
        }
        match (self.expected.replay, by_time) {
            (Replay::FromOrigin, Some(kept)) => {
                let what = format!("keeps records for {kept:?}");
                let why = "an engine that starts again later than that finds the beginning deleted and stays out";
                self.set(Code::E004, spec, &what, why, "retention.ms=-1");
            }
            (Replay::Within(needed), Some(kept)) if kept < needed => {
                let what = format!("keeps records for {kept:?}, an engine that starts again needs {needed:?}");
                let fix = format!("retention.ms={}", needed.as_millis());
                self.set(Code::E004, spec, &what, "it would find them deleted and stay out", &fix);
            }
            (Replay::Within(_), _) | (Replay::FromOrigin, None) => {}
        }
        if let Some(bytes) = by_size {
            let what = format!("keeps {bytes} bytes");
            self.set(Code::E004, spec, &what, "how long that lasts depends on the traffic", "retention.bytes=-1");
        }
    }

    fn outbound_retention(&mut self, spec: &TopicSpec, by_time: Option<Duration>) {
        let needed = self.expected.marker_period * MARKERS_KEPT;
        if let Some(kept) = by_time.filter(|kept| *kept < needed) {
            let what =
                format!("keeps records for {kept:?}, idle topics get a marker every {:?}", self.expected.marker_period);
            let fix = format!("retention.ms={} (or a shorter marker period)", needed.as_millis());
            self.set(Code::E016, spec, &what, "with its last record a broker forgets the writer", &fix);
        }
    }

    /// A finding that one topic setting mends.
    fn set(&mut self, code: Code, spec: &TopicSpec, what: &str, why: &str, setting: &str) {
        let name = spec.name.as_str();
        let fix = format!(
            "kafka-configs --bootstrap-server {} --alter --entity-type topics --entity-name {name} --add-config {setting}",
            self.bootstrap
        );
        let severity = self.severity(code, Some(spec.role));
        self.findings.push(Finding {
            code,
            severity,
            subject: name.to_owned(),
            what: what.to_owned(),
            why: why.to_owned(),
            fix,
        });
    }

    fn note(&mut self, code: Code, subject: &str, what: &str, why: &str, fix: &str) {
        self.add(self.severity(code, None), code, subject, what, why, fix);
    }

    fn warn(&mut self, code: Code, subject: &str, what: &str, why: &str, fix: &str) {
        self.add(Severity::Warning, code, subject, what, why, fix);
    }

    fn add(&mut self, severity: Severity, code: Code, subject: &str, what: &str, why: &str, fix: &str) {
        let (what, why, fix) = (what.to_owned(), why.to_owned(), fix.to_owned());
        self.findings.push(Finding { code, severity, subject: subject.to_owned(), what, why, fix });
    }

    fn severity(&self, code: Code, role: Option<TopicRole>) -> Severity {
        match code {
            Code::E004 | Code::E009 => Severity::Warning,
            Code::E014 if role == Some(TopicRole::Inbound) => Severity::Warning,
            Code::E003 | Code::E012 | Code::E015 if self.expected.allow_unreplicated => Severity::Warning,
            Code::E002
            | Code::E003
            | Code::E007
            | Code::E011
            | Code::E012
            | Code::E013
            | Code::E014
            | Code::E015
            | Code::E016
            | Code::E017
            | Code::E018
            | Code::E019 => Severity::Error,
        }
    }
}

/// A setting in milliseconds; `None` when it is unlimited (negative) or not there.
fn millis(configs: &BTreeMap<String, String>, key: &str) -> Option<Duration> {
    configs.get(key)?.parse::<u64>().ok().map(Duration::from_millis)
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "::1"
}

/// Versions look like `3.9-IV0`; 4.x brokers have no such setting.
fn is_before_3_7(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (3, 7),
        _ => false,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
