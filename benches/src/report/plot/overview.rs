//! The one that matters most: for each workload, ours against the best other runtime.

use std::path::Path;

use plotters::style::RGBColor;

use super::Canvas;
use crate::report::{Family, Kind, Report};

const WIDTH: i32 = 980;
const NAMES: i32 = 420;
/// Where both are alike; and how wide a factor of two is.
const EVEN: i32 = 580;
const DOUBLE: f64 = 70.0;
const ROW: i32 = 22;
const AHEAD: RGBColor = RGBColor(0, 114, 178);
const BEHIND: RGBColor = RGBColor(213, 94, 0);
const LINE: RGBColor = RGBColor(180, 180, 180);

struct Duel<'a> {
    family: &'a Family,
    rival: &'a str,
    lead: f64,
}

pub fn draw(report: &Report, path: &Path) -> Result<(), String> {
    let mut duels: Vec<Duel> = report.families.iter().filter_map(duel).collect();
    duels.sort_by(|a, b| b.lead.total_cmp(&a.lead));
    let height = 70 + ROW * duels.len() as i32;
    let canvas = Canvas::new(path, WIDTH, height)?;
    canvas.text(10, 16, "This runtime against the best other one, workload by workload (a factor; log scale)", 15)?;
    canvas.text_before(EVEN - 8, 40, "another leads", 13)?;
    canvas.text(EVEN + 8, 40, "this one leads", 13)?;
    for power in -2i32..=4 {
        let x = EVEN + (f64::from(power) * DOUBLE) as i32;
        canvas.bar(x, 52, 1, height - 60, LINE)?;
    }
    for (i, duel) in duels.iter().enumerate() {
        let top = 54 + ROW * i as i32;
        let width = (duel.lead.log2().clamp(-2.0, 4.0) * DOUBLE) as i32;
        let (left, color) = if width >= 0 { (EVEN, AHEAD) } else { (EVEN + width, BEHIND) };
        let name = format!("{} ({})", duel.family.title, duel.family.headline.title());
        canvas.text(10, top + ROW / 2, &shortened(&name), 12)?;
        canvas.bar(left, top + 3, width.abs(), ROW - 6, color)?;
        canvas.text(
            left.max(EVEN) + width.max(0) + 6,
            top + ROW / 2,
            &format!("{:.2}x {}", duel.lead, duel.rival),
            12,
        )?;
    }
    canvas.finish()
}

/// None where no other runtime takes part.
fn duel(family: &Family) -> Option<Duel<'_>> {
    let (_, ours) = family.best(family.headline, &[Kind::Ours])?;
    let (rival, theirs) = family.best(family.headline, &[Kind::Peer])?;
    let lead = Family::times_as_good(family.headline, ours.median, theirs.median);
    Some(Duel { family, rival: &rival.contestant, lead })
}

fn shortened(name: &str) -> String {
    let fits = (NAMES / 6) as usize;
    if name.chars().count() <= fits { name.to_owned() } else { name.chars().take(fits - 1).chain(['…']).collect() }
}
