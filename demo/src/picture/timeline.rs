//! Pictures of the output over time, as SVG.

use std::fmt::Write as _;

use super::lanes::{self, Frame};
use crate::capture::{Gap, Output};
use crate::stages::Lane;

/// Height of the outputs' part of a picture, in its own coordinates; the engines' lanes lie below it.
const HEIGHT: f64 = 180.0;
/// Width of the picture of the whole drill, and of one around a fault: as wide as they are shown, so that letters are.
const WHOLE_WIDTH: f64 = 1040.0;
const NEAR_WIDTH: f64 = 440.0;
/// Bars higher than so many ordinary ones are cut: what was held back comes out at once and would flatten the rest.
const CUT_ABOVE: usize = 4;
/// Room for the axis below the bars.
const AXIS: f64 = 22.0;
/// Half the width of an ordinary label.
const EDGE: f64 = 16.0;
/// A bar of the whole drill stands for this many milliseconds.
const WHOLE_BUCKET_MS: i64 = 100;
/// A bar around a fault.
const NEAR_BUCKET_MS: i64 = 10;
/// What is shown before a fault, and after it at least.
const BEFORE_MS: i64 = 200;
const AFTER_MS: i64 = 500;

/// Outputs per bucket of time.
struct Histogram {
    width: f64,
    from: i64,
    bucket_ms: i64,
    counts: Vec<usize>,
}

impl Histogram {
    fn new(outputs: &[Output], from: i64, to: i64, bucket_ms: i64, width: f64) -> Self {
        let buckets = usize::try_from((to - from) / bucket_ms + 1).unwrap_or(1);
        let mut counts = vec![0; buckets];
        for output in outputs.iter().filter(|output| (from..=to).contains(&output.timestamp)) {
            if let Some(count) =
                usize::try_from((output.timestamp - from) / bucket_ms).ok().and_then(|i| counts.get_mut(i))
            {
                *count += 1;
            }
        }
        Self { width, from, bucket_ms, counts }
    }

    fn x(&self, time: i64) -> f64 {
        let span = self.bucket_ms as f64 * self.counts.len() as f64;
        (time - self.from) as f64 / span * self.width
    }

    fn bars(&self) -> String {
        let highest = self.highest_shown() as f64;
        let width = self.width / self.counts.len() as f64;
        let mut svg = String::new();
        for (i, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let height = (count as f64 / highest).min(1.0) * (HEIGHT - AXIS - 14.0);
            let _ = write!(
                svg,
                "<rect class=bar x={:.1} y={:.1} width={:.2} height={height:.1}><title>{count} outputs</title></rect>",
                i as f64 * width,
                HEIGHT - AXIS - height,
                (width - 0.4).max(0.4)
            );
        }
        let _ = write!(svg, "<text x=2 y=10>{highest:.0} per {} ms</text>", self.bucket_ms);
        svg
    }

    fn highest_shown(&self) -> usize {
        let mut filled: Vec<usize> = self.counts.iter().copied().filter(|count| *count > 0).collect();
        filled.sort_unstable();
        let ordinary = filled.get(filled.len() / 2).copied().unwrap_or(1);
        let highest = filled.last().copied().unwrap_or(1);
        highest.min(ordinary * CUT_ABOVE).max(1)
    }

    fn axis(&self, zero: i64, step_ms: i64, unit: &str, divisor: f64) -> String {
        let mut svg = format!("<line class=axis x1=0 x2={1} y1={0} y2={0} />", HEIGHT - AXIS, self.width);
        let end = self.to();
        let mut time = zero + (self.from - zero).div_euclid(step_ms) * step_ms;
        while time <= end {
            if time >= self.from {
                let x = self.x(time);
                let label = (time - zero) as f64 / divisor;
                // At the left edge the middle of a label would be its end.
                let anchor = if x < EDGE { "start" } else { "middle" };
                let _ = write!(svg, "<text x={x:.1} y={:.1} text-anchor={anchor}>{label} {unit}</text>", HEIGHT - 6.0);
            }
            time += step_ms;
        }
        svg
    }
}

impl Histogram {
    fn to(&self) -> i64 {
        self.from + self.bucket_ms * i64::try_from(self.counts.len()).unwrap_or(0)
    }

    fn lanes(&self, lanes: &[Lane], with_steps: bool) -> String {
        let x = |time| self.x(time);
        let frame = Frame { top: HEIGHT + 4.0, width: self.width, from: self.from, to: self.to(), x: &x };
        lanes::draw(lanes, &frame, with_steps)
    }

    /// A fault's line, down through the lanes.
    fn mark(&self, at: i64, lanes: &[Lane]) -> String {
        let x = self.x(at);
        format!("<line class=mark x1={x:.1} x2={x:.1} y1=14 y2={:.1} />", HEIGHT + 4.0 + lanes::height(lanes))
    }
}

fn framed(width: f64, lanes: &[Lane], inner: &str) -> String {
    let height = HEIGHT + 6.0 + lanes::height(lanes);
    format!("<svg viewBox='0 0 {width} {height}' role=img>{inner}</svg>")
}

/// The whole drill, with a numbered line for each fault (milliseconds since 1970 UTC).
#[must_use]
pub fn whole(faults: &[i64], outputs: &[Output], lanes: &[Lane]) -> String {
    let (Some(first), Some(last)) = (outputs.first(), outputs.last()) else { return String::new() };
    let histogram = Histogram::new(outputs, first.timestamp, last.timestamp, WHOLE_BUCKET_MS, WHOLE_WIDTH);
    let mut inner = histogram.bars();
    for (i, &fault) in faults.iter().enumerate() {
        inner.push_str(&histogram.mark(fault, lanes));
        let _ = write!(inner, "<text x={:.1} y=22>{}</text>", histogram.x(fault) + 3.0, i + 1);
    }
    let seconds = (last.timestamp - first.timestamp) / 1_000;
    let step = (seconds / 12).max(1) * 1_000;
    inner.push_str(&histogram.axis(first.timestamp, step, "s", 1e3));
    inner.push_str(&histogram.lanes(lanes, false));
    framed(WHOLE_WIDTH, lanes, &inner)
}

/// The moments around one fault; its gap is shaded.
#[must_use]
pub fn around(at: i64, gap: Gap, outputs: &[Output], lanes: &[Lane]) -> String {
    let from = at - BEFORE_MS;
    let to = (at + AFTER_MS).max(gap.to + BEFORE_MS);
    let bucket = NEAR_BUCKET_MS.max((to - from) / 150);
    let histogram = Histogram::new(outputs, from, to, bucket, NEAR_WIDTH);
    let (x1, x2) = (histogram.x(gap.from.max(from)), histogram.x(gap.to));
    let mut inner =
        format!("<rect class=gap x={x1:.1} y=14 width={:.1} height={:.1} />", (x2 - x1).max(0.0), HEIGHT - AXIS - 14.0);
    inner.push_str(&histogram.bars());
    let step = if to - from > 2_000 { 1_000 } else { 200 };
    inner.push_str(&histogram.axis(at, step, "ms", 1.0));
    inner.push_str(&histogram.lanes(lanes, true));
    inner.push_str(&histogram.mark(at, lanes));
    framed(NEAR_WIDTH, lanes, &inner)
}
