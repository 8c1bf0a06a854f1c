//! `split` and `join`: two of one, one of two.

mod common;
#[path = "common/stream.rs"]
mod stream;

use std::{
    cell::Cell,
    io::{Cursor, IoSlice},
    marker::PhantomPinned,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
};

use common::run;
use runtime::io::{
    self, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Join, ReadBuf, ReadHalf,
    WriteHalf, duplex, empty, join, sink, split,
};
use stream::{Script, Slow, Step, now};

#[test]
fn halves_reach_the_one_stream_and_become_it_again() {
    let script = Script { vectored: true, ..Script::new([Step::Give(b"in")], []) };
    let (mut reader, mut writer) = split(script);
    assert!(reader.is_pair_of(&writer) && writer.is_pair_of(&reader) && writer.is_write_vectored());
    let mut bytes = Vec::new();
    now(reader.read_to_end(&mut bytes)).unwrap();
    assert_eq!(bytes, b"in");
    now(writer.write_all(b"out")).unwrap();
    now(writer.write_vectored(&[IoSlice::new(b"o"), IoSlice::new(b"ut")])).unwrap();
    now(writer.flush()).unwrap();
    now(writer.shutdown()).unwrap();
    assert_eq!(reader.unsplit(writer).log, ["write out", "write out", "flush", "shutdown"]);
}

#[test]
fn halves_of_two_streams_are_no_pair() {
    let ((reader, _), (_, writer)) = (split(empty()), split(empty()));
    assert!(!reader.is_pair_of(&writer) && !writer.is_pair_of(&reader));
    assert!(catch_unwind(AssertUnwindSafe(|| reader.unsplit(writer))).is_err());
}

#[test]
fn a_stream_lives_as_long_as_one_half() {
    let (a, mut b) = duplex(8);
    let (mut reader, writer) = split(a);
    drop(writer);
    now(b.write_all(b"ab")).unwrap();
    now(reader.read_exact(&mut [0; 2])).unwrap();
    drop(reader);
    assert_eq!(now(b.read(&mut [0])).unwrap(), 0);
}

#[test]
fn halves_work_on_two_threads() {
    const LENGTH: usize = 100_000;
    let (a, mut b) = duplex(64);
    let (mut reader, mut writer) = split(Slow::new(a, 1));
    let echo = thread::spawn(move || run(async move { runtime::io::copy(&mut reader, &mut sink()).await.unwrap() }));
    let writing = thread::spawn(move || {
        run(async move {
            writer.write_all(&vec![1; LENGTH]).await.unwrap();
            writer.shutdown().await.unwrap();
        });
    });
    run(async move {
        let (mut reader, mut writer) = split(&mut b);
        let write = async {
            writer.write_all(&vec![2; LENGTH]).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut found = Vec::new();
        let ((), read) = runtime::join!(write, reader.read_to_end(&mut found)).await;
        assert_eq!((read.unwrap(), found == vec![1; LENGTH]), (LENGTH, true));
    });
    writing.join().unwrap();
    assert_eq!(echo.join().unwrap(), LENGTH as u64);
}

/// Lends its calls to a test.
struct Hooked<F>(F);

impl<F: FnMut(&mut Context<'_>) + Unpin> AsyncRead for Hooked<F> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        (self.0)(cx);
        Poll::Ready(Ok(()))
    }
}

impl<F: Unpin> AsyncWrite for Hooked<F> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Tells that it was woken.
struct Tell(mpsc::SyncSender<()>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        let _the_first_suffices = self.0.try_send(());
    }
}

#[test]
fn a_half_that_is_polled_within_the_other_waits_and_does_not_block() {
    type Call = Box<dyn FnMut(&mut Context<'_>) + Send>;
    let shared: Arc<Mutex<Option<WriteHalf<Hooked<Call>>>>> = Arc::default();
    let (half, (woken, wakes)) = (shared.clone(), mpsc::sync_channel(1));
    let inner = Waker::from(Arc::new(Tell(woken)));
    let hook: Call = Box::new(move |_| {
        let mut half = half.lock().unwrap();
        let writer = half.as_mut().expect("the other half");
        assert!(pin!(writer.write(b"a")).poll(&mut Context::from_waker(&inner)).is_pending());
    });
    let (mut reader, writer) = split(Hooked(hook));
    *shared.lock().unwrap() = Some(writer);
    assert_eq!(now(reader.read(&mut [0])).unwrap(), 0);
    wakes.try_recv().expect("a half that has to wait is woken");
    let mut writer = shared.lock().unwrap().take().unwrap();
    assert_eq!(now(writer.write(b"a")).unwrap(), 1);
}

#[test]
fn a_panic_in_one_half_is_no_end_of_the_other() {
    let (mut reader, mut writer) = split(Hooked(|_: &mut Context<'_>| panic!("this panic belongs to the test")));
    assert!(catch_unwind(AssertUnwindSafe(|| now(reader.read(&mut [0])))).is_err());
    assert_eq!(now(writer.write(b"a")).unwrap(), 1);
    let _still_a_pair = reader.unsplit(writer);
}

#[test]
fn a_joined_stream_reads_from_the_one_and_writes_to_the_other() {
    let reader = BufReader::new(Script::new([Step::Give(b"one\ntwo")], []));
    let mut both = join(reader, Script { vectored: true, ..Script::default() });
    let mut line = String::new();
    now(both.read_line(&mut line)).unwrap();
    assert_eq!(line, "one\n");
    let mut bytes = Vec::new();
    now(both.read_to_end(&mut bytes)).unwrap();
    assert_eq!(bytes, b"two");
    assert!(both.is_write_vectored());
    now(both.write_all(b"out")).unwrap();
    now(both.write_vectored(&[IoSlice::new(b"o"), IoSlice::new(b"ut")])).unwrap();
    now(both.flush()).unwrap();
    now(both.shutdown()).unwrap();
    assert_eq!(both.writer().log, ["write out", "write out", "flush", "shutdown"]);
    both.writer_mut().log.clear();
    assert!(both.reader().buffer().is_empty());
    assert!(both.reader_mut().get_mut().log.is_empty());
    assert!(Pin::new(&mut both).writer_pin_mut().log.is_empty());
    assert!(Pin::new(&mut both).reader_pin_mut().get_mut().buffer().is_empty());
    let (_reader, writer) = both.into_inner();
    assert!(writer.vectored);
}

#[test]
fn halves_cross_threads_if_their_stream_may_leave_its_own() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    // Neither Sync nor Unpin.
    type Odd = (Cell<u8>, PhantomPinned);
    send_sync_unpin::<(ReadHalf<Odd>, WriteHalf<Odd>)>();
    send_sync_unpin::<Join<&[u8], Cursor<Vec<u8>>>>();
    let (reader, writer) = split(empty());
    assert_eq!(format!("{reader:?} {writer:?}"), "split::ReadHalf split::WriteHalf");
    assert_eq!(format!("{:?}", join(empty(), sink())), "Join { reader: Empty { .. }, writer: Sink { .. } }");
}
