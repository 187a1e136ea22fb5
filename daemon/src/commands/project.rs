//! Reading a project file, with messages that point into it.

use std::path::Path;

use anyhow::{Context as _, bail};
use engine::project::{Loaded, SourceText};

use super::say;
use crate::deployment::{self, Deployment};

/// A project file that is sound.
pub struct LoadedProject {
    /// Its text, for messages that point into it.
    pub text: String,
    /// Its name, as given.
    pub file: String,
    /// The checked project with what was accepted without effect.
    pub loaded: Loaded,
}

/// Reads and checks a project file; `@NAME@` tokens come from the environment.
///
/// # Errors
/// A file that can't be read; every problem in it, each with its place.
pub fn load_project(path: &Path) -> anyhow::Result<LoadedProject> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the project {file}"))?;
    match engine::project::load(&text, &file, &|name| std::env::var(name).ok()) {
        Ok(loaded) => Ok(LoadedProject { text, file, loaded }),
        Err(problems) => {
            let count = problems.len();
            problems.iter().for_each(|problem| say(&problem.to_string()));
            bail!("{file} has {count} problem{}", if count == 1 { "" } else { "s" });
        }
    }
}

impl LoadedProject {
    /// What the project asks to be run under hot failover.
    ///
    /// # Errors
    /// Every connector setting that stands in the way, each with its place.
    pub fn deployment(&self) -> anyhow::Result<(Deployment, Vec<deployment::Notice>)> {
        deployment::read(&self.loaded.project).map_err(|refusals| {
            let source = SourceText::new(&self.file, &self.text);
            for refusal in &refusals {
                let problem = source.problem(refusal.position, 1, refusal.what.clone(), "hot failover can't run it");
                say(&problem.fix(&refusal.fix).to_string());
            }
            anyhow::anyhow!("{} can't run under hot failover", self.file)
        })
    }
}
