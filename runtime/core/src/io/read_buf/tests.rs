//! A [`ReadBuf`] against a model of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Call {
    PutSlice(usize),
    Advance(usize),
    SetFilled(usize),
    Clear,
    InitializeUnfilled,
    InitializeUnfilledTo(usize),
    WriteAndAssume(usize),
    Take(usize),
    FillUpTo { limit: usize, initialize: usize, put: usize },
    ChangeFilled,
}

/// What a buffer is: so many bytes filled, these initialized, this many in all.
struct Model {
    filled: usize,
    initialized: Vec<u8>,
    capacity: usize,
}

impl Model {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.initialized.len() < end {
            self.initialized.resize(end, 0);
        }
        self.initialized[at..end].copy_from_slice(bytes);
    }

    /// Makes the call on both, with `byte` as what it writes. A call that must panic is seen to leave the buffer alone.
    fn call(&mut self, buf: &mut ReadBuf<'_>, call: &Call, byte: u8) {
        let (filled, remaining) = (self.filled, self.capacity - self.filled);
        match *call {
            Call::PutSlice(count) if count <= remaining => {
                buf.put_slice(&vec![byte; count]);
                self.write(filled, &vec![byte; count]);
                self.filled += count;
            }
            Call::PutSlice(count) => refused(|| buf.put_slice(&vec![byte; count])),
            Call::Advance(count) if filled + count <= self.initialized.len() => {
                buf.advance(count);
                self.filled += count;
            }
            Call::Advance(count) => refused(|| buf.advance(count)),
            Call::SetFilled(count) if count <= self.initialized.len() => {
                buf.set_filled(count);
                self.filled = count;
            }
            Call::SetFilled(count) => refused(|| buf.set_filled(count)),
            Call::Clear => {
                buf.clear();
                self.filled = 0;
            }
            Call::InitializeUnfilled => {
                self.initialized.resize(self.capacity, 0);
                assert_eq!(buf.initialize_unfilled(), &self.initialized[filled..]);
            }
            Call::InitializeUnfilledTo(count) if count <= remaining => {
                let length = self.initialized.len().max(filled + count);
                self.initialized.resize(length, 0);
                assert_eq!(buf.initialize_unfilled_to(count), &self.initialized[filled..filled + count]);
            }
            Call::InitializeUnfilledTo(count) => refused(|| buf.initialize_unfilled_to(count).fill(byte)),
            Call::WriteAndAssume(count) => {
                let count = count.min(remaining);
                // SAFETY: bytes are written, none is taken back. This test.
                let unfilled = unsafe { buf.unfilled_mut() };
                unfilled[..count].fill(MaybeUninit::new(byte));
                // SAFETY: they were written just now. This test.
                unsafe { buf.assume_init(count) };
                self.write(filled, &vec![byte; count]);
            }
            Call::Take(count) => {
                let mut part = buf.take(count);
                assert_eq!(
                    (part.capacity(), part.filled().len(), part.initialized().len()),
                    (count.min(remaining), 0, 0)
                );
                part.initialize_unfilled().fill(byte);
                // What it wrote into bytes that count as initialized here is seen here.
                let seen = (self.initialized.len() - filled).min(count);
                self.write(filled, &vec![byte; seen]);
            }
            Call::FillUpTo { limit, initialize, put } => {
                let limit = limit.min(remaining);
                let (initialize, put) = (initialize.min(limit), put.min(limit));
                let known = (self.initialized.len() - filled).min(limit);
                let poll = buf.fill_up_to(limit, |part| {
                    assert_eq!((part.capacity(), part.initialized().len()), (limit, known));
                    part.initialize_unfilled_to(initialize);
                    part.put_slice(&vec![byte; put]);
                    Poll::Ready(Ok(()))
                });
                assert!(matches!(poll, Poll::Ready(Ok(count)) if count == put));
                let length = self.initialized.len().max(filled + initialize);
                self.initialized.resize(length, 0);
                self.write(filled, &vec![byte; put]);
                self.filled += put;
            }
            Call::ChangeFilled => {
                buf.filled_mut().fill(byte);
                self.initialized[..filled].fill(byte);
            }
        }
    }

    fn check(&self, buf: &mut ReadBuf<'_>) {
        assert_eq!((buf.capacity(), buf.remaining()), (self.capacity, self.capacity - self.filled));
        assert_eq!(buf.filled(), &self.initialized[..self.filled]);
        assert_eq!(buf.initialized(), self.initialized);
        assert_eq!(buf.initialized_mut(), self.initialized);
        // SAFETY: nothing is written. This test.
        assert_eq!(unsafe { (buf.inner_mut().len(), buf.unfilled_mut().len()) }, (self.capacity, buf.remaining()));
    }
}

#[track_caller]
fn refused(call: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "the call was to panic");
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let count = || 0_usize..12;
    let call = prop_oneof![
        4 => count().prop_map(Call::PutSlice),
        2 => count().prop_map(Call::Advance),
        2 => count().prop_map(Call::SetFilled),
        1 => Just(Call::Clear),
        1 => Just(Call::InitializeUnfilled),
        2 => count().prop_map(Call::InitializeUnfilledTo),
        2 => count().prop_map(Call::WriteAndAssume),
        2 => count().prop_map(Call::Take),
        4 => (count(), count(), count()).prop_map(|(limit, initialize, put)| Call::FillUpTo { limit, initialize, put }),
        1 => Just(Call::ChangeFilled),
    ];
    proptest::collection::vec(call, 0..20)
}

proptest! {
    #[test]
    fn any_sequence_agrees_with_a_model(capacity in 0_usize..24, uninit: bool, calls in calls()) {
        // Calls that must panic are many here; their messages are not news.
        let mut memory = vec![0xee; capacity];
        let mut spare = Vec::with_capacity(capacity);
        let (mut buf, initialized) = if uninit {
            (ReadBuf::uninit(&mut spare.spare_capacity_mut()[..capacity]), vec![])
        } else {
            (ReadBuf::new(&mut memory), vec![0xee; capacity])
        };
        let mut model = Model { filled: 0, initialized, capacity };
        model.check(&mut buf);
        for (byte, call) in (1..).zip(&calls) {
            model.call(&mut buf, call, byte);
            model.check(&mut buf);
        }
    }
}

#[test]
fn a_limited_read_keeps_what_is_initialized() {
    let mut memory = [MaybeUninit::uninit(); 16];
    let mut buf = ReadBuf::uninit(&mut memory);
    let pending = buf.fill_up_to(8, |part| {
        part.initialize_unfilled();
        Poll::Pending
    });
    assert!(pending.is_pending() && buf.initialized() == [0; 8] && buf.filled().is_empty());
    let failed = buf.fill_up_to(12, |part| {
        assert_eq!(part.initialized().len(), 8, "what was zeroed once need not be again");
        Poll::Ready(Err(io::ErrorKind::Other.into()))
    });
    assert!(matches!(failed, Poll::Ready(Err(_))) && buf.filled().is_empty());
}

#[test]
fn the_count_of_filled_bytes_does_not_overflow() {
    let mut memory = [0; 2];
    let mut buf = ReadBuf::new(&mut memory);
    buf.advance(1);
    refused(|| buf.advance(usize::MAX));
    assert_eq!(format!("{buf:?}"), "ReadBuf { filled: 1, initialized: 2, capacity: 2 }");
}
