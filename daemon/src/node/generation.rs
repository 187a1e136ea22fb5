//! Agreeing on what must be equal for all replicas, before anything is read or written.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adapter_kafka::{ClientSettings, InitialOffset, Notebook, NotebookFact};
use anyhow::{Context as _, bail};
use crossbeam_channel::Receiver;
use engine::project::{Project, WindowKind};
use ports::notebook::{Entry, FenceKind, Ledger, Origin, ProjectLedger, Proposal, WindowRole, WindowSchema};
use types::{Generation, MemberName, Offset, TopicName};

use super::Wake;
use super::topic_ids::TopicIds;
use crate::config::{Config, Fencing};
use crate::deployment::{self, Deployment, journal_topic};
use crate::pipeline::GenerationTerms;

/// How the digest is made; another algorithm is another generation.
const DIGEST_ALGORITHM: &str = "xxh3-128";
/// Counts changes of what engines compute from equal input; another version is another generation.
const SEMANTICS_VERSION: u32 = 1;
/// A proposal is read back within this time, or the notebook doesn't work.
const PROPOSAL_PATIENCE: Duration = Duration::from_secs(30);

/// What holds for this replica.
#[derive(Debug, Clone)]
pub(crate) struct Agreed {
    /// Its number.
    pub generation: Generation,
    /// Where every replica begins to read each inbound topic, in the order in which decisions name them.
    pub inputs: Vec<Origin>,
    /// The same for the journal, where there are several.
    pub journal: Option<Offset>,
    /// What the pipeline is made with.
    pub terms: GenerationTerms,
    /// How often an idle input gets a tick.
    pub tick_step: Duration,
}

/// What is needed to agree.
pub(crate) struct Agreement<'a> {
    /// The model that this replica has.
    pub(crate) project: &'a Project,
    /// Its topics.
    pub(crate) deployment: &'a Deployment,
    /// What to propose when nothing is agreed.
    pub(crate) config: &'a Config,
    /// How to reach the brokers.
    pub(crate) settings: &'a ClientSettings,
    /// What the brokers say of its topics.
    pub(crate) topic_ids: &'a TopicIds,
    /// Where it is agreed.
    pub(crate) notebook: &'a Notebook,
    /// Where the notebook's news come.
    pub(crate) wakes: &'a Receiver<Wake>,
}

impl Agreement<'_> {
    /// Reads the generation in force from the notebook, or proposes the first one and waits for what wins. Whatever else
    /// wakes meanwhile is kept in `missed` for the control loop.
    ///
    /// # Errors
    /// E001 when the cluster runs another model; a notebook that can't be read or written.
    pub(crate) fn reach(&self, ledger: &mut Ledger, missed: &mut Vec<Wake>) -> anyhow::Result<Agreed> {
        let project = &self.deployment.project;
        if in_force(ledger, project).is_none() {
            self.propose(ledger, missed)?;
        }
        let Some(accepted) = in_force(ledger, project) else {
            bail!("the notebook shows no generation of project {project}");
        };
        check_model(self.project, self.deployment, accepted)?;
        check_fence(&self.deployment.project, self.config.fencing, accepted)?;
        let (inputs, journal) = origins(self.deployment, accepted)?;
        for origin in &accepted.origins {
            check_inbound(origin, self.topic_ids.of(&origin.topic), accepted.generation)?;
        }
        let (generation, tick_step) = (accepted.generation, accepted.tick_step);
        Ok(Agreed { generation, inputs, journal, terms: terms_of(accepted), tick_step })
    }

    fn propose(&self, ledger: &mut Ledger, missed: &mut Vec<Wake>) -> anyhow::Result<()> {
        let proposal = proposal(self.project, self.deployment, self.config, self.settings, self.topic_ids, ledger)?;
        self.notebook
            .append(&Entry::Proposal(proposal), PROPOSAL_PATIENCE)
            .context("proposing the first generation")?;
        let deadline = Instant::now() + PROPOSAL_PATIENCE;
        while in_force(ledger, &self.deployment.project).is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            let wake =
                self.wakes.recv_timeout(left).context("the notebook doesn't show the generation just proposed")?;
            // The control loop's own ledger begins where this one stands.
            if let Wake::Notebook(NotebookFact::Noted(noted)) = &wake {
                ledger.note(noted.offset, &noted.entry);
            } else {
                missed.push(wake);
            }
        }
        Ok(())
    }
}

