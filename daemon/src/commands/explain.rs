//! `understudy explain E008`: the long text on a code. The pages of `docs/errors` are its only source.

use super::{print, say};
use crate::exit::Exit;

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),*]
    };
}

/// Every code and its page.
const PAGES: &[(&str, &str)] = pages![
    "E001", "E002", "E003", "E004", "E005", "E006", "E007", "E008", "E009", "E010", "E011", "E012", "E013", "E014",
    "E015", "E016", "E017", "E018", "E019", "E020", "E021",
];

/// Prints the page of a code, or all codes with their titles.
///
/// # Errors
/// None; an unknown code ends with [`Exit::Usage`].
pub fn explain(code: Option<&str>) -> anyhow::Result<Exit> {
    let Some(code) = code else {
        let titles: Vec<&str> = PAGES.iter().map(|(_, page)| title(page)).collect();
        print(&format!("{}\n", titles.join("\n")));
        return Ok(Exit::Done);
    };
    match page(code) {
        Some(page) => {
            print(page);
            Ok(Exit::Done)
        }
        None => {
            say(&format!("there is no code \"{code}\"; all of them: understudy explain"));
            Ok(Exit::Usage)
        }
    }
}

/// As people type it: `e8` is E008.
fn page(code: &str) -> Option<&'static str> {
    let number: u32 = code.trim().strip_prefix(['E', 'e'])?.parse().ok()?;
    let code = format!("E{number:03}");
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_of_the_docs_can_be_printed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let written: BTreeSet<String> = names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
        let known: BTreeSet<String> = PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(known, written);
        for (code, page) in PAGES {
            assert!(title(page).starts_with(&format!("{code}: ")), "{code} has no title: {}", title(page));
        }
    }

    #[test]
    fn a_code_is_found_as_people_type_it() {
        for typed in ["E008", "e008", "E8", " e8 "] {
            assert!(page(typed).is_some_and(|page| page.starts_with("# E008")), "{typed}");
        }
        for typed in ["", "E", "E000", "E999", "008", "E008.md"] {
            assert!(page(typed).is_none(), "{typed}");
        }
    }
}
