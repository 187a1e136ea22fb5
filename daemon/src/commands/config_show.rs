//! `understudy config show`: what holds, and who said so.

use crate::config::settings;
use crate::config::{Layers, Origin};
use crate::exit::Exit;

use super::print;

/// Words in a `kafka.` property's name that make its value a secret.
const SECRET_WORDS: [&str; 4] = ["password", "secret", "token", "key.pem"];

/// Prints every setting with its origin; secrets are hidden.
#[must_use]
pub fn show(layers: &Layers) -> Exit {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["SETTING", "VALUE", "FROM", "MEANING"]);
    for (key, value, origin) in layers.iter() {
        let meaning = settings::find(key).map_or("for librdkafka", |setting| setting.meaning);
        let is_secret = SECRET_WORDS.iter().any(|word| key.contains(word)) && !key.ends_with("-file");
        let value = if is_secret { "***" } else { value };
        let from = match origin {
            Origin::Default => String::from("default"),
            Origin::File(_) | Origin::Environment(_) | Origin::Flag => origin.to_string(),
        };
        table.add_row([key, value, &from, meaning]);
    }
    print(&format!("{table}\n"));
    Exit::Done
}