/// What the generation in force fixes, for a program that isn't one of its replicas.
///
/// # Errors
/// Its digests are made in a way that this program doesn't know.
pub(crate) fn agreed_terms(known: &ProjectLedger) -> anyhow::Result<(&Proposal, GenerationTerms)> {
    let accepted = &known.generation().context("no generation is in force")?.proposal;
    let algorithm = &accepted.digest_algorithm;
    if algorithm != DIGEST_ALGORITHM {
        bail!(
            "the cluster makes its digests by {algorithm}, this program by {DIGEST_ALGORITHM}: they can't be compared"
        );
    }
    Ok((accepted, terms_of(accepted)))
}

fn terms_of(accepted: &Proposal) -> GenerationTerms {
    GenerationTerms {
        clip_bound: accepted.clip_bound,
        marker_period: accepted.marker_period,
        part_bytes_max: usize::try_from(accepted.part_bytes_max).unwrap_or(usize::MAX),
    }
}

fn in_force<'a>(ledger: &'a Ledger, project: &str) -> Option<&'a Proposal> {
    ledger.project(project)?.generation().map(|accepted| &accepted.proposal)
}

fn proposal(
    project: &Project,
    deployment: &Deployment,
    config: &Config,
    settings: &ClientSettings,
    topic_ids: &TopicIds,
    ledger: &Ledger,
) -> anyhow::Result<Proposal> {
    let generation = match ledger.project(&deployment.project) {
        None => Generation(1),
        Some(known) => known.next_generation().context("a generation is open that this program can't read")?,
    };
    let inbound = deployment.inbound.iter().map(|inbound| {
        let initial = match inbound.initial_offset {
            deployment::InitialOffset::Smallest => InitialOffset::Smallest,
            deployment::InitialOffset::Largest => InitialOffset::Largest,
            deployment::InitialOffset::At(offset) => InitialOffset::At(Offset(offset)),
        };
        (inbound.topic.clone(), initial)
    });
    // Nothing of a generation stands in the journal before the generation is proposed.
    let journal = deployment.journal().map(|journal| (journal, InitialOffset::Largest));
    let origins = inbound.chain(journal).map(|(topic, initial)| {
        let offset = adapter_kafka::resolve(settings, &topic, initial)
            .with_context(|| format!("resolving where to begin in {topic}"))?;
        Ok(Origin { topic_id: topic_ids.of(&topic).map(str::to_owned), topic, offset })
    });
    Ok(Proposal {
        project: deployment.project.clone(),
        generation,
        fingerprint: project.fingerprint(),
        origins: origins.collect::<anyhow::Result<_>>()?,
        marker_period: config.marker_period,
        tick_step: config.tick_step,
        clip_bound: config.clip_bound,
        part_bytes_max: config.part_bytes_max as u64,
        digest_algorithm: DIGEST_ALGORITHM.to_owned(),
        semantics_version: SEMANTICS_VERSION,
        fence: fence_kind(config.fencing),
        by: MemberName(config.name.clone()),
    })
}

fn check_inbound(origin: &Origin, found: Option<&str>, generation: Generation) -> anyhow::Result<()> {
    if let (Some(agreed), Some(found)) = (origin.topic_id.as_deref(), found)
        && agreed != found
    {
        bail!(
            "E021 Topic was replaced.  {} has the id {found}, generation {generation} was agreed for {agreed}: it was deleted and \
             made again, so its offsets mean other records now.\n     Fix: stop all members and run: understudy reset -p <project file>",
            origin.topic
        );
    }
    Ok(())
}

