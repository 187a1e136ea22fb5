//! Who was active and who stood by, drawn below the output: a lane for each engine.

use std::fmt::Write as _;

use crate::stages::Lane;

/// Height of a lane, with the room between it and the next.
const LANE: f64 = 22.0;
const BAR: f64 = 14.0;
/// Names stand in front of the first stretch, inside the picture.
const NAME_INSET: f64 = 3.0;

/// Where the lanes lie in a picture.
pub(super) struct Frame<'a> {
    /// The first lane's upper edge.
    pub(super) top: f64,
    pub(super) width: f64,
    /// Milliseconds since 1970 UTC.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) x: &'a dyn Fn(i64) -> f64,
}

/// Height of so many lanes.
pub(super) fn height(lanes: &[Lane]) -> f64 {
    LANE * lanes.len() as f64
}

/// The lanes of all engines; steps of takeovers are drawn where there is room for them.
pub(super) fn draw(lanes: &[Lane], frame: &Frame<'_>, with_steps: bool) -> String {
    let mut svg = String::new();
    for (i, lane) in lanes.iter().enumerate() {
        let y = frame.top + LANE * i as f64;
        // Writing to a String can't fail.
        for stretch in lane.stretches.iter().filter(|stretch| stretch.to > frame.from && stretch.from < frame.to) {
            let (x1, x2) = ((frame.x)(stretch.from.max(frame.from)), (frame.x)(stretch.to.min(frame.to)));
            let _ = write!(
                svg,
                "<rect class='stage {0}' x={x1:.1} y={y:.1} width={1:.2} height={BAR}><title>{2} {0}</title></rect>",
                stretch.stage,
                (x2 - x1).max(0.5),
                lane.member,
            );
        }
        if with_steps {
            for step in lane.steps.iter().filter(|step| (frame.from..frame.to).contains(&step.at)) {
                let x = (frame.x)(step.at);
                let _ = write!(
                    svg,
                    "<line class=step x1={x:.1} x2={x:.1} y1={y:.1} y2={:.1}><title>{}: {}</title></line>",
                    y + BAR,
                    lane.member,
                    step.name
                );
            }
        }
        let _ = write!(svg, "<text class=name x={NAME_INSET} y={:.1}>{}</text>", y + BAR - 3.0, lane.member);
    }
    let bottom = frame.top + height(lanes);
    let _ = write!(svg, "<line class=axis x1=0 x2={} y1={bottom:.1} y2={bottom:.1} />", frame.width);
    svg
}
