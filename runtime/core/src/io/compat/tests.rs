//! Every adaptor, in both directions and round trip, against readers that fill a buffer in every way.

use std::{
    any::Any,
    cell::Cell,
    io::{self, ErrorKind, IoSlice, SeekFrom},
    mem::{self, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::{Futures, Hyper, Native, Tokio};
use crate::io::{
    AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf,
    tests::pieces::{Script, Step},
};

/// How a reader fills the buffer that it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Puts a slice.
    Put,
    /// Zeroes all there is, then fills two bytes.
    Zero,
    /// Writes two bytes of four that it initializes.
    Raw,
    /// Initializes four bytes and is pending.
    Wait,
    /// Fills two bytes and fails.
    Fail,
    /// Does nothing: the end.
    End,
}

/// What a reader was given.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Given {
    /// Where the memory lies that it may fill.
    memory: *const MaybeUninit<u8>,
    /// How many bytes of it are known to be initialized.
    known: usize,
}

/// Reads once, in its way, and notes what it was given.
#[derive(Debug)]
struct Reader {
    way: Way,
    given: Rc<Cell<Option<Given>>>,
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let known = buf.initialized().len() - buf.filled().len();
        // SAFETY: the memory is only looked at for its address.
        let memory = unsafe { buf.unfilled_mut() }.as_ptr();
        assert_eq!(self.given.replace(Some(Given { memory, known })), None, "one poll has become two");
        match self.way {
            Way::Put => buf.put_slice(b"ab"),
            Way::Zero => {
                buf.initialize_unfilled()[..2].copy_from_slice(b"ab");
                buf.advance(2);
            }
            Way::Raw | Way::Wait => {
                // SAFETY: bytes are written only, and those that count as initialized afterwards have been.
                unsafe {
                    for (place, byte) in buf.unfilled_mut().iter_mut().zip(b"abcd") {
                        place.write(*byte);
                    }
                    buf.assume_init(4);
                }
                if self.way == Way::Wait {
                    return Poll::Pending;
                }
                buf.advance(2);
            }
            Way::Fail => {
                buf.put_slice(b"ab");
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            Way::End => {}
        }
        Poll::Ready(Ok(()))
    }
}

/// What one poll of a reader came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Poll<Result<(), ErrorKind>>,
    filled: Vec<u8>,
    /// How many bytes are initialized in all.
    initialized: usize,
}

/// Polls into a buffer of 12 bytes that holds "xyz" and knows `known` more to be initialized; gives the place behind
/// "xyz" too.
fn poll<R: AsyncRead + Unpin>(reader: &mut R, known: usize) -> (Outcome, *const MaybeUninit<u8>) {
    let mut memory = [MaybeUninit::uninit(); 12];
    let place = memory[3..].as_ptr();
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"xyz");
    buf.initialize_unfilled_to(known);
    let result = Pin::new(reader).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf);
    let result = result.map_err(|error| error.kind());
    (Outcome { result, filled: buf.filled().to_vec(), initialized: buf.initialized().len() }, place)
}

/// Polls a reader that `wrap` has wrapped. It must be given the very memory of the buffer. Gives besides the outcome how
/// many bytes of that the reader was told to be initialized.
fn read<R: AsyncRead + Unpin>(way: Way, known: usize, wrap: impl FnOnce(Native<Reader>) -> R) -> (Outcome, usize) {
    let given = Rc::new(Cell::new(None));
    let mut reader = wrap(Native::new(Reader { way, given: given.clone() }));
    let (outcome, place) = poll(&mut reader, known);
    let given: Given = given.get().expect("the reader was not polled");
    assert_eq!(given.memory, place, "{way:?}: a copy");
    (outcome, given.known)
}

/// Calls `check` with every way to read, and with counts of initialized bytes of every kind.
fn all_ways(check: impl Fn(Way, usize)) {
    for way in [Way::Put, Way::Zero, Way::Raw, Way::Wait, Way::Fail, Way::End] {
        for known in [0, 1, 4, 9] {
            check(way, known);
        }
    }
}

