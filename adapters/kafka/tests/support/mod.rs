//! The brokers that the environment names, as each test of its own begins with them.

use std::time::{SystemTime, UNIX_EPOCH};

use understudy_adapter_kafka::{Admin, ClientSettings, Expectations};

/// Brokers, and a name that no other test and no earlier run used.
pub(crate) struct Brokers {
    pub(crate) settings: ClientSettings,
    pub(crate) admin: Admin,
    /// As many copies as there are brokers for, up to three.
    pub(crate) expected: Expectations,
    pub(crate) label: String,
}

impl Brokers {
    /// `None` says that the test is skipped.
    pub(crate) fn of_the_environment(test: &str) -> Option<Self> {
        let Ok(bootstrap) = std::env::var("UNDERSTUDY_TEST_BOOTSTRAP") else {
            eprintln!("skipped: UNDERSTUDY_TEST_BOOTSTRAP names no broker");
            return None;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        let settings = ClientSettings::new(&bootstrap, None, None).expect("host:port");
        let admin = Admin::open(&settings).expect("a client");
        let brokers = admin.describe(&[]).expect("a broker answers").brokers.len();
        let copies = u16::try_from(brokers.min(3)).expect("at most 3");
        let expected = Expectations { replication: copies, min_insync: copies.min(2), ..Expectations::default() };
        Some(Self { settings, admin, expected, label: format!("understudy-test-{test}-{now}") })
    }
}
