//! A decision as the journal's record: JSON, so that any Kafka client can show what was decided.
//!
//! ```json
//! {"generation":1,"index":17,"from":[120,88],"runs":[[0,5],[1,3],[0,2]]}
//! ```
//! From offset 120 of the first topic and 88 of the second on: five offsets of the first, three of the second, two of the first.

use failover::journal::{Decision, InputRun};
use serde::{Deserialize, Serialize};
use types::{Digest, Generation, InputId, MessageId, Offset, OutputIndex, OutputKind, OutputRecord, Timestamp};

#[derive(Serialize, Deserialize)]
struct Form {
    generation: u16,
    index: u64,
    from: Vec<u64>,
    /// Topic and number of offsets.
    runs: Vec<(usize, u64)>,
}

/// A decision as a record of the journal; `time` is that of the newest record it was made for.
pub(super) fn record(decision: &Decision, generation: Generation, time: Timestamp) -> OutputRecord {
    let mut ends = decision.from.clone();
    let run = |run: &InputRun| {
        let end = &mut ends[run.input.0];
        let length = run.until.0 - end.0;
        *end = run.until;
        (run.input.0, length)
    };
    let form = Form {
        generation: generation.0,
        index: decision.index.0,
        runs: decision.runs.iter().map(run).collect(),
        from: decision.from.iter().map(|from| from.0).collect(),
    };
    let payload = serde_json::to_vec(&form);
    assert!(payload.is_ok(), "a decision is plain data and always has a JSON form");
    let payload = payload.unwrap_or_default();
    let id = MessageId(decision.until().iter().map(|until| until.0).sum());
    OutputRecord {
        index: decision.index,
        id,
        part: 0,
        time,
        kind: OutputKind::Data,
        // Of this record alone: nobody can compute the next decision, so there is nothing to compare.
        digest: Digest::default().extend(OutputKind::Data, id, 0, &payload),
        payload,
    }
}

/// Reads a record's payload; `None` when it is no decision of this generation.
pub(super) fn parse(payload: &[u8], generation: Generation) -> Option<Decision> {
    let form: Form = serde_json::from_slice(payload).ok().filter(|form: &Form| form.generation == generation.0)?;
    let mut ends = form.from.clone();
    let mut runs = Vec::with_capacity(form.runs.len());
    for (input, length) in form.runs {
        let end = ends.get_mut(input)?;
        *end = end.checked_add(length)?;
        runs.push(InputRun { input: InputId(input), until: Offset(*end) });
    }
    Some(Decision { index: OutputIndex(form.index), from: form.from.into_iter().map(Offset).collect(), runs })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn decision() -> Decision {
        let runs = [(0, 125), (1, 91), (0, 127)]
            .map(|(input, until)| InputRun { input: InputId(input), until: Offset(until) });
        Decision { index: OutputIndex(17), from: vec![Offset(120), Offset(88)], runs: runs.to_vec() }
    }

    #[test]
    fn a_decision_is_json_that_people_can_read() {
        let record = record(&decision(), Generation(1), Timestamp(5));
        let text = String::from_utf8(record.payload.clone()).expect("JSON is text");
        expect![[r#"{"generation":1,"index":17,"from":[120,88],"runs":[[0,5],[1,3],[0,2]]}"#]].assert_eq(&text);
        assert_eq!((record.index, record.id), (OutputIndex(17), MessageId(127 + 91)));
        assert_eq!(parse(&record.payload, Generation(1)), Some(decision()));
    }

    #[test]
    fn what_is_no_decision_of_this_generation_is_passed_over() {
        let payload = record(&decision(), Generation(1), Timestamp(5)).payload;
        assert_eq!(parse(&payload, Generation(2)), None);
        for text in ["", "{}", "hello", r#"{"generation":1,"index":0,"from":[0],"runs":[[1,5]]}"#] {
            assert_eq!(parse(text.as_bytes(), Generation(1)), None, "{text}");
        }
        let far = format!(r#"{{"generation":1,"index":0,"from":[1],"runs":[[0,{}]]}}"#, u64::MAX);
        assert_eq!(parse(far.as_bytes(), Generation(1)), None, "an offset above what can be counted");
    }
}
