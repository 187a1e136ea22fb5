use tempfile::TempDir;
use types::{Digest, MessageId, OutputIndex, Timestamp};

use super::*;

const PROJECT: &str = "plant";

fn letter(offset: u64, part: u32) -> OutputRecord {
    record(offset, part, OutputKind::Data, format!("{{\"offset\":{offset},\"row\":{part}}}").into_bytes())
}

fn record(offset: u64, part: u32, kind: OutputKind, payload: Vec<u8>) -> OutputRecord {
    let (index, id, time, digest) = (OutputIndex(0), MessageId(offset), Timestamp(0), Digest::default());
    OutputRecord { index, id, part, time, kind, payload, digest }
}

fn open(folder: &TempDir, bytes_max: u64) -> DeadLetterFile {
    DeadLetterFile::open(folder.path(), PROJECT, Generation(1), bytes_max).unwrap()
}

/// File names with the letters in them, `offset.row`.
fn shown(folder: &TempDir) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    files.sort_by_key(|file| file.file_name());
    let letters = |path: PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let keys = text.lines().map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{}.{}", value["offset"], value["row"])
        });
        keys.collect::<Vec<_>>().join(" ")
    };
    files.into_iter().map(|file| (file.file_name().into_string().unwrap(), letters(file.path()))).collect()
}

fn only(letters: &str) -> Vec<(String, String)> {
    vec![("plant.1.dead.jsonl".to_owned(), letters.to_owned())]
}

#[test]
fn an_engine_that_starts_again_writes_no_letter_twice_and_leaves_none_out() {
    let folder = tempfile::tempdir().unwrap();
    let all = [letter(3, 0), letter(7, 0), letter(7, 1), letter(7, 2), letter(9, 0)];
    for died_after in 0..=all.len() {
        open(&folder, FILE_BYTES_MAX).append(&all[..died_after]);
    }
    // The whole input is computed again, in other pieces.
    let mut again = open(&folder, FILE_BYTES_MAX);
    all.chunks(2).for_each(|run| again.append(run));
    again.append(&[letter(12, 0)]);
    assert_eq!(shown(&folder), only("3.0 7.0 7.1 7.2 9.0 12.0"));
}

#[test]
fn a_torn_line_is_cut_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder, FILE_BYTES_MAX).append(&[letter(3, 0), letter(7, 0)]);
    let path = folder.path().join("plant.1.dead.jsonl");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 4]).unwrap();
    open(&folder, FILE_BYTES_MAX).append(&[letter(3, 0), letter(7, 0), letter(8, 0)]);
    assert_eq!(shown(&folder), only("3.0 7.0 8.0"));
}

#[test]
fn markers_are_no_letters() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder, FILE_BYTES_MAX).append(&[record(1, 0, OutputKind::Marker, Vec::new()), letter(3, 0)]);
    assert_eq!(shown(&folder), only("3.0"));
}

#[test]
fn the_files_are_bounded_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    // Two letters of one digit fill a file.
    let two = 2 * (letter(1, 0).payload.len() as u64 + 1);
    let mut file = open(&folder, two);
    (0..9).for_each(|offset| file.append(&[letter(offset, 0)]));
    let kept = [("", "8.0"), (".1", "6.0 7.0"), (".2", "4.0 5.0"), (".3", "2.0 3.0")];
    let mut expected = kept.map(|(number, letters)| (format!("plant.1.dead{number}.jsonl"), letters.to_owned()));
    expected.sort();
    assert_eq!(shown(&folder), expected);
    // What was rotated away isn't written again.
    drop(file);
    let mut again = open(&folder, two);
    (0..9).for_each(|offset| again.append(&[letter(offset, 0)]));
    assert_eq!(shown(&folder), expected);
}

#[test]
fn the_letters_of_one_record_stay_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let two = 2 * (letter(1, 0).payload.len() as u64 + 1);
    let all = [letter(1, 0), letter(2, 0), letter(2, 1), letter(2, 2), letter(3, 0)];
    open(&folder, two).append(&all[..3]);
    open(&folder, two).append(&all);
    let files = [("", "3.0"), (".1", "1.0 2.0 2.1 2.2")];
    let mut expected = files.map(|(number, letters)| (format!("plant.1.dead{number}.jsonl"), letters.to_owned()));
    expected.sort();
    assert_eq!(shown(&folder), expected);
}

#[test]
fn two_replicas_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(&folder, FILE_BYTES_MAX);
    let second = DeadLetterFile::open(folder.path(), PROJECT, Generation(1), FILE_BYTES_MAX);
    let refusal = format!("{:#}", second.err().unwrap());
    assert!(refusal.contains("give each its own --data"), "{refusal}");
}

#[test]
fn another_generation_has_files_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder, FILE_BYTES_MAX).append(&[letter(30, 0)]);
    let mut next = DeadLetterFile::open(folder.path(), PROJECT, Generation(2), FILE_BYTES_MAX).unwrap();
    next.append(&[letter(4, 0)]);
    let second = ("plant.2.dead.jsonl".to_owned(), "4.0".to_owned());
    assert_eq!(shown(&folder), [only("30.0"), vec![second]].concat());
}

#[test]
fn a_disk_that_fails_costs_lines_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = open(&folder, FILE_BYTES_MAX);
    file.append(&[letter(1, 0)]);
    // A folder in the file's place can't be opened for writing.
    let path = folder.path().join("plant.1.dead.jsonl");
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    file.file = None;
    file.append(&[letter(2, 0)]);
    assert!(file.failing);
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    file.append(&[letter(3, 0)]);
    assert!(!file.failing);
    assert_eq!(shown(&folder), only("1.0 3.0"));
}
