//! One copy, from the check of its files to the report of what it cost.

use std::{io::IsTerminal, path::PathBuf, rc::Rc, time::Instant};

use indicatif::{ProgressBar, ProgressStyle};
use runtime::{Builder, CachedReads, IntoResult, Lowering, join, join_all, op};

use crate::{
    blocks::Batch,
    buffers::Buffers,
    failure::Failure,
    gather, mirror,
    outputs::{Output, Outputs},
    report::Report,
    scatter,
    sources::{self, Sources},
    window::Window,
};

/// What is copied where.
#[derive(Clone, Debug)]
pub struct Job {
    pub mode: Mode,
    pub sources: Vec<PathBuf>,
    pub outputs: Vec<PathBuf>,
}

/// Which of the three uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// N : 1
    Gather,
    /// 1 : M
    Scatter,
    /// 1 : M, then with `verify` M reads of what was written.
    Mirror { verify: bool },
}

/// How the ops are brought to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A batch is one plan.
    Plans,
    /// Every block is one chain, or one per output.
    Chains,
    /// Every op is awaited on its own.
    Each,
}

/// Choices that do not change the result.
#[derive(Clone, Debug)]
pub struct Settings {
    pub how: How,
    pub lowering: Lowering,
    /// Buffers per plan.
    pub blocks: usize,
    /// Plans.
    pub in_flight: usize,
    pub sq_entries: u32,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Gather => "gather",
            Mode::Scatter => "scatter",
            Mode::Mirror { .. } => "mirror",
        }
    }
}

impl Settings {
    /// Which engine takes joins with nothing behind them: opens and syncs. There is no depth in them for groups and
    /// gates to save an enter on.
    pub fn lowering_of_joins(&self) -> Lowering {
        match self.lowering {
            Lowering::Groups | Lowering::Gate => Lowering::Staged,
            other => other,
        }
    }

    /// Whether a plan that copies everything syncs it as well. A gate's plan must fit the queue: read and write do.
    pub fn sync_in_plan(&self) -> bool {
        self.how == How::Plans && !(self.lowering == Lowering::Gate && self.sq_entries <= 2)
    }
}

impl Job {
    /// Some output is a pipe or a device. Asked after the copy too, so it does not count on the output's being there.
    pub fn writes_to_a_stream(&self) -> bool {
        self.outputs.iter().any(|path| std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()))
    }

    /// The most buffers that one block takes.
    fn buffers_per_block(&self, how: How) -> usize {
        match (self.mode, how) {
            (Mode::Mirror { verify: true }, How::Chains) => 2 * self.outputs.len(),
            (Mode::Mirror { verify: true }, _) => 1 + self.outputs.len(),
            (Mode::Scatter | Mode::Mirror { .. }, How::Chains) => self.outputs.len(),
            _ => 1,
        }
    }

    /// How this job can be done: streams take one op at a time.
    fn settings(&self, asked: &Settings) -> Settings {
        let mut settings = asked.clone();
        if self.writes_to_a_stream() {
            (settings.how, settings.in_flight) = (How::Each, 1);
        }
        let (buffers_max, per_block) = (settings.blocks * settings.in_flight, self.buffers_per_block(settings.how));
        settings.blocks = (settings.blocks / per_block).max(1);
        if settings.how == How::Plans && matches!(settings.lowering, Lowering::Groups | Lowering::Gate) {
            settings.blocks = self.blocks_of_flat_plans(&settings);
        }
        // Only with more outputs than a plan has buffers does this leave fewer plans than asked for.
        settings.in_flight = (buffers_max / (settings.blocks * per_block)).clamp(1, settings.in_flight);
        settings
    }

    /// Groups serve only plans whose joins have single ops as branches: of several blocks, those of gather alone. A
    /// gate brings the ops with its pipe into one submission: three requests per block, a write and a sync behind it.
    fn blocks_of_flat_plans(&self, settings: &Settings) -> usize {
        match (self.mode, settings.lowering) {
            (Mode::Gather, Lowering::Gate) => {
                let room = settings.sq_entries.next_power_of_two() as usize;
                (room.saturating_sub(2) / 3).clamp(1, settings.blocks)
            }
            (Mode::Gather, _) => settings.blocks,
            _ => 1,
        }
    }

    fn check(&self, settings: &Settings) -> Result<(), Failure> {
        let verify = self.mode == Mode::Mirror { verify: true };
        if verify && self.writes_to_a_stream() {
            let text = "--verify reads the outputs back, and one of them is not a regular file; leave --verify out";
            return Err(Failure::new(text));
        }
        if verify && settings.how == How::Chains && settings.sq_entries <= 2 {
            let text = "--mirror --verify with --lowering chain has chains of three requests, which do not fit into \
                        --sq-entries 2; ask for 4, or for another lowering";
            return Err(Failure::new(text));
        }
        Ok(())
    }
}

