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

use crate::{
    contest::die_with_parent,
    measure::status,
    net_peers::{self, PEERS, Work},
};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(peer: usize, work: Work) -> io::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", &peer.to_string(), work.name(), &work.size().to_string()]);
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
    pub fn memory(&self) -> u64 {
        status(&self.id().to_string(), "RssAnon:").expect("the kernel's name for it")
    }

    /// The most that was ever resident.
    pub fn peak(&self) -> Option<u64> {
        status(&self.id().to_string(), "VmHWM:")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process.
pub fn run(peer: usize, kind: &str, size: usize) -> io::Result<()> {
    die_with_parent();
    on_core(0);
    raise_limit();
    net_peers::serve(&PEERS[peer], Work::parse(kind, size).ok_or(io::ErrorKind::InvalidInput)?);
    Ok(())
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
