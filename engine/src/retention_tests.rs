use super::*;

const SECOND: i64 = 1_000_000;

fn list(kind: RetentionKind, by_field: bool) -> Retention {
    Retention::new(kind, by_field, Duration::from_secs(1))
}

fn overdue(list: &mut Retention) -> Vec<u32> {
    std::iter::from_fn(|| list.overdue()).map(|slot| slot.0).collect()
}

fn expired(list: &mut Retention, now: i64) -> Vec<u32> {
    std::iter::from_fn(|| list.expired_at(Timestamp(now), Timestamp(0))).map(|slot| slot.0).collect()
}

#[test]
fn sliding_by_count_lets_the_least_recently_changed_go() {
    let mut list = list(RetentionKind::ByCountSliding { limit: 2 }, false);
    let mut touch = |slot| {
        list.touched(Slot(slot), Timestamp(0), Timestamp(0), None);
        overdue(&mut list)
    };
    assert_eq!((touch(0), touch(1), touch(0), touch(2)), (vec![], vec![], vec![], vec![1]));
}

#[test]
fn jumping_by_count_keeps_the_newest_only() {
    let mut list = list(RetentionKind::ByCountJumping { limit: 2 }, false);
    let mut touch = |slot| {
        list.touched(Slot(slot), Timestamp(0), Timestamp(0), None);
        overdue(&mut list)
    };
    assert_eq!((touch(0), touch(1), touch(2), touch(3)), (vec![], vec![], vec![0, 1], vec![]));
}

#[test]
fn a_deleted_row_is_forgotten() {
    let mut list = list(RetentionKind::ByCountSliding { limit: 1 }, false);
    list.touched(Slot(0), Timestamp(0), Timestamp(0), None);
    list.removed(Slot(0));
    list.touched(Slot(1), Timestamp(0), Timestamp(0), None);
    assert_eq!(overdue(&mut list), Vec::<u32>::new());
}

#[test]
fn rows_go_at_the_first_grid_point_at_which_they_are_old_enough() {
    let mut list = list(RetentionKind::ByTimeSliding { limit: Duration::from_millis(1500) }, false);
    list.touched(Slot(0), Timestamp(SECOND / 4), Timestamp(0), None);
    list.touched(Slot(1), Timestamp(SECOND), Timestamp(0), None);
    assert_eq!(list.heartbeat_due(Timestamp(SECOND * 199 / 100)), None);
    assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), Some(Timestamp(2 * SECOND)));
    assert_eq!(expired(&mut list, 2 * SECOND), [0]);
    assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), Some(Timestamp(3 * SECOND)));
    assert_eq!(expired(&mut list, 3 * SECOND), [1]);
    assert_eq!(list.heartbeat_due(Timestamp(500 * SECOND)), None);
}

#[test]
fn jumps_are_counted_from_the_start_and_run_at_the_next_heartbeat() {
    let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(2) }, false);
    let start = Timestamp(SECOND / 2);
    let touch = |list: &mut Retention, slot, now| list.touched(Slot(slot), Timestamp(now), start, None);
    touch(&mut list, 0, SECOND / 2);
    touch(&mut list, 1, SECOND * 27 / 10);
    // The jump at 2.5 s runs at 3 s, so the row of 2.7 s goes too.
    assert_eq!(list.heartbeat_due(Timestamp(9 * SECOND)), Some(Timestamp(3 * SECOND)));
    let gone: Vec<u32> =
        std::iter::from_fn(|| list.expired_at(Timestamp(3 * SECOND), start)).map(|slot| slot.0).collect();
    assert_eq!(gone, [0, 1]);
    touch(&mut list, 0, SECOND * 31 / 10);
    assert_eq!(list.heartbeat_due(Timestamp(9 * SECOND)), Some(Timestamp(5 * SECOND)));
}

#[test]
fn jumps_that_found_nothing_are_not_made_up_for() {
    let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(2) }, false);
    list.touched(Slot(0), Timestamp(0), Timestamp(0), None);
    list.removed(Slot(0));
    assert_eq!(list.heartbeat_due(Timestamp(50 * SECOND)), None);
    list.touched(Slot(0), Timestamp(50 * SECOND + 1), Timestamp(0), None);
    assert_eq!(list.heartbeat_due(Timestamp(90 * SECOND)), Some(Timestamp(52 * SECOND)));
}

#[test]
fn a_look_back_keeps_the_young() {
    let kind = RetentionKind::ByTimeJumpingLookback { limit: Duration::from_secs(4), lookback: Duration::from_secs(1) };
    let mut list = list(kind, false);
    for (slot, now) in [(0, 0), (1, 2 * SECOND), (2, 3 * SECOND), (3, SECOND * 35 / 10)] {
        list.touched(Slot(slot), Timestamp(now), Timestamp(0), None);
    }
    assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), Some(Timestamp(4 * SECOND)));
    assert_eq!(expired(&mut list, 4 * SECOND), [0, 1, 2]);
    assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), Some(Timestamp(8 * SECOND)));
    assert_eq!(expired(&mut list, 8 * SECOND), [3]);
    assert_eq!(list.heartbeat_due(Timestamp(100 * SECOND)), None);
}

#[test]
fn event_time_lets_late_rows_go_at_once() {
    let mut list = list(RetentionKind::ByTimeSliding { limit: Duration::from_secs(5) }, true);
    let mut touch = |slot, time: i64| {
        list.touched(Slot(slot), Timestamp(0), Timestamp(0), Some(time * SECOND));
        overdue(&mut list)
    };
    assert_eq!((touch(0, 10), touch(1, 12)), (vec![], vec![]));
    assert_eq!(touch(2, 15), [0]);
    assert_eq!(touch(3, 9), [3]);
    assert_eq!(touch(4, 100), [1, 2]);
}

#[test]
fn event_time_jumps_when_it_crosses_a_multiple_from_the_first_event() {
    let mut list = list(RetentionKind::ByTimeJumping { limit: Duration::from_secs(10) }, true);
    let mut touch = |slot, time: i64| {
        list.touched(Slot(slot), Timestamp(0), Timestamp(0), Some(time * SECOND));
        overdue(&mut list)
    };
    assert_eq!((touch(0, 3), touch(1, 1), touch(2, 12)), (vec![], vec![], vec![]));
    assert_eq!(touch(3, 13), [1, 0, 2]);
    assert_eq!(touch(4, 22), Vec::<u32>::new());
    assert_eq!(touch(5, 40), [3, 4]);
}
