//! A FUSE file system in memory that fails when it is told to, served by a thread of the test.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use tempfile::TempDir;

/// Requests that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Rename = 12,
    Read = 15,
    Write = 16,
    Sync = 20,
    SyncDir = 30,
    Create = 35,
}

const ROOT: u64 = 1;

pub struct Served {
    dir: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    device: File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, u64>,
    nodes: HashMap<u64, Node>,
    last_node: u64,
    /// What fails, and with what.
    faults: HashMap<u32, i32>,
    /// What is left without an answer for now.
    held: Option<u32>,
    unanswered: Vec<Vec<u8>>,
    counts: HashMap<u32, usize>,
    /// Before the answer to a read: so many more reads, the file, and its new content.
    change: Option<(usize, String, Vec<u8>)>,
}

struct Node {
    bytes: Vec<u8>,
    mode: u32,
}

impl Served {
    /// `None`, and a word, where FUSE cannot be mounted.
    pub fn new() -> Option<Served> {
        let opened = File::options().read(true).write(true).open("/dev/fuse");
        let device = opened.map_err(|error| eprintln!("skipped: /dev/fuse: {error}")).ok()?;
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0", "faults"])
            .arg(dir.path())
            .stdin(Stdio::from(device.try_clone().unwrap()))
            .stderr(Stdio::null())
            .status();
        if !mount.is_ok_and(|status| status.success()) {
            eprintln!("skipped: FUSE cannot be mounted; it takes root");
            return None;
        }
        let mut state = State { last_node: ROOT, ..State::default() };
        state.nodes.insert(ROOT, Node { bytes: Vec::new(), mode: libc::S_IFDIR | 0o755 });
        let shared = Arc::new(Shared { device, state: Mutex::new(state) });
        let serving = shared.clone();
        thread::spawn(move || serving.serve());
        Some(Served { dir, shared })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// From now on such requests fail so; 0: they do not.
    pub fn fail(&self, request: Request, errno: i32) {
        self.shared.state().faults.insert(request as u32, errno);
    }

    /// Such requests get no answer before [`Served::release`].
    pub fn hold(&self, request: Request) {
        self.shared.state().held = Some(request as u32);
    }

    /// With the `n`-th read from now on the file has this content.
    pub fn change_at_read(&self, n: usize, name: &str, bytes: &[u8]) {
        self.shared.state().change = Some((n, name.into(), bytes.to_vec()));
    }

    /// If a request waits for its answer.
    pub fn holds(&self) -> bool {
        !self.shared.state().unanswered.is_empty()
    }

    /// Answers what is held: with an error, or as things are now.
    pub fn release(&self, errno: i32) {
        let mut state = self.shared.state();
        state.held = None;
        for request in std::mem::take(&mut state.unanswered) {
            self.shared.answer(&mut state, &request, errno);
        }
    }

    /// How often such a request has come.
    pub fn count(&self, request: Request) -> usize {
        self.shared.state().counts.get(&(request as u32)).copied().unwrap_or(0)
    }

    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.shared.state();
        state.names.get(name).map(|node| state.nodes[node].bytes.clone())
    }

    /// Sets the content of a file, which may be in use.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.shared.state().put(name, bytes);
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.shared.state().names.keys().cloned().collect();
        names.sort();
        names
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for how in ["-f", "-l"] {
            let _ = Command::new("umount").arg(how).arg(self.path()).stderr(Stdio::null()).status();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self) {
        let mut request = vec![0; 1 << 20];
        // ENODEV once it is unmounted.
        while let Ok(count) = (&self.device).read(&mut request) {
            let bytes = &request[..count];
            let (opcode, mut state) = (word(bytes, 4), self.state());
            *state.counts.entry(opcode).or_default() += 1;
            if state.held == Some(opcode) {
                state.unanswered.push(bytes.to_vec());
                continue;
            }
            let fault = state.faults.get(&opcode).copied().unwrap_or(0);
            self.answer(&mut state, bytes, fault);
        }
    }

    fn answer(&self, state: &mut State, request: &[u8], fault: i32) {
        let unique = long(request, 8);
        let answer = match fault {
            0 => state.answer(word(request, 4), long(request, 16), &request[40..]),
            errno => Err(errno),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(body)) => self.reply(unique, 0, &body),
            Err(errno) => self.reply(unique, -errno, &[]),
        }
    }

    fn reply(&self, unique: u64, error: i32, body: &[u8]) {
        let mut reply = (16 + body.len() as u32).to_ne_bytes().to_vec();
        reply.extend(error.to_ne_bytes());
        reply.extend(unique.to_ne_bytes());
        reply.extend(body);
        // ENOENT: the request was interrupted, and nobody waits.
        let _ = (&self.device).write(&reply);
    }
}

