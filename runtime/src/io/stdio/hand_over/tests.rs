use std::{
    future::poll_fn,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::Builder;

/// Gives what comes through a channel, one message for each read; the end once the sender is gone.
struct Source(mpsc::Receiver<io::Result<&'static [u8]>>);

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Ok(message) = self.0.recv() else { return Ok(0) };
        let bytes = message?;
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

fn source() -> (mpsc::Sender<io::Result<&'static [u8]>>, HandOver<Source>) {
    let (sender, receiver) = mpsc::channel();
    (sender, HandOver::new(Source(receiver)))
}

async fn read(stream: &mut HandOver<Source>, room: usize) -> io::Result<Vec<u8>> {
    let mut memory = vec![0; room];
    let mut buf = ReadBuf::new(&mut memory);
    poll_fn(|cx| stream.poll_read(cx, &mut buf)).await?;
    let count = buf.filled().len();
    memory.truncate(count);
    Ok(memory)
}

/// What a [`Target`] is told, and what it says that it did.
#[derive(Default)]
struct Script {
    done: Vec<String>,
    fail_next: bool,
}

/// Does nothing before it gets leave, once for each call.
struct Target {
    leave: mpsc::Receiver<()>,
    script: Arc<Mutex<Script>>,
}

impl Target {
    fn call(&self, what: String) -> io::Result<()> {
        self.leave.recv_timeout(Duration::from_secs(20)).expect("leave");
        let mut script = self.script.lock().unwrap();
        if std::mem::take(&mut script.fail_next) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        script.done.push(what);
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.call(String::from_utf8_lossy(buf).into_owned())?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call("flush".to_owned())
    }
}

fn target() -> (mpsc::Sender<()>, Arc<Mutex<Script>>, HandOver<Target>) {
    let (sender, leave) = mpsc::channel();
    let script = Arc::new(Mutex::new(Script::default()));
    (sender, script.clone(), HandOver::new(Target { leave, script }))
}

async fn write(stream: &mut HandOver<Target>, bytes: &str) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes.as_bytes())])).await
}

/// True if the call has to wait.
async fn waits<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> bool {
    poll_fn(|cx| Poll::Ready(poll(cx).is_pending())).await
}

fn run<F: Future>(future: F) -> F::Output {
    Builder::new().build().unwrap().block_on(future)
}

#[test]
fn a_dropped_read_loses_nothing() {
    run(async {
        let (sender, mut stream) = source();
        let mut memory = [0; 8];
        assert!(waits(|cx| stream.poll_read(cx, &mut ReadBuf::new(&mut memory))).await);
        sender.send(Ok(b"late and")).unwrap();
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"late ");
        assert_eq!(read(&mut stream, 0).await.unwrap(), b"");
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"and", "no more is asked for while some is here");
        sender.send(Ok(b"more")).unwrap();
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"more");
        drop(sender);
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"");
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"", "an end can be read again");
    });
}

#[test]
fn a_read_that_was_interrupted_goes_on_and_one_that_failed_ends_nothing() {
    run(async {
        let (sender, mut stream) = source();
        sender.send(Err(io::ErrorKind::Interrupted.into())).unwrap();
        sender.send(Err(io::ErrorKind::PermissionDenied.into())).unwrap();
        sender.send(Ok(b"bytes")).unwrap();
        let error = read(&mut stream, 5).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(read(&mut stream, 5).await.unwrap(), b"bytes");
    });
}

