//! A server in a process of its own, on core 0, and what it has cost so far.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::{
    process::{Resource, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};

use crate::net_peers::{self, PEERS, Work};

/// The first argument of such a process.
pub const SERVE: &str = "serve";

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(peer: usize, work: Work) -> io::Result<Server> {
        let size = if let Work::Http(size) = work { size } else { 0 };
        let mut command = Command::new(std::env::current_exe()?);
        command.args([SERVE, &peer.to_string(), work.name(), &size.to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| io::Error::other("the server printed no address"))?;
        Ok(Server { child, address })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of all its threads, those of the kernel's too.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += text.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Bytes of its own memory that are in use.
    pub fn memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kibi = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kibi.map(|kibi| kibi * 1024).ok_or_else(|| io::Error::other("no RssAnon in /proc/PID/status"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process: `serve PEER WORK SIZE`.
pub fn run(arguments: &[String]) {
    let [_, peer, kind, size] = arguments else { panic!("serve PEER WORK SIZE") };
    let work = Work::parse(kind, size.parse().expect("a size")).expect("a work");
    on_core(0);
    raise_limit();
    net_peers::serve(&PEERS[peer.parse::<usize>().expect("a number")], work);
}

/// Keeps this thread, and those that it starts from now on, on one core, if there are two.
pub fn on_core(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}

/// As many descriptors as the system allows.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
