//! Replicas over logs in memory: one order for all, whoever decides.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use failover::journal::{Decision, InputRun, Journal};
use ports::input::{InboundBatch, InboundHead, InputError, InputLog, ReadBounds};
use ports::output::OutputCommand;
use types::{Generation, InputId, Offset, OutputIndex, Timestamp, TopicName};

use super::codec;
use super::{JournaledInput, Parts};
use crate::node::Shared;

const GENERATION: Generation = Generation(3);
const INPUTS: usize = 2;
const BOUNDS: ReadBounds = ReadBounds { records_max: 7, bytes_max: 1 << 20 };
/// One read of a replica; a reader that brings something ends it at once.
const READ_WAIT: Duration = Duration::from_millis(20);
/// What a machine under load may need.
const PATIENCE: Duration = Duration::from_secs(30);

/// A log that several replicas read.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Vec<Stored>>, Condvar)>);

#[derive(Clone)]
struct Stored {
    time: Timestamp,
    payload: Option<Vec<u8>>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Stored>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, time: i64, payload: Option<Vec<u8>>) {
        self.lock().push(Stored { time: Timestamp(time), payload });
        self.0.1.notify_all();
    }

    fn open(&self, next: Offset) -> Box<dyn InputLog> {
        Box::new(Consumer { log: self.clone(), next })
    }
}

struct Consumer {
    log: Log,
    next: Offset,
}

impl InputLog for Consumer {
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds, wait: Duration) -> Result<(), InputError> {
        let next = self.next;
        let (stored, news) = &*self.log.0;
        let guard = stored.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = news.wait_timeout_while(guard, wait, |stored| stored.len() as u64 <= next.0);
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let first = usize::try_from(next.0).expect("a small log");
        for stored in guard.iter().skip(first).take(bounds.records_max) {
            let payload = stored.payload.as_ref().map(|payload| {
                let start = batch.bytes.len();
                batch.bytes.extend_from_slice(payload);
                start..batch.bytes.len()
            });
            let (offset, timestamp) = (self.next, stored.time);
            batch.heads.push(InboundHead { input: InputId(0), offset, timestamp, tick: false, source: None, payload });
            self.next = self.next.next();
        }
        Ok(())
    }

    fn end(&self) -> Option<Offset> {
        Some(Offset(self.log.lock().len() as u64))
    }
}

/// Inbound topics and a journal that takes only the decision that comes next.
#[derive(Clone)]
struct Stage {
    topics: Vec<Log>,
    journal: Log,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { topics: (0..INPUTS).map(|_| Log::default()).collect(), journal: Log::default() };
        // A generation's journal begins with a fence.
        stage.journal.append(0, None);
        stage
    }

    fn replica(&self) -> Replica {
        self.replica_from(Journal::new(vec![Offset(0); INPUTS]), Offset(0))
    }

    fn replica_from(&self, journal: Journal, place: Offset) -> Replica {
        let shared = Arc::new(Shared::new(0));
        let starts = journal.positions().to_vec();
        let input = |(i, log): (usize, &Log)| (TopicName(format!("topic{i}")), log.open(starts[i]), starts[i].0 > 0);
        let log = self.journal.clone();
        let parts = Parts {
            inputs: self.topics.iter().enumerate().map(input).collect(),
            journal,
            generation: GENERATION,
            decisions: self.journal.open(place),
            propose: Box::new(move |command| {
                if let OutputCommand::Push(records) = command {
                    for record in records {
                        // Behind the fence, index n stands at offset n + 1.
                        let mut stored = log.lock();
                        if stored.len() as u64 == record.index.0 + 1 {
                            stored.push(Stored { time: record.time, payload: Some(record.payload) });
                        }
                        drop(stored);
                        log.0.1.notify_all();
                    }
                }
                true
            }),
            shared: Arc::clone(&shared),
        };
        Replica { input: JournaledInput::start(parts).expect("threads"), shared, order: Vec::new(), place: None }
    }
}

