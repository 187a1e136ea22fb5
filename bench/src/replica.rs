//! Two replicas of the daemon on real brokers: started, asked, waited for.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::cluster::{Cluster, Topics};
use crate::process::{Program, daemon, free_address};

/// How long replicas may take to settle, or one to take over.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a replica may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// How often replicas are asked while something is waited for.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// One replica of the daemon.
pub(crate) struct Replica {
    pub(crate) name: &'static str,
    http: String,
    pub(crate) program: Program,
}

impl Replica {
    pub(crate) fn start(cluster: &Cluster, topics: &Topics, name: &'static str) -> anyhow::Result<Self> {
        let http = free_address()?;
        let program = Program::start(name, &mut daemon(cluster, topics, name, &http)?)?;
        Ok(Self { name, http, program })
    }

    /// `None` while it doesn't answer.
    pub(crate) fn status(&self) -> Option<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_PATIENCE)).build().into();
        let mut answer = agent.get(format!("http://{}/status", self.http)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// Asks it to hand over to the other one, again while it refuses: who has only just come back may not stand in line yet.
    pub(crate) fn hand_over(&self) -> anyhow::Result<()> {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = agent.post(format!("http://{}/switchover", self.http)).send_empty();
            let mut answer = asked.with_context(|| format!("asking {} to hand over", self.name))?;
            if answer.status().is_success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} doesn't hand over: {}", self.name, answer.body_mut().read_to_string()?);
            }
            thread::sleep(ASK_EVERY);
        }
    }

    /// How long each step of its takeover took, as it says itself once its first append is acknowledged.
    pub(crate) fn phases(&self) -> anyhow::Result<Vec<(&'static str, f64)>> {
        const STEPS: [(&str, &str); 3] = [
            ("decide", "noticed → decided"),
            ("write", "decided → first append sent"),
            ("acknowledge", "sent → acknowledged"),
        ];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let status = self.status().unwrap_or_default();
            let millis = |step: &str| status["last_failover"]["phases_ms"][step].as_f64();
            if millis("acknowledge").is_some() {
                return Ok(STEPS.iter().filter_map(|(step, name)| Some((*name, millis(step)?))).collect());
            }
            thread::sleep(ASK_EVERY);
        }
        bail!("{} doesn't say how its takeover went", self.name)
    }
}

/// Waits until one is active and the other could take over; which one is active.
pub(crate) fn settle(pair: &mut [Replica; 2]) -> anyhow::Result<usize> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = pair.each_ref().map(|replica| replica.status().unwrap_or_default());
        for active in 0..2 {
            let other = &seen[1 - active];
            if seen[active]["role"] == "active" && other["role"] == "standby" && other["eligible"] == true {
                return Ok(active);
            }
        }
        for replica in pair.iter_mut() {
            replica.program.check()?;
        }
        if Instant::now() > deadline {
            let said = seen
                .each_ref()
                .map(|status| [&status["role"], &status["eligible"], &status["input"]].map(Value::to_string));
            bail!("the replicas did not settle within {PATIENCE:?}; role, eligible and input of each: {said:?}");
        }
        thread::sleep(ASK_EVERY);
    }
}
