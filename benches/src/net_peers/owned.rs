//! A connection on runtimes whose streams take owned buffers, and answer with them.

use std::io;

use super::work::{Answer, MESSAGE_MAX, Work};

pub trait Stream {
    /// Into the whole buffer.
    async fn read(&mut self, buf: Vec<u8>) -> (io::Result<usize>, Vec<u8>);
    /// The first `len` bytes.
    async fn write_all(&mut self, buf: Vec<u8>, len: usize) -> (io::Result<()>, Vec<u8>);
}

pub async fn connection(mut stream: impl Stream, work: Work) -> io::Result<()> {
    let (mut session, mut input, mut out) = (work.session(), vec![0; MESSAGE_MAX], Vec::new());
    loop {
        let count;
        (count, input) = stream.read(input).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        let sent;
        match session.answer(&input[..count], &mut out) {
            Answer::Input => (sent, input) = stream.write_all(input, count).await,
            Answer::Out => {
                let len = out.len();
                (sent, out) = stream.write_all(out, len).await;
            }
        }
        sent?;
    }
}
