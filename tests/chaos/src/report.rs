//! `verdict.json`, `report.html` and the table in docs/reliability.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use demo::picture::{STYLE, escaped};

use crate::absent::{ABSENT, Absent};
use crate::journal::Trial;
use crate::results::{Results, RowResult};

/// Pictures per row: the longest gaps first.
const PICTURES_MAX: usize = 4;
/// Width and height of a row's small picture of all its gaps.
const STRIP: (f64, f64) = (220.0, 18.0);
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reliability.md");

/// Writes both files into the folder.
pub(crate) fn write(folder: &Path, results: &Results, trials: &[Trial]) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(results)? + "\n";
    fs::write(folder.join("verdict.json"), json).context("writing verdict.json")?;
    fs::write(folder.join("report.html"), page(folder, results, trials)).context("writing report.html")
}

/// Replaces the measured table and the list of rows that aren't played.
pub(crate) fn write_docs(results: &Results, conditions: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(DOCS).with_context(|| format!("reading {DOCS}"))?;
    let text = replace_between(&text, "measured", &format!("{conditions}\n\n{}", results.table()))?;
    let text = replace_between(&text, "absent", &absent_table())?;
    fs::write(DOCS, text).with_context(|| format!("writing {DOCS}"))
}

/// Puts new text between `<!-- name: begin -->` and `<!-- name: end -->`.
fn replace_between(text: &str, name: &str, new: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("{DOCS} has no line {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{DOCS} has no line {end}"))?;
    Ok(format!("{before}{begin}{new}{end}{after}"))
}

fn absent_table() -> String {
    let row = |row: &Absent| format!("| {} | {} | {} |\n", row.id, row.what, row.why);
    let rows: String = ABSENT.iter().map(row).collect();
    format!("| row | fault | why |\n|---|---|---|\n{rows}")
}

fn page(folder: &Path, results: &Results, trials: &[Trial]) -> String {
    let (class, word) = if results.anomalies == 0 {
        ("good", "no anomaly".to_owned())
    } else {
        ("bad", format!("{} ANOMALIES", results.anomalies))
    };
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Chaos: {word}</title><style>{STYLE}</style><h1>Faults on real processes</h1>\
         <p>Three brokers, three ZooKeeper nodes, three engines, a publisher and a subscriber, each in a network namespace of its \
         own. After each lap one engine without any failover code ran over the same input; log and file were compared with its \
         output.</p><p class='verdict {class}'>{} trials, {word}</p>",
        results.trials
    );
    for trial in &results.witnesses {
        // Writing to a String can't fail.
        let words = trial.anomaly.as_ref().map(|anomaly| anomaly.words.as_str()).unwrap_or_default();
        let _ = write!(html, "<p><b>{}</b> in {}: <code>{}</code></p>", trial.row, trial.lap, escaped(words));
    }
    html.push_str("<h2>All rows</h2><table><tr><th>row<th>fault<th class=n>repeats<th class=n>anomalies<th class=n>gap p50 ms<th class=n>p99<th class=n>max<th class=n>limit<th class=n>over it<th>gaps</tr>");
    for row in &results.rows {
        let limit = &row.limit;
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{:.0}<td class=n>{:.0}<td class=n>{:.0}<td class=n>{limit}<td class=n>{}<td>{}</tr>",
            row.row,
            escaped(row.what),
            row.repeats,
            row.anomalies,
            row.gap_p50_ms,
            row.gap_p99_ms,
            row.gap_max_ms,
            row.late,
            strip(row, trials)
        );
    }
    html.push_str("</table><h2>Around each fault</h2><p>Outputs per time; the shaded band is the gap, lanes show who was active. The longest gaps of each row.</p>");
    for row in &results.rows {
        let _ = write!(
            html,
            "<h2>{} {}</h2><div class=grid>{}</div>",
            row.row,
            escaped(row.what),
            pictures(folder, row, trials)
        );
    }
    html.push_str("</html>\n");
    html
}

/// Every gap of a row as a dot, the limit as a line; logarithmic from 1 ms to 100 s.
fn strip(row: &RowResult, trials: &[Trial]) -> String {
    let (width, height) = STRIP;
    let x = |ms: f64| ms.max(1.0).log10() / 5.0 * width;
    let mut svg = format!("<svg viewBox='0 0 {width} {height}' style='width:{width}px;margin:0'>");
    if let Some(limit) = row.gap_limit_ms {
        let at = x(f64::from(limit));
        let _ = write!(svg, "<line class=mark x1={at:.1} x2={at:.1} y1=0 y2={height} />");
    }
    for trial in trials.iter().filter(|trial| trial.row == row.row) {
        let _ = write!(svg, "<circle class=bar cx={:.1} cy={} r=2.5 fill-opacity=.6 />", x(trial.gap_ms), height / 2.0);
    }
    svg + "</svg>"
}

fn pictures(folder: &Path, row: &RowResult, trials: &[Trial]) -> String {
    let mut mine: Vec<&Trial> = trials.iter().filter(|trial| trial.row == row.row).collect();
    mine.sort_by(|a, b| b.gap_ms.total_cmp(&a.gap_ms));
    let mut html = String::new();
    for trial in mine.into_iter().take(PICTURES_MAX) {
        // A merged journal's pictures may lie elsewhere.
        let Ok(svg) = fs::read_to_string(folder.join("figures").join(&trial.figure)) else { continue };
        let _ = write!(
            html,
            "<figure>{svg}<figcaption>{}: gap {:.0} ms, {} successions, {:.1} s until all was as before</figcaption></figure>",
            trial.lap,
            trial.gap_ms,
            trial.successions,
            (trial.to - trial.from) as f64 / 1e3
        );
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_name_every_row_that_is_not_played() {
        let docs = fs::read_to_string(DOCS).expect("the page about reliability");
        assert!(docs.contains(&absent_table()), "cargo xtask chaos --report-only --docs writes it");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n";
        let new = replace_between(text, "a", "new\n").expect("both marks are there");
        assert_eq!(new, "before\n<!-- a: begin -->\nnew\n<!-- a: end -->\nafter\n");
        assert!(replace_between(text, "b", "new\n").is_err());
    }
}
