//! What to run, and how.

use std::{
    error,
    ffi::{OsStr, OsString},
    fmt,
    future::Future,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command as StdCommand, ExitStatus, Output, Stdio},
};

use runtime_core::shard::with_current;

use super::{Child, orphans};

/// What to run, and how. As [`std::process::Command`], with methods that wait without blocking.
///
/// By `From<std::process::Command>` a command can have what this has no method for, such as
/// [`pre_exec`](CommandExt::pre_exec).
///
/// # Cost
/// [`spawn`](Command::spawn) holds the shard up while the system makes the process, as std's does: some hundred
/// microseconds.
#[derive(Debug)]
pub struct Command {
    std: StdCommand,
    kill_on_drop: bool,
}

impl Command {
    /// A command that runs this program, looked up in `PATH` if its name has no slash, without arguments, in this process's
    /// environment and directory.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command::from(StdCommand::new(program))
    }

    /// The command as std has it.
    pub fn as_std(&self) -> &StdCommand {
        &self.std
    }

    /// The command as std has it, to be changed.
    pub fn as_std_mut(&mut self) -> &mut StdCommand {
        &mut self.std
    }

    /// The command as std has it; [`kill_on_drop`](Command::kill_on_drop) is lost.
    pub fn into_std(self) -> StdCommand {
        self.std
    }

    /// Adds an argument, which is passed as it is: no shell sees it.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Adds several arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env<K, V>(&mut self, key: K, val: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.env(key, val);
        self
    }

    /// Sets several variables.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(vars);
        self
    }

    /// Takes a variable out of the child's environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Takes all variables out of the child's environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// Sets the directory that the child starts in. Give an absolute path for the program too: what a relative one then
    /// means is not said.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Sets the child's standard input; it inherits this process's unless told otherwise.
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.std.stdin(cfg);
        self
    }

    /// Sets the child's standard output; inherited for `spawn` and `status`, piped for `output`, unless told otherwise.
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.std.stdout(cfg);
        self
    }

    /// Sets the child's standard error; as [`stdout`](Command::stdout).
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.std.stderr(cfg);
        self
    }

    /// Whether a [`Child`] that is dropped before its end has been seen is killed. Off unless told otherwise. It is reaped
    /// soon after ([how](super)), not in the drop itself.
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Command {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// What [`kill_on_drop`](Command::kill_on_drop) has set.
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Sets the child's user, by number; spawning fails where setuid(2) does.
    pub fn uid(&mut self, id: u32) -> &mut Command {
        self.std.uid(id);
        self
    }

    /// Sets the child's group, by number; spawning fails where setgid(2) does.
    pub fn gid(&mut self, id: u32) -> &mut Command {
        self.std.gid(id);
        self
    }

    /// Sets the argument with number 0, by which the child knows its own name.
    pub fn arg0<S>(&mut self, arg: S) -> &mut Command
    where
        S: AsRef<OsStr>,
    {
        self.std.arg0(arg);
        self
    }

    /// Sets the child's process group; 0 for a new one of its own.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.std.process_group(pgroup);
        self
    }

    /// Starts the child.
    ///
    /// # Errors
    /// Those of fork(2) and execve(2), by their kind, in words that name the program; `source` is the error itself. `NotFound`
    /// if there is no such program, or no such directory.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        assert!(
            with_current(|_| ()).is_some(),
            "a process was spawned outside a runtime; use #[runtime::main] or Runtime::block_on"
        );
        orphans::sweep();
        let child = self.std.spawn().map_err(|error| NotStarted::error(&self.std, error))?;
        Child::new(child, self.kill_on_drop)
    }

    /// Starts the child now, and waits for its end when awaited. What is piped is closed at once.
    ///
    /// # Errors
    /// As for [`spawn`](Command::spawn) and [`Child::wait`], when awaited.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropping it drops the child, as [`Child`] says.
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async {
            let mut child = child?;
            drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
            child.wait().await
        }
    }

    /// Starts the child now, with standard output and error piped whatever was set before, and reads both and waits for its
    /// end when awaited.
    ///
    /// # Errors
    /// As for [`spawn`](Command::spawn) and [`Child::wait_with_output`], when awaited.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropping it drops the child, as [`Child`] says, and what has been read.
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async { child?.wait_with_output().await }
    }
}

impl From<StdCommand> for Command {
    fn from(std: StdCommand) -> Command {
        Command { std, kill_on_drop: false }
    }
}

/// A program that could not be started; the system's error alone does not say which.
#[derive(Debug)]
struct NotStarted {
    program: OsString,
    directory: Option<PathBuf>,
    error: io::Error,
}

impl NotStarted {
    fn error(command: &StdCommand, error: io::Error) -> io::Error {
        let program = command.get_program().to_owned();
        let directory = command.get_current_dir().map(Path::to_path_buf);
        io::Error::new(error.kind(), NotStarted { program, directory, error })
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {:?}", self.program)?;
        if let Some(directory) = &self.directory {
            write!(f, " in {directory:?}")?;
        }
        write!(f, ": {}", self.error)
    }
}

impl error::Error for NotStarted {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}
