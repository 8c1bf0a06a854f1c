//! The command line.

use std::{io, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::contest::Bench;

/// Runs every bench side by side with the peers, interleaved, and shows medians, whoever leads.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// Fewer and shorter rounds: under five minutes for all
    #[arg(long)]
    pub quick: bool,
    /// Only the benches whose names begin so; can be repeated, and separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Only contestants whose names hold this; can be repeated, and separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub contestants: Vec<String>,
    /// How many rounds count, instead of 5, or 3 for a quick run
    #[arg(long)]
    rounds: Option<usize>,
    /// Writes the figures there
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes benches/RESULTS.md and benches/plots/*.svg
    #[arg(long)]
    pub report: bool,
    /// Measures nothing: takes the figures from there
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Shows the names of the benches
    #[arg(long)]
    pub list: bool,
    #[command(subcommand)]
    pub command: Option<Part>,
}

/// What the processes do that a run starts.
#[derive(Debug, Subcommand)]
pub enum Part {
    #[command(hide = true)]
    Contestant {
        bench: String,
        index: usize,
        dir: PathBuf,
        #[arg(long)]
        quick: bool,
    },
    #[command(hide = true)]
    Serve { peer: usize, work: String, size: usize },
}

impl Arguments {
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 }).max(1)
    }

    /// For the report.
    pub fn mode(&self) -> &'static str {
        if self.quick { "a quick run" } else { "a full run" }
    }

    pub fn choose<'a>(&self, benches: &'a [Bench]) -> io::Result<Vec<&'a Bench>> {
        if let Some(unknown) = self.only.iter().find(|name| !benches.iter().any(|bench| bench.name.starts_with(*name)))
        {
            return Err(io::Error::other(format!("no bench begins with {unknown}; --list shows all")));
        }
        let wanted = |bench: &&Bench| match self.only[..] {
            [] => !(self.quick && bench.slow),
            _ => self.only.iter().any(|name| bench.name.starts_with(name)),
        };
        Ok(benches.iter().filter(wanted).collect())
    }
}