/// Where a generation begins in the inbound topics, in its order, and in the journal.
///
/// # Errors
/// It was agreed for other inbound topics than those of the deployment.
pub(crate) fn origins(deployment: &Deployment, accepted: &Proposal) -> anyhow::Result<(Vec<Origin>, Option<Offset>)> {
    let name = journal_topic(&deployment.label, &deployment.project);
    let (journal, inputs): (Vec<Origin>, Vec<Origin>) =
        accepted.origins.iter().cloned().partition(|origin| origin.topic == name);
    let agreed: BTreeSet<&TopicName> = inputs.iter().map(|origin| &origin.topic).collect();
    let ours: BTreeSet<&TopicName> = deployment.inputs().collect();
    if agreed != ours || deployment.journal().is_none() != journal.is_empty() {
        let list =
            |topics: &BTreeSet<&TopicName>| topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>().join(", ");
        bail!(
            "this project reads {}, but generation {} was agreed for {} (proposed by {}): replicas that read other topics can't be \
             identical.\n     Fix: deploy the same file to all members; if the connectors were changed on purpose, stop all members \
             and run: understudy reset -p <project file>",
            list(&ours),
            accepted.generation,
            list(&agreed),
            accepted.by
        );
    }
    Ok((inputs, journal.first().map(|origin| origin.offset)))
}

fn check_model(project: &Project, deployment: &Deployment, accepted: &Proposal) -> anyhow::Result<()> {
    let ours = project.fingerprint();
    if accepted.fingerprint != ours {
        bail!(
            "E001 Two engines run different projects.  this project's fingerprint {ours} ≠ the cluster's {} (generation {}, proposed by {}): \
             replicas with different models can't be identical.\n     Fix: deploy the same file to all members; if the model was \
             changed on purpose, stop all members and run: understudy reset -p <project file>",
            accepted.fingerprint,
            accepted.generation,
            accepted.by
        );
    }
    if accepted.semantics_version != SEMANTICS_VERSION || accepted.digest_algorithm != DIGEST_ALGORITHM {
        bail!(
            "project {} runs with engine semantics {} and digest {}, this program has {SEMANTICS_VERSION} and {DIGEST_ALGORITHM}.\n     \
             Fix: run the program version that began generation {}",
            deployment.project,
            accepted.semantics_version,
            accepted.digest_algorithm,
            accepted.generation
        );
    }
    Ok(())
}

/// What a setting means to the log: without fencing the same records are written in the same way, only nobody is refused.
fn fence_kind(fencing: Fencing) -> FenceKind {
    match fencing {
        Fencing::Sequence | Fencing::None => FenceKind::Sequence,
        Fencing::Transaction => FenceKind::Transaction,
    }
}

fn check_fence(project: &str, fencing: Fencing, accepted: &Proposal) -> anyhow::Result<()> {
    let ours = fence_kind(fencing);
    if accepted.fence != ours {
        bail!(
            "fencing = {ours}, but generation {} of project {project} runs with fencing = {} (proposed by {}): writers of two kinds \
             don't see each other's fences, and could repeat or lose output.\n     Fix: say --set fencing={1}; or, to change it, stop \
             all members and run: understudy reset -p <project file>",
            accepted.generation,
            accepted.fence,
            accepted.by
        );
    }
    Ok(())
}

/// Notes the schemas of all windows once per generation: adapters read them.
///
/// # Errors
/// A notebook that can't be written.
pub(crate) fn note_schemas(
    project: &Project,
    deployment: &Deployment,
    generation: Generation,
    notebook: &Notebook,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    for contquery in &project.contqueries {
        for window in &contquery.windows {
            let path = format!("{}/{}", contquery.name, window.name);
            let known = ledger.project(&project.name).and_then(|known| known.schema(&path));
            if known.is_some_and(|schema| schema.generation == generation) {
                continue;
            }
            let (role, generated_key) = match &window.kind {
                WindowKind::Source { autogen_key, .. } => (WindowRole::Source, *autogen_key),
                WindowKind::Copy { .. }
                | WindowKind::Filter { .. }
                | WindowKind::Compute { .. }
                | WindowKind::Functional(_)
                | WindowKind::Summary(_) => (WindowRole::Derived, false),
            };
            let entry = WindowSchema {
                project: project.name.clone(),
                generation,
                payload: deployment.payload(&path),
                window: path,
                schema: window.schema.to_string(),
                role,
                generated_key,
            };
            notebook.post(&Entry::Schema(entry)).context("noting a schema")?;
        }
    }
    Ok(())
}