#[test]
fn every_reader_comes_through() {
    all_ways(|way, known| {
        let (expected, _) = read(way, known, |reader| reader);
        // A read that failed has read nothing, whatever its reader says.
        let filled = if way == Way::Fail { b"xyz" } else { &expected.filled[..] };
        let outcomes = [
            read(way, known, Tokio::new),
            read(way, known, Futures::new),
            read(way, known, Hyper::new),
            read(way, known, |reader| Hyper::new(Futures::new(Tokio::new(reader)))),
        ];
        for (number, (outcome, _)) in outcomes.iter().enumerate() {
            let agrees = (outcome.result, &outcome.filled[..]) == (expected.result, filled);
            assert!(agrees, "{way:?}, {known} bytes known, adaptor {number}: {outcome:?} for {expected:?}");
        }
    });
}

#[test]
fn what_is_initialized_is_passed_on_both_ways() {
    all_ways(|way, known| {
        let (expected, told) = read(way, known, |reader| reader);
        let (outcome, told_through) = read(way, known, Tokio::new);
        assert_eq!((outcome.initialized, told_through), (expected.initialized, told), "{way:?}, {known} bytes known");
    });
}

/// Puts another buffer in the place of the one it is given.
#[derive(Debug)]
struct Exchange;

impl AsyncRead for Exchange {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let _ = mem::replace(buf, ReadBuf::new(Box::leak(Box::new([7; 4]))));
        buf.advance(4);
        Poll::Ready(Ok(()))
    }
}

impl super::tokio::AsyncRead for Exchange {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut super::tokio::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let _ = mem::replace(buf, super::tokio::ReadBuf::new(Box::leak(Box::new([7; 4]))));
        buf.advance(4);
        Poll::Ready(Ok(()))
    }
}

#[test]
fn another_buffer_in_the_place_of_the_first_is_found_out() {
    fn refuses(mut reader: impl AsyncRead + Unpin) {
        let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut reader, 4))).unwrap_err();
        let message = message(&*panic);
        assert!(message.contains("put another buffer in the place"), "{message}");
    }
    refuses(Tokio::new(Exchange));
    refuses(Tokio::new(Native::new(Exchange)));
    refuses(Futures::new(Native::new(Exchange)));
    refuses(Hyper::new(Native::new(Exchange)));
}

fn message(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Writes, flushes and shuts down through `writer`, and gives what the script has noted of it.
fn write<W: AsyncWrite + Unpin>(mut writer: W, script: impl Fn(&W) -> &Script) -> (Vec<u8>, usize, usize, usize) {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut writer_at = Pin::new(&mut writer);
    assert!(matches!(writer_at.as_mut().poll_write(cx, b"abc"), Poll::Ready(Ok(2))));
    assert!(writer_at.as_mut().poll_write(cx, b"c").is_pending());
    let refused = writer_at.as_mut().poll_write(cx, b"c");
    assert!(matches!(refused, Poll::Ready(Err(error)) if error.kind() == ErrorKind::BrokenPipe));
    let pieces = [IoSlice::new(b"c"), IoSlice::new(b"de")];
    assert!(matches!(writer_at.as_mut().poll_write_vectored(cx, &pieces), Poll::Ready(Ok(3))));
    assert!(matches!(writer_at.as_mut().poll_flush(cx), Poll::Ready(Ok(()))));
    assert!(matches!(writer_at.as_mut().poll_shutdown(cx), Poll::Ready(Ok(()))));
    let script = script(&writer);
    (script.taken.clone(), script.vectored, script.flushes, script.shutdowns)
}

fn writer() -> Native<Script> {
    Native::new(Script::vectored([Step::Accept(2), Step::Wait, Step::Fail(ErrorKind::BrokenPipe)]))
}

#[test]
fn every_write_comes_through() {
    let expected = (b"abcde".to_vec(), 1, 1, 1);
    assert_eq!(write(writer(), |w| w.get_ref()), expected);
    assert_eq!(write(Tokio::new(writer()), |w| w.get_ref().get_ref()), expected);
    assert_eq!(write(Futures::new(writer()), |w| w.get_ref().get_ref()), expected);
    assert_eq!(write(Hyper::new(writer()), |w| w.get_ref().get_ref()), expected);
    let all = Hyper::new(Futures::new(Tokio::new(writer())));
    assert_eq!(write(all, |w| w.get_ref().get_ref().get_ref().get_ref()), expected);
}

#[test]
fn what_is_good_at_vectored_writes_says_so_except_by_futures_io() {
    for script in [Script::new([]), Script::vectored([])] {
        let likes = script.likes_vectored;
        let mut writer = Native::new(script);
        assert_eq!(AsyncWrite::is_write_vectored(&writer), likes);
        assert_eq!(AsyncWrite::is_write_vectored(&Tokio::new(&mut writer)), likes);
        assert_eq!(AsyncWrite::is_write_vectored(&Hyper::new(&mut writer)), likes);
        assert!(!AsyncWrite::is_write_vectored(&Futures::new(&mut writer)));
    }
}

#[test]
fn buffered_readers_come_through() {
    fn check(mut reader: impl AsyncBufRead + Unpin) {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut reader = Pin::new(&mut reader);
        assert!(matches!(reader.as_mut().poll_fill_buf(cx), Poll::Ready(Ok(b"abc"))));
        reader.as_mut().consume(2);
        assert!(matches!(reader.as_mut().poll_fill_buf(cx), Poll::Ready(Ok(b"c"))));
    }
    check(Native::new(&b"abc"[..]));
    check(Tokio::new(Native::new(&b"abc"[..])));
    check(Futures::new(Native::new(&b"abc"[..])));
}

/// Seeks in two polls.
#[derive(Debug, Default)]
struct Seeker {
    at: u64,
    target: Option<SeekFrom>,
    begun: Vec<SeekFrom>,
    slow: bool,
}

impl AsyncSeek for Seeker {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        assert_eq!(self.target, None, "a seek is begun while another one is under way");
        self.begun.push(position);
        if position == SeekFrom::End(-1) {
            return Err(ErrorKind::InvalidInput.into());
        }
        (self.target, self.slow) = (Some(position), true);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if mem::take(&mut self.slow) {
            return Poll::Pending;
        }
        match self.target.take() {
            Some(SeekFrom::Start(to)) => self.at = to,
            Some(SeekFrom::Current(by)) => self.at = self.at.checked_add_signed(by).unwrap(),
            Some(SeekFrom::End(_)) | None => {}
        }
        Poll::Ready(Ok(self.at))
    }
}

