//! What a project and its settings say of brokers and topics, for starting and for commands.

use adapter_kafka::{ClientSettings, Expectations, ProjectTopics};

use crate::commands::LoadedProject;
use crate::config::Config;
use crate::deployment::{Deployment, dead_letter_topic, metadata_topic, scratch_topic};

/// Settings that replace what the project file says, for clusters that move.
pub(crate) fn apply_overrides(deployment: &mut Deployment, config: &Config) {
    if let Some(bootstrap) = &config.bootstrap {
        deployment.bootstrap.clone_from(bootstrap);
    }
    if let Some(zookeeper) = &config.zookeeper {
        deployment.zookeeper = Some(zookeeper.clone());
    }
}

/// How to reach the brokers: the project's connectors, then `kafka.` settings.
pub(crate) fn client_settings(deployment: &Deployment, config: &Config) -> anyhow::Result<ClientSettings> {
    let mut global = deployment.global_config.clone();
    for (key, value) in &config.kafka {
        global = format!("{global}{}{key}={value}", if global.is_empty() { "" } else { ";" });
    }
    let settings = ClientSettings::new(&deployment.bootstrap, Some(&global), Some(&deployment.topic_config))?;
    Ok(settings.guarded(config.allow_plaintext_password)?)
}

/// The topics of a deployment by role.
pub(crate) fn project_topics(deployment: &Deployment) -> ProjectTopics {
    ProjectTopics {
        inbound: deployment.inputs().cloned().collect(),
        outbound: deployment.outbound.iter().map(|outbound| outbound.topic.clone()).collect(),
        dead: Some(dead_letter_topic(&deployment.label, &deployment.project)),
        journal: deployment.journal(),
        metadata: metadata_topic(&deployment.label),
        adapter_metadata: Vec::new(),
        scratch: Some(scratch_topic(&deployment.label, &deployment.project)),
    }
}

/// What topics are held to.
pub(crate) fn expectations(project: &LoadedProject, config: &Config) -> Expectations {
    Expectations {
        model_retention: project.loaded.project.longest_retention(),
        marker_period: config.marker_period,
        allow_unreplicated: config.allow_unreplicated,
        ..Expectations::default()
    }
}
