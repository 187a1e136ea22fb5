//! Links between the documents: a page that moved takes its readers with it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::layers::{root, say};

/// Checks every relative link in the project's Markdown.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut pages = Vec::new();
    collect(&root(), &mut pages)?;
    let mut dead = Vec::new();
    let mut links = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
        for target in targets(&text) {
            links += 1;
            let file = target.split('#').next().unwrap_or_default();
            let base = page.parent().unwrap_or(Path::new("."));
            if !file.is_empty() && !base.join(file).exists() {
                dead.push(format!("{}: {target}", page.strip_prefix(root()).unwrap_or(page).display()));
            }
        }
    }
    if !dead.is_empty() {
        bail!("links that lead nowhere:\n  {}", dead.join("\n  "));
    }
    say(&format!("links: {links} in {} pages lead somewhere", pages.len()));
    Ok(())
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') && !name.ends_with("-report") {
                collect(&path, pages)?;
            }
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// The relative targets of `[text](target)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.trim();
        let is_relative =
            !target.contains("://") && !target.starts_with("mailto:") && !target.contains(char::is_whitespace);
        is_relative.then_some(target)
    })
}
