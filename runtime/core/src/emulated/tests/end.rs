//! The end of a kernel, and of a shard on it.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use super::*;
use crate::{
    encode::Lowering,
    op::{self, OpenHow},
    shard::{Shard, ShardConfig},
    sim::shard_tests::Plain,
};

#[test]
fn what_runs_is_left_to_its_end_and_the_rest_is_dropped() {
    let mut kernel = kernel();
    let fifo = Fifo::new("dropped");
    // Leaked, as a driver does with what the kernel may still use.
    let name: &'static CString = Box::leak(Box::new(fifo.name()));
    push(&mut kernel, &[fifo.open(1, 0, name)]);
    assert!(now(&mut kernel).is_empty());
    begun(&kernel);
    let started = Instant::now();
    drop(kernel);
    assert!(started.elapsed() < LIMIT / 2, "a drop waits for what hangs");
    // The thread is still there, and has the path.
    let mut writer = fifo.release();
    let _ = writer.write_all(b"nobody has to read it");
}

#[test]
fn threads_without_work_end_with_their_kernel() {
    let file = tempfile();
    let sync = |number| sqe(number, 0, opcode::Fsync::new(types::Fd(file.as_raw_fd())).build());
    for _ in 0..50 {
        let mut kernel = kernel();
        push(&mut kernel, &[sync(1), sync(2), sync(3)]);
        assert_eq!(results(&mut kernel, 3), [(1, 0), (2, 0), (3, 0)]);
        let queued = kernel.pool.watch();
        drop(kernel);
        assert_eq!(queued(), None, "a thread lives on");
    }
}

/// Drops an open that hangs on a thread, then shuts the shard down: it waits for the thread, and nothing is leaked.
#[test]
fn a_shutdown_waits_for_what_threads_do() {
    let fifo = Fifo::new("shutdown");
    let limits = ShardConfig { slots: 0, accept_slots: 0, lowering: Lowering::Auto, shutdown_timeout: LIMIT };
    let kernel = kernel();
    let queued = kernel.pool.watch();
    let shard = Shard::new(Box::new(kernel), limits).unwrap();
    let released = AtomicBool::new(false);
    thread::scope(|scope| {
        let entered = shard.enter();
        {
            let how = OpenHow { flags: libc::O_RDONLY | libc::O_CREAT, ..OpenHow::default() };
            let mut open = pin!(op::open::<Plain>(&*fifo.0, Ok(how)));
            assert!(open.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            shard.turn(false).unwrap();
            wait_begun(queued);
        }
        scope.spawn(|| {
            // Nothing tells that a shutdown has begun; if it ends before this, it has not waited.
            thread::sleep(Duration::from_millis(50));
            released.store(true, SeqCst);
            drop(fifo.release());
        });
        shard.shut_down();
        assert!(released.load(SeqCst), "the shutdown is over before the thread is");
        assert_eq!(shard.metrics().leaked, 0);
        drop(entered);
    });
}

fn tempfile() -> File {
    let path = std::env::temp_dir().join(format!("emulated-{}-file", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}
