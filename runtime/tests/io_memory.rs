//! Streams in memory: `duplex`, `simplex`, `empty`, `repeat`, `sink`.

mod common;
#[path = "common/stream.rs"]
mod stream;

use std::{
    io::IoSlice,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use common::run;
use runtime::{
    io::{
        AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, DuplexStream, Empty, ErrorKind, Repeat,
        SeekFrom, SimplexStream, Sink, duplex, empty, repeat, simplex, sink,
    },
    time::timeout,
};
use stream::{now, poll_now};

/// Counts its wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll_with<F: Future>(future: F, waker: &Arc<Count>) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(&waker.clone().into()))
}

#[test]
fn a_full_direction_holds_its_writer_back_until_someone_reads() {
    let (mut a, mut b) = duplex(4);
    let (writer, reader) = (Arc::<Count>::default(), Arc::<Count>::default());
    let mut six = [0; 6];
    assert!(poll_with(b.read(&mut six), &reader).is_pending());
    assert_eq!(now(a.write(b"abcdef")).unwrap(), 4, "a part");
    assert_eq!(reader.0.load(SeqCst), 1);
    assert!(poll_with(a.write(b"ef"), &writer).is_pending());
    assert_eq!(now(b.read(&mut six[..0])).unwrap(), 0);
    assert_eq!(writer.0.load(SeqCst), 0, "a read of nothing makes no room");
    assert_eq!(now(b.read(&mut six[..3])).unwrap(), 3);
    assert_eq!(writer.0.load(SeqCst), 1);
    let parts = [IoSlice::new(b"e"), IoSlice::new(b""), IoSlice::new(b"fg"), IoSlice::new(b"h")];
    assert_eq!(now(a.write_vectored(&parts)).unwrap(), 3);
    assert_eq!(now(b.read(&mut six)).unwrap(), 4);
    assert_eq!(&six[..4], b"defg");
    assert_eq!(now(b.write(b"other way")).unwrap(), 4, "the directions have room of their own");
    assert_eq!(now(a.write(b"")).unwrap(), 0);
    assert!(a.is_write_vectored());
}

