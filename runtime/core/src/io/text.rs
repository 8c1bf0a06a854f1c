//! A string that is read into.

use std::{io, mem, str};

/// The bytes of a borrowed string, to which a call appends before it knows whether they are UTF-8.
///
/// The string is empty meanwhile. If the call does not end (its future is dropped), it gets back what it had.
#[derive(Debug)]
pub(super) struct Text<'a> {
    string: &'a mut String,
    /// `None` once the string has them back. The first `kept` of them are the string as it was, and only appended to.
    bytes: Option<Vec<u8>>,
    kept: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(string: &'a mut String) -> Text<'a> {
        let bytes = mem::take(string).into_bytes();
        Text { string, kept: bytes.len(), bytes: Some(bytes) }
    }

    /// What was there, and what was read. The caller may append to it, and nothing else.
    ///
    /// # Panics
    /// Once the string has its bytes back: the future was polled after it had completed.
    #[track_caller]
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        self.bytes.as_mut().expect("a read into a string was polled after it had completed")
    }

    /// Gives the string its bytes with what was appended, whose count it returns. If that is not UTF-8, the string is
    /// as it was.
    pub(super) fn finish(&mut self) -> io::Result<usize> {
        let kept = self.kept;
        let read = &self.bytes()[kept..];
        match str::from_utf8(read) {
            Ok(read) => {
                let count = read.len();
                self.give_back();
                Ok(count)
            }
            Err(error) => {
                self.revert();
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// The string is as it was.
    pub(super) fn revert(&mut self) {
        if let Some(bytes) = &mut self.bytes {
            bytes.truncate(self.kept);
            self.give_back();
        }
    }

    /// All bytes are UTF-8.
    fn give_back(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            // SAFETY: the first `kept` bytes came out of this string, and callers only append. What lies behind them
            // has been found to be UTF-8 by `finish`, or was cut off by `revert`.
            // io::tests::invalid_text_leaves_the_string.
            *self.string = unsafe { String::from_utf8_unchecked(bytes) };
        }
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        self.revert();
    }
}
