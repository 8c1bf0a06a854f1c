//! A contestant's process, seen from the contest.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use super::{Bench, Sample, Scene};

/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends this process when that which has started it ends.
pub fn die_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

pub struct Process {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Process {
    pub fn start(bench: &Bench, index: usize, scene: &Scene) -> Result<Process, String> {
        let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
        command.args(["contestant", &bench.name, &index.to_string()]).arg(&scene.dir);
        if scene.quick {
            command.arg("--quick");
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        let (input, out) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (tell, output) = mpsc::channel();
        // A thread, since a read of a pipe has no time limit.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Process { child, input, output })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kind` is what the process is told.
    pub fn round(&mut self, kind: &str) -> Result<Sample, String> {
        writeln!(self.input, "{kind}").map_err(|error| format!("it has ended: {error}"))?;
        match self.output.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).map_err(|error| format!("{line:?}: {error}")),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("no end of a round within {PATIENCE:?}")),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err("it ended in a round".to_owned()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