#[test]
fn a_shutdown_ends_one_direction_and_a_drop_both() {
    let (mut a, mut b) = duplex(8);
    let reader = Arc::<Count>::default();
    let mut bytes = Vec::new();
    let mut byte = [0];
    assert!(poll_with(b.read(&mut byte), &reader).is_pending());
    now(a.shutdown()).unwrap();
    assert_eq!(reader.0.load(SeqCst), 1);
    assert_eq!(now(b.read_to_end(&mut bytes)).unwrap(), 0);
    assert_eq!(now(a.write(b"late")).unwrap_err().kind(), ErrorKind::BrokenPipe);
    now(a.shutdown()).unwrap();
    now(b.write_all(b"back")).unwrap();
    now(a.read_exact(&mut [0; 4])).unwrap();

    let (mut a, mut b) = duplex(4);
    now(a.write_all(b"left")).unwrap();
    now(b.write_all(b"full")).unwrap();
    let writer = Arc::<Count>::default();
    assert!(poll_with(b.write(b"more"), &writer).is_pending());
    drop(a);
    assert_eq!(writer.0.load(SeqCst), 1);
    assert_eq!(now(b.write(b"more")).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(now(b.write(b"")).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(now(b.read_to_end(&mut bytes)).unwrap(), 4, "what was written before is there");
}

#[test]
fn an_end_that_is_dropped_keeps_no_waker() {
    let (mut a, b) = duplex(4);
    let waker = Arc::<Count>::default();
    now(a.write_all(b"full")).unwrap();
    assert!(poll_with(a.write(b"more"), &waker).is_pending());
    assert!(poll_with(a.read(&mut [0]), &waker).is_pending());
    assert_eq!(Arc::strong_count(&waker), 3);
    drop(a);
    assert_eq!(Arc::strong_count(&waker), 1);
    drop(b);
}

#[test]
fn the_last_task_to_wait_is_woken() {
    let (mut a, mut b) = duplex(4);
    let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
    assert!(poll_with(b.read(&mut [0]), &first).is_pending());
    assert!(poll_with(b.read(&mut [0]), &second).is_pending());
    assert!(poll_with(b.read(&mut [0]), &second).is_pending());
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
    now(a.write_all(b"a")).unwrap();
    assert_eq!((first.0.load(SeqCst), second.0.load(SeqCst)), (0, 1));
}

/// A waker that uses a stream whenever it is woken, and when it is dropped.
struct Meddler {
    stream: Mutex<DuplexStream>,
    times: Arc<AtomicUsize>,
}

impl Meddler {
    fn meddle(&self) {
        let mut stream = self.stream.lock().unwrap();
        let _there_or_not = poll_now(stream.read(&mut [0]));
        let _room_or_not = poll_now(stream.write(b"x"));
        let _shown = format!("{stream:?}");
        self.times.fetch_add(1, SeqCst);
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle();
    }
}

#[test]
fn wakers_are_woken_and_dropped_without_a_lock() {
    let times = Arc::<AtomicUsize>::default();
    let meddler = |stream| Arc::new(Meddler { stream: Mutex::new(stream), times: times.clone() });
    // A wake within the other end's write, then within its read.
    let (mut a, b) = duplex(4);
    let waits = meddler(b);
    let waker = Waker::from(waits.clone());
    let mut context = Context::from_waker(&waker);
    assert!(pin!(waits.stream.lock().unwrap().read(&mut [0])).poll(&mut context).is_pending());
    now(a.write_all(b"ab")).unwrap();
    assert_eq!(times.load(SeqCst), 1);
    now(waits.stream.lock().unwrap().write_all(b"abc")).unwrap();
    assert!(pin!(waits.stream.lock().unwrap().write(b"d")).poll(&mut context).is_pending());
    now(a.read_exact(&mut [0; 2])).unwrap();
    assert_eq!(times.load(SeqCst), 2);
    // A wake by the other end's drop, and the waker's own end.
    assert!(pin!(waits.stream.lock().unwrap().read_exact(&mut [0; 9])).poll(&mut context).is_pending());
    drop(a);
    assert_eq!(times.load(SeqCst), 3);
    drop((waker, waits));
    assert_eq!(times.load(SeqCst), 4);
    // A waker whose last owner is the stream, replaced by another.
    let (mut a, b) = duplex(4);
    let waker = Waker::from(meddler(b));
    assert!(pin!(a.read(&mut [0])).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    let _read_what_the_drop_wrote = poll_now(a.read(&mut [0]));
    assert_eq!(times.load(SeqCst), 5);
}

#[test]
fn bytes_cross_threads_both_ways_at_once() {
    const LENGTH: usize = 300_000;
    fn side(stream: DuplexStream, factor: usize, size: usize) {
        run(async move {
            let (mut reader, mut writer) = runtime::io::split(stream);
            let writing = runtime::spawn(async move {
                let bytes: Vec<u8> = (0..LENGTH).map(|index| (index * factor) as u8).collect();
                for part in bytes.chunks(size) {
                    writer.write_all(part).await.unwrap();
                }
                writer.shutdown().await.unwrap();
            });
            let mut found = Vec::new();
            reader.read_to_end(&mut found).await.unwrap();
            writing.await.unwrap();
            let other = 8 - factor;
            assert!(found.len() == LENGTH && found.iter().enumerate().all(|(at, byte)| *byte == (at * other) as u8));
        });
    }
    let (a, b) = duplex(100);
    let there = thread::spawn(move || side(a, 3, 70));
    side(b, 5, 1000);
    there.join().unwrap();
}

#[test]
fn a_simplex_ends_by_its_shutdown_alone() {
    let (mut reader, mut writer) = simplex(4);
    let waker = Arc::<Count>::default();
    let mut six = [0; 6];
    assert!(poll_with(reader.read(&mut six), &waker).is_pending());
    assert_eq!(now(writer.write(b"abcdef")).unwrap(), 4);
    assert_eq!(waker.0.load(SeqCst), 1);
    assert!(poll_with(writer.write(b"ef"), &waker).is_pending());
    assert_eq!(now(reader.read(&mut six)).unwrap(), 4);
    assert_eq!(waker.0.load(SeqCst), 2);
    now(writer.write_all(b"ef")).unwrap();
    now(writer.shutdown()).unwrap();
    assert_eq!(now(writer.write(b"g")).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(now(reader.read(&mut six)).unwrap(), 2);
    assert_eq!(now(reader.read(&mut six)).unwrap(), 0);

    let (mut reader, writer) = simplex(4);
    drop(writer);
    assert!(poll_now(reader.read(&mut six)).is_pending());

    let mut both = SimplexStream::new_unsplit(4);
    now(both.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")])).unwrap();
    assert_eq!(now(both.read(&mut six)).unwrap(), 4);
}

#[test]
fn a_stream_without_room_is_refused() {
    assert!(catch_unwind(|| duplex(0)).is_err());
    assert!(catch_unwind(|| simplex(0)).is_err());
    assert!(catch_unwind(|| SimplexStream::new_unsplit(0)).is_err());
}

#[test]
fn empty_has_no_bytes_and_keeps_none() {
    let mut stream = empty();
    let mut bytes = Vec::new();
    assert_eq!(now(stream.read_to_end(&mut bytes)).unwrap(), 0);
    assert_eq!(now(stream.fill_buf()).unwrap(), b"");
    assert_eq!(now(stream.write(b"abc")).unwrap(), 3);
    assert_eq!(now(stream.seek(SeekFrom::End(-9))).unwrap(), 0);
    assert_eq!(now(stream.stream_position()).unwrap(), 0);
    now(stream.flush()).unwrap();
    now(stream.shutdown()).unwrap();
}

#[test]
fn sink_takes_all_and_repeat_fills_all() {
    let mut stream = sink();
    assert_eq!(now(stream.write(b"abc")).unwrap(), 3);
    assert_eq!(now(stream.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"bc")])).unwrap(), 3);
    assert!(stream.is_write_vectored() && empty().is_write_vectored());
    now(stream.flush()).unwrap();
    now(stream.shutdown()).unwrap();
    let mut bytes = vec![0; 5000];
    assert_eq!(now(repeat(7).read(&mut bytes)).unwrap(), 5000);
    assert!(bytes.iter().all(|byte| *byte == 7));
    let mut grown = Vec::with_capacity(64);
    now(repeat(7).read_buf(&mut grown)).unwrap();
    assert!(grown.len() >= 64 && grown.iter().all(|byte| *byte == 7));
}

/// Ends only if each step gives way in time.
async fn for_ever(mut step: impl AsyncFnMut()) {
    let endless = async {
        loop {
            step().await;
        }
    };
    timeout(Duration::from_millis(2), endless).await.unwrap_err();
}

#[test]
fn what_is_always_ready_gives_way() {
    run(async {
        let mut byte = [0];
        for_ever(async || drop(empty().read(&mut byte).await)).await;
        for_ever(async || drop(empty().fill_buf().await.map(<[u8]>::len))).await;
        for_ever(async || drop(empty().write(b"a").await)).await;
        for_ever(async || drop(empty().seek(SeekFrom::Start(0)).await)).await;
        for_ever(async || drop(sink().write(b"a").await)).await;
        for_ever(async || drop(sink().flush().await)).await;
        for_ever(async || drop(repeat(0).read(&mut byte).await)).await;
        let (mut a, mut b) = duplex(1);
        for_ever(async || {
            a.write_all(b"a").await.unwrap();
            b.read_exact(&mut byte).await.unwrap();
        })
        .await;
    });
}

#[test]
fn streams_in_memory_cross_threads_and_show_themselves() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    send_sync_unpin::<(DuplexStream, SimplexStream, Empty, Sink, Repeat)>();
    assert_eq!(format!("{:?} {:?} {:?}", empty(), sink(), repeat(7)), "Empty { .. } Sink { .. } Repeat { byte: 7 }");
    assert!(format!("{:?}", duplex(4).0).starts_with("DuplexStream"));
    assert!(format!("{:?}", SimplexStream::new_unsplit(4)).starts_with("SimplexStream"));
}

#[test]
fn a_panic_in_a_waker_harms_no_stream() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("this panic belongs to the test")
        }
    }
    let (mut a, mut b) = duplex(4);
    let waker = Waker::from(Arc::new(Panics));
    assert!(pin!(b.read(&mut [0])).poll(&mut Context::from_waker(&waker)).is_pending());
    let write = catch_unwind(AssertUnwindSafe(|| {
        Pin::new(&mut a).poll_write(&mut Context::from_waker(Waker::noop()), b"ab").is_ready()
    }));
    assert!(write.is_err());
    assert_eq!(now(b.read(&mut [0; 4])).unwrap(), 2);
}
