//! One file per subcommand.

use std::io::{IsTerminal as _, Write as _};

mod adapter;
mod capture;
mod check;
mod config_show;
mod explain;
mod form;
mod freeze;
mod history;
mod project;
mod reinit;
mod remote;
mod replay;
mod reset;
mod settings;
mod status;
mod switchover;
mod topics;
mod upgrade;
mod validate;

pub use adapter::{adapter_fs, is_called_as_adapter};
pub use capture::{capture, tail};
pub use check::check;
pub use config_show::show;
pub use explain::explain;
pub use freeze::{Freeze, freeze};
pub use history::history;
pub use project::{LoadedProject, load_project};
pub use reinit::reinit;
pub use remote::health;
pub use replay::replay;
pub use reset::reset;
pub use settings::read as read_settings;
pub use status::status;
pub use switchover::{failover, switchover};
pub use topics::topics;
pub use upgrade::upgrade;
pub use validate::validate;

/// Results go to standard output, talk to standard error; a closed pipe (`| head`) is no error.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Says something that isn't the result.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Asks before something that can't be undone; without a terminal the answer must be given by a flag.
pub(crate) fn confirm(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("{question} Nobody is there to answer; say --yes");
    }
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
