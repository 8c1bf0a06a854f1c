//! What the connections of one shard share. Nothing here is shared with other shards but [`Totals`].

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use runtime::time::Instant;

use super::{access_log::AccessLog, files::Folder, limits::Limits, status::Status};

/// One shard's part of the server.
#[derive(Debug)]
pub struct Shard {
    pub limits: Limits,
    pub folder: Folder,
    pub log: AccessLog,
    /// Counted by this shard, read by whichever one answers `/metrics`.
    totals: Arc<[Totals]>,
    index: usize,
    clock: RefCell<Clock>,
    connections: Cell<usize>,
}

/// What a shard has served. Only that shard writes its own, so a load and a store do for adding, without a lock on the
/// bus; the alignment keeps two shards off one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Totals {
    pub requests: AtomicU64,
    /// Answers of 4xx and 5xx.
    pub errors: AtomicU64,
    pub bytes_sent: AtomicU64,
    pub accepted: AtomicU64,
    /// Open at the moment.
    pub connections: AtomicU64,
}

/// The date of answers. It has a resolution of a second, and making it costs more than a small answer does.
#[derive(Debug)]
struct Clock {
    text: Rc<str>,
    until: Instant,
}

impl Shard {
    pub fn new(index: usize, totals: Arc<[Totals]>, limits: Limits, folder: Folder, log: AccessLog) -> Shard {
        let clock = RefCell::new(Clock { text: "".into(), until: Instant::now() });
        Shard { limits, folder, log, totals, index, clock, connections: Cell::new(0) }
    }

    /// The date and time, as HTTP writes it.
    pub fn date(&self) -> Rc<str> {
        let now = Instant::now();
        let mut clock = self.clock.borrow_mut();
        if now >= clock.until {
            let time = SystemTime::now();
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let left = Duration::from_secs(1) - Duration::from_nanos(since.subsec_nanos().into());
            *clock = Clock { text: httpdate::fmt_http_date(time).into(), until: now + left };
        }
        clock.text.clone()
    }

    /// Counts an answer.
    pub fn count(&self, status: Status, bytes: u64) {
        let own = self.own();
        add(&own.requests, 1);
        add(&own.bytes_sent, bytes);
        if status.0 >= 400 {
            add(&own.errors, 1);
        }
    }

    /// Counts a connection until the guard is dropped.
    pub fn connected(self: &Rc<Shard>) -> Connected {
        add(&self.own().accepted, 1);
        self.set_connections(self.connections.get() + 1);
        Connected(self.clone())
    }

    pub fn totals(&self) -> &Arc<[Totals]> {
        &self.totals
    }

    fn own(&self) -> &Totals {
        &self.totals[self.index]
    }

    fn set_connections(&self, open: usize) {
        self.connections.set(open);
        self.own().connections.store(open as u64, Relaxed);
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

/// A connection, as long as it is open.
#[derive(Debug)]
pub struct Connected(Rc<Shard>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.set_connections(self.0.connections.get() - 1);
    }
}
