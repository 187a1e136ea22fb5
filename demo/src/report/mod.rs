//! `verdict.json` and `index.html`: what happened, as numbers and as a picture.

mod lanes;
mod timeline;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::drill::Verdict;
use crate::drill::capture::Output;

/// Writes the report into the folder.
pub(crate) fn write(folder: &Path, verdict: &Verdict, outputs: &[Output]) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(verdict)?;
    fs::write(folder.join("verdict.json"), json + "\n").context("writing verdict.json")?;
    fs::write(folder.join("index.html"), page(verdict, outputs)).context("writing index.html")
}

const STYLE: &str = "
:root{color-scheme:light dark;--fg:#1d2733;--bg:#fff;--soft:#5b6b7b;--line:#d5dde5;--bar:#3b82c4;--bad:#c0392b;--good:#1d8348;--band:#f5c6c0;--standby:#c5d3e0;--restoring:#e8c873}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#12171d;--soft:#9aa7b4;--line:#2b3640;--bar:#58a6e6;--bad:#ff7b6b;--good:#56d58a;--band:#5a2a26;--standby:#3d4d5c;--restoring:#8a6d1f}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{color:var(--soft)}
.verdict{font-size:1.15rem;font-weight:600;padding:.6rem .9rem;border-left:5px solid}
.good{color:var(--good);border-color:var(--good)}.bad{color:var(--bad);border-color:var(--bad)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
td.n,th.n{text-align:right}svg{width:100%;height:auto;display:block;margin:.3rem 0 1rem}code{font-size:.85em;word-break:break-all}
text{fill:var(--soft);font:11px system-ui,sans-serif}.bar{fill:var(--bar)}.gap{fill:var(--band)}.mark{stroke:var(--bad);stroke-width:1.5}.axis{stroke:var(--line)}
.active{fill:var(--good);background:var(--good)}.standby{fill:var(--standby);background:var(--standby)}.starting,.restoring,.handing-over{fill:var(--restoring);background:var(--restoring)}.blocked{fill:var(--bad)}
.step{stroke:var(--fg);stroke-width:1.5}.name{fill:var(--fg);font-size:10px;paint-order:stroke;stroke:var(--bg);stroke-width:3px}.key{color:#fff;padding:0 .35em;border-radius:2px}.key.standby,.key.restoring{color:var(--fg)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:1rem}figure{margin:0}figcaption{font-size:.85rem;color:var(--soft)}
";

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
    html.push_str(&timeline::whole(verdict, outputs));
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
            timeline::around(happening.at, *gap, outputs, &verdict.lanes),
            i + 1,
            happening.fault,
            happening.struck.as_ref().map(|member| format!(", {member}")).unwrap_or_default(),
            gap.ms()
        );
    }
    html.push_str("</div></html>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
