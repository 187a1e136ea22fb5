//! Nothing lost, repeated, reordered or changed, whatever is killed.

use understudy_tests::drill;

/// Reports stay where a person can look at them.
fn report(name: &str) -> std::path::PathBuf {
    understudy_tests::programs::root().join("target/drills").join(name)
}

#[test]
fn a_demonstration_in_memory_ends_identical() {
    let verdict = drill::run(&["--kills", "3", "--rate", "2000"], &report("memory"));
    drill::assert_identical(&verdict);
    assert_eq!(verdict["kills"], 3);
}

#[test]
fn a_short_drill_on_real_brokers_ends_identical() {
    let faults =
        ["--kills", "3", "--rate", "2000", "--broker-kills", "1", "--publishers", "2", "--publisher-kills", "2"];
    let words = [&["--real", "kafka-scripts/cluster"][..], &faults[..]].concat();
    let verdict = drill::run(&words, &report("short"));
    drill::assert_identical(&verdict);
    assert_eq!(verdict["kills"], 3);
}

/// Killed, frozen and woken: whoever takes the transactional id shuts the zombie out.
#[test]
fn a_short_drill_with_transactions_ends_identical() {
    let fencing = ["--set", "fencing=transaction"];
    let words = ["--real", "kafka-scripts/cluster", "--kills", "3", "--rate", "2000", "--broker-kills", "0"];
    let verdict = drill::run(&[&words[..], &fencing].concat(), &report("transactions"));
    drill::assert_identical(&verdict);
    assert_eq!(verdict["kills"], 3);
}

#[test]
fn twenty_kills_on_real_brokers_with_everything_else_killed_too_end_identical() {
    let faults = [
        ("--kills", "20"),
        ("--rate", "5000"),
        ("--freezes", "1"),
        ("--publisher-kills", "2"),
        ("--subscriber-kills", "2"),
        ("--broker-kills", "2"),
        ("--zookeeper-restarts", "1"),
    ];
    let mut words = vec!["--real", "kafka-scripts/cluster", "--two-actives"];
    words.extend(faults.iter().flat_map(|(flag, value)| [*flag, *value]));
    let verdict = drill::run(&words, &report("real"));
    drill::assert_identical(&verdict);
    assert_eq!(verdict["kills"], 20);
}
