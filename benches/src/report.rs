//! What the benches found: the data, and the forms it is shown in.

mod json;
mod machine;
mod markdown;
mod plot;
mod row;
mod table;
mod verdict;

pub use json::{load, save};
pub use machine::Machine;
pub use row::{Better, Family, Figure, Kind, Metric, Report, Row};
pub use table::print;

/// Writes `RESULTS.md` and `plots/*.svg` beside the sources of this package.
pub fn publish(report: &Report) -> std::io::Result<()> {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let plots = here.join("plots");
    // None of an earlier report stays.
    let _none = std::fs::remove_dir_all(&plots);
    std::fs::create_dir_all(&plots)?;
    let drawn = plot::draw_all(report, &plots).map_err(std::io::Error::other)?;
    std::fs::write(here.join("RESULTS.md"), markdown::render(report, &drawn))
}
