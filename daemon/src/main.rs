//! `understudy`: the one binary.

use std::process::ExitCode;

use clap::Parser as _;
use understudy::cli::{AdapterKind, Cli, Command, ConfigAction, RunArgs, SettingArgs};
use understudy::commands::{self, Freeze};
use understudy::config::Layers;
use understudy::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse_from(words());
    let failure = on_failure(&cli.command);
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "understudy: {error:#}");
            if passes_by_itself(&error) {
                Exit::Failed.into()
            } else if is_blocked(&error) {
                Exit::Configuration.into()
            } else {
                failure.into()
            }
        }
    }
}

/// Brokers that don't answer yet are no configuration error: a supervisor should start the command again.
fn passes_by_itself(error: &anyhow::Error) -> bool {
    use adapter_kafka::Error;
    error.chain().any(|cause| match cause.downcast_ref::<Error>() {
        Some(Error::Unreachable { .. } | Error::Broker { .. } | Error::Read { .. }) => true,
        Some(Error::NotAcknowledged { .. } | Error::NotWritten { .. } | Error::Thread { .. }) => true,
        Some(Error::Refused(_) | Error::Client { .. } | Error::NoSuchTopic { .. }) | None => false,
    })
}

/// A log that can't be written any more doesn't get better by starting again.
fn is_blocked(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<ports::output::OutputBlock>())
}

/// A link named `dfesp_fs_adapter` is `understudy adapter fs`.
fn words() -> Vec<std::ffi::OsString> {
    let mut words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let program = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if commands::is_called_as_adapter(&program) {
        words.splice(1..1, ["adapter".into(), "fs".into()]);
    }
    words
}

/// What an error means for whoever started the command.
fn on_failure(command: &Command) -> Exit {
    match command {
        Command::Run(_) | Command::Validate { .. } | Command::Config { .. } => Exit::Configuration,
        Command::Check(_) => Exit::Usage,
        Command::Status { .. }
        | Command::Switchover(_)
        | Command::Failover(_)
        | Command::Reinit(_)
        | Command::Upgrade(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::History(_)
        | Command::Explain { .. }
        | Command::Health { .. } => Exit::Unreachable,
        Command::Replay(_)
        | Command::Capture(_)
        | Command::Tail(_)
        | Command::Topics { .. }
        | Command::Reset { .. }
        | Command::Adapter { .. } => Exit::Failed,
    }
}

fn layers(settings: &SettingArgs) -> anyhow::Result<Layers> {
    Layers::read(settings.config.as_deref(), std::env::vars(), &settings.set)
}

fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let config = commands::read_settings(&args.target.settings, &args.flags())?;
    understudy::telemetry::start(&config.log, config.log_json)?;
    if args.shadow {
        return understudy::shadow::run(&args.target.project, &config, args.prove);
    }
    understudy::node::run(&args.target.project, &config)
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Validate { project } => commands::validate(&project),
        Command::Check(args) => commands::check(&args),
        Command::Replay(args) => commands::replay(&args),
        Command::Config { action: ConfigAction::Show(args) } => Ok(commands::show(&layers(&args.settings)?)),
        Command::Run(args) => run(&args),
        Command::Capture(args) => commands::capture(&args),
        Command::Tail(args) => commands::tail(&args),
        Command::Topics { action } => commands::topics(&action),
        Command::Reset { target, yes } => commands::reset(&target, yes),
        Command::Status { http, output } => commands::status(&http, output),
        Command::Switchover(args) => commands::switchover(&args),
        Command::Failover(args) => commands::failover(&args),
        Command::Reinit(args) => commands::reinit(&args),
        Command::Upgrade(args) => commands::upgrade(&args),
        Command::Pause(member) => commands::freeze(&member.http, Freeze::Pause, member.output),
        Command::Resume(member) => commands::freeze(&member.http, Freeze::Resume, member.output),
        Command::History(member) => commands::history(&member),
        Command::Explain { code, member } => commands::explain(code.as_deref(), &member),
        Command::Health { http } => commands::health(&http),
        Command::Adapter { kind: AdapterKind::Fs { options, settings } } => commands::adapter_fs(&options, &settings),
    }
}