/// Does the whole job. Outputs get their names only if all of it went well.
pub fn run(job: &Job, settings: &Settings, show_progress: bool) -> Result<Report, Failure> {
    let (bytes, identities) = sources::inspect(&job.sources)?;
    let settings = job.settings(settings);
    job.check(&settings)?;
    let runtime = Builder::new()
        .sq_entries(settings.sq_entries)
        .lowering(settings.lowering)
        // So that the ways differ in plans alone, on whatever is cached.
        .cached_reads(CachedReads::Ring)
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))?;
    if settings.lowering == Lowering::Groups {
        runtime.block_on(check_groups())?;
    }
    let sources: Vec<_> = job.sources.iter().cloned().zip(identities).collect();
    let outputs = Outputs::prepare(&job.outputs, &sources)?;
    let progress = if show_progress { progress_bar(bytes) } else { ProgressBar::hidden() };
    let copied = runtime.block_on(async {
        let (started, before) = (Instant::now(), runtime::metrics());
        let bytes = copy(job, &settings, &outputs.all, &progress).await?;
        Ok((bytes, started.elapsed(), before, runtime::metrics()))
    });
    progress.finish_and_clear();
    let (bytes, elapsed, before, after) = copied?;
    outputs.commit()?;
    Ok(Report::new(job, &settings, bytes, elapsed, &before, &after))
}

/// Asks for groups where they cannot be wrong about anything but the kernel.
async fn check_groups() -> Result<(), Failure> {
    let plan = join!(op::nop(), op::nop()).then(|_| op::nop()).lowering(Lowering::Groups);
    let cannot = |error| Failure::new(format!("cannot use --lowering groups: {error}"));
    plan.await.into_result().map(drop).map_err(cannot)
}

/// Copies and syncs; gives the number of bytes that the sources had.
async fn copy(job: &Job, settings: &Settings, outs: &Rc<[Output]>, progress: &ProgressBar) -> Result<u64, Failure> {
    let mut sources = Sources::new(job.sources.clone(), settings);
    let mut window = Window::new(settings.in_flight, progress.clone());
    let (mut bytes, mut synced) = (0, false);
    while let Some(batch) = sources.next_batch().await? {
        bytes += batch.bytes();
        synced = batch.whole;
        let buffers = window.buffers().await?;
        window.spawn(batch.bytes(), run_batch(job.mode, settings.how, batch, buffers, outs.clone()));
    }
    window.finish().await?;
    if !synced {
        sync(settings, outs).await?;
    }
    Ok(bytes)
}

async fn run_batch(
    mode: Mode,
    how: How,
    batch: Batch,
    buffers: Buffers,
    outs: Rc<[Output]>,
) -> Result<Buffers, Failure> {
    match (mode, how) {
        (Mode::Gather, How::Plans) => gather::plan(&batch, buffers, &outs[0]).await,
        (Mode::Gather, How::Chains) => gather::chains(&batch, buffers, &outs[0]).await,
        (Mode::Gather, How::Each) => gather::each(&batch, buffers, &outs[0]).await,
        (Mode::Mirror { verify: true }, How::Plans) => mirror::plan(&batch, buffers, &outs).await,
        (Mode::Mirror { verify: true }, How::Chains) => mirror::chains(&batch, buffers, &outs).await,
        (Mode::Mirror { verify: true }, How::Each) => mirror::each(&batch, buffers, &outs).await,
        (Mode::Scatter | Mode::Mirror { .. }, How::Plans) => scatter::plan(&batch, buffers, &outs).await,
        (Mode::Scatter | Mode::Mirror { .. }, How::Chains) => scatter::chains(&batch, buffers, &outs).await,
        (Mode::Scatter | Mode::Mirror { .. }, How::Each) => scatter::each(&batch, buffers, &outs).await,
    }
}

/// Brings every output to its device.
async fn sync(settings: &Settings, outs: &[Output]) -> Result<(), Failure> {
    if settings.how == How::Each || outs.len() == 1 {
        for out in outs {
            out.sync().await?;
        }
        return Ok(());
    }
    let results = join_all(outs.iter().map(|out| out.file.sync_data())).lowering(settings.lowering_of_joins()).await;
    for (out, result) in outs.iter().zip(results) {
        out.synced(result).await?;
    }
    Ok(())
}

fn progress_bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}
