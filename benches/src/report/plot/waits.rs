//! What clients wait: p50, p99 and p999 of each server, on a log scale.

use std::path::Path;

use super::{Canvas, color, legend};
use crate::report::{Family, Metric};

const WIDTH: i32 = 900;
const NAMES: i32 = 220;
const BARS: f64 = 560.0;
const BAR: i32 = 8;
const ROW: i32 = 3 * BAR + 8;
const HEAD: i32 = 30;
const GAP: i32 = 16;
/// From a microsecond to a second.
const DECADES: f64 = 6.0;

pub fn draw(families: &[&Family], path: &Path) -> Result<(), String> {
    let height: i32 = families.iter().map(|family| HEAD + GAP + ROW * family.rows.len() as i32).sum();
    let canvas = Canvas::new(path, WIDTH, height + 40)?;
    legend(&canvas, families, 12)?;
    let mut top = 40;
    for family in families {
        canvas.text(10, top + HEAD / 2, &format!("{} — waits: p50, p99, p999; log scale", family.title), 14)?;
        for (i, row) in family.rows.iter().enumerate() {
            let top = top + HEAD + ROW * i as i32;
            canvas.text_before(NAMES, top + ROW / 2, &row.contestant, 12)?;
            for (i, metric) in [Metric::P50, Metric::P99, Metric::P999].into_iter().enumerate() {
                let Some(figure) = row.figure(metric) else { continue };
                let top = top + BAR * i as i32;
                let width = ((figure.median / 1e3).max(1.0).log10() / DECADES * BARS) as i32;
                canvas.bar(NAMES + 6, top, width, BAR - 1, color(row.kind))?;
                canvas.text(NAMES + 12 + width, top + BAR / 2, &metric.show(figure.median), 9)?;
            }
        }
        top += HEAD + GAP + ROW * family.rows.len() as i32;
    }
    canvas.finish()
}
