//! The look back.

use std::error::Error;

use runtime::{IntoResult, join};

use crate::{Options, ends::Ends};

/// Bytes compared at once.
const PIECE: u64 = 1 << 20;

/// Reads both, past the page cache if the copy went past it, and compares.
///
/// # Errors
/// If they differ: where.
pub async fn verify(ends: &Ends, options: &Options) -> Result<(), Box<dyn Error>> {
    let (mut offset, mut first, mut second) = (0, vec![0; PIECE as usize], vec![0; PIECE as usize]);
    while offset < ends.size {
        let length = PIECE.min(ends.size - offset) as usize;
        first.truncate(length);
        second.truncate(length);
        let both =
            join!(ends.source_end.read_exact_at(first, offset), ends.destination_end.read_exact_at(second, offset));
        (first, second) = both.await.into_result().map_err(|error| format!("cannot read back: {error}"))?;
        if let Some(at) = first.iter().zip(&second).position(|(first, second)| first != second) {
            let (from, to) = (options.source.display(), options.destination.display());
            return Err(format!("{from} and {to} differ at byte {}", offset + at as u64).into());
        }
        offset += length as u64;
    }
    Ok(())
}
