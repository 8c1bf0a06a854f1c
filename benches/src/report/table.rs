//! A family as a table of text.

use super::{
    Family, Kind, Metric, Row,
    verdict::{RIVALS, verdict},
};

const NAME: usize = 30;

/// On stdout.
pub fn print(family: &Family) {
    let took = family.took.as_secs_f64();
    println!("\n{} · {} ({} interleaved rounds, {took:.1} s)", family.name, family.title, family.rounds);
    let metrics = family.metrics();
    print!("{:<NAME$}", "");
    for metric in &metrics {
        print!(" {:>12}", metric.title());
        if *metric == family.headline {
            print!(" {:>21} {:>8} {:>9}", "least .. most", "of rival", "of limit");
        }
    }
    println!();
    for row in &family.rows {
        print!("{:<NAME$}", row.contestant);
        if let Some(failed) = &row.failed {
            println!(" failed: {failed}");
            continue;
        }
        for metric in &metrics {
            let figure = row.figure(*metric);
            print!(" {:>12}", figure.map_or("–".to_owned(), |figure| metric.show(figure.median)));
            if *metric == family.headline {
                let spread = spread(row, *metric);
                print!(" {spread:>21} {:>8} {:>9}", ratio(family, row, RIVALS), ratio(family, row, &[Kind::Limit]));
            }
        }
        println!();
    }
    if let Some(verdict) = verdict(family) {
        println!("=> {verdict}");
    }
}

/// From the least to the most of all rounds.
pub fn spread(row: &Row, metric: Metric) -> String {
    let show = |value| metric.show(value);
    row.figure(metric).map_or("–".to_owned(), |figure| format!("{} .. {}", show(figure.least), show(figure.most)))
}

/// How many times as good a row is as the best one of these kinds.
pub fn ratio(family: &Family, row: &Row, kinds: &[Kind]) -> String {
    let metric = family.headline;
    match (row.figure(metric), family.best(metric, kinds)) {
        (Some(figure), Some((_, best))) => {
            format!("{:.2}x", Family::times_as_good(metric, figure.median, best.median))
        }
        _ => "–".to_owned(),
    }
}
