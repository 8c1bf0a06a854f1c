//! Panels of a chapter, one for each family, side by side.

use std::path::Path;

use super::{Canvas, legend};
use crate::report::Family;

/// Of a panel.
const WIDTH: i32 = 580;
const HEAD: i32 = 40;
const GAP: i32 = 18;
/// Where names end, from the left.
pub const NAMES: i32 = 180;
/// How wide the place beside them is.
pub const BARS: i32 = 310;
const LETTERS: usize = 98;

/// Draws a family's rows where left and top are given.
pub type Draw = dyn Fn(&Canvas, &Family, i32, i32) -> Result<(), String>;

/// What a panel shows below its title: rows of so many pixels, each drawn by `row`.
pub struct Panel<'a> {
    pub row_height: i32,
    /// Pixels below the rows.
    pub foot: i32,
    pub title: &'a dyn Fn(&Family) -> String,
    pub draw: &'a Draw,
}

pub fn draw(families: &[&Family], path: &Path, panel: &Panel) -> Result<(), String> {
    let columns = families.len().min(2);
    let height = |family: &Family| HEAD + GAP + panel.foot + panel.row_height * family.rows.len() as i32;
    let heights: Vec<i32> =
        families.chunks(columns).map(|line| line.iter().map(|family| height(family)).max().unwrap_or(0)).collect();
    let canvas = Canvas::new(path, 20 + WIDTH * columns as i32, 40 + heights.iter().sum::<i32>())?;
    legend(&canvas, families, 12)?;
    let mut top = 40;
    for (line, height) in families.chunks(columns).zip(heights) {
        for (column, family) in line.iter().enumerate() {
            let left = 10 + WIDTH * column as i32;
            for (i, text) in lines(&(panel.title)(family)).iter().enumerate() {
                canvas.text(left, top + 10 + 17 * i as i32, text, 13)?;
            }
            for (i, row) in family.rows.iter().enumerate() {
                let middle = top + HEAD + panel.row_height * i as i32 + panel.row_height / 2;
                canvas.text_before(left + NAMES - 6, middle, &row.contestant, 12)?;
            }
            (panel.draw)(&canvas, family, left + NAMES, top + HEAD)?;
        }
        top += height;
    }
    canvas.finish()
}

/// At most two.
fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("one at least");
        if last.chars().count() + word.chars().count() >= LETTERS && !last.is_empty() {
            lines.push(word.to_owned());
        } else {
            last.push_str(if last.is_empty() { "" } else { " " });
            last.push_str(word);
        }
    }
    lines.truncate(2);
    lines
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, lines};

    #[test]
    fn titles_have_two_lines_at_most() {
        assert_eq!(lines("short"), ["short"]);
        let long = "word ".repeat(60);
        let lines = lines(&long);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= LETTERS));
    }
}
