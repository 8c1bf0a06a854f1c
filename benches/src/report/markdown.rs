//! The report as a page.

use std::fmt::Write;

use super::{
    Family, Kind, Report, Row,
    table::{ratio, spread},
    verdict::{RIVALS, lead, verdict},
};

const HOW: &str = "Contestants run in processes of their own, in turns, round by round; a figure is the median of its rounds. \
`least .. most` is the range of all rounds. *Of rival* says how many times as good a row is as the best other runtime \
(or as awaiting each op, where plans are compared), *of limit* as the best loop by hand; above 1 is better. CPU is that of \
all threads of the process, those of the kernel that work for it included. Bold is the best of a column, whoever it is, \
loops by hand aside. Where a core of clients is the slower side, rates are alike and only CPU per op tells servers apart.";

/// `plots`: for each chapter, the files that show it.
pub fn render(report: &Report, plots: &[(String, Vec<String>)]) -> String {
    let mut page = "# Results\n\n".to_owned();
    for line in report.machine.lines() {
        let _ = writeln!(page, "- {line}");
    }
    let _ = writeln!(page, "\nMade by `cargo run --release -p benches -- --report`.\n\n{HOW}\n");
    summary(&mut page, report);
    for (chapter, files) in plots {
        if chapter.is_empty() {
            continue;
        }
        let _ = writeln!(page, "## {chapter}\n");
        for file in files {
            let _ = writeln!(page, "![{chapter}](plots/{file})\n");
        }
        for family in report.families.iter().filter(|family| family.chapter == *chapter) {
            table(&mut page, family);
        }
    }
    page
}

fn summary(page: &mut String, report: &Report) {
    page.push_str("![ours against the best rival](plots/overview.svg)\n\n");
    page.push_str("| workload | by | best of ours | best rival | ours to rival |\n|---|---|---|---|---|\n");
    for family in &report.families {
        let metric = family.headline;
        let name = |kinds: &[Kind]| {
            let best = family.best(metric, kinds);
            best.map_or("–".to_owned(), |(row, figure)| format!("{}, {}", row.contestant, metric.show(figure.median)))
        };
        let lead = lead(family).map_or("–".to_owned(), |lead| format!("{lead:.2}x"));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {lead} |",
            family.title,
            metric.title(),
            name(&[Kind::Ours]),
            name(RIVALS)
        );
    }
    page.push('\n');
}

fn table(page: &mut String, family: &Family) {
    let metrics = family.metrics();
    let _ = writeln!(page, "### {}\n\n`--only {}`, {} rounds.", family.title, family.name, family.rounds);
    if let Some(verdict) = verdict(family) {
        let _ = writeln!(page, "**{verdict}.**");
    }
    page.push_str("\n| |");
    for metric in &metrics {
        let _ = write!(page, " {} |", metric.title());
        if *metric == family.headline {
            page.push_str(" least .. most | of rival | of limit |");
        }
    }
    page.push_str("\n|---|");
    page.push_str(&"--:|".repeat(metrics.len() + 3));
    page.push('\n');
    for row in &family.rows {
        let _ = write!(page, "| {} |", row.contestant);
        match &row.failed {
            Some(failed) => {
                let _ = write!(page, " {failed} |{}", " |".repeat(metrics.len() + 2));
            }
            None => cells(page, family, row),
        }
        page.push('\n');
    }
    page.push('\n');
}

fn cells(page: &mut String, family: &Family, row: &Row) {
    for metric in family.metrics() {
        let best = family.best(metric, &[Kind::Ours, Kind::Peer, Kind::OpByOp]).map(|(row, _)| &row.contestant);
        let strong = if best == Some(&row.contestant) { "**" } else { "" };
        let shown = row.figure(metric).map_or("–".to_owned(), |figure| metric.show(figure.median));
        let _ = write!(page, " {strong}{shown}{strong} |");
        if metric == family.headline {
            let (rival, limit) = (ratio(family, row, RIVALS), ratio(family, row, &[Kind::Limit]));
            let _ = write!(page, " {} | {rival} | {limit} |", spread(row, metric));
        }
    }
}
