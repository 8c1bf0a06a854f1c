//! The data: a report has families, a family has a row for each contestant, a row has a figure for each metric.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Machine;

/// Which figures win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// What can be measured. The order is that of a table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// Operations per second.
    Rate,
    /// CPU time of all threads per operation, in nanoseconds.
    Cpu,
    /// A wait, in nanoseconds: what half of all, 99 % and 99.9 % stay under.
    P50,
    P99,
    P999,
    /// Calls of `io_uring_enter` per operation, by the runtime's own count, or by perf(1).
    Enters,
    /// System calls of any kind per operation, by perf(1) in a round of their own.
    Calls,
    /// Bytes that one task or connection holds.
    Each,
    /// The most memory that the process ever held, in bytes.
    PeakMemory,
}

impl Metric {
    pub fn better(self) -> Better {
        if self == Metric::Rate { Better::Higher } else { Better::Lower }
    }

    /// The head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Metric::Rate => "per second",
            Metric::Cpu => "CPU per op",
            Metric::P50 => "p50",
            Metric::P99 => "p99",
            Metric::P999 => "p999",
            Metric::Enters => "enters/op",
            Metric::Calls => "syscalls/op",
            Metric::Each => "bytes each",
            Metric::PeakMemory => "peak RSS",
        }
    }

    /// A figure with its unit, three digits that count.
    pub fn show(self, value: f64) -> String {
        match self {
            Metric::Rate => scaled(value, &[(1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, "")]),
            Metric::Cpu | Metric::P50 | Metric::P99 | Metric::P999 => {
                scaled(value, &[(1e9, " s"), (1e6, " ms"), (1e3, " µs"), (1.0, " ns")])
            }
            Metric::Enters | Metric::Calls if value < 0.0005 => "0".to_owned(),
            Metric::Enters | Metric::Calls => format!("{value:.3}"),
            Metric::Each => format!("{value:.0}"),
            Metric::PeakMemory => scaled(value, &[(1024.0 * 1024.0, " MiB")]),
        }
    }
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (size, unit) = *units.iter().find(|(size, _)| value >= *size).unwrap_or(&units[units.len() - 1]);
    let value = value / size;
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.digits$}{unit}")
}

/// What a contestant is to this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Ours,
    /// Another runtime.
    Peer,
    /// This runtime without what the family is about: each op awaited by itself.
    OpByOp,
    /// No runtime: a loop by hand, or plain system calls. What is left to gain, and not in the race.
    Limit,
}

/// A metric over all rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub metric: Metric,
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Figure {
    /// None without a round.
    pub fn of(metric: Metric, mut rounds: Vec<f64>) -> Option<Figure> {
        rounds.sort_by(f64::total_cmp);
        let (least, most) = (*rounds.first()?, *rounds.last()?);
        Some(Figure { metric, median: rounds[rounds.len() / 2], least, most })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub contestant: String,
    pub kind: Kind,
    pub figures: Vec<Figure>,
    /// Why there are no figures: it failed, or took too long.
    pub failed: Option<String>,
}

impl Row {
    pub fn figure(&self, metric: Metric) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric == metric)
    }
}

/// Contestants that did the same work in the same rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// As on the command line.
    pub name: String,
    /// What families are drawn together.
    pub chapter: String,
    pub title: String,
    /// What decides who leads.
    pub headline: Metric,
    pub rounds: usize,
    /// All rounds, with their preparation.
    #[serde(default)]
    pub took: Duration,
    pub rows: Vec<Row>,
}

impl Family {
    /// The metrics that any row has.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<Metric> =
            self.rows.iter().flat_map(|row| &row.figures).map(|figure| figure.metric).collect();
        metrics.sort();
        metrics.dedup();
        metrics
    }

    /// The row of this kind that does best by a metric.
    pub fn best(&self, metric: Metric, kinds: &[Kind]) -> Option<(&Row, &Figure)> {
        let rows = self.rows.iter().filter(|row| kinds.contains(&row.kind));
        let figures = rows.filter_map(|row| Some((row, row.figure(metric)?)));
        figures.max_by(|(_, a), (_, b)| {
            let order = a.median.total_cmp(&b.median);
            if metric.better() == Better::Higher { order } else { order.reverse() }
        })
    }

    /// How many times as good a figure is as another one.
    pub fn times_as_good(metric: Metric, figure: f64, other: f64) -> f64 {
        match metric.better() {
            Better::Higher => figure / other,
            Better::Lower => other / figure,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub machine: Machine,
    pub families: Vec<Family>,
}