struct Replica {
    input: JournaledInput,
    shared: Arc<Shared>,
    order: Vec<(usize, u64)>,
    place: Option<Offset>,
}

impl Replica {
    fn read(&mut self) -> Result<(), InputError> {
        let mut batch = InboundBatch::default();
        self.input.read(&mut batch, BOUNDS, READ_WAIT)?;
        assert!(batch.heads.len() <= BOUNDS.records_max);
        self.order.extend(batch.heads.iter().map(|head| (head.input.0, head.offset.0)));
        self.place = batch.journal.or(self.place);
        Ok(())
    }

    fn read_until(&mut self, records: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.order.len() < records {
            self.read().expect("the logs are sound");
            assert!(Instant::now() < deadline, "only {} of {records} records came", self.order.len());
        }
    }
}

#[test]
fn replicas_follow_one_order_while_the_right_to_decide_wanders() {
    let stage = Stage::new();
    let mut replicas = [stage.replica(), stage.replica(), stage.replica()];
    let mut records = 0;
    for round in 0..60_usize {
        for (i, replica) in replicas.iter().enumerate() {
            // Now and then nobody decides, and now and then two do.
            replica.shared.set_writing(round % 7 != 6 && (i == round % 3 || (round % 5 == 0 && i == (round + 1) % 3)));
        }
        for i in 0..5 {
            stage.topics[(round + i) % INPUTS].append((round * 5 + i) as i64, Some(b"x".to_vec()));
            records += 1;
        }
        for replica in &mut replicas {
            replica.read().expect("the logs are sound");
        }
    }
    for (i, replica) in replicas.iter().enumerate() {
        replica.shared.set_writing(i == 1);
    }
    // The one who decides first: the others only follow.
    for i in [1, 0, 2] {
        replicas[i].read_until(records);
    }
    let [first, second, third] = &replicas;
    assert_eq!((&first.order, &third.order), (&second.order, &second.order));
    for (topic, log) in stage.topics.iter().enumerate() {
        let consumed: Vec<u64> = first.order.iter().filter(|(of, _)| *of == topic).map(|(_, offset)| *offset).collect();
        assert!(consumed.into_iter().eq(0..log.lock().len() as u64), "topic {topic}: each record once, in order");
    }
    assert_eq!(first.input.end(), Some(Offset(records as u64)));
}

#[test]
fn a_replica_that_goes_on_from_a_snapshot_follows_the_same_order() {
    let stage = Stage::new();
    let mut active = stage.replica();
    active.shared.set_writing(true);
    let mut records = 0;
    for time in 0..40 {
        stage.topics[(time % 3).min(1)].append(time as i64, None);
        records += 1;
        if time % 4 == 0 {
            active.read().expect("the logs are sound");
        }
    }
    active.read_until(9);
    let (kept, place) = (active.order.len(), active.place.expect("decisions were read"));
    let position = |topic| active.order.iter().filter(|(of, _)| *of == topic).count() as u64;
    let positions: Vec<Offset> = (0..INPUTS).map(|topic| Offset(position(topic))).collect();
    active.read_until(records);
    let mut resumed = stage.replica_from(Journal::resume(positions), place);
    resumed.read_until(records - kept);
    assert_eq!(resumed.order, active.order[kept..]);
}

#[test]
fn a_decision_about_records_that_are_not_there_is_an_error() {
    let stage = Stage::new();
    let mut replica = stage.replica_from(Journal::new(vec![Offset(5), Offset(0)]), Offset(0));
    (0..9).for_each(|time| stage.topics[0].append(time, None));
    let runs = vec![InputRun { input: InputId(0), until: Offset(5) }];
    let decision = Decision { index: OutputIndex(0), from: vec![Offset(3), Offset(0)], runs };
    let payload = codec::record(&decision, GENERATION, Timestamp(0)).payload;
    stage.journal.append(0, Some(payload));
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        if let Err(error) = replica.read() {
            break error;
        }
        assert!(Instant::now() < deadline, "it follows what can't be followed");
    };
    assert!(error.to_string().contains("doesn't begin where the one before it ends"), "{error}");
}
