//! `AsyncFd`: waiting for descriptors that something else works on.

mod common;

use std::{
    future::poll_fn,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsRawFd, RawFd},
        unix::net::UnixStream,
    },
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use common::{poll_once, run};
use runtime::{
    Builder,
    io::{
        Interest, Ready,
        unix::{AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdTryNewError, TryIoError},
    },
    spawn,
    task::yield_now,
};
use runtime_core::{fd::SharedFd, readiness::Readiness};

fn pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (a, b)
}

/// Writes until nothing fits any more.
fn fill(mut stream: &UnixStream) {
    while stream.write(&[0; 4096]).is_ok() {}
}

fn drain(mut stream: &UnixStream) {
    while stream.read(&mut [0; 4096]).is_ok() {}
}

#[test]
fn a_wait_ends_when_bytes_come_and_a_false_one_waits_again() {
    run(async {
        let (a, mut b) = pair();
        let a = AsyncFd::new(a).unwrap();
        let mut wait = pin!(a.readable());
        poll_once(wait.as_mut()).await;
        yield_now().await;
        poll_once(wait.as_mut()).await;
        b.write_all(b"abc").unwrap();
        let mut guard = wait.await.unwrap();
        assert_eq!(guard.ready(), Ready::READABLE);
        let mut buf = [0; 8];
        assert_eq!(guard.try_io(|a| a.get_ref().read(&mut buf)).unwrap().unwrap(), 3);
        let refused: Result<_, TryIoError> = guard.try_io(|a| a.get_ref().read(&mut buf));
        assert!(refused.is_err() && guard.ready().is_empty());

        let mut wait = pin!(a.readable());
        poll_once(wait.as_mut()).await;
        drop(b);
        assert!(wait.await.unwrap().ready().is_read_closed());
    });
}

#[test]
fn reads_and_writes_wait_apart_and_together() {
    run(async {
        let (a, b) = pair();
        fill(&a);
        let a = AsyncFd::new(a).unwrap();
        let mut write = pin!(a.writable());
        poll_once(write.as_mut()).await;
        let mut read = pin!(a.readable());
        poll_once(read.as_mut()).await;
        let mut either = pin!(a.ready(Interest::READABLE | Interest::WRITABLE));
        poll_once(either.as_mut()).await;
        drain(&b);
        assert!(write.await.unwrap().ready().is_writable());
        assert_eq!(either.await.unwrap().ready(), Ready::WRITABLE);
        poll_once(read.as_mut()).await;
        let mut guard = a.ready(Interest::WRITABLE).await.unwrap();
        guard.retain_ready();
        guard.clear_ready_matching(Ready::READABLE);
        assert_eq!(guard.ready(), Ready::WRITABLE);
        guard.clear_ready_matching(Ready::WRITABLE);
        assert!(guard.ready().is_empty());
    });
}

#[test]
fn every_waiting_task_is_woken() {
    run(async {
        let (a, mut b) = pair();
        let a = Rc::new(AsyncFd::new(a).unwrap());
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let a = a.clone();
                spawn(async move { a.readable().await.unwrap().ready() })
            })
            .collect();
        yield_now().await;
        b.write_all(b"x").unwrap();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ready::READABLE);
        }
    });
}

