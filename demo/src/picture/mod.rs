//! Pictures for reports: output over time with faults, gaps and the engines' lives, as SVG; and the look of a page.

mod lanes;
mod timeline;

pub use timeline::{around, whole};

/// The style sheet of a report.
pub const STYLE: &str = "
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

/// Text that stands in HTML as it is.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
