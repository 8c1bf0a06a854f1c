//! Every op, ended in every way at every point: counters return to zero, no descriptor is left, and under
//! AddressSanitizer (see .ci/run) no memory is touched after its end.
//!
//! An op is entered once into [`table`]; what is tried with it is the product of [`Way`] and [`Point`].

mod common;
#[path = "drop_everywhere/files.rs"]
mod files;

use std::{
    future::Future,
    mem,
    net::{Shutdown, SocketAddr},
    os::fd::{AsFd, OwnedFd},
    pin::{Pin, pin},
    time::Duration,
};

use common::{alone, assert_clean, open_fds, poll_once};
use runtime::{
    Builder, Lowering,
    fs::{File, SlotFile},
    join, join_all,
    net::{BufferPool, Incoming, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream},
    op::{self, SpliceEnd},
    spawn,
    task::yield_now,
};

/// How the future ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Drop,
    Forget,
    Abort,
    Panic,
    Shutdown,
    Cancel,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    BeforeSubmit,
    /// Polled; its SQEs are queued, the kernel has not seen them.
    Queued,
    /// The kernel has its SQEs.
    InFlight,
    /// All its CQEs are in, the future has not been polled since.
    Completed,
}

const WAYS: [Way; 6] = [Way::Drop, Way::Forget, Way::Abort, Way::Panic, Way::Shutdown, Way::Cancel];
const POINTS: [Point; 4] = [Point::BeforeSubmit, Point::Queued, Point::InFlight, Point::Completed];

/// What the ops work on.
struct Fixture {
    dir: tempfile::TempDir,
    file: File,
    /// Nothing ever comes out of these.
    idle: (UnixStream, UnixStream),
    idle_pipe: (File, OwnedFd),
    /// Eight bytes lie ready in this one's first end.
    ready: (UnixStream, UnixStream),
    /// No more datagrams go from the first of these to the second.
    full: (UnixDatagram, UnixDatagram),
    /// Nobody connects to this one.
    quiet: TcpListener,
    /// A connection waits in this one, and it takes more.
    busy: TcpListener,
    address: SocketAddr,
    _waiting: TcpStream,
}

