//! Alone in its process: a child between fork and exec would hold the locks of other tests a moment longer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use understudy_adapter_files::{Adopt, Error, PositionedFile};

#[test]
fn a_lock_dies_with_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let open = || PositionedFile::open(&path, Adopt::Refuse, b"");
    drop(open().unwrap());
    // The sleeper inherits the locked file and holds it until it is killed.
    let sleeper = ["-c", "exec 9<\"$0\"; flock 9 && echo locked && exec sleep 60"];
    let holder = Command::new("sh").args(sleeper).arg(&path).stdout(Stdio::piped()).spawn();
    let mut holder = holder.unwrap();
    let mut line = String::new();
    let mut byte = [0];
    while holder.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(char::from(byte[0]));
    }
    let while_it_lives = open();
    holder.kill().unwrap();
    assert_eq!(holder.wait().unwrap().signal(), Some(9));
    assert!(open().is_ok());
    if line == "locked" {
        assert!(matches!(while_it_lives, Err(Error::Busy { .. })));
    } else {
        println!("flock(1) is absent, the lock of another process was not tried");
    }
}
