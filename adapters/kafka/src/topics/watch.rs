//! Judging again and again: what is new since the last look, and which topics may lose what they acknowledged (rule R16).

use std::collections::BTreeMap;

use types::TopicName;

use super::finding::{Code, Finding, Severity};
use super::judge::{BrokerLimits, Report};

/// What was found so far, so that each thing is said once and not at every look.
#[derive(Debug)]
pub struct TopicWatch {
    standing: BTreeMap<(Code, String), Finding>,
    limits: BrokerLimits,
}

/// What a look brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNews {
    /// Not there before, or worse than before.
    pub appeared: Vec<Finding>,
    /// There before and not any more.
    pub gone: Vec<Finding>,
    /// Everything that holds now, errors first.
    pub standing: Vec<Finding>,
    /// What the appender must know of the brokers' clocks, when that has changed.
    pub limits: Option<BrokerLimits>,
}

impl TopicNews {
    /// The error that stands against a topic.
    #[must_use]
    pub fn broken(&self, topic: &TopicName) -> Option<&Finding> {
        self.errors(topic).next()
    }

    /// Whether what a topic acknowledges may not last.
    #[must_use]
    pub fn endangers(&self, topic: &TopicName) -> bool {
        self.errors(topic).any(|finding| finding.code.endangers_records())
    }

    fn errors<'a, 'b>(&'a self, topic: &'b TopicName) -> impl Iterator<Item = &'a Finding> + use<'a, 'b> {
        let stands = move |finding: &&Finding| finding.severity == Severity::Error && finding.subject == topic.as_str();
        self.standing.iter().filter(stands)
    }
}

impl TopicWatch {
    /// Begins with what is said already: the report of the check at start.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        Self { standing: by_name(&report.findings), limits: report.limits }
    }

    /// What holds now, without anything new.
    #[must_use]
    pub fn standing(&self) -> TopicNews {
        TopicNews { appeared: Vec::new(), gone: Vec::new(), standing: in_order(&self.standing), limits: None }
    }

    /// Takes in another report; `None` when it says what the one before said.
    pub fn look(&mut self, report: &Report) -> Option<TopicNews> {
        let before = std::mem::replace(&mut self.standing, by_name(&report.findings));
        let is_news = |(name, finding): &(&(Code, String), &Finding)| {
            before.get(*name).is_none_or(|known| known.severity < finding.severity)
        };
        let appeared: Vec<Finding> = self.standing.iter().filter(is_news).map(|(_, finding)| finding.clone()).collect();
        let gone: Vec<Finding> =
            before.iter().filter(|(name, _)| !self.standing.contains_key(*name)).map(|(_, f)| f.clone()).collect();
        let limits = Some(report.limits).filter(|limits| *limits != self.limits);
        self.limits = report.limits;
        // The words of a finding may change while it stands (other figures): people see the newest.
        if before == self.standing && limits.is_none() {
            return None;
        }
        Some(TopicNews { appeared, gone, standing: in_order(&self.standing), limits })
    }
}

/// Of several findings of a kind the worst one counts; reports have errors first.
fn by_name(findings: &[Finding]) -> BTreeMap<(Code, String), Finding> {
    let mut named = BTreeMap::new();
    for finding in findings {
        named.entry((finding.code, finding.subject.clone())).or_insert_with(|| finding.clone());
    }
    named
}

fn in_order(standing: &BTreeMap<(Code, String), Finding>) -> Vec<Finding> {
    let mut all: Vec<Finding> = standing.values().cloned().collect();
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::admin::ClusterDescription;
    use super::*;

    fn finding(code: Code, severity: Severity, subject: &str, what: &str) -> Finding {
        let [why, fix] = ["it matters", "do this"].map(str::to_owned);
        Finding { code, severity, subject: subject.to_owned(), what: what.to_owned(), why, fix }
    }

    fn report(findings: &[&Finding]) -> Report {
        let cluster = ClusterDescription { brokers: Vec::new(), topics: Vec::new() };
        Report { findings: findings.iter().copied().cloned().collect(), limits: BrokerLimits::default(), cluster }
    }

    #[test]
    fn a_thing_is_said_when_it_comes_and_when_it_goes_and_not_in_between() {
        let thin = finding(Code::E003, Severity::Error, "x.O", "has min.insync.replicas=1");
        let short = finding(Code::E004, Severity::Warning, "x.I", "keeps records for a day");
        let mut watch = TopicWatch::new(&report(&[&short]));
        assert_eq!(watch.look(&report(&[&short])), None);
        let news = watch.look(&report(&[&thin, &short])).expect("news");
        assert_eq!((&news.appeared[..], &news.gone[..]), (&[thin.clone()][..], &[][..]));
        assert_eq!(news.standing, [thin.clone(), short.clone()]);
        assert!(news.endangers(&"x.O".into()) && !news.endangers(&"x.I".into()));
        assert_eq!(news.broken(&"x.I".into()), None, "a warning breaks nothing");
        assert_eq!(watch.look(&report(&[&thin, &short])), None);
        let news = watch.look(&report(&[&short])).expect("news");
        assert_eq!((&news.appeared[..], &news.gone[..]), (&[][..], &[thin][..]));
        assert!(!news.endangers(&"x.O".into()));
    }

    #[test]
    fn other_words_for_the_same_thing_are_shown_and_not_said_again() {
        let mut watch = TopicWatch::new(&report(&[&finding(Code::E009, Severity::Warning, "broker 2", "is slow")]));
        let news =
            watch.look(&report(&[&finding(Code::E009, Severity::Warning, "broker 2", "is gone")])).expect("news");
        assert!(news.appeared.is_empty() && news.gone.is_empty());
        assert_eq!(news.standing[0].what, "is gone");
        let worse = finding(Code::E009, Severity::Error, "broker 2", "is gone");
        assert_eq!(watch.look(&report(&[&worse])).expect("news").appeared, [worse]);
    }

    #[test]
    fn a_retention_that_is_too_short_is_broken_and_endangers_nothing_acknowledged() {
        let short = finding(Code::E016, Severity::Error, "x.O", "keeps records for a minute");
        let mut watch = TopicWatch::new(&report(&[]));
        let news = watch.look(&report(&[&short])).expect("news");
        assert!(news.broken(&"x.O".into()).is_some() && !news.endangers(&"x.O".into()));
    }

    #[test]
    fn changed_clocks_of_the_brokers_are_news_alone() {
        let mut watch = TopicWatch::new(&report(&[]));
        let mut next = report(&[]);
        next.limits.producer_id_expiration = Some(Duration::from_secs(60));
        let news = watch.look(&next).expect("news");
        assert_eq!(news.limits, Some(next.limits));
        assert_eq!(watch.look(&next), None);
    }
}