impl Fixture {
    async fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), vec![7; 4096]).unwrap();
        let file = File::options().read(true).write(true).open(dir.path().join("f")).await.unwrap();
        let ready = UnixStream::pair().unwrap();
        ready.1.send_all("8 bytes!").await.0.unwrap();
        let (read, write) = std::io::pipe().unwrap();
        let idle_pipe = (File::from(OwnedFd::from(read)), OwnedFd::from(write));
        let quiet = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = busy.local_addr().unwrap();
        let _waiting = TcpStream::connect(address).await.unwrap();
        let idle = UnixStream::pair().unwrap();
        let full = (UnixDatagram::unbound().unwrap(), UnixDatagram::bind(dir.path().join("full")).unwrap());
        full.0.connect(dir.path().join("full")).unwrap();
        while full.0.try_send(b"x").is_ok() {}
        Fixture { dir, file, idle, idle_pipe, ready, full, quiet, busy, address, _waiting }
    }

    fn path(&self) -> std::path::PathBuf {
        self.name("f")
    }

    fn name(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    async fn slot(&self) -> SlotFile {
        File::open(self.path()).then(|f| f.read_at(vec![0; 1], 0)).await.0.unwrap()
    }
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;
type Make = fn(&Fixture, Option<SlotFile>) -> (Boxed, Boxed);

/// A future, and the same again as a cancelled one that has been polled by the driver of the test.
fn both<P: runtime::plan::Plan>(make: impl Fn() -> runtime::Io<P>) -> (Boxed, Boxed) {
    let (plain, to_cancel) = (make(), make());
    let cancelled = async move {
        let mut plan = to_cancel;
        poll_once_or_done(&mut plan).await;
        yield_now().await;
        drop(plan.cancel().await);
    };
    (Box::pin(async move { drop(plain.await) }), Box::pin(cancelled))
}

async fn poll_once_or_done<P: runtime::plan::Plan>(plan: &mut runtime::Io<P>) {
    std::future::poll_fn(|cx| {
        assert!(Pin::new(&mut *plan).poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await
}

/// A stream of connections, and another that is stopped.
fn connections(mut plain: Incoming<TcpStream>, mut stopped: Incoming<TcpStream>) -> (Boxed, Boxed) {
    let stop = async move {
        poll_once(pin!(stopped.next())).await;
        yield_now().await;
        stopped.stop();
        while stopped.next().await.is_some() {}
    };
    let all = async move { while plain.next().await.is_some() {} };
    (Box::pin(all), Box::pin(stop))
}

/// A stream of bytes, which keeps its last lease, and another that is stopped.
fn pieces(stream: &UnixStream) -> (Boxed, Boxed) {
    let pool = BufferPool::new(2, 4).unwrap();
    let (mut plain, mut stopped) = (stream.recv_stream(&pool), stream.recv_stream(&pool));
    let stop = async move {
        poll_once(pin!(stopped.next())).await;
        yield_now().await;
        drop(stopped.stop().await);
        assert_eq!(pool.available(), 2);
    };
    let all = async move {
        let mut last = None;
        while let Some(lease) = plain.next().await {
            last = Some(lease);
        }
        drop(last);
    };
    (Box::pin(all), Box::pin(stop))
}

/// Name, whether it waits for something that never comes, and the op.
fn table() -> Vec<(&'static str, bool, Make)> {
    let mut table: Vec<(&'static str, bool, Make)> = vec![
        ("nop", false, |_, _| both(op::nop)),
        ("read_at", false, |f, _| both(|| f.file.read_at(vec![0; 512], 0))),
        ("read_exact_at", false, |f, _| both(|| f.file.read_exact_at(vec![0; 4096], 0))),
        ("read_at into capacity", false, |f, _| both(|| f.file.read_at(Vec::with_capacity(512), 0))),
        ("read_next", false, |f, _| both(|| f.file.read_next(vec![0; 512].into_boxed_slice()))),
        ("read_at, idle", true, |f, _| both(|| f.idle_pipe.0.read_at(vec![0; 512], 0))),
        ("write_at", false, |f, _| both(|| f.file.write_at(vec![1; 512], 0))),
        ("write_all_at", false, |f, _| both(|| f.file.write_all_at(String::from("text"), 0))),
        ("write_all_vectored_at", false, |f, _| both(|| f.file.write_all_vectored_at(vec![vec![1; 9]; 3], 0))),
        ("sync_all", false, |f, _| both(|| f.file.sync_all())),
        ("sync_data", false, |f, _| both(|| f.file.sync_data())),
        ("truncate", false, |f, _| both(|| op::truncate(target_of(&f.file), 100))),
        ("open", false, |f, _| both(|| File::open(f.path()))),
        ("open into a slot", false, |f, _| both(|| File::open(f.path()).then(|s| s.read_at(vec![0; 64], 0)))),
        ("open, read, close", false, |f, _| {
            both(|| File::open(f.path()).then(|s| s.read_at(vec![0; 64], 0)).finally(|(s, _)| s.close()))
        }),
        ("open, wait", true, |f, _| both(|| File::open(f.path()).then(|_| f.idle.0.recv_exact(vec![0; 64])))),
        ("open, wait, staged", true, |f, _| {
            let plan = || File::open(f.path()).then(|_| f.idle.0.recv_exact(vec![0; 64]));
            both(|| plan().lowering(Lowering::Staged))
        }),
        ("read from a slot", false, |_, slot| {
            let slot = slot.unwrap();
            both(move || slot.read_at(vec![0; 64], 0))
        }),
        ("install", false, |_, slot| {
            // The first of the two takes the slot; the other finds an idle op in its place.
            let slot = std::cell::RefCell::new(slot);
            let install = slot.borrow_mut().take().unwrap().into_fd();
            (Box::pin(async move { drop(install.await) }), Box::pin(async { drop(op::nop().await) }))
        }),
        ("close", false, |f, _| {
            let open = || File::from(std::fs::File::open(f.path()).unwrap());
            both(move || open().close())
        }),
        ("recv", false, |f, _| both(|| f.ready.0.recv(vec![0; 4]))),
        ("recv, idle", true, |f, _| both(|| f.idle.0.recv(vec![0; 64]))),
        ("recv_exact, idle", true, |f, _| both(|| f.idle.0.recv_exact(vec![0; 64]))),
        ("recv with a limit", true, |f, _| both(|| f.idle.0.recv(vec![0; 64]).timeout(Duration::from_secs(600)))),
        ("poll", false, |f, _| both(|| op::poll(target_of(&f.ready.0), libc::POLLIN as u32))),
        ("poll, idle", true, |f, _| both(|| op::poll(target_of(&f.idle.0), libc::POLLIN as u32))),
        ("send", false, |f, _| both(|| f.ready.0.send(vec![0; 64]))),
        ("send_all", false, |f, _| both(|| f.ready.0.send_all("static"))),
        ("send_all, full", true, |f, _| both(|| f.idle.0.send_all(vec![0; 16 << 20]))),
        ("recv_vectored", false, |f, _| both(|| f.ready.0.recv_vectored(vec![vec![0; 2]; 2]))),
        ("recv_vectored, idle", true, |f, _| both(|| f.idle.0.recv_vectored(vec![vec![0; 2]; 2]))),
        ("send_vectored", false, |f, _| both(|| f.ready.0.send_vectored(vec!["a".to_string(); 3]))),
        ("send_all_vectored", false, |f, _| both(|| f.ready.0.send_all_vectored(vec!["static"; 3]))),
        ("send_all_vectored, full", true, |f, _| both(|| f.idle.0.send_all_vectored(vec![vec![0; 4 << 20]; 4]))),
        ("shutdown_how", false, |f, _| both(|| f.ready.0.shutdown_how(Shutdown::Both))),
        ("accept", false, |f, _| {
            // The second accept finds what this one connects.
            let also = std::net::TcpStream::connect(f.address).unwrap();
            let (plain, cancelled) = both(|| f.busy.accept().plan());
            (plain, Box::pin(async move { (cancelled.await, drop(also)).0 }))
        }),
        ("accept, idle", true, |f, _| both(|| f.quiet.accept().plan())),
        ("accept into a place", false, |f, _| {
            both(|| f.busy.accept().then(|s| s.send_all("hello")).finally(|(s, _)| s.close()))
        }),
        ("accept into a place, idle", true, |f, _| both(|| f.quiet.accept().then(|s| s.send_all("hello")))),
        ("accept, then wait", true, |f, _| both(|| f.busy.accept().then(|s| s.recv_exact(vec![0; 9])))),
        ("connect", false, |f, _| both(|| TcpStream::connect(f.address).plan())),
        ("connect a socket", false, |f, _| {
            let socket = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            both(|| op::connect(target_of(&socket()), f.address.into()))
        }),
        ("connect into a place", false, |f, _| {
            both(|| TcpStream::connect(f.address).then(|s| s.send_all("hello")).finally(|(s, _)| s.close()))
        }),
        ("connect, then wait", true, |f, _| both(|| TcpStream::connect(f.address).then(|s| s.recv_exact(vec![0; 9])))),
        ("recv_msg with descriptors", false, |f, _| {
            let sent = || {
                let (from, to) = UnixDatagram::pair().unwrap();
                from.try_send_fds(b"x", &[f.file.as_fd(), f.idle_pipe.1.as_fd()]).unwrap();
                to
            };
            both(|| sent().recv_msg(vec![0; 64], 4))
        }),
        ("recv_msg, idle", true, |f, _| both(|| f.idle.0.recv_msg(vec![0; 64], 4))),
        ("send_msg with descriptors", false, |f, _| {
            both(|| f.idle.0.send_msg(vec![0; 64], vec![f.idle_pipe.1.try_clone().unwrap()]))
        }),
        ("send_msg, full", true, |f, _| both(|| f.full.0.send_msg("x", None, Vec::new()))),
        ("send_msg with descriptors, full", true, |f, _| {
            both(|| f.full.0.send_msg("x", None, vec![f.idle_pipe.1.try_clone().unwrap()]))
        }),
        ("datagrams relayed", false, |f, _| {
            let relay = || {
                let socket = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
                let address = socket.local_addr().unwrap();
                socket.try_send_to(b"hello", address).unwrap();
                (socket.recv_msg(vec![0; 64]), socket, address)
            };
            both(|| {
                let (receive, socket, address) = relay();
                receive.then(|datagram| socket.send_msg(datagram, address)).then(|_| f.file.sync_data())
            })
        }),
        ("send_zc", false, |f, _| both(|| f._waiting.send_zc(vec![0; 3000]))),
        ("send_all_zc, planned", false, |f, _| {
            both(|| f._waiting.send_all_zc("text").then(|()| f.file.sync_data()).lowering(Lowering::Staged))
        }),
        ("send_zc, then wait", true, |f, _| {
            both(|| f._waiting.send_all_zc("text").then(|()| f._waiting.recv_exact(vec![0; 4])))
        }),
        ("splice", false, |f, _| {
            let to = || SpliceEnd::stream(target_of(&f.idle_pipe.1));
            both(|| op::splice(SpliceEnd::at(&f.file, 0), to(), 64))
        }),
        ("splice, idle", true, |f, _| {
            let (from, to) = (|| SpliceEnd::stream(&f.idle_pipe.0), || SpliceEnd::stream(&f.idle.0));
            both(|| op::splice(from(), to(), 64).then(|moved| op::splice(from(), to(), moved)))
        }),
        ("incoming", true, |f, _| connections(f.busy.incoming(), f.busy.incoming())),
        ("incoming, idle", true, |f, _| connections(f.quiet.incoming(), f.quiet.incoming())),
        ("recv_stream", true, |f, _| pieces(&f.ready.0)),
        ("recv_stream, idle", true, |f, _| pieces(&f.idle.0)),
        ("64 idle", true, |f, _| both(|| join_all((0..64).map(|_| f.idle.0.recv(vec![0; 100]))))),
        ("chain behind an idle op", true, |f, _| {
            both(|| f.idle.0.recv_exact(vec![0; 9]).then(|b| f.idle.0.send_all(b)).lowering(Lowering::Chain))
        }),
        ("stages behind an idle op", true, |f, _| {
            both(|| {
                join!(f.file.read_exact_at(vec![0; 64], 0), f.idle.0.recv_exact(vec![0; 9]))
                    .then(|(a, b)| join!(f.file.write_all_at(a, 0), f.file.write_all_at(b, 64)))
                    .then(|_| f.file.sync_data())
            })
        }),
        ("gates behind an idle op", true, |f, _| {
            both(|| {
                let (read, recv) = (f.file.read_exact_at(vec![0; 64], 0), f.idle.0.recv_exact(vec![0; 9]));
                let writes = |(a, b)| join!(f.file.write_all_at(a, 0), f.file.write_all_at(b, 64));
                join!(read, recv).then(writes).then(|_| f.file.sync_data()).lowering(Lowering::Gate)
            })
        }),
        ("gates that open", false, |f, _| {
            both(|| {
                let read = || f.file.read_exact_at(vec![0; 64], 0);
                join!(read(), read()).then(|_| join!(f.file.sync_data(), op::nop())).lowering(Lowering::Gate)
            })
        }),
        ("a forwarded length", false, |f, _| both(|| f.ready.0.recv(vec![0; 4]).then(|b| f.ready.0.send_all(b)))),
        ("a chain with a limit at its end", true, |f, _| {
            let limit = Duration::from_secs(600);
            both(|| {
                let read = |_| f.idle_pipe.0.read_exact_at(vec![0; 4], 0).timeout(limit);
                op::nop().then(read)
            })
        }),
        ("a large plan", true, |f, _| {
            let four = || {
                let recv = || f.idle.0.recv(vec![0; 10]);
                join!(recv(), recv(), recv(), recv())
            };
            both(|| join!(four(), four(), four()))
        }),
    ];
    table.extend(files::table());
    table
}

fn target_of(object: &impl AsFd) -> op::Target {
    op::Target::from(op::SharedFd::new(object.as_fd().try_clone_to_owned().unwrap()))
}

fn try_one(builder: &mut Builder, name: &str, hangs: bool, make: Make, way: Way, point: Point) {
    let context = format!("{name}: {way:?} at {point:?}");
    // On the spot a write has no moments between.
    let runtime = builder.buffered_writes(runtime::BufferedWrites::Worker).build().unwrap();
    // Kept beyond the runtime where the way asks for it.
    let mut kept: Option<Boxed> = None;
    runtime.block_on(async {
        let fixture = Fixture::new().await;
        if unsupported(name, &fixture).await {
            println!("skipped: {name}: this kernel does not have the op");
            return;
        }
        let slot = if name.contains("slot") || name == "install" { Some(fixture.slot().await) } else { None };
        let idle = runtime::metrics().in_flight;
        let (plain, cancelled) = make(&fixture, slot);
        if way == Way::Cancel {
            drop(plain);
            if point != Point::BeforeSubmit {
                cancelled.await;
            }
            return;
        }
        drop(cancelled);
        let mut future = Box::pin(plain);
        if way == Way::Abort || way == Way::Panic {
            let task = spawn(async move {
                advance(&mut future, point, hangs, idle).await;
                if way == Way::Panic {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                future.await;
                std::future::pending::<()>().await;
            });
            if way == Way::Abort {
                for _ in 0..3 {
                    yield_now().await;
                }
                task.abort();
            }
            let ended = task.await.unwrap_err();
            assert_eq!(ended.is_panic(), way == Way::Panic, "{context}");
            return;
        }
        advance(&mut future, point, hangs, idle).await;
        match way {
            Way::Drop => drop(future),
            Way::Forget => mem::forget(future),
            Way::Shutdown => kept = Some(future),
            Way::Abort | Way::Panic | Way::Cancel => unreachable!("done above"),
        }
    });
    let mut metrics = runtime.shutdown();
    if kept.is_some() && point == Point::BeforeSubmit {
        // A slot in a value that the shard has not been given is its user's, who has not dropped it yet.
        metrics.slots = 0;
    }
    drop(kept);
    println!("{context}");
    assert_clean(&metrics);
}

/// Whether the op is refused at once, being newer than the kernel.
async fn unsupported(name: &str, fixture: &Fixture) -> bool {
    let tried = match name {
        "install" => fixture.slot().await.into_fd().await.map(drop),
        "truncate" => op::truncate(target_of(&fixture.file), 4096).await,
        _ => Ok(()),
    };
    // The slot that was tried closes with the next submission.
    while runtime::metrics().slots > 0 {
        op::nop().await.unwrap();
    }
    tried.is_err_and(|error| error.kind() == std::io::ErrorKind::Unsupported)
}

/// Brings the future to the point.
async fn advance(future: &mut Pin<Box<Boxed>>, point: Point, hangs: bool, idle: u64) {
    if point == Point::BeforeSubmit {
        return;
    }
    poll_once(future.as_mut()).await;
    if point == Point::InFlight {
        yield_now().await;
    }
    while point == Point::Completed && !hangs && runtime::metrics().in_flight > idle {
        yield_now().await;
    }
}

/// `RUNTIME_DROP_STRIDE` takes each n-th case only, for emulated machines.
#[test]
fn nothing_is_left() {
    let _alone = alone();
    let fds = open_fds();
    let stride = std::env::var("RUNTIME_DROP_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(1_usize);
    let (mut cases, mut tried) = (0_usize, 0);
    for (name, hangs, make) in table() {
        // Gates take more SQEs than a queue of two holds.
        let small = if name.contains("gates") { 32 } else { 2 };
        for way in WAYS {
            for point in POINTS {
                if hangs && point == Point::Completed {
                    continue;
                }
                // A value that no shard has heard of: forgetting it leaks what it owns, as with any value. What starts
                // one op after the other keeps the descriptor itself.
                let owns =
                    name.starts_with("incoming") || name.starts_with("recv_stream") || name.starts_with("sync after");
                if way == Way::Forget && (point == Point::BeforeSubmit || owns) {
                    continue;
                }
                cases += 1;
                if !cases.is_multiple_of(stride) {
                    continue;
                }
                for builder in [&mut Builder::new(), Builder::new().sq_entries(small).slots(1)] {
                    try_one(builder, name, hangs, make, way, point);
                    tried += 1;
                }
                assert_eq!(open_fds(), fds, "descriptors after {name}: {way:?} at {point:?}");
            }
        }
    }
    println!("{tried} cases");
}

#[test]
fn ten_thousand_opens_dropped_at_random_points_leave_no_descriptor() {
    let _alone = alone();
    let fds = open_fds();
    common::run(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"abc").unwrap();
        for round in 0..10_000u32 {
            let mut open = Box::pin(File::open(&path));
            let mut slot = Box::pin(File::open(&path).then(|f| f.read_at(vec![0; 3], 0)));
            if round % 3 > 0 {
                poll_once(open.as_mut()).await;
                poll_once(slot.as_mut()).await;
            }
            for _ in 0..round % 5 {
                yield_now().await;
            }
        }
    });
    assert_eq!(open_fds(), fds);
}
