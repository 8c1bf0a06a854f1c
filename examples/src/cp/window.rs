//! Many groups in flight, never more than are wanted.

use std::{error::Error, rc::Rc};

use indicatif::ProgressBar;
use runtime::{IntoResult, fs::FixedBuffers, task::JoinSet};

use crate::{
    Options,
    ends::Ends,
    group::{Failure, Group},
};

/// What O_DIRECT reads and writes in whole.
const ALIGNMENT: u64 = 4096;

/// Copies all, group after group.
pub async fn copy(ends: &Ends, options: &Options, progress: &ProgressBar) -> Result<(), Box<dyn Error>> {
    let (block, per_group) = (options.block_bytes(), options.group as usize);
    // All memory of the copy: a group that finds no buffer waits for one that ends.
    let buffers = FixedBuffers::new(per_group * options.depth as usize, block)?;
    let source = Rc::new(ends.source.try_clone().await?);
    let destination = Rc::new(ends.destination.try_clone().await?);
    let whole = if options.direct { ends.size - ends.size % ALIGNMENT } else { ends.size };
    let mut running = JoinSet::new();
    let mut offset = 0;
    while offset < whole || !running.is_empty() {
        while offset < whole && running.len() < options.depth as usize {
            let length = (whole - offset).min((block * per_group) as u64) as usize;
            let group = Group { offset, length, block };
            let (source, destination, buffers) = (source.clone(), destination.clone(), buffers.clone());
            running.spawn_local(async move { (length, group.copy(&source, &destination, &buffers).await) });
            offset += length as u64;
        }
        if let Some(ended) = running.join_next().await {
            let (length, result) = ended?;
            result.map_err(|failure| explain(failure, options))?;
            progress.inc(length as u64);
        }
    }
    // Less than O_DIRECT takes.
    if whole < ends.size {
        let (read, bytes) = ends.source_end.read_exact_at(vec![0; (ends.size - whole) as usize], whole).await;
        read.map_err(|error| explain(Failure::Read(error), options))?;
        let written = ends.destination_end.write_all_at(bytes, whole).await.into_result();
        written.map_err(|error| explain(Failure::Write(error), options))?;
        ends.destination_end.sync_all().await?;
    }
    Ok(())
}

fn explain(failure: Failure, options: &Options) -> String {
    match failure {
        // The plan does not fit its lowering, and nothing was submitted; its first op is where it is said.
        Failure::Read(error) if error.kind() == std::io::ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
            error.to_string()
        }
        Failure::Read(error) => format!("cannot read {}: {error}", options.source.display()),
        Failure::Write(error) => format!("cannot write {}: {error}", options.destination.display()),
    }
}
