//! `understudy topics create|describe|delete`.

use std::fmt::Write as _;

use adapter_kafka::{Admin, CreateOutcome, Expectations, TopicDescription, TopicRole, TopicSpec, TopicState};

use super::{confirm, load_project, print, settings};
use crate::cli::{TopicsAction, TopicsArgs};
use crate::deployment::is_outbound;
use crate::exit::Exit;
use crate::node::{apply_overrides, client_settings, expectations, project_topics};

struct Prepared {
    admin: Admin,
    specs: Vec<TopicSpec>,
    expected: Expectations,
}

fn prepare(args: &TopicsArgs) -> anyhow::Result<Prepared> {
    let project = load_project(&args.target.project)?;
    let (mut deployment, _) = project.deployment()?;
    let config = settings::read(&args.target.settings, &args.target.settings.set)?;
    apply_overrides(&mut deployment, &config);
    let admin = Admin::open(&client_settings(&deployment, &config)?)?;
    let replication =
        u16::try_from(args.replication).map_err(|_| anyhow::anyhow!("--replication {}", args.replication))?;
    let expected = Expectations { replication, min_insync: 2.min(replication), ..expectations(&project, &config) };
    let specs = adapter_kafka::plan(&project_topics(&deployment), &expected);
    Ok(Prepared { admin, specs, expected })
}

/// Runs one of the actions.
///
/// # Errors
/// A project that can't run; brokers that don't answer or refuse.
pub fn topics(action: &TopicsAction) -> anyhow::Result<Exit> {
    match action {
        TopicsAction::Create(args) => create(args, &prepare(args)?),
        TopicsAction::Describe(args) => describe(&prepare(args)?),
        TopicsAction::Delete(args) => delete(args, &prepare(args)?),
    }
}

/// What is missing is made; settings of what is there are corrected; partitions and copies can't be changed here.
fn create(args: &TopicsArgs, prepared: &Prepared) -> anyhow::Result<Exit> {
    let mut failed = false;
    for created in prepared.admin.create(&prepared.specs, args.dry_run)? {
        let name = &created.name;
        let line = match created.outcome {
            CreateOutcome::Created if args.dry_run => format!("would create  {name}"),
            CreateOutcome::Created => format!("created       {name}"),
            CreateOutcome::Existed => existing(prepared, name.as_str(), args.dry_run),
            CreateOutcome::Failed { reason } => {
                failed = true;
                format!("failed        {name}: {reason}")
            }
        };
        print(&format!("{line}\n"));
    }
    if failed || args.dry_run {
        return Ok(if failed { Exit::Failed } else { Exit::Done });
    }
    findings(prepared)
}

fn existing(prepared: &Prepared, name: &str, dry_run: bool) -> String {
    let Some(spec) = prepared.specs.iter().find(|spec| spec.name.as_str() == name) else { return String::new() };
    match prepared.admin.repair(spec, dry_run) {
        Ok(changes) if changes.is_empty() => format!("is there      {name}"),
        Ok(changes) if dry_run => format!("would change  {name}: {}", changes.join(" ")),
        Ok(changes) => format!("changed       {name}: {}", changes.join(" ")),
        // The in-memory broker has no settings to change; a broker that can't tell is no reason to stop.
        Err(error) => format!("is there      {name} (its settings can't be read: {error})"),
    }
}

fn describe(prepared: &Prepared) -> anyhow::Result<Exit> {
    findings(prepared)
}

fn findings(prepared: &Prepared) -> anyhow::Result<Exit> {
    let report = adapter_kafka::check(&prepared.admin, &prepared.specs, &prepared.expected)?;
    let mut text = String::new();
    for topic in &report.cluster.topics {
        let _ = writeln!(text, "{}", described(topic));
    }
    for finding in &report.findings {
        let _ = writeln!(text, "{finding}");
    }
    if report.findings.is_empty() {
        text.push_str("all topics are fit for hot failover\n");
    }
    print(&text);
    Ok(if report.is_fit() { Exit::Done } else { Exit::Refused })
}

fn described(topic: &TopicDescription) -> String {
    let name = &topic.name;
    match &topic.state {
        TopicState::Missing => format!("{name}  missing"),
        TopicState::Refused { reason } => format!("{name}  the broker doesn't tell: {reason}"),
        TopicState::Present { partitions, configs } => {
            let copies = partitions.first().map_or(0, |partition| partition.replicas.len());
            let in_sync = partitions.first().map_or(0, |partition| partition.in_sync.len());
            let setting = |key: &str| configs.as_ref().and_then(|configs| configs.get(key)).map_or("?", String::as_str);
            format!(
                "{name}  partitions {}  copies {copies}  in sync {in_sync}  min.insync.replicas {}  retention.ms {}",
                partitions.len(),
                setting("min.insync.replicas"),
                setting("retention.ms")
            )
        }
    }
}

fn delete(args: &TopicsArgs, prepared: &Prepared) -> anyhow::Result<Exit> {
    // What another project writes is that project's, though it is read here.
    let own = |spec: &&TopicSpec| spec.role != TopicRole::Inbound || !is_outbound(&spec.name);
    let names: Vec<_> = prepared.specs.iter().filter(own).map(|spec| spec.name.clone()).collect();
    let list: Vec<&str> = names.iter().map(types::TopicName::as_str).collect();
    if args.dry_run {
        print(&format!("would delete {}\n", list.join(", ")));
        return Ok(Exit::Done);
    }
    if !confirm(&format!("Delete {} and all data in them?", list.join(", ")), args.yes)? {
        return Ok(Exit::Refused);
    }
    let missing = prepared.admin.delete(&names)?;
    for name in &names {
        let what = if missing.contains(name) { "was not there" } else { "deleted" };
        print(&format!("{what}  {name}\n"));
    }
    Ok(Exit::Done)
}
