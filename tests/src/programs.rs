//! The programs of this checkout, and how to run them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A program of this checkout; `cargo xtask e2e` builds it first.
///
/// # Panics
/// When the test program lies nowhere.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    // target/<profile>/deps/<test>: programs lie two folders up.
    let folder = test.parent().and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
    folder.join(name)
}

/// Projects of others, for comparison only; absent outside of the developers' machines.
#[must_use]
pub fn third_party_examples() -> Option<PathBuf> {
    let folder = root().join("../shared/examples");
    folder.is_dir().then_some(folder)
}

/// Runs `understudy` to its end, however it ends.
///
/// # Errors
/// It can't be started.
pub fn ask(words: &[&str]) -> anyhow::Result<Output> {
    Command::new(program("understudy")).args(words).output().context("starting understudy")
}

/// Runs `understudy` to its end.
///
/// # Errors
/// It can't be started, or fails; its words are in the message.
pub fn understudy(words: &[&str]) -> anyhow::Result<Output> {
    let output = ask(words)?;
    if !output.status.success() {
        let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat();
        bail!("understudy {} failed:\n{said}", words.join(" "));
    }
    Ok(output)
}

/// A program that ends by itself does so within this.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// Between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An `understudy` that runs beside the test and ends with it, whatever happens to it.
pub struct Background {
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts it; what it says is added to `log`.
    ///
    /// # Errors
    /// It can't be started, or the log not be opened.
    pub fn start(words: &[&str], log: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let child = Command::new(program("understudy"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting understudy {}", words.join(" ")))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// All that it has said, and the one before it with the same log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its number in the kernel.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// The kernel doesn't say.
    pub fn ended(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It fails, or doesn't end.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ENDS_WITHIN;
        while Instant::now() < deadline {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("it ended with {status}"),
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
        bail!("it didn't end within {ENDS_WITHIN:?}")
    }
}

impl Drop for Background {
    /// `kill -9`, and waits until the kernel has forgotten it.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
