//! A chapter: a panel for each family, a bar for each contestant, by the metric that decides.

use std::path::Path;

use plotters::style::RGBColor;

use super::{Canvas, color, legend};
use crate::report::{Better, Family};

const WIDTH: i32 = 900;
const NAMES: i32 = 220;
const BARS: i32 = 520;
const ROW: i32 = 20;
const HEAD: i32 = 30;
const GAP: i32 = 16;
const WHISKER: RGBColor = RGBColor(60, 60, 60);

pub fn draw(families: &[&Family], path: &Path) -> Result<(), String> {
    let height: i32 = families.iter().map(|family| HEAD + GAP + ROW * family.rows.len() as i32).sum();
    let canvas = Canvas::new(path, WIDTH, height + 40)?;
    legend(&canvas, families, 12)?;
    let mut top = 40;
    for family in families {
        panel(&canvas, family, top)?;
        top += HEAD + GAP + ROW * family.rows.len() as i32;
    }
    canvas.finish()
}

fn panel(canvas: &Canvas, family: &Family, top: i32) -> Result<(), String> {
    let metric = family.headline;
    let better = if metric.better() == Better::Higher { "longer" } else { "shorter" };
    canvas.text(10, top + HEAD / 2, &format!("{} — {}; {better} is better", family.title, metric.title()), 14)?;
    let figures = || family.rows.iter().filter_map(|row| row.figure(metric));
    let most = figures().map(|figure| figure.median).fold(0.0, f64::max);
    for (i, row) in family.rows.iter().enumerate() {
        let top = top + HEAD + ROW * i as i32;
        canvas.text_before(NAMES, top + ROW / 2, &row.contestant, 12)?;
        let Some(figure) = row.figure(metric) else {
            canvas.text(NAMES + 8, top + ROW / 2, "no figure", 12)?;
            continue;
        };
        // One that is far off must not flatten the rest, but a range may leave the panel.
        let place = |value: f64| ((value / most).min(1.1) * f64::from(BARS)) as i32;
        canvas.bar(NAMES + 6, top + 3, place(figure.median), ROW - 6, color(row.kind))?;
        let (from, to) = (place(figure.least), place(figure.most));
        canvas.bar(NAMES + 6 + from, top + ROW / 2 - 1, to - from, 1, WHISKER)?;
        let end = NAMES + 14 + place(figure.median).max(to);
        canvas.text(end, top + ROW / 2, &metric.show(figure.median), 12)?;
    }
    Ok(())
}
