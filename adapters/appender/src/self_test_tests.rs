use super::*;

/// A broker of few lines that can leave out one of its duties.
#[derive(Default)]
struct Broker {
    end: u64,
    /// Of the steady writer: epoch, last sequence, first sequence and offset of its last batch.
    state: Option<(i16, i32, i32, u64)>,
    repeats_are_appended: bool,
    gaps_are_taken: bool,
    epochs_are_ignored: bool,
    unknown_writers_are_refused: bool,
}

impl Broker {
    fn answer(&mut self, trial: &Trial) -> Answer {
        if trial.writer == Writer::Unknown {
            if self.unknown_writers_are_refused {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
            return Ok(self.append(trial.count));
        }
        let last = trial.sequence + trial.count as i32 - 1;
        if let Some((epoch, known, first, at)) = self.state {
            if trial.epoch < epoch && !self.epochs_are_ignored {
                return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
            }
            if (first, known) == (trial.sequence, last) && trial.epoch == epoch && !self.repeats_are_appended {
                return Ok(Offset(at));
            }
            let comes_next = trial.sequence == known + 1 || (trial.epoch > epoch && trial.sequence == 0);
            if !comes_next && !self.gaps_are_taken && !self.repeats_are_appended {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
        }
        let at = self.append(trial.count);
        self.state = Some((trial.epoch, last, trial.sequence, at.0));
        Ok(at)
    }

    fn append(&mut self, count: u32) -> Offset {
        let at = self.end;
        self.end += u64::from(count);
        Offset(at)
    }
}

fn refuted(mut broker: Broker) -> &'static str {
    match judge(|trial| Ok(broker.answer(trial))) {
        Outcome::Refuted { what, .. } => what,
        other @ (Outcome::Passed | Outcome::Undecided { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn a_broker_that_arbitrates_sequences_passes() {
    let mut broker = Broker::default();
    assert_eq!(judge(|trial| Ok(broker.answer(trial))), Outcome::Passed);
}

#[test]
fn a_broker_that_leaves_out_any_of_its_duties_is_refuted_by_name() {
    assert_eq!(refuted(Broker { repeats_are_appended: true, ..Broker::default() }), "a repeat");
    assert_eq!(refuted(Broker { gaps_are_taken: true, ..Broker::default() }), "a gap");
    assert_eq!(refuted(Broker { epochs_are_ignored: true, ..Broker::default() }), "an epoch that was left");
    let refuses = Broker { unknown_writers_are_refused: true, ..Broker::default() };
    assert_eq!(refuted(refuses), "an unknown producer in the middle of its sequence");
}

#[test]
fn an_answer_that_speaks_of_something_else_decides_nothing() {
    for code in
        [ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::NOT_ENOUGH_REPLICAS]
    {
        assert!(matches!(judge(|_| Ok(Err(code))), Outcome::Undecided { .. }), "{code}");
    }
    let silent = judge(|_| Err("closed".to_owned()));
    assert_eq!(silent, Outcome::Undecided { reason: "a derived producer id: closed".to_owned() });
}
