//! What a running engine says of itself.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The part of an engine's `/status` that drills look at.
#[derive(Debug, Clone, Deserialize)]
pub struct MemberStatus {
    /// `active`, `standby`, `restoring`, ….
    pub role: String,
    /// Whether it could take over now.
    pub eligible: bool,
    /// Why it is blocked.
    #[serde(default)]
    pub reason: Option<String>,
    /// Address of the broker that leads the first outbound topic.
    #[serde(skip)]
    pub leader: Option<String>,
}

/// Tells the engine at this HTTP address to do something (`/failover`, …); whether it does.
#[must_use]
pub fn tell(http: &str, path: &str, patience: Duration) -> bool {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(patience)).build().into();
    agent.post(format!("http://{http}{path}")).send_empty().is_ok()
}

/// Asks the engine at this HTTP address; nothing when it doesn't answer in time, as a frozen one never does.
#[must_use]
pub fn ask(http: &str, patience: Duration) -> Option<MemberStatus> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(patience)).build().into();
    let mut answer = agent.get(format!("http://{http}/status")).call().ok()?;
    let status: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
    let leader = status["outputs"][0]["leader"].as_str().map(str::to_owned);
    Some(MemberStatus { leader, ..serde_json::from_value(status).ok()? })
}