#[test]
fn the_last_task_that_polls_is_woken() {
    run(async {
        let (a, mut b) = pair();
        let mut a = AsyncFd::new(a).unwrap();
        let mut noop = Context::from_waker(Waker::noop());
        assert!(a.poll_read_ready(&mut noop).is_pending());
        assert!(a.poll_write_ready(&mut noop).is_pending(), "an op is asked even if it is ready");
        poll_fn(|cx| {
            let polled = a.poll_read_ready(cx).is_ready();
            if !polled {
                b.write_all(b"x").unwrap();
            }
            if polled { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let guard: AsyncFdReadyGuard<'_, _> = poll_fn(|cx| a.poll_write_ready(cx)).await.unwrap();
        assert!(guard.ready().is_writable() && guard.get_inner().as_raw_fd() == guard.get_ref().as_raw_fd());
        poll_fn(|cx| a.poll_read_ready_mut(cx).map(drop)).await;
        let mut guard: AsyncFdReadyMutGuard<'_, _> = a.readable_mut().await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(guard.try_io(|a| a.get_mut().read(&mut buf)).unwrap().unwrap(), 1);
        assert!(guard.try_io(|a| a.get_mut().read(&mut buf)).is_err() && guard.ready().is_empty());
        poll_fn(|cx| a.poll_write_ready_mut(cx).map(drop)).await;
    });
}

#[test]
fn calls_are_made_when_ready_and_only_then() {
    run(async {
        let (a, mut b) = pair();
        let mut a = AsyncFd::with_interest(a, Interest::READABLE).unwrap();
        let mut buf = [0; 8];
        let called = a.try_io(Interest::READABLE, |_| -> io::Result<()> { panic!("it is not ready") });
        assert_eq!(called.unwrap_err().kind(), ErrorKind::WouldBlock);
        b.write_all(b"ab").unwrap();
        assert_eq!(a.try_io_mut(Interest::READABLE, |a| a.read(&mut buf)).unwrap(), 2);
        let reader = spawn(async move {
            let mut buf = [0; 8];
            assert_eq!(a.async_io(Interest::READABLE, |mut a| a.read(&mut buf)).await.unwrap(), 3);
            assert_eq!(a.async_io_mut(Interest::WRITABLE, |a| a.write(b"xyz!")).await.unwrap(), 4);
            a.into_inner()
        });
        yield_now().await;
        b.write_all(b"abc").unwrap();
        let a = reader.await.unwrap();
        assert_eq!(b.read(&mut buf).unwrap(), 4);
        drop(a);
        assert_eq!(b.read(&mut buf).unwrap(), 0, "the descriptor is closed with its owner");
    });
}

#[test]
fn what_cannot_be_waited_for_is_refused_and_given_back() {
    run(async {
        let file = tempfile::tempfile().unwrap();
        let error: AsyncFdTryNewError<_> = AsyncFd::try_new(file).unwrap_err();
        assert_eq!(format!("{error}"), format!("{}", io::Error::from_raw_os_error(libc::EPERM)));
        let (file, cause) = error.into_parts();
        assert_eq!(cause.kind(), ErrorKind::PermissionDenied);
        file.sync_all().unwrap();
        assert_eq!(AsyncFd::new(file).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(AsyncFd::new(Number(-1)).unwrap_err().raw_os_error(), Some(libc::EBADF));
        // No socket, no pipe, and can be waited for all the same.
        AsyncFd::new(std::fs::File::open("/proc/self/mounts").unwrap()).unwrap();
    });
}

#[derive(Debug)]
struct Number(RawFd);

impl AsRawFd for Number {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

#[test]
#[should_panic(expected = "outside a runtime")]
fn it_is_made_inside_a_runtime() {
    let _ = AsyncFd::new(pair().0);
}

#[test]
fn dropped_waits_leave_nothing() {
    run(async {
        let idle = runtime::metrics().in_flight;
        let (a, b) = pair();
        let a = AsyncFd::new(a).unwrap();
        for _ in 0..100 {
            let mut wait = Box::pin(a.readable());
            poll_once(wait.as_mut()).await;
            drop(wait);
            assert!(a.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop((a, b));
        while runtime::metrics().in_flight > idle {
            yield_now().await;
        }
    });
}

/// One thread with a runtime of its own per descriptor's end, and the object passed between them while it waits.
#[test]
fn an_object_moves_between_shards_while_it_waits() {
    let (a, mut b) = pair();
    let first = Builder::new().build().unwrap();
    let a = first.block_on(async {
        let a = Arc::new(AsyncFd::new(a).unwrap());
        assert!(a.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_pending());
        yield_now().await;
        a
    });
    let shared = a.clone();
    let mut waits = Box::pin(async move { shared.readable().await.unwrap().ready() });
    first.block_on(poll_once(waits.as_mut()));
    let other = std::thread::spawn(move || {
        run(async move {
            let mut polled = pin!(poll_fn(|cx| a.poll_read_ready(cx)));
            poll_once(polled.as_mut()).await;
            poll_once(waits.as_mut()).await;
            b.write_all(b"x").unwrap();
            assert_eq!(waits.await, Ready::READABLE);
            assert_eq!(polled.await.unwrap().ready(), Ready::READABLE);
        });
    });
    other.join().unwrap();
    common::assert_clean(&first.shutdown());
}

#[test]
fn a_poll_makes_no_attempt_while_a_wait_is_under_way() {
    run(async {
        let (near, far) = pair();
        let readiness = Readiness::new(&SharedFd::new(far.try_clone().unwrap().into()));
        let mut attempts = 0;
        let mut poll = |cx: &mut Context<'_>| {
            readiness.poll_read_io(cx, || {
                attempts += 1;
                (&far).read(&mut [0; 8])
            })
        };
        for _ in 0..3 {
            let waits = poll_fn(|cx| Poll::Ready(poll(cx).is_pending())).await;
            assert!(waits);
        }
        (&near).write_all(b"abc").unwrap();
        assert_eq!(poll_fn(poll).await.unwrap(), 3);
        assert_eq!(attempts, 2, "one before the wait, one after");
    });
}
