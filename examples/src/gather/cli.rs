//! The command line.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, ValueEnum, error::ErrorKind};

use crate::job::{How, Job, Mode, Settings};

const USAGE: &str = "gather [OPTIONS] <SRC>... --out <FILE>
       gather [OPTIONS] --scatter <SRC> <OUT>...
       gather [OPTIONS] --mirror <SRC> <OUT>... [--verify]
       gather [OPTIONS]";

const ABOUT: &str = "Copies files by io_uring plans: many into one, one into many, one into many with a check.

Each plan is a graph of operations that goes to the kernel as a whole and wakes its task once:
  gather    up to N reads, then 1 write of them all, and at the end 1 sync
  --scatter 1 read, then M writes, and at the end M syncs
  --mirror  1 read, then M writes, then M reads of what was written, and at the end M syncs
Without arguments it makes its own sample files in a temporary folder, runs the three ways as plans and op by op, checks
the results byte by byte, and prints what they cost.";

const NOTES: &str = "\
Files:
  Sources are regular files, taken at the size they have when they are opened. Any number of them works: they are opened
  as the copy comes to them.
  Outputs appear under their names once they are complete and synced, by a rename; before that their bytes are in a
  hidden file beside them. After any failure an output is what it was before. A replaced file keeps its permissions, not
  its owner nor its other hard links; behind a symbolic link the file that it points to is replaced.
  An output that is no regular file (/dev/null, a pipe) is written to directly, in order, one op at a time.

Lowerings:
  auto    the runtime's own choice
  staged  serves every plan: the reactor starts each op when it needs nothing more
  chain   linked requests, which serve only sequences of single ops. So every block becomes a chain of its own:
          gather read-write, scatter read-write for each output (reading the source once for each), mirror
          read-write-read for each output (which needs --sq-entries of at least 4)
  groups  SQE groups, a kernel feature that no release has; one block per plan for --scatter and --mirror
  gate    chains that wait for each other by bytes in pipes; plans are made small enough for the submission queue, and
          have one block for --scatter and --mirror
  Files are opened together before they are read. With groups and gate that is left to the staged engine.

Exit status: 0 if all went well, 1 if not, 2 for a wrong command line.

Examples:
  gather part.* --out whole
  gather --scatter image.iso /mnt/a/image.iso /mnt/b/image.iso
  gather --mirror image.iso /mnt/a/image.iso /mnt/b/image.iso --verify
  gather part.* --out whole --await-each --json";

/// What was asked for.
#[derive(Debug, Parser)]
#[command(
    name = "gather",
    version,
    override_usage = USAGE,
    about = "Copies files by io_uring plans: many into one, one into many, one into many with a check",
    long_about = ABOUT,
    after_long_help = NOTES
)]
pub struct Cli {
    /// Sources; with --scatter and --mirror one source, then the outputs
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write the sources into this file, one after the other
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write one source to every output
    #[arg(long, conflicts_with_all = ["out", "mirror"])]
    scatter: bool,

    /// As --scatter; meant for use with --verify
    #[arg(long, conflicts_with = "out")]
    mirror: bool,

    /// Read back from every output what was written to it, and compare (page cache included)
    #[arg(long)]
    verify: bool,

    /// How plans are brought to the kernel
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = Engine::Auto)]
    lowering: Engine,

    /// Do the same op by op, each awaited on its own and by the ring, to compare with
    #[arg(long, conflicts_with = "lowering")]
    await_each: bool,

    /// Blocks of 64 KiB per plan
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    blocks: u16,

    /// Plans in flight at a time; memory is blocks x plans x 64 KiB
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    in_flight: u16,

    /// Entries of the submission queue, rounded up to a power of two
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=32768))]
    sq_entries: u32,

    /// Print one JSON object per copy, one a line, in place of text
    #[arg(long)]
    pub json: bool,
}

/// The names of `runtime::Lowering` on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Engine {
    /// The runtime's own choice
    Auto,
    /// Linked requests, one chain per block
    Chain,
    /// Each op started by the reactor when it needs nothing more
    Staged,
    /// Groups of requests in one submission, on kernels that have them
    Groups,
    /// Chains that meet in pipes, in one submission
    Gate,
}

impl Cli {
    pub fn settings(&self) -> Settings {
        let (how, lowering) = match (self.await_each, self.lowering) {
            (true, _) => (How::Each, runtime::Lowering::Auto),
            (false, Engine::Auto) => (How::Plans, runtime::Lowering::Auto),
            (false, Engine::Chain) => (How::Chains, runtime::Lowering::Chain),
            (false, Engine::Staged) => (How::Plans, runtime::Lowering::Staged),
            (false, Engine::Groups) => (How::Plans, runtime::Lowering::Groups),
            (false, Engine::Gate) => (How::Plans, runtime::Lowering::Gate),
        };
        let (blocks, in_flight) = (self.blocks.into(), self.in_flight.into());
        Settings { how, lowering, blocks, in_flight, sq_entries: self.sq_entries }
    }

    /// The copy that was asked for; `None` if no file was named at all. Ends the process with status 2 and a hint if
    /// files are missing.
    pub fn job(&self) -> Option<Job> {
        let job = |mode, sources: &[PathBuf], outputs: &[PathBuf]| {
            Some(Job { mode, sources: sources.to_vec(), outputs: outputs.to_vec() })
        };
        let one_to_many = match (self.scatter, self.mirror, self.verify) {
            (true, ..) => Some(Mode::Scatter),
            (_, true, verify) => Some(Mode::Mirror { verify }),
            _ => None,
        };
        // clap's `requires` is silent where the required flag conflicts with another one that is given.
        if self.verify && !self.mirror {
            usage("--verify goes with --mirror");
        }
        match (one_to_many, self.files.as_slice(), &self.out) {
            (Some(mode), [source, outputs @ ..], _) if !outputs.is_empty() => {
                job(mode, std::slice::from_ref(source), outputs)
            }
            (Some(mode), ..) => usage(&format!("--{} needs a source and at least one output", mode.name())),
            (None, [], None) => None,
            (None, [], Some(_)) => usage("--out needs at least one source to gather"),
            (None, _, None) => usage("there are sources, but no --out FILE to gather them into"),
            (None, sources, Some(out)) => job(Mode::Gather, sources, std::slice::from_ref(out)),
        }
    }
}

fn usage(text: &str) -> ! {
    Cli::command().error(ErrorKind::MissingRequiredArgument, text).exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
