//! What may not run under hot failover, because two replicas could see it differently; and how long state lives.

use core::time::Duration;

use super::{
    ContQuery, ExprInitialize, Loaded, Located, Problem, Project, Retention, RetentionKind, Window, WindowKind,
};

/// A function of the expression languages whose value comes from the machine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostFunction {
    /// As it is called; letters of either case.
    pub name: &'static str,
    /// A clause in lower case, without a full stop.
    pub why: &'static str,
}

/// Functions that have no rule yet by which all replicas give the same value. Whoever builds one on the inbound record alone
/// (as `today` gives the record's time) removes it here.
pub const HOST_FUNCTIONS: &[HostFunction] = &[
    HostFunction { name: "rand", why: "each replica would draw another number" },
    HostFunction { name: "random", why: "each replica would draw another number" },
    HostFunction { name: "timeGmtToLocal", why: "it goes by the time zone of the machine" },
    HostFunction { name: "timeIsDst", why: "it goes by the time zone of the machine" },
];

impl Project {
    /// The longest time for which a window keeps rows, if any keeps them by time: an inbound topic must keep records for longer.
    #[must_use]
    pub fn longest_retention(&self) -> Option<Duration> {
        self.contqueries.iter().flat_map(|query| &query.windows).filter_map(kept_for).max()
    }
}

impl Loaded {
    /// Everything that keeps the project from running under hot failover; empty when it may.
    #[must_use]
    pub fn determinism_report(&self) -> Vec<Problem> {
        let windows = self.project.contqueries.iter().flat_map(|query: &ContQuery| &query.windows);
        let texts = windows.flat_map(expressions);
        let mut problems: Vec<Problem> = texts.flat_map(|text| self.host_calls(text)).collect();
        problems.sort_by_key(|problem| problem.position);
        problems
    }

    fn host_calls(&self, text: &Located<String>) -> Vec<Problem> {
        let host = |name: &str| HOST_FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name));
        let found = calls(&text.value).into_iter().filter_map(|(at, name)| Some((at, name, host(name)?)));
        found
            .map(|(at, name, function)| {
                let what = format!("Function {name} can't run under hot failover.");
                let fix = "compute it where events are published, and send it as a field";
                self.source.problem(text.position_of(at), name.len(), what, function.why).fix(fix)
            })
            .collect()
    }
}

fn kept_for(window: &Window) -> Option<Duration> {
    let (WindowKind::Source { retention, .. } | WindowKind::Copy { retention }) = &window.kind else { return None };
    let Retention { kind, .. } = retention.as_ref()?;
    match *kind {
        RetentionKind::ByCountSliding { .. } | RetentionKind::ByCountJumping { .. } => None,
        RetentionKind::ByTimeSliding { limit } | RetentionKind::ByTimeJumping { limit } => Some(limit),
        RetentionKind::ByTimeJumpingLookback { limit, lookback } => Some(limit.saturating_add(lookback)),
    }
}

/// All texts of a window that are code.
fn expressions(window: &Window) -> Vec<&Located<String>> {
    match &window.kind {
        WindowKind::Source { .. } | WindowKind::Copy { .. } | WindowKind::Summary(_) => Vec::new(),
        WindowKind::Filter { expression, initialize } => initial(initialize).chain([expression]).collect(),
        WindowKind::Compute { initialize, field_exprs } => initial(initialize).chain(field_exprs).collect(),
        WindowKind::Functional(functional) => {
            let functions = functional.functions.iter().map(|function| &function.text);
            functions.chain(&functional.generate).chain(&functional.opcode).collect()
        }
    }
}

fn initial(initialize: &Option<ExprInitialize>) -> impl Iterator<Item = &Located<String>> {
    initialize.iter().flat_map(|initialize| {
        let functions = initialize.user_functions.iter().map(|function| &function.text);
        initialize.initializer.iter().map(|initializer| &initializer.text).chain(functions)
    })
}

/// The names in front of an opening parenthesis, with the byte where each begins; not those in quotes and comments.
fn calls(text: &str) -> Vec<(usize, &str)> {
    let mut calls = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let end = match character {
            '\'' | '"' => rest[1..].find(character).map_or(rest.len(), |end| end + 2),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            first if is_word(first) => {
                let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
                if rest[end..].trim_start().starts_with('(') {
                    calls.push((at, &rest[..end]));
                }
                end
            }
            other => other.len_utf8(),
        };
        at += end;
    }
    calls
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::super::load;
    use super::*;

    const SUM20: &str = include_str!("../../../examples/sum20/project.xml");

    fn loaded(text: &str) -> Loaded {
        load(text, "project.xml", &|_| None).unwrap()
    }

    fn check(text: &str, expected: Expect) {
        let report = loaded(text).determinism_report();
        expected.assert_eq(&report.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn our_example_may_run_under_hot_failover() {
        check(SUM20, expect![""]);
    }

    #[test]
    fn a_function_of_the_machine_is_told_where_it_is_called() {
        let text =
            SUM20.replacen("<field-expr>kilowatt<", "<field-expr><![CDATA[kilowatt\n + Rand (5) // rand(1)]]><", 1);
        check(
            &text,
            expect![[r#"
            Function Rand can't run under hot failover.  project.xml:95:4: each replica would draw another number.
                 95 │  + Rand (5) // rand(1)]]></field-expr>
                    │    ^^^^
                 Fix: compute it where events are published, and send it as a field."#]],
        );
    }

    #[test]
    fn several_inbound_topics_may_run_since_a_journal_orders_them() {
        check(include_str!("../../../examples/two-feeds/project.xml"), expect![""]);
    }

    #[test]
    fn calls_are_words_before_parentheses() {
        let names = |text| calls(text).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names("a(b, c (d)) + e"), ["a", "c"]);
        assert_eq!(names("'x(' & \"y(\" & z()"), ["z"]);
        assert_eq!(names("/* f( */ g( // h("), ["g"]);
        assert_eq!(names("'open"), [""; 0]);
        assert_eq!(names("ünal(1)"), ["ünal"]);
    }

    #[test]
    fn the_longest_retention_by_time_counts() {
        assert_eq!(loaded(SUM20).project.longest_retention(), Some(Duration::from_secs(1_800)));
        let by_count = SUM20.replace("bytime_sliding\">30 minutes", "bycount_sliding\">30");
        assert_eq!(loaded(&by_count).project.longest_retention(), None);
        let lookback = SUM20.replace("bytime_sliding\">", "bytime_jumping_lookback\" unit=\"5 minutes\">");
        assert_eq!(loaded(&lookback).project.longest_retention(), Some(Duration::from_secs(2_100)));
    }

    proptest! {
        #[test]
        fn calls_are_found_in_any_text(text in "[a-z('\"/*\n ü€)]{0,60}") {
            for (at, name) in calls(&text) {
                prop_assert_eq!(&text[at..at + name.len()], name);
            }
        }
    }
}
