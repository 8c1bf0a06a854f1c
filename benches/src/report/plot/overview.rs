//! The one that matters most: for each workload, ours against the best other runtime.

use std::path::Path;

use plotters::style::RGBColor;

use super::Canvas;
use crate::report::{Family, Kind, Report};

const WIDTH: i32 = 1000;
const NAMES: i32 = 520;
/// Where both are alike; and how wide a factor of two is.
const EVEN: i32 = 640;
const DOUBLE: f64 = 55.0;
const ROW: i32 = 17;
const CHAPTER: i32 = 24;
const TOP: i32 = 62;
const AHEAD: RGBColor = RGBColor(0, 114, 178);
const BEHIND: RGBColor = RGBColor(213, 94, 0);
const UNSURE: RGBColor = RGBColor(150, 150, 150);
const LINE: RGBColor = RGBColor(225, 225, 225);
/// Powers of two, with their names.
const SCALE: [(f64, &str); 7] =
    [(-2.0, "¼"), (-1.0, "½"), (0.0, "even"), (1.0, "2×"), (2.0, "4×"), (3.0, "8×"), (4.0, "16×")];

struct Duel<'a> {
    family: &'a Family,
    rival: &'a str,
    lead: f64,
    /// The ranges of all rounds do not meet.
    sure: bool,
}

pub fn draw(report: &Report, path: &Path) -> Result<(), String> {
    let duels: Vec<Duel> = report.families.iter().filter_map(duel).collect();
    let mut chapters: Vec<&str> = Vec::new();
    for duel in &duels {
        if !chapters.contains(&duel.family.chapter.as_str()) {
            chapters.push(&duel.family.chapter);
        }
    }
    let height = TOP + 10 + ROW * duels.len() as i32 + CHAPTER * chapters.len() as i32;
    let canvas = Canvas::new(path, WIDTH, height)?;
    head(&canvas, height)?;
    let mut top = TOP;
    for chapter in chapters {
        canvas.text(10, top + CHAPTER / 2 + 2, chapter, 14)?;
        top += CHAPTER;
        let mut of_chapter: Vec<&Duel> = duels.iter().filter(|duel| duel.family.chapter == chapter).collect();
        of_chapter.sort_by(|a, b| b.lead.total_cmp(&a.lead));
        for duel in of_chapter {
            row(&canvas, duel, top)?;
            top += ROW;
        }
    }
    canvas.finish()
}

fn head(canvas: &Canvas, height: i32) -> Result<(), String> {
    canvas.text(10, 14, "This runtime against the best other one: how many times as good, workload by workload", 15)?;
    let colors = [
        (10, AHEAD, "this one leads"),
        (150, BEHIND, "another one leads"),
        (310, UNSURE, "no clear lead: the ranges overlap"),
    ];
    for (left, color, text) in colors {
        canvas.bar(left, 32, 14, 12, color)?;
        canvas.text(left + 20, 38, text, 12)?;
    }
    for (power, name) in SCALE {
        let x = EVEN + (power * DOUBLE) as i32;
        canvas.bar(x, TOP, 1, height - TOP - 6, if power == 0.0 { UNSURE } else { LINE })?;
        canvas.text_amid(x, TOP - 8, name, 11)?;
    }
    Ok(())
}

fn row(canvas: &Canvas, duel: &Duel, top: i32) -> Result<(), String> {
    let width = (duel.lead.log2().clamp(-2.0, 4.0) * DOUBLE) as i32;
    let left = if width >= 0 { EVEN } else { EVEN + width };
    let color = match (duel.sure, width >= 0) {
        (false, _) => UNSURE,
        (true, true) => AHEAD,
        (true, false) => BEHIND,
    };
    let name = format!("{} ({})", duel.family.title, duel.family.headline.title());
    canvas.text_before(NAMES, top + ROW / 2, &shortened(&name), 11)?;
    canvas.bar(left, top + 3, width.abs(), ROW - 5, color)?;
    let text = format!("{:.2}× {}", duel.lead, duel.rival);
    canvas.text(left.max(EVEN) + width.max(0) + 6, top + ROW / 2, &text, 11)
}

/// None where no other runtime takes part.
fn duel(family: &Family) -> Option<Duel<'_>> {
    let (_, ours) = family.best(family.headline, &[Kind::Ours])?;
    let (rival, theirs) = family.best(family.headline, &[Kind::Peer])?;
    let lead = Family::times_as_good(family.headline, ours.median, theirs.median);
    // One round has no range, and is not taken for noise.
    let sure = ours.least > theirs.most || theirs.least > ours.most || family.rounds == 1;
    Some(Duel { family, rival: &rival.contestant, lead, sure })
}

fn shortened(name: &str) -> String {
    const FITS: usize = 84;
    if name.chars().count() <= FITS { name.to_owned() } else { name.chars().take(FITS - 1).chain(['…']).collect() }
}
