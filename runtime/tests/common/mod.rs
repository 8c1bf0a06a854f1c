//! What the tests share.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::{
    future::{Future, poll_fn},
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    task::Poll,
    thread,
};

use runtime::{
    Builder, Interface, Lowering, Metrics,
    fs::File,
    io::AsyncReadExt,
    net::{Lease, RecvStream, TcpListener, TcpStream},
};

/// Runs a future on a runtime of its own and checks that shutdown finds nothing left.
pub fn run<F: Future>(future: F) -> F::Output {
    run_on(&mut Builder::new(), future)
}

/// As [`run`], with a builder.
pub fn run_on<F: Future>(builder: &mut Builder, future: F) -> F::Output {
    let runtime = builder.build().expect("a runtime");
    let output = runtime.block_on(future);
    assert_clean(&runtime.shutdown());
    output
}

/// All counters of what is in use are zero (I12).
pub fn assert_clean(metrics: &Metrics) {
    let left = (metrics.in_flight, metrics.activations, metrics.slots, metrics.tasks, metrics.leaked);
    assert_eq!(left, (0, 0, 0, 0, 0), "in flight, activations, slots, tasks, leaked");
}

/// Whether runtimes here work on the emulated kernel.
pub fn is_emulated() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    // On a thread of its own: the caller may be in a runtime.
    let ask = || Builder::new().build().expect("a runtime").counters().kernel == Interface::Emulated;
    *KNOWN.get_or_init(|| thread::spawn(ask).join().expect("an answer"))
}

/// As [`is_emulated`]; says what is skipped there. The table of `runtime::Kernel` has the reasons.
pub fn skipped_where_emulated(why: &str) -> bool {
    if is_emulated() {
        // Past the test harness, which keeps to itself what tests print.
        let thread = thread::current();
        let test = thread.name().unwrap_or("a test");
        let _ = writeln!(io::stderr(), "skipped: {test}: on the emulated kernel: {why}");
    }
    is_emulated()
}

/// A file of these bytes, open for reading and writing.
pub async fn file(dir: &tempfile::TempDir, bytes: &[u8]) -> File {
    let path = dir.path().join("f");
    std::fs::write(&path, bytes).unwrap();
    File::options().read(true).write(true).open(path).await.unwrap()
}

/// How many descriptors the process has open: the least of a few counts, since others open files for a moment (the C
/// library does for a new thread).
pub fn open_fds() -> usize {
    let count = |_| {
        std::thread::yield_now();
        std::fs::read_dir("/proc/self/fd").expect("/proc/self/fd").count()
    };
    (0..5).map(count).min().expect("five counts")
}

/// Polls a future once; it must not be done.
pub async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await
}

/// Every way to bring a plan to the kernel.
pub const LOWERINGS: [Lowering; 4] = [Lowering::Auto, Lowering::Chain, Lowering::Staged, Lowering::Gate];

/// A listener on a port of its own, and its address.
pub async fn tcp_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Two ends of a connection.
pub async fn tcp_pair() -> (TcpStream, TcpStream) {
    let (listener, address) = tcp_listener().await;
    let client = TcpStream::connect(address).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// Reads to the end, and expects just this.
pub async fn expect_rest(stream: &mut TcpStream, bytes: &[u8]) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, bytes);
}

/// For tests that count or limit descriptors: one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pattern that senders send: byte `n` of a connection.
pub fn pattern(n: usize) -> u8 {
    (n % 251) as u8
}

/// So many bytes of it, from the one at `from` on.
pub fn patterned(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(pattern).collect()
}

/// A small pseudo-random sequence: the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// True if the kernel is at least this one.
pub fn is_linux(major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (major, minor)
}

/// Polls a stream of received bytes once.
pub async fn ready_now(bytes: &mut RecvStream) -> Option<Option<std::io::Result<Lease>>> {
    poll_fn(|cx| match bytes.poll_next(cx) {
        Poll::Ready(next) => Poll::Ready(Some(next)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Compiles if it may go to another thread.
pub fn assert_send<T: Send>(_: &T) {}
