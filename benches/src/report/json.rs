//! The report as a file, for machines and for a later `--from`.

use std::{fs, io, path::Path};

use super::Report;

pub fn save(report: &Report, path: &Path) -> io::Result<()> {
    fs::write(path, serde_json::to_vec_pretty(report)?)
}

pub fn load(path: &Path) -> io::Result<Report> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}
