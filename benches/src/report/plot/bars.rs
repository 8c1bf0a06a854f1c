//! A chapter: a panel for each family, a bar for each contestant, by the metric that decides.

use std::path::Path;

use plotters::style::RGBColor;

use super::{
    Canvas, color,
    grid::{self, BARS, Panel},
};
use crate::report::{Better, Family};

const ROW: i32 = 18;
/// The longest bar, by the shortest.
const CUT: f64 = 5.0;
const WHISKER: RGBColor = RGBColor(60, 60, 60);

pub fn draw(families: &[&Family], path: &Path) -> Result<(), String> {
    grid::draw(families, path, &Panel { row_height: ROW, foot: 0, title: &title, draw: &rows })
}

fn title(family: &Family) -> String {
    let better = if family.headline.better() == Better::Higher { "longer" } else { "shorter" };
    format!("{} — {}; {better} is better", family.title, family.headline.title())
}

fn rows(canvas: &Canvas, family: &Family, left: i32, top: i32) -> Result<(), String> {
    let metric = family.headline;
    let figures = || family.rows.iter().filter_map(|row| row.figure(metric)).map(|figure| figure.median);
    // One that is far off must not flatten the rest: its bar is cut, and says so.
    let most = match metric.better() {
        Better::Higher => figures().fold(0.0, f64::max),
        Better::Lower => figures().fold(0.0, f64::max).min(CUT * figures().fold(f64::INFINITY, f64::min)),
    };
    for (i, row) in family.rows.iter().enumerate() {
        let top = top + ROW * i as i32;
        let Some(figure) = row.figure(metric) else {
            canvas.text(left + 4, top + ROW / 2, "no figure", 12)?;
            continue;
        };
        // A range may leave the panel.
        let place = |value: f64| ((value / most).min(1.05) * f64::from(BARS)) as i32;
        canvas.bar(left, top + 3, place(figure.median), ROW - 5, color(row.kind))?;
        let (from, to) = (place(figure.least), place(figure.most));
        canvas.bar(left + from, top + ROW / 2, to - from, 1, WHISKER)?;
        let end = left + 8 + place(figure.median).max(to);
        let cut = if figure.median > most { "» " } else { "" };
        canvas.text(end, top + ROW / 2, &format!("{cut}{}", metric.show(figure.median)), 12)?;
    }
    Ok(())
}
