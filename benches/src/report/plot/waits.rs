//! What clients wait: p50, p99 and p999 of each server as points of a line, on a log scale.

use std::path::Path;

use plotters::style::RGBColor;

use super::{
    Canvas, color,
    grid::{self, BARS, Panel},
};
use crate::report::{Family, Metric};

const ROW: i32 = 18;
const FOOT: i32 = 16;
const GRID: RGBColor = RGBColor(225, 225, 225);
/// From 10 microseconds to a second, in nanoseconds.
const DECADES: [(f64, &str); 6] =
    [(1e4, "10 µs"), (1e5, "100 µs"), (1e6, "1 ms"), (1e7, "10 ms"), (1e8, "100 ms"), (1e9, "1 s")];

pub fn draw(families: &[&Family], path: &Path) -> Result<(), String> {
    grid::draw(families, path, &Panel { row_height: ROW, foot: FOOT, title: &title, draw: &rows })
}

fn title(family: &Family) -> String {
    format!("{} — waits: points are p50, p99 and p999; further left is better", family.title)
}

fn rows(canvas: &Canvas, family: &Family, left: i32, top: i32) -> Result<(), String> {
    let bottom = top + ROW * family.rows.len() as i32;
    for (value, name) in DECADES {
        canvas.bar(left + place(value), top, 1, bottom - top, GRID)?;
        canvas.text_amid(left + place(value), bottom + FOOT / 2, name, 10)?;
    }
    for (i, row) in family.rows.iter().enumerate() {
        let middle = top + ROW * i as i32 + ROW / 2;
        let points: Vec<i32> = [Metric::P50, Metric::P99, Metric::P999]
            .into_iter()
            .filter_map(|metric| row.figure(metric))
            .map(|figure| left + place(figure.median))
            .collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        canvas.bar(*first, middle - 1, last - first, 2, color(row.kind))?;
        for (size, x) in [6, 4, 3].into_iter().zip(&points) {
            canvas.dot(*x, middle, size, color(row.kind))?;
        }
        if let Some(figure) = row.figure(Metric::P99) {
            let text = format!("p99 {}", Metric::P99.show(figure.median));
            canvas.text(left + BARS + 12, middle, &text, 11)?;
        }
    }
    Ok(())
}

fn place(nanos: f64) -> i32 {
    let (least, most) = (DECADES[0].0.log10(), DECADES[DECADES.len() - 1].0.log10());
    ((nanos.log10() - least) / (most - least) * f64::from(BARS)).clamp(0.0, f64::from(BARS)) as i32
}
