//! Asking brokers what is there, and changing it. Control plane: every call waits for its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use ports::coordinator::HostPort;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::KafkaError;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use types::TopicName;

use super::plan::TopicSpec;
use crate::config::ClientSettings;
use crate::context::Quiet;
use crate::error::Error;

/// A broker or controller must have answered after this.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A broker's advertised address must take a connection within this.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Every broker should know new topics and their leaders within this.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at new topics.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its leader's id; `None` while there is none.
    pub leader: Option<i32>,
    /// Ids of the brokers that hold a copy.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub in_sync: Vec<i32>,
}

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    /// It doesn't exist.
    Missing,
    /// It does.
    Present {
        /// In order.
        partitions: Vec<PartitionDescription>,
        /// All settings in force, defaults included; `None` when the broker doesn't tell.
        configs: Option<BTreeMap<String, String>>,
    },
    /// The broker doesn't tell us.
    Refused {
        /// The broker's words.
        reason: String,
    },
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: TopicName,
    /// What is known of it.
    pub state: TopicState,
}

/// A broker as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerDescription {
    /// Its id.
    pub id: i32,
    /// Where it says it is.
    pub address: HostPort,
    /// Whether something takes connections there.
    pub reachable: bool,
    /// Its settings; `None` when it doesn't tell.
    pub configs: Option<BTreeMap<String, String>>,
}

/// What was found at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Every broker that the others know.
    pub brokers: Vec<BrokerDescription>,
    /// The topics that were asked for, in that order.
    pub topics: Vec<TopicDescription>,
}

/// What became of a topic that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// It wasn't there and is now (or would be, in a dry run).
    Created,
    /// It was there; nothing was changed.
    Existed,
    /// It couldn't be made.
    Failed {
        /// The broker's words.
        reason: String,
    },
}

/// A topic and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Which.
    pub name: TopicName,
    /// What became of it.
    pub outcome: CreateOutcome,
}

/// The administrator's calls.
pub struct Admin {
    client: AdminClient<Quiet>,
    options: AdminOptions,
    bootstrap: String,
}

