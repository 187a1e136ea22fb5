//! Pictures of the output over time, as SVG.

use std::fmt::Write as _;

use crate::drill::Verdict;
use crate::drill::capture::Output;

/// Height of a picture, in its own coordinates.
const HEIGHT: f64 = 180.0;
/// Width of the picture of the whole drill, and of one around a fault: as wide as they are shown, so that letters are.
const WHOLE_WIDTH: f64 = 1040.0;
const NEAR_WIDTH: f64 = 440.0;
/// Bars higher than so many ordinary ones are cut: what was held back comes out at once and would flatten the rest.
const CUT_ABOVE: usize = 4;
/// Room for the axis below the bars.
const AXIS: f64 = 22.0;
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
        let end = self.from + self.bucket_ms * i64::try_from(self.counts.len()).unwrap_or(0);
        let mut time = zero + (self.from - zero).div_euclid(step_ms) * step_ms;
        while time <= end {
            if time >= self.from {
                let x = self.x(time);
                let label = (time - zero) as f64 / divisor;
                let _ = write!(svg, "<text x={x:.1} y={:.1} text-anchor=middle>{label} {unit}</text>", HEIGHT - 6.0);
            }
            time += step_ms;
        }
        svg
    }
}

fn framed(width: f64, inner: &str) -> String {
    format!("<svg viewBox='0 0 {width} {HEIGHT}' role=img>{inner}</svg>")
}

/// The whole drill, with a line for each fault.
pub(crate) fn whole(verdict: &Verdict, outputs: &[Output]) -> String {
    let (Some(first), Some(last)) = (outputs.first(), outputs.last()) else { return String::new() };
    let histogram = Histogram::new(outputs, first.timestamp, last.timestamp, WHOLE_BUCKET_MS, WHOLE_WIDTH);
    let mut inner = histogram.bars();
    for (i, (happening, _)) in verdict.happenings.iter().enumerate() {
        let x = histogram.x(happening.at);
        let _ = write!(inner, "<line class=mark x1={x:.1} x2={x:.1} y1=14 y2={:.1} />", HEIGHT - AXIS);
        let _ = write!(inner, "<text x={:.1} y=22>{}</text>", x + 3.0, i + 1);
    }
    let seconds = (last.timestamp - first.timestamp) / 1_000;
    let step = (seconds / 12).max(1) * 1_000;
    inner.push_str(&histogram.axis(first.timestamp, step, "s", 1e3));
    framed(WHOLE_WIDTH, &inner)
}

/// The moments around one fault; its gap is shaded.
pub(crate) fn around(at: i64, gap_ms: f64, outputs: &[Output]) -> String {
    let from = at - BEFORE_MS;
    let to = at + AFTER_MS.max(gap_ms as i64 + BEFORE_MS * 2);
    let bucket = NEAR_BUCKET_MS.max((to - from) / 150);
    let histogram = Histogram::new(outputs, from, to, bucket, NEAR_WIDTH);
    let mut inner = String::new();
    let near = outputs.partition_point(|output| output.timestamp < from);
    let times = outputs.get(near..).unwrap_or_default().windows(2).take_while(|pair| pair[0].timestamp <= to);
    let longest = times.max_by_key(|pair| pair[1].timestamp - pair[0].timestamp);
    if let Some(pair) = longest {
        let (x1, x2) = (histogram.x(pair[0].timestamp), histogram.x(pair[1].timestamp));
        let _ =
            write!(inner, "<rect class=gap x={x1:.1} y=14 width={:.1} height={:.1} />", x2 - x1, HEIGHT - AXIS - 14.0);
    }
    inner.push_str(&histogram.bars());
    let x = histogram.x(at);
    let _ = write!(inner, "<line class=mark x1={x:.1} x2={x:.1} y1=14 y2={:.1} />", HEIGHT - AXIS);
    let step = if to - from > 2_000 { 1_000 } else { 200 };
    inner.push_str(&histogram.axis(at, step, "ms", 1.0));
    framed(NEAR_WIDTH, &inner)
}
