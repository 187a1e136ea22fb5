//! Replicas: the daemon's own control loop and hot thread, stepped by events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use appender::machine::{Layout, Noted, Shifted};
use daemon::node::status::{Board, Fixed};
use daemon::node::{Control, Heard, Hot, OutputFeed, OutputSide, Shared, Turn, Wake, Watch};
use daemon::snapshot::Taker;
use failover::{Exit, Fencing, Machine, Stage};
use ports::coordinator::Candidate;
use ports::input::InboundBatch;
use ports::notebook::{Constant, Entry, Member};
use ports::output::{OutputCommand, OutputProgress};
use types::{Generation, Incarnation, MemberName, OutputIndex, Timestamp};

use super::coordination::Client;
use super::disks::{Disk, Draft};
use super::hands::{Hands, Inlet, Reach, TickBox};
use super::writers::{Start, lock};
use super::{Event, MS, Who, World, WriterId};
use crate::invariants::blocks_are_loud;

/// How often an idle input gets a tick.
const TICK_STEP: Duration = Duration::from_secs(1);
/// Positions are looked at so often by the daemon; here at a moment within.
const POSITIONS_WITHIN: u64 = 5 * MS;
/// Status and heartbeats are made anew so often at most, whatever the process's clock shows.
const SHOWN_EVERY: u64 = 53 * MS;
/// A loop with nothing to do looks around so often.
const IDLE: u64 = 1_000 * MS;
/// The same while outputs are owed.
const OWING: u64 = 100 * MS;
/// How long a slow engine is busy with one run.
const SLOW_TURN: u64 = 300 * MS;

/// An engine's place in the cluster, and what runs there.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) running: Option<Running>,
    /// Nobody hears from its host.
    pub(super) host_down: bool,
    /// Operators want it down until a fault ends.
    pub(super) wanted_down: u32,
    pub(super) slow: u32,
    /// Outlives its processes.
    pub(super) disk: Disk,
    /// How its last process ended by itself.
    pub(crate) exit: Option<Exit>,
}

/// One process.
pub(crate) struct Running {
    pub(crate) control: Control,
    pub(super) hot: Hot,
    /// Its state is there: restored, or empty.
    state_begun: bool,
    pub(super) taker: Option<Taker>,
    pub(super) draft: Draft,
    hands: Hands,
    ticks: TickBox,
    pub(super) inlet: Inlet,
    pub(super) inlet_next: usize,
    inlet_called: bool,
    /// The next record it reads is altered.
    pub(super) garbles: bool,
    /// It has read an altered record.
    pub(crate) garbled: bool,
    pub(crate) writers: Vec<WriterId>,
    published: Vec<OutputIndex>,
    wakes: VecDeque<Wake>,
    control_at: Option<u64>,
    /// When it last made its status anew.
    shown_at: u64,
    hot_at: Option<u64>,
    /// The hot thread is busy until then with what it reads.
    hot_busy_until: u64,
    pub(super) client: Client,
    pub(super) status: Option<Arc<adapter_peer::PeerStatus>>,
    pub(super) members: Vec<Candidate>,
    pub(super) notes_read: usize,
}

impl Replica {
    pub(super) fn new(place: usize) -> Self {
        Self {
            name: format!("n{}", place + 1),
            running: None,
            host_down: false,
            wanted_down: 0,
            slow: 0,
            disk: Disk::default(),
            exit: None,
        }
    }

    pub(crate) fn stage(&self) -> Option<Stage> {
        self.running.as_ref().map(|running| running.control.machine.stage())
    }
}

