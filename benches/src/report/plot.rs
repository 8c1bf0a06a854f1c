//! Plots as SVG: ours in one colour, rivals in another, loops by hand in a third.

mod bars;
mod canvas;
mod grid;
mod overview;
mod waits;

use std::path::Path;

use super::{Family, Kind, Report};
use canvas::Canvas;

/// Draws all; gives the files of each chapter, in the order of the report.
pub fn draw_all(report: &Report, dir: &Path) -> Result<Vec<(String, Vec<String>)>, String> {
    overview::draw(report, &dir.join("overview.svg"))?;
    let mut chapters: Vec<&str> = report.families.iter().map(|family| family.chapter.as_str()).collect();
    chapters.dedup();
    let mut drawn: Vec<(String, Vec<String>)> = Vec::new();
    for chapter in chapters {
        if drawn.iter().any(|(known, _)| known == chapter) {
            continue;
        }
        let families: Vec<&Family> = report.families.iter().filter(|family| family.chapter == chapter).collect();
        let slug = chapter.to_lowercase().replace(' ', "-");
        let mut files = vec![format!("{slug}.svg")];
        bars::draw(&families, &dir.join(&files[0]))?;
        if chapter.ends_with("servers") {
            files.push(format!("{slug}-waits.svg"));
            waits::draw(&families, &dir.join(&files[1]))?;
        }
        drawn.push((chapter.to_owned(), files));
    }
    Ok(drawn)
}

/// Strong for ours, quiet for the rest.
fn color(kind: Kind) -> plotters::style::RGBColor {
    let (r, g, b) = match kind {
        Kind::Ours => (0, 114, 178),
        Kind::Peer => (150, 150, 150),
        Kind::OpByOp => (190, 150, 90),
        Kind::Limit => (205, 215, 205),
    };
    plotters::style::RGBColor(r, g, b)
}

/// What the colours mean, in a row.
fn legend(canvas: &Canvas, families: &[&Family], top: i32) -> Result<(), String> {
    let kinds = [
        (Kind::Ours, "this runtime"),
        (Kind::Peer, "other runtimes"),
        (Kind::OpByOp, "this runtime, op by op"),
        (Kind::Limit, "by hand: the limit"),
    ];
    let mut left = 10;
    for (kind, title) in kinds {
        if families.iter().flat_map(|family| &family.rows).any(|row| row.kind == kind) {
            canvas.bar(left, top, 14, 12, color(kind))?;
            canvas.text(left + 20, top + 6, title, 13)?;
            left += 50 + 8 * title.len() as i32;
        }
    }
    Ok(())
}
