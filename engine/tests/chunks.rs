//! The result never depends on how the input was cut into runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::random::{Record, as_run, cut, projects, records};
use support::{engine, event};

/// Everything that each window puts out and rejects, when the records are cut at `cuts`.
fn outcome(text: &str, records: &[Record], cuts: &[usize]) -> BTreeMap<String, Vec<String>> {
    let mut engine = engine(text);
    let source = engine.window("cq/in").unwrap();
    let schema = engine.schema(source).clone();
    let run = as_run(&schema, records);
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for edges in cuts.windows(2) {
        engine.process(source, &cut(&schema, &run, edges[0], edges[1]));
        for window in engine.windows() {
            let output = engine.output(window);
            let list = lines.entry(engine.path(window).to_owned()).or_default();
            for (span, rows) in output.records() {
                list.push(format!("{} at {}", span.id, span.time));
                list.extend(rows.map(|row| event(output, row)));
            }
        }
        for rejection in engine.rejections() {
            let list = lines.entry(format!("rejected by {}", engine.path(rejection.window))).or_default();
            list.push(format!("{} row {}: {}", rejection.id, rejection.row, rejection.reason));
        }
    }
    lines.insert("time".to_owned(), vec![engine.time().to_string()]);
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_result_does_not_depend_on_how_the_input_is_cut(
        text in projects(),
        records in records(),
        cuts in prop::collection::vec(prop::collection::btree_set(0..60_usize, 0..12), 3),
    ) {
        let whole = outcome(&text, &records, &[0, records.len()]);
        let each: Vec<usize> = (0..=records.len()).collect();
        prop_assert_eq!(&whole, &outcome(&text, &records, &each), "one record at a time");
        for cuts in cuts {
            let inner = cuts.into_iter().filter(|&cut| 0 < cut && cut < records.len());
            let cuts: Vec<usize> = std::iter::once(0).chain(inner).chain([records.len()]).collect();
            prop_assert_eq!(&whole, &outcome(&text, &records, &cuts), "cut at {:?}", cuts);
        }
    }
}
