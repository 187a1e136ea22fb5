use tempfile::TempDir;
use types::{Digest, Generation, OutputIndex};

use super::*;

const HEADER: &[u8] = b"opcode,flags,id\n";
/// Outputs of the log that is written to the file.
const OUTPUTS: u64 = 7;

fn row(index: u64) -> Vec<u8> {
    format!("I,N, {index}{}\n", "x".repeat(usize::try_from(index).unwrap())).into_bytes()
}

fn at(next_index: u64) -> LogPosition {
    LogPosition {
        topic_id: "topic".to_owned(),
        generation: Generation(1),
        next_index: OutputIndex(next_index),
        digest: Digest(u128::from(next_index)),
    }
}

/// The file of a subscriber that never died.
fn expected() -> Vec<u8> {
    HEADER.iter().copied().chain((0..OUTPUTS).flat_map(row)).collect()
}

struct Case(TempDir);

impl Case {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("out.csv")
    }

    fn open(&self) -> Result<PositionedFile, Error> {
        PositionedFile::open(&self.path(), Adopt::Refuse, HEADER)
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// A subscriber's whole life from where the file stands: two outputs a commit.
    fn finish(&self) {
        let mut file = self.open().unwrap();
        while let next @ 0..OUTPUTS = next_index(&file) {
            let end = (next + 2).min(OUTPUTS);
            (next..end).for_each(|index| file.append(&row(index)));
            file.commit(at(end)).unwrap();
        }
    }

    fn told(&self, error: &Error) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn next_index(file: &PositionedFile) -> u64 {
    file.position().log.as_ref().map_or(0, |log| log.next_index.0)
}

/// Commits two outputs and dies before `dies_before`, with `torn` bytes of the rows on disk when it dies in writing them.
fn die_in_commit(case: &Case, dies_before: usize, torn: usize) {
    let mut file = case.open().unwrap();
    let next = next_index(&file);
    let end = (next + 2).min(OUTPUTS);
    (next..end).for_each(|index| file.append(&row(index)));
    let target = file.next_position(at(end));
    for step in &COMMIT_STEPS[..dies_before] {
        file.step(*step, &target).unwrap();
    }
    let written = case.content().len();
    if dies_before == 0 {
        let part = file.pending[..torn.min(file.pending.len())].to_vec();
        file.file.write_all(&part).unwrap();
    } else if dies_before == 1 {
        // Written, not synced: the machine's death may take any part of it away, but nothing that was synced before.
        let kept = usize::try_from(file.position.bytes).unwrap();
        drop(file);
        let length = kept.max(written - torn.min(written)) as u64;
        File::options().write(true).open(case.path()).unwrap().set_len(length).unwrap();
    } else if dies_before == 3 {
        // The new position was written and not synced: it may be torn.
        let text = fs::read(temporary_path_of(&case.path())).unwrap();
        fs::write(temporary_path_of(&case.path()), &text[..torn.min(text.len())]).unwrap();
    }
}

#[test]
fn a_subscriber_killed_at_any_step_leaves_no_gap_and_no_repeat() {
    for commits_before in 0..4 {
        for dies_before in 0..=COMMIT_STEPS.len() {
            // Only what is half on disk can be torn.
            let torn: &[usize] = if matches!(dies_before, 0 | 1 | 3) { &[0, 1, 5, 20, 1_000] } else { &[0] };
            for &torn in torn {
                let case = Case::new();
                for _ in 0..commits_before {
                    die_in_commit(&case, COMMIT_STEPS.len(), 0);
                }
                die_in_commit(&case, dies_before, torn);
                case.finish();
                let place = format!("{commits_before} commits, died before step {dies_before}, torn {torn}");
                assert_eq!(String::from_utf8_lossy(&case.content()), String::from_utf8_lossy(&expected()), "{place}");
            }
        }
    }
}

#[test]
fn a_subscriber_killed_again_and_again_leaves_no_gap_and_no_repeat() {
    for first in 0..=COMMIT_STEPS.len() {
        for second in 0..=COMMIT_STEPS.len() {
            let third = (first + 2 * second) % (COMMIT_STEPS.len() + 1);
            let case = Case::new();
            for (torn, dies_before) in [3, 9, 1].into_iter().zip([first, second, third]) {
                die_in_commit(&case, dies_before, torn);
            }
            case.finish();
            assert_eq!(case.content(), expected(), "died before steps {first}, {second}, {third}");
        }
    }
}

#[test]
fn a_subscriber_killed_while_it_opens_a_new_file_begins_anew() {
    let case = Case::new();
    // Created, and dead before the position was there.
    File::create(case.path()).unwrap();
    case.finish();
    assert_eq!(case.content(), expected());
    // Dead with the first position half written.
    let case = Case::new();
    File::create(case.path()).unwrap();
    fs::write(temporary_path_of(&case.path()), "{\"form").unwrap();
    case.finish();
    assert_eq!(case.content(), expected());
}

#[test]
fn uncommitted_rows_are_cut_off_and_the_position_tells_where_to_go_on() {
    let case = Case::new();
    let mut file = case.open().unwrap();
    file.append(&row(0));
    assert_eq!(file.pending_bytes(), HEADER.len() + row(0).len());
    file.commit(at(1)).unwrap();
    file.append(&row(1));
    drop(file);
    let mut torn = File::options().append(true).open(case.path()).unwrap();
    torn.write_all(b"I,N, 1").unwrap();
    let file = case.open().unwrap();
    assert_eq!(file.position().log, Some(at(1)));
    assert_eq!(case.content(), [HEADER, &row(0)[..]].concat());
}

#[test]
fn a_file_with_content_and_no_position_is_refused_or_adopted() {
    let case = Case::new();
    fs::write(case.path(), "precious\nlast").unwrap();
    let refusal = case.told(&case.open().unwrap_err());
    expect_test::expect!["out.csv has content but no out.csv.position: appending could repeat or skip outputs. Move the file away, or set adopt=true to append behind what is there"].assert_eq(&refusal);
    assert_eq!(case.content(), b"precious\nlast");
    let mut file = PositionedFile::open(&case.path(), Adopt::Append, HEADER).unwrap();
    file.append(&row(0));
    file.commit(at(1)).unwrap();
    drop(file);
    assert_eq!(case.content(), [b"precious\nlast\n", &row(0)[..]].concat());
    assert_eq!(case.open().unwrap().position().log, Some(at(1)));
}

#[test]
fn a_file_that_lost_committed_rows_is_refused() {
    let case = Case::new();
    case.finish();
    File::options().write(true).open(case.path()).unwrap().set_len(20).unwrap();
    expect_test::expect!["out.csv has 20 bytes, out.csv.position says 86: it was cut or replaced. Restore it, or remove both files to write all outputs again"].assert_eq(&case.told(&case.open().unwrap_err()));
    fs::remove_file(case.path()).unwrap();
    assert!(matches!(case.open(), Err(Error::OutputShortened { found: 0, .. })));
    fs::write(path_of(&case.path()), "nonsense").unwrap();
    expect_test::expect!["out.csv.position can't be read as a position file: expected ident at line 1 column 2"]
        .assert_eq(&case.told(&case.open().unwrap_err()));
}

#[test]
fn two_writers_of_one_file_are_refused() {
    let case = Case::new();
    let first = case.open().unwrap();
    assert_eq!(case.told(&case.open().unwrap_err()), "out.csv is being written by another process");
    drop(first);
    assert!(case.open().is_ok());
}

#[test]
fn a_file_that_failed_takes_nothing_more_until_it_is_opened_again() {
    let case = Case::new();
    let mut file = case.open().unwrap();
    file.append(&row(0));
    // A folder in the way of the new position.
    fs::create_dir(temporary_path_of(&case.path())).unwrap();
    assert!(matches!(file.commit(at(1)), Err(Error::Io { .. })));
    assert!(matches!(file.commit(at(1)), Err(Error::Failed { .. })));
    drop(file);
    fs::remove_dir(temporary_path_of(&case.path())).unwrap();
    case.finish();
    assert_eq!(case.content(), expected());
}

#[test]
fn standard_output_says_that_it_repeats() {
    let sink = Sink::standard(HEADER.to_vec());
    assert_eq!(sink.position(), None);
    assert!(sink.guarantee().contains("printed again"));
}
