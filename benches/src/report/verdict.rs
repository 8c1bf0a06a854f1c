//! Who leads a family, in words.

use super::{Family, Kind};

/// Those that this project's rows are held against.
pub const RIVALS: &[Kind] = &[Kind::Peer, Kind::OpByOp];

/// How many times as good the best row of this project is as the best rival, or `None` if one of them is missing.
pub fn lead(family: &Family) -> Option<f64> {
    let metric = family.headline;
    let (_, ours) = family.best(metric, &[Kind::Ours])?;
    let (_, rival) = family.best(metric, RIVALS)?;
    Some(Family::times_as_good(metric, ours.median, rival.median))
}

/// One sentence: the winner by the headline, by how much, and how sure that is.
pub fn verdict(family: &Family) -> Option<String> {
    let metric = family.headline;
    let (our_row, ours) = family.best(metric, &[Kind::Ours])?;
    let (rival_row, rival) = family.best(metric, RIVALS)?;
    let lead = Family::times_as_good(metric, ours.median, rival.median);
    let (winner, loser) = if lead >= 1.0 { (our_row, rival_row) } else { (rival_row, our_row) };
    let apart = ours.least > rival.most || rival.least > ours.most;
    let sure = if apart { "" } else { "; their ranges overlap" };
    let factor = lead.max(1.0 / lead);
    Some(format!("{} leads by {}: {factor:.2}x {}{sure}", winner.contestant, metric.title(), loser.contestant))
}