impl World<'_> {
    pub(super) fn start_replica(&mut self, who: Who) {
        let process = &mut self.processes[who.0];
        process.life += 1;
        process.up = true;
        process.frozen = 0;
        process.stash.clear();
        process.fuse = None;
        let life = process.life;
        let name = self.replicas[who.0].name.clone();
        self.trace.note(self.now, 11, life, || format!("{name}.{life} starts"));
        let member = MemberName(name.clone());
        let model = self.model(self.generation);
        let ledger = self.notebook.ledger();
        let project = model.deployment.project.clone();
        let topics = self.outbound();
        let shared = Arc::new(Shared::new(topics.len()));
        let (mut writers, mut sides, mut feeds) = (Vec::new(), Vec::new(), Vec::new());
        for (output, topic) in topics.iter().enumerate() {
            let known = ledger.project(&project);
            let constants = known.map_or(&[][..], |known| known.constants(self.generation, topic));
            let shifted = |last: &Constant| Shifted { fence: last.fence, from: last.from };
            let noted = Noted {
                fence: constants.first().map(|first| first.fence),
                shifted: constants.last().filter(|_| constants.len() > 1).map(shifted),
                topic_id: constants.first().map(|first| first.topic_id.clone()).filter(|id| !id.is_empty()),
            };
            let writer = self.start_writer(Start {
                owner: who,
                output,
                name: name.clone(),
                generation: self.generation,
                topic: topic.clone(),
                layout: Layout::Sole,
                noted,
            });
            let progress = Arc::clone(&self.writers[writer.0].progress);
            feeds.push(OutputFeed {
                send: self.sender(writer),
                progress: Arc::clone(&progress),
                buffered_max: self.options.buffered_max,
            });
            sides.push(OutputSide {
                topic: topic.clone(),
                send: self.sender(writer),
                progress,
                buffered_max: self.options.buffered_max,
                watch: Watch::default(),
            });
            writers.push(writer);
        }
        let (hands, ticks, inlet) = (Hands::default(), TickBox::default(), Inlet::default());
        let hot = Hot {
            input: Box::new(inlet.clone()),
            pipeline: model.pipeline(self.options.marker_period),
            outputs: feeds,
            ticks: Box::new(ticks.clone()),
            tick_step: TICK_STEP,
            run_records_max: self.options.run_max,
            shared: Arc::clone(&shared),
            last_input: self.local(who),
            batch: InboundBatch::default(),
            out: vec![Vec::new(); topics.len()],
        };
        let board = Arc::new(Board::new(self.fixed(&name, life)));
        let control = Control {
            machine: self.machine(&member, life, topics.len()),
            project: project.clone(),
            member: member.clone(),
            generation: self.generation,
            outputs: sides,
            journal: None,
            coordinator: Box::new(hands.clone()),
            peers: Box::new(hands.clone()),
            notebook: Box::new(hands.clone()),
            ledger,
            shared,
            board,
            heard: Heard::default(),
        };
        let published = vec![OutputIndex(0); writers.len()];
        self.replicas[who.0].exit = None;
        self.replicas[who.0].host_down = false;
        self.replicas[who.0].running = Some(Running {
            control,
            hot,
            state_begun: false,
            taker: None,
            draft: Draft::default(),
            hands,
            ticks,
            inlet,
            inlet_next: 0,
            inlet_called: false,
            garbles: false,
            garbled: false,
            writers,
            published,
            wakes: VecDeque::new(),
            control_at: None,
            shown_at: 0,
            hot_at: None,
            hot_busy_until: 0,
            client: Client::new(&name, life),
            status: None,
            members: Vec::new(),
            notes_read: self.notebook.len(),
        });
        self.post(Entry::Member(Member {
            project,
            generation: self.generation,
            name: member,
            incarnation: Incarnation(life),
            peer: format!("{name}:1"),
            http: format!("{name}:2"),
            version: "simulated".to_owned(),
            in_line: false,
        }));
        if self.dangers.iter().any(|dangers| *dangers > 0) {
            self.tell_dangers(who);
        }
        self.call_control(who, 1_000);
        self.later(2_000, Event::Coordinator(who, life));
        self.call_inlet(who);
    }

    fn fixed(&self, name: &str, life: u64) -> Fixed {
        Fixed {
            member: name.to_owned(),
            incarnation: life,
            project: String::new(),
            cluster: String::new(),
            generation: self.generation.0,
            fingerprint: String::new(),
            coordinator: "zookeeper",
            inbound_topic: String::new(),
            peer: String::new(),
            http: String::new(),
        }
    }

    fn machine(&self, member: &MemberName, life: u64, outputs: usize) -> Machine {
        let config = failover::Config {
            member: member.clone(),
            incarnation: Incarnation(life),
            outputs,
            fencing: Fencing::Log,
            session_timeout: self.options.session,
            buffered_outputs_max: self.options.buffered_max,
            unacknowledged_outputs_max: self.options.buffered_max.max(1 << 16),
            lag_max: Duration::from_secs(2),
            silence_max: Duration::from_millis(150),
            stall_max: Duration::from_secs(8),
            owed_max: Duration::from_millis(2_500),
            read_max: Duration::from_millis(1_500),
            rejoin_delay: Duration::from_millis(300),
            handover_timeout: Duration::from_secs(5),
        };
        match Machine::new(config) {
            Ok(machine) => machine,
            Err(error) => panic!("options don't fit together: {error}"),
        }
    }

    fn sender(&self, writer: WriterId) -> Box<dyn Fn(OutputCommand) -> bool + Send> {
        let inbox = Arc::clone(&self.writers[writer.0].inbox);
        Box::new(move |command| {
            lock(&inbox).push_back(command);
            true
        })
    }

    pub(super) fn running(&mut self, who: Who) -> Option<&mut Running> {
        self.replicas.get_mut(who.0)?.running.as_mut()
    }

    /// A process is gone from one moment to the next; `told` when its kernel says so to whoever is connected.
    pub(super) fn kill(&mut self, who: Who, told: bool) {
        if !self.processes[who.0].up {
            return;
        }
        self.trace.note(self.now, 12, who.0 as u64, || format!("process {} is gone", who.0));
        let process = &mut self.processes[who.0];
        process.up = false;
        process.fuse = None;
        process.frozen = 0;
        process.stash.clear();
        for place in 0..self.writers.len() {
            if self.writers[place].owner == who && !self.writers[place].dead {
                self.writers[place].dead = true;
                let links = std::mem::take(&mut self.writers[place].links);
                links.into_iter().for_each(|(_, wire)| self.give_up(wire));
            }
        }
        if let Some(replica) = self.replicas.get_mut(who.0) {
            replica.running = None;
            replica.host_down = !told;
        }
        self.publisher_died(who);
    }

    pub(super) fn wake_control(&mut self, who: Who, wake: Wake) {
        if let Some(running) = self.running(who) {
            running.wakes.push_back(wake);
            let delay = 2_000 + self.chance.below(20_000);
            self.call_control(who, delay);
        }
    }

    pub(super) fn call_control(&mut self, who: Who, delay: u64) {
        let (at, life) = (self.now + delay, self.life(who));
        let now = self.now;
        let Some(running) = self.running(who) else { return };
        if running.control_at.is_none_or(|due| at < due || due < now) {
            running.control_at = Some(at);
            self.queue.push(at, Event::Control(who, life));
        }
    }

    pub(super) fn call_hot(&mut self, who: Who, delay: u64) {
        let (at, life) = (self.now + delay, self.life(who));
        let now = self.now;
        let Some(running) = self.running(who) else { return };
        let at = at.max(running.hot_busy_until);
        if running.hot_at.is_none_or(|due| at < due || due < now) {
            running.hot_at = Some(at);
            self.queue.push(at, Event::Hot(who, life));
        }
    }

    pub(super) fn turn_control(&mut self, who: Who) {
        let (now, local) = (self.now, self.local(who));
        let clock = self.processes[who.0].clock;
        let Some(running) = self.running(who) else { return };
        if running.control_at.is_some_and(|due| due > now) {
            return;
        }
        running.control_at = None;
        let wake = running.wakes.pop_front();
        let caused = wake.is_some();
        let before = running.control.machine.stage();
        let exit = running.control.step(wake, local);
        let after = running.control.machine.stage();
        let judged = blocks_are_loud::check(self, who);
        self.found(judged);
        let Some(running) = self.running(who) else { return };
        let more = !running.wakes.is_empty();
        let deadline = running.control.machine.deadline().map(|deadline| clock.when(deadline).saturating_sub(now));
        let owing = running.control.outputs.iter().any(|side| side.progress.computed() != side.progress.published());
        self.takeovers += u64::from(before != Stage::Active && after == Stage::Active);
        if before != after {
            self.trace.note(now, 13, after as u64, || format!("n{} {before} -> {after}", who.0 + 1));
        }
        if !self.reach_out(who) {
            return;
        }
        if let Some(exit) = exit {
            return self.exited(who, exit);
        }
        let shown_at = self.running(who).map_or(now, |running| running.shown_at);
        let idle = if owing { OWING } else { IDLE };
        // What changed in this turn is shown in one to come, unless it was shown at once.
        let next = if caused && shown_at < now { (shown_at + SHOWN_EVERY).saturating_sub(now).max(MS) } else { idle };
        let next = deadline.map_or(next, |deadline| next.min(deadline.max(1_000)));
        self.call_control(who, if more { 1_000 } else { next });
        self.ring_writers(who);
        let Some(running) = self.running(who) else { return };
        // Nothing to read needs no hot thread, but whoever writes sends ticks.
        let ticks = running.hot.shared.is_writing() && running.hot_at.is_none();
        if ticks || !running.inlet.is_empty() {
            self.call_hot(who, 5_000);
        }
    }

    /// Works off what the control loop wants done; false when the process died of it.
    fn reach_out(&mut self, who: Who) -> bool {
        while let Some(reach) = self.running(who).and_then(|running| running.hands.next()) {
            if !matches!(reach, Reach::Status(_)) && !self.burn(who) {
                return false;
            }
            match reach {
                Reach::Coordinate(command) => self.coordinate(who, command),
                Reach::Message(to, message) => self.send_message(who, &to, message),
                Reach::Members(members) => {
                    if let Some(running) = self.running(who) {
                        running.members = members;
                    }
                }
                Reach::Status(status) => {
                    let now = self.now;
                    let Some(running) = self.running(who) else { continue };
                    running.shown_at = now;
                    if running.status.as_deref() != Some(&status) {
                        running.status = Some(Arc::new(status));
                    }
                }
                Reach::Post(mut entry) => {
                    // The history tells people's time; a story has its own.
                    if let Entry::Failover(failover) = &mut entry {
                        failover.at = Timestamp(i64::try_from(self.now / 1_000).unwrap_or(i64::MAX));
                    }
                    self.post(entry);
                }
            }
        }
        true
    }

    /// A process ended by itself; its supervisor starts it again unless it was told to end for good.
    fn exited(&mut self, who: Who, exit: Exit) {
        self.trace.note(self.now, 14, who.0 as u64, || format!("n{} exits: {exit:?}", who.0 + 1));
        self.close_session(who);
        self.kill(who, true);
        self.replicas[who.0].exit = Some(exit);
    }

    fn ring_writers(&mut self, who: Who) {
        let outputs = self.running(who).map_or(0, |running| running.writers.len());
        for output in 0..outputs {
            let Some(writer) = self.running(who).map(|running| running.writers[output]) else { return };
            if !lock(&self.writers[writer.0].inbox).is_empty() {
                self.ring_writer(writer);
            }
        }
    }

    pub(super) fn turn_hot(&mut self, who: Who) {
        let (now, local) = (self.now, self.local(who));
        let slow = self.replicas[who.0].slow > 0;
        let Some(running) = self.running(who) else { return };
        if running.hot_at.is_some_and(|due| due > now) {
            return;
        }
        running.hot_at = None;
        if !running.state_begun && !running.hot.shared.is_paused() {
            running.state_begun = true;
            self.begin_state(who);
        }
        self.turn_taker(who);
        let Some(running) = self.running(who) else { return };
        let turn = match running.hot.turn(Duration::ZERO, || local) {
            Ok(turn) => turn,
            Err(error) => return self.wake_control(who, Wake::HotEnded(Err(error))),
        };
        let ticks = running.ticks.take();
        let more = !running.inlet.is_empty();
        let writing = running.hot.shared.is_writing();
        for _ in 0..ticks {
            let delay = self.delay();
            self.later(delay, Event::Tick(who));
        }
        match turn {
            Turn::Worked => {
                self.trace.note(now, 15, who.0 as u64, || format!("n{} computes", who.0 + 1));
                self.ring_writers(who);
                let within = self.chance.below(POSITIONS_WITHIN);
                self.call_control(who, within);
                if let Some(running) = self.running(who).filter(|_| slow) {
                    running.hot_busy_until = now + SLOW_TURN;
                }
                if more {
                    let pause = 20_000 + self.chance.below(MS / 2);
                    self.call_hot(who, pause);
                }
            }
            Turn::Idle if writing => self.call_hot(who, super::nanos(TICK_STEP)),
            // A turn of the control loop, a moved position or new input calls it again.
            Turn::Idle | Turn::StandsStill => {}
        }
    }

    /// A writer may have moved: the control loop notices within its time, the hot thread may have room again.
    pub(super) fn positions_moved(&mut self, id: WriterId) {
        let (who, output) = (self.writers[id.0].owner, self.writers[id.0].output);
        let progress: &OutputProgress = &self.writers[id.0].progress;
        let published = progress.published();
        let Some(running) = self.running(who) else { return };
        if running.writers.get(output) == Some(&id) && running.published[output] != published {
            running.published[output] = published;
            let within = self.chance.below(POSITIONS_WITHIN);
            self.call_control(who, within);
            if self.running(who).is_some_and(|running| !running.inlet.is_empty()) {
                self.call_hot(who, 500_000);
            }
        }
    }

    /// There may be more to read for a replica.
    pub(super) fn call_inlet(&mut self, who: Who) {
        let life = self.life(who);
        let delay = self.delay();
        let Some(running) = self.running(who) else { return };
        if !running.inlet_called {
            running.inlet_called = true;
            self.later(delay, Event::Inlet(who, life));
        }
    }

    /// The consumer reads what is committed at whoever leads, if it reaches that one.
    pub(super) fn fill_inlet(&mut self, who: Who) {
        use super::wires::Way;
        let life = self.life(who);
        let reach = |node: adapter_memory::brokers::NodeId| {
            self.cluster.is_alive(node)
                && !self.wires.is_cut(who, node, Way::There)
                && !self.wires.is_cut(who, node, Way::Back)
        };
        let inbound = self.cluster.partition(super::INBOUND);
        let nodes = (0..super::BROKERS).map(adapter_memory::brokers::NodeId);
        let high = nodes.filter(|node| reach(*node) && inbound.replica(*node).belief().leader == Some(node.0));
        let high = high.map(|node| inbound.replica(node).high()).max();
        let all = self.witness.inbound().len();
        let Some(running) = self.replicas[who.0].running.as_mut() else { return };
        let Some(high) = high else {
            return self.later(200 * MS, Event::Inlet(who, life));
        };
        running.inlet_called = false;
        let end = all.min(usize::try_from(high).unwrap_or(usize::MAX));
        let got_some = running.inlet_next < end;
        for record in &self.witness.inbound()[running.inlet_next.min(end)..end] {
            let mut record = Arc::clone(record);
            if running.garbles && Arc::make_mut(&mut record).garble() {
                (running.garbles, running.garbled) = (false, true);
            }
            running.inlet.push(record);
        }
        running.inlet_next = running.inlet_next.max(end);
        if end < all {
            running.inlet_called = true;
            self.later(200 * MS, Event::Inlet(who, life));
        }
        if got_some {
            let pause = 20_000 + self.chance.below(MS / 2);
            self.call_hot(who, pause);
        }
    }

    pub(super) fn member(&self, who: Who) -> MemberName {
        MemberName(self.replicas[who.0].name.clone())
    }
}

/// What a replica's writer takes for published.
pub(crate) struct Claim {
    pub(crate) who: Who,
    pub(crate) output: usize,
    pub(crate) generation: Generation,
    pub(crate) published: OutputIndex,
}

impl World<'_> {
    /// What a writer takes for published; `None` for a publisher's and for one whose process is gone.
    pub(crate) fn claim(&self, id: WriterId) -> Option<Claim> {
        let writer = &self.writers[id.0];
        let is_replicas = !writer.dead && writer.owner.0 < self.options.replicas;
        is_replicas.then(|| Claim {
            who: writer.owner,
            output: writer.output,
            generation: writer.generation,
            published: writer.progress.published(),
        })
    }
}
