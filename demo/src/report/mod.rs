//! `verdict.json` and `index.html`: what happened, as numbers and as a picture.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::drill::Verdict;
use understudy_demo::capture::Output;
use understudy_demo::picture::{self, STYLE, escaped};

/// Writes the report into the folder.
pub(crate) fn write(folder: &Path, verdict: &Verdict, outputs: &[Output]) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(verdict)?;
    fs::write(folder.join("verdict.json"), json + "\n").context("writing verdict.json")?;
    fs::write(folder.join("index.html"), page(verdict, outputs)).context("writing index.html")
}

fn page(verdict: &Verdict, outputs: &[Output]) -> String {
    let mut html = String::new();
    let (class, word) = if verdict.is_identical() { ("good", "identical") } else { ("bad", "DIFFERENT") };
    // Writing to a String can't fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Hot failover drill: {word}</title><style>{STYLE}</style><h1>Hot failover drill</h1>\
         <p>Three engines ran one stateful project on the same input; the active one was struck again and again. \
         Afterwards one engine without any failover code ran over the same input, and the two outputs were compared byte for byte.</p>\
         <p class='verdict {class}'>{word}: expected {} outputs, received {}, lost {}, duplicated {}, out of order {}, different {}</p>",
        verdict.expected, verdict.received, verdict.lost, verdict.duplicated, verdict.reordered, verdict.different
    );
    let _ = write!(
        html,
        "<p>SHA-256 of the expected file <code>{}</code><br>SHA-256 of the received file <code>{}</code></p>",
        verdict.sha256_expected, verdict.sha256_received
    );
    if let Some(first) = &verdict.first_difference {
        let _ = write!(html, "<h2>First difference</h2><p><code>{}</code></p>", escaped(&first.to_string()));
    }
    html.push_str(
        "<h2>The whole drill</h2><p>Outputs in the log per 100 ms; red lines are faults, very high bars are cut. Below, who was \
         <span class='key active'>active</span>, who <span class='key standby'>stood by</span>, and who was still \
         <span class='key restoring'>reading what it had missed</span>; nothing is drawn while an engine was dead, \
         and a frozen one keeps the colour it believed in.</p>",
    );
    let faults: Vec<i64> = verdict.happenings.iter().map(|(happening, _)| happening.at).collect();
    html.push_str(&picture::whole(&faults, outputs, &verdict.lanes));
    html.push_str(
        "<h2>Each fault</h2><table><tr><th class=n>#<th>fault<th class=n>at<th class=n>gap in the output<th>afterwards</tr>",
    );
    for (i, (happening, gap)) in verdict.happenings.iter().enumerate() {
        let _ = write!(
            html,
            "<tr><td class=n>{}<td>{}<td class=n>{:.1} s<td class=n>{:.0} ms<td>{}</tr>",
            i + 1,
            happening.fault,
            (happening.at - verdict.began) as f64 / 1e3,
            gap.ms(),
            escaped(&happening.after)
        );
    }
    html.push_str(
        "</table><h2>Around each fault</h2><p>Outputs per 10 ms. The shaded band is the gap: the largest distance between neighbouring outputs from the last one before the fault to the successor's first one. Small lines in the lanes are steps of a takeover; point at one to read it.</p><div class=grid>",
    );
    for (i, (happening, gap)) in verdict.happenings.iter().enumerate() {
        let _ = write!(
            html,
            "<figure>{}<figcaption>{}. {}{}, gap {:.0} ms</figcaption></figure>",
            picture::around(happening.at, *gap, outputs, &verdict.lanes),
            i + 1,
            happening.fault,
            happening.struck.as_ref().map(|member| format!(", {member}")).unwrap_or_default(),
            gap.ms()
        );
    }
    html.push_str("</div></html>\n");
    html
}