type Answer = Result<Option<Vec<u8>>, i32>;

impl State {
    fn answer(&mut self, opcode: u32, node: u64, body: &[u8]) -> Answer {
        let reply = match opcode {
            2 | 36 | 42 => return Ok(None), // FORGET, INTERRUPT, BATCH_FORGET
            1 => self.entry(*self.names.get(&text(body)).ok_or(libc::ENOENT)?), // LOOKUP
            3 => self.attributes(node),
            4 => {
                let (set_mode, set_size) = (word(body, 0) & 1 != 0, word(body, 0) & 8 != 0);
                let file = self.nodes.get_mut(&node).ok_or(libc::ESTALE)?;
                if set_mode {
                    file.mode = libc::S_IFREG | word(body, 68) & 0o7777;
                }
                if set_size {
                    file.bytes.resize(long(body, 16) as usize, 0);
                }
                self.attributes(node)
            }
            10 => {
                self.names.remove(&text(body)).ok_or(libc::ENOENT)?;
                Vec::new()
            }
            12 => self.rename(&body[8..])?,
            45 => self.rename(&body[16..])?,
            14 | 27 => open(),
            15 => {
                self.change_in_time();
                let bytes = &self.nodes[&node].bytes;
                let start = bytes.len().min(long(body, 8) as usize);
                bytes[start..bytes.len().min(start + word(body, 16) as usize)].to_vec()
            }
            16 => {
                let (at, len) = (long(body, 8) as usize, word(body, 16) as usize);
                let bytes = &mut self.nodes.get_mut(&node).ok_or(libc::ESTALE)?.bytes;
                bytes.resize(bytes.len().max(at + len), 0);
                bytes[at..at + len].copy_from_slice(&body[40..40 + len]);
                [len as u32, 0].map(u32::to_ne_bytes).concat()
            }
            17 => vec![0; 80],
            18 | 20 | 25 | 29 | 30 => Vec::new(), // RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR
            26 => {
                // Protocol 7.31; truncation as a part of opening; writes of up to 128 KiB.
                let mut reply = [7, 31, 0, 1 << 3 | 1 << 5, 0, 128 << 10, 1].map(u32::to_ne_bytes).concat();
                reply.resize(64, 0);
                reply
            }
            35 => {
                let name = text(&body[16..]);
                let node = self.create(&name, word(body, 4));
                [self.entry(node), open()].concat()
            }
            _ => return Err(libc::ENOSYS),
        };
        Ok(Some(reply))
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        let known = self.names.get(name).copied();
        let node = known.unwrap_or_else(|| self.create(name, libc::S_IFREG | 0o644));
        self.nodes.get_mut(&node).unwrap().bytes = bytes.to_vec();
    }

    fn change_in_time(&mut self) {
        if let Some((reads, name, bytes)) = self.change.take() {
            match reads {
                0 => self.put(&name, &bytes),
                _ => self.change = Some((reads - 1, name, bytes)),
            }
        }
    }

    fn create(&mut self, name: &str, mode: u32) -> u64 {
        self.last_node += 1;
        self.names.insert(name.into(), self.last_node);
        self.nodes.insert(self.last_node, Node { bytes: Vec::new(), mode });
        self.last_node
    }

    fn rename(&mut self, names: &[u8]) -> Result<Vec<u8>, i32> {
        let from = text(names);
        let to = text(&names[from.len() + 1..]);
        let node = self.names.remove(&from).ok_or(libc::ENOENT)?;
        self.names.insert(to, node);
        Ok(Vec::new())
    }

    /// `fuse_entry_out`, of which the kernel keeps nothing.
    fn entry(&self, node: u64) -> Vec<u8> {
        let mut reply = [node, 0, 0, 0, 0].map(u64::to_ne_bytes).concat();
        reply.extend(self.attribute(node));
        reply
    }

    fn attributes(&self, node: u64) -> Vec<u8> {
        [vec![0; 16], self.attribute(node)].concat()
    }

    fn attribute(&self, node: u64) -> Vec<u8> {
        let (len, mode) = self.nodes.get(&node).map_or((0, 0), |node| (node.bytes.len() as u64, node.mode));
        let mut attribute = [node, len, len.div_ceil(512), 0, 0, 0].map(u64::to_ne_bytes).concat();
        attribute.extend([0, 0, 0, mode, 1, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes).concat());
        attribute
    }
}

/// `fuse_open_out`. Without FOPEN_DIRECT_IO: with it Linux 6.18 reads on the spot, whoever asks, and gives what a short read
/// brought several times over to io_uring.
fn open() -> Vec<u8> {
    [0, 0, 0, 0].map(u32::to_ne_bytes).concat()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Up to the zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).unwrap()
}
