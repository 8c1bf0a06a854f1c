//! A child that runs or has ended.

use std::{
    io,
    process::{Child as StdChild, ExitStatus, Output},
};

use runtime_core::{join, readiness::Readiness};

use super::{ChildStderr, ChildStdin, ChildStdout, orphans};

/// A child process. Made by [`Command::spawn`](super::Command::spawn). `Send` and `Sync`.
///
/// Dropping it neither ends the child nor waits for it, unless [`kill_on_drop`](super::Command::kill_on_drop) was set; it
/// is reaped when it ends ([how](super)).
#[derive(Debug)]
pub struct Child {
    state: State,
    /// The way to the child's standard input, if that was [piped](std::process::Stdio::piped). [`wait`](Child::wait) closes
    /// it; take it out to keep it.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if that was piped.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if that was piped.
    pub stderr: Option<ChildStderr>,
}

/// `Running` → `Ended` when the status has been seen; from then on the process number means nothing.
#[derive(Debug)]
enum State {
    Running(Box<Running>),
    Ended(ExitStatus),
}

/// A child that has not been reaped, as far as we know. Its drop sees to that.
#[derive(Debug)]
struct Running {
    /// Taken when this is dropped.
    child: Option<StdChild>,
    /// Of the process's descriptor; made by the first wait that has to wait.
    end: Option<Readiness>,
    kill_on_drop: bool,
}

impl Child {
    /// Takes over a child of std, which has just been spawned.
    ///
    /// # Errors
    /// Those of fcntl(2) for its pipes; then it is killed.
    pub(super) fn new(mut child: StdChild, kill_on_drop: bool) -> io::Result<Child> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running = Running { child: Some(child), end: None, kill_on_drop: true };
        let stdin = stdin.map(ChildStdin::from_std).transpose()?;
        let stdout = stdout.map(ChildStdout::from_std).transpose()?;
        let stderr = stderr.map(ChildStderr::from_std).transpose()?;
        running.kill_on_drop = kill_on_drop;
        Ok(Child { state: State::Running(Box::new(running)), stdin, stdout, stderr })
    }

    /// The process number; `None` once the end has been seen, since the number may belong to another process then.
    pub fn id(&self) -> Option<u32> {
        match &self.state {
            State::Running(running) => running.child.as_ref().map(StdChild::id),
            State::Ended(_) => None,
        }
    }

    /// Sends SIGKILL, and does not wait for the end. Does nothing if the end has been seen.
    ///
    /// # Errors
    /// Those of kill(2).
    pub fn start_kill(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Running(running) => running.kill(),
            State::Ended(_) => Ok(()),
        }
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    /// Those of kill(2), and as for [`wait`](Child::wait).
    ///
    /// # Cancel safety
    /// The signal is sent at the first poll; the end can be waited for again.
    ///
    /// ```
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// let mut child = runtime::process::Command::new("sleep").arg("1000").spawn()?;
    /// child.kill().await?;
    /// assert!(!child.wait().await?.success());
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await?;
        Ok(())
    }

    /// Closes the child's standard input, if it is still here, and waits for the end. Gives the same status again when asked
    /// again.
    ///
    /// The other pipes stay open and are not read: a child that fills one waits for its reader for ever.
    /// [`wait_with_output`](Child::wait_with_output) reads them.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM: no descriptor for the process; the child runs on, and can be waited for again. ECHILD if
    /// something else has reaped it, or if SIGCHLD is ignored.
    ///
    /// # Panics
    /// When polled outside a runtime, if the child has not ended.
    ///
    /// # Cancel safety
    /// A wait that is dropped has lost nothing; standard input is closed at the first poll.
    ///
    /// # Cost
    /// Two system calls, and one SQE; one system call if the child has ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let running = match &mut self.state {
            State::Ended(status) => return Ok(*status),
            State::Running(running) => running,
        };
        let child = running.child.as_mut().expect("taken by drop only");
        let status = orphans::wait(child, &mut running.end).await?;
        self.state = State::Ended(status);
        Ok(status)
    }

    /// The status if the child has ended, `None` if it still runs. Standard input stays open.
    ///
    /// # Errors
    /// Those of waitpid(2): ECHILD if something else has reaped it.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let running = match &mut self.state {
            State::Ended(status) => return Ok(Some(*status)),
            State::Running(running) => running,
        };
        let status = running.child.as_mut().expect("taken by drop only").try_wait()?;
        if let Some(status) = status {
            self.state = State::Ended(status);
        }
        Ok(status)
    }

    /// Closes the child's standard input, reads the other pipes to their ends, both at once, and waits for the end.
    ///
    /// A pipe ends when nobody has its other side any more, so a grandchild that has inherited it keeps this waiting.
    ///
    /// # Errors
    /// As for [`wait`](Child::wait), and those of read(2). The child is dropped then.
    ///
    /// # Cancel safety
    /// Dropping it drops the child, and what has been read.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let read = (ChildStdout::read_all(stdout), ChildStderr::read_all(stderr));
        let (status, stdout, stderr) = join!(self.wait(), read.0, read.1).await;
        Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
    }
}

impl Running {
    fn kill(&mut self) -> io::Result<()> {
        self.child.as_mut().expect("taken by drop only").kill()?;
        self.kill_on_drop = false;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // It fails if the child is gone.
            let _ = self.kill();
        }
        // A child whose end has been seen remembers it, so this reaps nobody else's.
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            orphans::adopt(child);
        }
    }
}