#[test]
fn seeks_come_through() {
    fn check(mut seeker: impl AsyncSeek + Unpin) {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut seeker = Pin::new(&mut seeker);
        for (position, at) in [(SeekFrom::Start(7), 7), (SeekFrom::Current(2), 9), (SeekFrom::Current(2), 11)] {
            seeker.as_mut().start_seek(position).unwrap();
            assert!(seeker.as_mut().poll_complete(cx).is_pending());
            assert!(matches!(seeker.as_mut().poll_complete(cx), Poll::Ready(Ok(to)) if to == at));
        }
    }
    check(Native::new(Seeker::default()));
    check(Tokio::new(Native::new(Seeker::default())));
    check(Futures::new(Native::new(Seeker::default())));
}

#[test]
fn a_seek_that_was_given_up_ends_before_another_one_begins() {
    use futures_io::AsyncSeek as _;

    let cx = &mut Context::from_waker(Waker::noop());
    let mut seeker = Native::new(Seeker::default());
    assert!(Pin::new(&mut seeker).poll_seek(cx, SeekFrom::Start(7)).is_pending());
    assert!(Pin::new(&mut seeker).poll_seek(cx, SeekFrom::Current(1)).is_pending());
    assert!(matches!(Pin::new(&mut seeker).poll_seek(cx, SeekFrom::Current(1)), Poll::Ready(Ok(8))));
    let refused = Pin::new(&mut seeker).poll_seek(cx, SeekFrom::End(-1));
    assert!(matches!(refused, Poll::Ready(Err(error)) if error.kind() == ErrorKind::InvalidInput));
    assert!(Pin::new(&mut seeker).poll_seek(cx, SeekFrom::Start(1)).is_pending(), "a failed start is over");
    let begun = [SeekFrom::Start(7), SeekFrom::Current(1), SeekFrom::End(-1), SeekFrom::Start(1)];
    assert_eq!(seeker.get_ref().begun, begun);
}

#[test]
fn a_second_seek_of_futures_io_waits_for_the_first() {
    let mut seeker = Futures::new(Native::new(Seeker::default()));
    Pin::new(&mut seeker).start_seek(SeekFrom::Start(1)).unwrap();
    assert!(Pin::new(&mut seeker).start_seek(SeekFrom::Start(2)).is_err());
}