#[test]
fn a_write_is_done_when_a_thread_has_it_and_a_flush_when_all_is_written() {
    run(async {
        let (leave, script, mut stream) = target();
        assert_eq!(write(&mut stream, "one").await.unwrap(), 3);
        assert!(waits(|cx| stream.poll_write(cx, &[IoSlice::new(b"two")])).await, "one errand at a time");
        leave.send(()).unwrap();
        assert_eq!(write(&mut stream, "two").await.unwrap(), 3);
        assert_eq!(script.lock().unwrap().done, ["one"]);
        assert!(waits(|cx| stream.poll_flush(cx)).await);
        leave.send(()).unwrap();
        leave.send(()).unwrap();
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert_eq!(script.lock().unwrap().done, ["one", "two", "flush"]);
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert_eq!(write(&mut stream, "").await.unwrap(), 0);
        assert_eq!(script.lock().unwrap().done.len(), 3, "there is nothing to flush, nor to write");
    });
}

#[test]
fn a_write_that_failed_is_reported_by_the_next_call_once() {
    run(async {
        let (leave, script, mut stream) = target();
        (0..9).for_each(|_| leave.send(()).unwrap());
        script.lock().unwrap().fail_next = true;
        assert_eq!(write(&mut stream, "lost").await.unwrap(), 4);
        let error = write(&mut stream, "not taken").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(write(&mut stream, "taken").await.unwrap(), 5);
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();

        script.lock().unwrap().fail_next = true;
        write(&mut stream, "lost").await.unwrap();
        let error = poll_fn(|cx| stream.poll_flush(cx)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert_eq!(script.lock().unwrap().done, ["taken", "flush", "flush"]);
    });
}

#[test]
fn a_write_that_no_thread_has_taken_is_done_by_the_shutdown() {
    let runtime = Builder::new().max_blocking_threads(1).build().unwrap();
    let (leave, script, mut stream) = target();
    leave.send(()).unwrap();
    let (busy, started) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || {
        busy.send(()).unwrap();
        ended.recv().unwrap_err();
    });
    started.recv().unwrap();
    assert_eq!(runtime.block_on(write(&mut stream, "last words")).unwrap(), 10);
    assert!(script.lock().unwrap().done.is_empty(), "the only thread is busy");
    let (seen, since) = (script.clone(), Instant::now());
    let ender = thread::spawn(move || {
        while seen.lock().unwrap().done.is_empty() && since.elapsed() < Duration::from_secs(20) {
            thread::yield_now();
        }
        drop(end);
    });
    drop(runtime);
    ender.join().unwrap();
    assert_eq!(script.lock().unwrap().done, ["last words"]);
}

#[test]
fn a_stream_that_panics_is_lost_with_an_error() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("this panic belongs to the test")
        }
    }
    run(async {
        let mut stream = HandOver::new(Panics);
        for _ in 0..2 {
            let mut memory = [0; 8];
            let mut buf = ReadBuf::new(&mut memory);
            poll_fn(|cx| stream.poll_read(cx, &mut buf)).await.unwrap_err();
        }
    });
}

#[test]
fn an_errand_has_a_limit_and_cuts_no_character() {
    run(async {
        let (leave, script, mut stream) = target();
        let text = "ä€".repeat(BYTES_MAX / 4);
        let mut rest = &text[..];
        while !rest.is_empty() {
            leave.send(()).unwrap();
            let count = write(&mut stream, rest).await.unwrap();
            assert!(count <= BYTES_MAX && (count == rest.len() || count > BYTES_MAX - 4), "{count}");
            rest = &rest[count..];
        }
        leave.send(()).unwrap();
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert!(script.lock().unwrap().done.concat() == text + "flush");
    });
}

#[test]
fn a_cut_falls_between_characters_if_there_are_any() {
    for (text, count_max, expected) in [
        ("abc", 3, 3),
        ("abcd", 3, 3),
        ("aä", 2, 1),
        ("ab€", 4, 2),
        ("ab€", 5, 5),
        ("a🦀b", 4, 1),
        ("a🦀b", 5, 5),
        ("€", 2, 0),
        ("€", 0, 0),
    ] {
        assert_eq!(whole_characters(text.as_bytes(), count_max).len(), expected, "{text} {count_max}");
    }
    assert_eq!(whole_characters(&[0x80; 9], 7).len(), 7, "no text");
}
