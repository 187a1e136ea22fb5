use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use expect_test::{Expect, expect};
use types::{Generation, Incarnation, MemberName};

use super::*;
use crate::notebook::Noted;

/// A notebook in memory: entries are read by everybody in the order in which `deliver` is called.
#[derive(Default)]
struct Log {
    posted: Mutex<Vec<Entry>>,
}

impl Notes for Log {
    fn post(&self, entry: &Entry) -> Result<(), Error> {
        self.posted.lock().expect("no test panics while posting").push(entry.clone());
        Ok(())
    }
}

struct Replica {
    coordinator: ClaimCoordinator<Arc<Log>>,
    log: Arc<Log>,
    facts: Receiver<CoordinatorFact>,
}

struct Cluster {
    replicas: Vec<Replica>,
    next: Offset,
    story: String,
}

impl Cluster {
    fn new(names: &[&str]) -> Self {
        let mut cluster = Self { replicas: Vec::new(), next: Offset(0), story: String::new() };
        for name in names {
            cluster.start(name, 1);
        }
        cluster
    }

    fn start(&mut self, name: &str, incarnation: u64) {
        let me = Member {
            project: "p".to_owned(),
            generation: Generation(1),
            name: MemberName::from(name),
            incarnation: Incarnation(incarnation),
            peer: format!("{name}:1"),
            http: String::new(),
            version: String::new(),
            in_line: false,
        };
        let log = Arc::new(Log::default());
        let (tell, facts) = channel();
        let coordinator = ClaimCoordinator::start(Arc::clone(&log), me, Ledger::default(), move |fact| {
            let _ = tell.send(fact);
        });
        self.replicas.push(Replica { coordinator, log, facts });
        self.tell("starts", &[self.replicas.len() - 1]);
    }

    fn command(&mut self, who: usize, command: CoordinatorCommand) {
        self.replicas[who].coordinator.handle(command).expect("a list takes everything");
    }

    /// Puts everything posted by these replicas into the log, in this order, and lets everybody read it.
    fn deliver(&mut self, order: &[usize]) {
        let posted: Vec<Entry> = order
            .iter()
            .flat_map(|who| std::mem::take(&mut *self.replicas[*who].log.posted.lock().expect("no panic")))
            .collect();
        for entry in posted {
            let fact = NotebookFact::Noted(Noted { offset: self.next, entry });
            self.next = self.next.next();
            self.replicas.iter().for_each(|replica| replica.coordinator.observe(&fact));
        }
        let all: Vec<usize> = (0..self.replicas.len()).collect();
        self.tell("read", &all);
    }

    /// What each has heard since it was asked last; replicas that heard the same share a line.
    fn tell(&mut self, when: &str, whom: &[usize]) {
        let heard: Vec<String> = whom.iter().map(|who| self.heard(*who)).collect();
        assert!(heard.windows(2).all(|pair| pair[0] == pair[1]), "replicas heard different things: {heard:?}");
        self.story += &format!("{when}: {}\n", heard.first().map_or("", String::as_str));
    }

    fn heard(&self, who: usize) -> String {
        let facts: Vec<String> = self.replicas[who].facts.try_iter().map(|fact| tell_fact(&fact)).collect();
        facts.join(", ")
    }

    fn candidate(&self, name: &str) -> Candidate {
        let state = self.replicas[0].coordinator.state();
        let line = state.ledger.project("p").expect("entries were read").line().candidates();
        line.into_iter().find(|candidate| candidate.member.as_str() == name).expect("in line")
    }

    fn check(&self, expected: &Expect) {
        expected.assert_eq(&self.story);
    }
}

fn tell_fact(fact: &CoordinatorFact) -> String {
    match fact {
        CoordinatorFact::Connected => "connected".to_owned(),
        CoordinatorFact::Suspended { silent } => format!("suspended, silent for {silent:?}"),
        CoordinatorFact::Failing { reason } => format!("failing: {reason}"),
        CoordinatorFact::SessionLost => "session lost".to_owned(),
        CoordinatorFact::Line { term, candidates } => {
            let names: Vec<String> =
                candidates.iter().map(|c| format!("{}.{}#{}", c.member, c.incarnation, c.ticket)).collect();
            format!("term {term} [{}]", names.join(" "))
        }
        CoordinatorFact::Failed { reason } => format!("failed: {reason}"),
    }
}

fn three_in_line() -> Cluster {
    let mut cluster = Cluster::new(&["a", "b", "c"]);
    for who in 0..3 {
        cluster.command(who, CoordinatorCommand::Join);
    }
    cluster.deliver(&[0, 1, 2]);
    cluster.story.clear();
    cluster
}

#[test]
fn of_two_claims_at_once_the_first_in_the_log_wins_for_everybody() {
    let mut cluster = three_in_line();
    let dead = cluster.candidate("a");
    cluster.command(1, CoordinatorCommand::Displace(dead.clone()));
    cluster.command(2, CoordinatorCommand::Displace(dead));
    cluster.deliver(&[2, 1]);
    cluster.check(&expect![[r#"
        read: term 2 [c.1#2 b.1#1]
    "#]]);
}

#[test]
fn a_claim_comes_too_late_when_the_head_has_left_by_itself() {
    let mut cluster = three_in_line();
    let leaving = cluster.candidate("a");
    cluster.command(0, CoordinatorCommand::Leave);
    cluster.command(2, CoordinatorCommand::Displace(leaving));
    cluster.deliver(&[0, 2]);
    cluster.check(&expect![[r#"
        read: term 2 [b.1#1 c.1#2]
    "#]]);
}

#[test]
fn a_dead_standby_is_removed_without_a_change_at_the_head() {
    let mut cluster = three_in_line();
    let dead = cluster.candidate("b");
    cluster.command(0, CoordinatorCommand::Displace(dead.clone()));
    cluster.command(2, CoordinatorCommand::Displace(dead.clone()));
    cluster.deliver(&[0, 2]);
    cluster.command(2, CoordinatorCommand::Displace(dead));
    assert!(cluster.replicas[2].log.posted.lock().expect("no panic").is_empty(), "it is gone already");
    cluster.check(&expect![[r#"
        read: term 1 [a.1#0 c.1#2]
    "#]]);
}

#[test]
fn a_member_that_joined_again_is_not_removed_by_who_saw_it_die() {
    let mut cluster = three_in_line();
    let dead = cluster.candidate("b");
    cluster.command(0, CoordinatorCommand::Displace(dead));
    cluster.command(1, CoordinatorCommand::Leave);
    cluster.command(1, CoordinatorCommand::Join);
    cluster.deliver(&[1, 0]);
    cluster.check(&expect![[r#"
        read: term 1 [a.1#0 c.1#2], term 1 [a.1#0 c.1#2 b.1#4]
    "#]]);
}

#[test]
fn closing_leaves_the_line() {
    let mut cluster = three_in_line();
    cluster.command(0, CoordinatorCommand::Close);
    cluster.deliver(&[0]);
    cluster.check(&expect![[r#"
        read: term 2 [b.1#1 c.1#2]
    "#]]);
}

#[test]
fn a_lost_connection_is_told_and_no_conclusion_drawn() {
    let mut cluster = three_in_line();
    for fact in [NotebookFact::Suspended { silent: Duration::from_millis(70) }, NotebookFact::Resumed] {
        cluster.replicas.iter().for_each(|replica| replica.coordinator.observe(&fact));
    }
    cluster.deliver(&[]);
    cluster.check(&expect![[r#"
        read: suspended, silent for 70ms, connected, term 1 [a.1#0 b.1#1 c.1#2]
    "#]]);
}
