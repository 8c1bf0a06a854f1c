//! Without arguments: the three uses on sample files, as plans and op by op, checked and compared.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use indicatif::BinaryBytes;
use runtime::Interface;
use tempfile::TempDir;

use crate::{
    cleanup,
    failure::Failure,
    job::{self, How, Job, Mode, Settings},
    report::{self, Report},
};

/// Sizes of the sample files, which repeat; eight times these are 64 files and about 32 MiB.
const SIZES: [usize; 8] = [0, 1, 4_095, 65_536, 65_537, 200_000, 1_048_576, 2_800_000];
const FILES: usize = 64;
/// The source of scatter and mirror.
const ONE_SIZE: usize = 8 << 20;
const COPIES: usize = 3;
/// Each way is run this often, in turn with the other; the median of the times is shown.
const ROUNDS: usize = 5;

const HEAD: &str = "            how           plans    SQEs  enters   wakes       time";
const READING: &str = "
All outputs were compared byte by byte. Enters are calls of io_uring_enter, wakes the times that a task was woken: a
plan takes one wake for all its ops, and shares its enters with the other plans in flight. Op by op, too, all reads go by
the ring here; outside of plans, cached pages are otherwise read on the spot. Times are medians; the copies in memory and
the final sync take most of them, so they tell the two ways apart less than the counts do.";

/// Runs everything, and removes what it made.
pub fn run(settings: &Settings, json: bool) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("gather-sample-")
        .tempdir()
        .map_err(|error| Failure::of("make a folder in", &std::env::temp_dir(), &error))?;
    cleanup::register(folder.path());
    let shown = run_in(&folder, settings, json);
    let path = folder.path().to_path_buf();
    let removed = folder.close().map_err(|error| Failure::of("remove", &path, &error));
    shown.and(removed)
}

fn run_in(folder: &TempDir, settings: &Settings, json: bool) -> Result<(), Failure> {
    let samples = Samples::make(folder.path())?;
    let out = &mut io::stdout();
    if !json {
        let (bytes, one) = (BinaryBytes(samples.content.len() as u64), BinaryBytes(ONE_SIZE as u64));
        report::print(out, &format!("gather: {FILES} files, {bytes}, into one"))?;
        report::print(out, &format!("scatter, mirror: one file, {one}, into {COPIES}; mirror reads them back\n"))?;
        report::print(out, HEAD)?;
    }
    let mut kernel = Interface::default();
    for mode in [Mode::Gather, Mode::Scatter, Mode::Mirror { verify: true }] {
        let [plans, each] = samples.compare(mode, settings)?;
        kernel = plans.kernel;
        if json {
            report::print(out, &format!("{}\n{}", plans.json, each.json))?;
        } else {
            report::print(out, &row(mode.name(), "plans", &plans))?;
            report::print(out, &row("", "op by op", &each))?;
        }
    }
    if json { Ok(()) } else { report::print(out, &format!("{READING}\nKernel interface: {kernel}.")) }
}

fn row(mode: &str, how: &str, report: &Report) -> String {
    let Report { plans, sqes, enters, wakes, elapsed, .. } = report;
    let milliseconds = elapsed.as_secs_f64() * 1e3;
    format!("{mode:<12}{how:<11}{plans:>8}{sqes:>8}{enters:>8}{wakes:>8}{milliseconds:>8.1} ms")
}

/// The sample files, and what they hold.
#[derive(Debug)]
struct Samples {
    folder: PathBuf,
    many: Vec<PathBuf>,
    content: Vec<u8>,
    one: PathBuf,
}

impl Samples {
    fn make(folder: &Path) -> Result<Samples, Failure> {
        let size = (0..FILES).map(|index| SIZES[index % SIZES.len()]).sum::<usize>().max(ONE_SIZE);
        let content = pseudorandom(size);
        let write = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).map_err(|error| Failure::of("write the sample", path, &error))
        };
        let (mut many, mut at) = (Vec::new(), 0);
        for index in 0..FILES {
            let path = folder.join(format!("sample-{index:02}"));
            let size = SIZES[index % SIZES.len()];
            write(&path, &content[at..at + size])?;
            many.push(path);
            at += size;
        }
        let one = folder.join("sample-one");
        write(&one, &content[..ONE_SIZE])?;
        Ok(Samples { folder: folder.to_path_buf(), many, content, one })
    }

    /// Runs a mode as plans and op by op, in turn; gives each way's report of the median time.
    fn compare(&self, mode: Mode, settings: &Settings) -> Result<[Report; 2], Failure> {
        let each = Settings { how: How::Each, ..settings.clone() };
        let plans = match settings.how {
            How::Each => Settings { how: How::Plans, ..settings.clone() },
            How::Plans | How::Chains => settings.clone(),
        };
        let (sources, copies) = match mode {
            Mode::Gather => (self.many.clone(), 1),
            _ => (vec![self.one.clone()], COPIES),
        };
        let outputs = (0..copies).map(|index| self.folder.join(format!("{}-{index}", mode.name()))).collect();
        let job = Job { mode, sources, outputs };
        let mut reports = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (settings, reports) in [&plans, &each].into_iter().zip(&mut reports) {
                reports.push(job::run(&job, settings, false)?);
                self.check(&job)?;
            }
        }
        Ok(reports.map(median))
    }

    /// Compares the outputs with what they should be, byte by byte, and removes them.
    fn check(&self, job: &Job) -> Result<(), Failure> {
        let expected = if job.mode == Mode::Gather { &self.content[..] } else { &self.content[..ONE_SIZE] };
        for path in &job.outputs {
            let found = fs::read(path).map_err(|error| Failure::of("read back", path, &error))?;
            if found != expected {
                return Err(Failure::new(format!("{} does not hold what it should", path.display())));
            }
            fs::remove_file(path).map_err(|error| Failure::of("remove", path, &error))?;
        }
        Ok(())
    }
}

/// The report of the median time.
fn median(mut reports: Vec<Report>) -> Report {
    reports.sort_by_key(|report: &Report| -> Duration { report.elapsed });
    reports.swap_remove(reports.len() / 2)
}

/// Bytes that are the same in every run and do not repeat: a block in the wrong place is found.
fn pseudorandom(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