impl Admin {
    /// Prepares the client; nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn open(settings: &ClientSettings) -> Result<Self, Error> {
        let client = settings.admin().create_with_context(Quiet).map_err(Error::client)?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
        Ok(Self { client, options, bootstrap: settings.bootstrap().to_owned() })
    }

    /// The brokers to begin with.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Asks for all brokers and for these topics. Never creates a topic by asking.
    ///
    /// # Errors
    /// [`Error::Broker`] when an answer doesn't come; what is refused stands in the description.
    pub fn describe(&self, names: &[TopicName]) -> Result<ClusterDescription, Error> {
        let metadata = self.metadata()?;
        let brokers = metadata.brokers().iter().map(|broker| {
            let address = HostPort { host: broker.host().to_owned(), port: u16::try_from(broker.port()).unwrap_or(0) };
            let reachable = takes_connections(&address);
            // Whom nobody reaches needn't be asked; waiting for its silence would take long.
            let configs = if reachable { self.configs(ResourceSpecifier::Broker(broker.id()))? } else { None };
            Ok(BrokerDescription { id: broker.id(), address, reachable, configs })
        });
        let topics = names.iter().map(|name| {
            let found = metadata.topics().iter().find(|topic| topic.name() == name.as_str());
            let state = found.map_or(Ok(TopicState::Missing), |topic| self.state(topic))?;
            Ok(TopicDescription { name: name.clone(), state })
        });
        Ok(ClusterDescription {
            brokers: brokers.collect::<Result<_, Error>>()?,
            topics: topics.collect::<Result<_, Error>>()?,
        })
    }

    /// Makes the topics that aren't there. With `dry_run` the brokers only say what they would do.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers; what becomes of each topic stands in the answer.
    pub fn create(&self, specs: &[TopicSpec], dry_run: bool) -> Result<Vec<Created>, Error> {
        let topics: Vec<NewTopic<'_>> = specs.iter().map(new_topic).collect();
        let options = self.options_for(dry_run);
        let results = block_on(self.client.create_topics(&topics, &options))
            .map_err(|source| Error::broker("creating topics", source))?;
        let outcomes: Vec<Created> = results.into_iter().map(created).collect();
        if !dry_run {
            self.wait_until_known(outcomes.iter().filter(|created| created.outcome == CreateOutcome::Created))?;
        }
        Ok(outcomes)
    }

    /// Deletes topics with everything in them; the names that weren't there are given back.
    ///
    /// # Errors
    /// [`Error::Broker`] with the first refusal.
    pub fn delete(&self, names: &[TopicName]) -> Result<Vec<TopicName>, Error> {
        let texts: Vec<&str> = names.iter().map(TopicName::as_str).collect();
        let results = block_on(self.client.delete_topics(&texts, &self.options))
            .map_err(|source| Error::broker("deleting topics", source))?;
        let mut missing = Vec::new();
        for result in results {
            match result {
                Ok(_) => {}
                Err((name, RDKafkaErrorCode::UnknownTopicOrPartition)) => missing.push(TopicName(name)),
                Err((name, code)) => {
                    return Err(Error::broker(format!("deleting {name}"), KafkaError::AdminOp(code)));
                }
            }
        }
        Ok(missing)
    }

    /// Sets a topic's settings to the planned ones and keeps its others. Partitions and copies can't be set this way.
    /// Gives back what was changed, as `key=value`. With `dry_run` nothing is.
    ///
    /// # Errors
    /// [`Error::Broker`].
    pub fn repair(&self, spec: &TopicSpec, dry_run: bool) -> Result<Vec<String>, Error> {
        let refused = |source| Error::broker(format!("changing the settings of {}", spec.name), source);
        let resource = self.resource(ResourceSpecifier::Topic(spec.name.as_str())).map_err(refused)?;
        let differing = |(key, value): &(&&'static str, &String)| {
            resource.get(key).and_then(|entry| entry.value.as_ref()) != Some(*value)
        };
        let changes: Vec<String> =
            spec.configs.iter().filter(differing).map(|(key, value)| format!("{key}={value}")).collect();
        if changes.is_empty() {
            return Ok(changes);
        }
        // The call replaces all of a topic's own settings, so those that we don't plan are said again.
        let own = resource.entries.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
        let mut alter = AlterConfig::new(ResourceSpecifier::Topic(spec.name.as_str()));
        for entry in own {
            if let Some(value) = &entry.value {
                alter = alter.set(&entry.name, value);
            }
        }
        for (key, value) in &spec.configs {
            alter = alter.set(key, value);
        }
        let results = block_on(self.client.alter_configs([&alter], &self.options_for(dry_run))).map_err(refused)?;
        match results.into_iter().find_map(Result::err) {
            Some((_, code)) => Err(refused(KafkaError::AdminOp(code))),
            None => Ok(changes),
        }
    }

    /// The controller answers before brokers have heard of a new topic, and each of them hears for itself: who looks at
    /// once should find it, whomever they ask. So each broker is asked until it knows; which one answers is chance. Gives
    /// up silently: the topics are made.
    fn wait_until_known<'a>(&self, new: impl Iterator<Item = &'a Created>) -> Result<(), Error> {
        let new: Vec<&str> = new.map(|created| created.name.as_str()).collect();
        let deadline = Instant::now() + KNOWN_WITHIN;
        let mut knowing = BTreeSet::new();
        while !new.is_empty() && Instant::now() < deadline {
            let metadata = self.metadata()?;
            if new.iter().all(|name| is_led(&metadata, name)) {
                knowing.insert(metadata.orig_broker_id());
            }
            if metadata.brokers().iter().all(|broker| knowing.contains(&broker.id())) {
                break;
            }
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        Ok(())
    }

    fn metadata(&self) -> Result<Metadata, Error> {
        // All topics at once: asking for one by name may create it.
        self.client
            .inner()
            .fetch_metadata(None, ANSWER_WITHIN)
            .map_err(|source| Error::broker(format!("metadata from {}", self.bootstrap), source))
    }

    fn options_for(&self, dry_run: bool) -> AdminOptions {
        AdminOptions::new()
            .request_timeout(Some(ANSWER_WITHIN))
            .operation_timeout(Some(ANSWER_WITHIN))
            .validate_only(dry_run)
    }

    fn state(&self, topic: &MetadataTopic) -> Result<TopicState, Error> {
        match topic.error() {
            None => {}
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(TopicState::Missing),
            Some(error) => return Ok(TopicState::Refused { reason: RDKafkaErrorCode::from(error).to_string() }),
        }
        let partitions = topic.partitions().iter().map(|partition| PartitionDescription {
            leader: Some(partition.leader()).filter(|leader| *leader >= 0),
            replicas: partition.replicas().to_vec(),
            in_sync: partition.isr().to_vec(),
        });
        let configs = self.configs(ResourceSpecifier::Topic(topic.name()))?;
        Ok(TopicState::Present { partitions: partitions.collect(), configs })
    }

    /// `None` when the broker can't or won't tell; not when it merely didn't answer.
    fn configs(&self, of: ResourceSpecifier<'_>) -> Result<Option<BTreeMap<String, String>>, Error> {
        match self.resource(of) {
            Ok(resource) => {
                Ok(Some(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()))
            }
            Err(KafkaError::AdminOp(code)) if keeps_silent(code) => Ok(None),
            Err(error) => Err(Error::broker(format!("settings of {of:?}"), error)),
        }
    }

    fn resource(&self, of: ResourceSpecifier<'_>) -> Result<ConfigResource, KafkaError> {
        let results = block_on(self.client.describe_configs([&of], &self.options))?;
        match results.into_iter().next() {
            Some(Ok(resource)) => Ok(resource),
            Some(Err(code)) => Err(KafkaError::AdminOp(code)),
            None => Err(KafkaError::AdminOp(RDKafkaErrorCode::ResourceNotFound)),
        }
    }
}

/// Whether the broker that gave this answer knows leaders for all of the topic's partitions.
fn is_led(metadata: &Metadata, name: &str) -> bool {
    let partitions =
        metadata.topics().iter().find(|topic| topic.name() == name).map_or(&[][..], MetadataTopic::partitions);
    !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(i32::from(spec.replication));
    let topic = NewTopic::new(spec.name.as_str(), i32::from(spec.partitions), replication);
    spec.configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
}

fn created(result: Result<String, (String, RDKafkaErrorCode)>) -> Created {
    match result {
        Ok(name) => Created { name: TopicName(name), outcome: CreateOutcome::Created },
        Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => {
            Created { name: TopicName(name), outcome: CreateOutcome::Existed }
        }
        Err((name, code)) => {
            Created { name: TopicName(name), outcome: CreateOutcome::Failed { reason: code.to_string() } }
        }
    }
}

fn keeps_silent(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnsupportedFeature
            | RDKafkaErrorCode::UnsupportedVersion
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}

fn takes_connections(address: &HostPort) -> bool {
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    found.is_ok_and(|mut all| all.any(|one| TcpStream::connect_timeout(&one, CONNECT_WITHIN).is_ok()))
}

/// Waits for rdkafka's admin futures, which a thread of its own completes; a runtime would be too much for that.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
