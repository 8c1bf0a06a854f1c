//! A file to a connection, without a copy to user space.

use std::{
    io,
    ops::{Bound, RangeBounds},
    os::fd::OwnedFd,
};

use runtime_core::{
    fd::{SharedFd, Target},
    op::{self, SpliceEnd},
};

/// Bytes of one round: what a pipe holds.
const ROUND: u64 = 64 << 10;

/// Sends a part of a file to a connection and gives how many bytes it has sent; less than the range has if the file ends
/// before. `file` and `stream` are what ops work on: a `File` or `TcpStream`, or its slot form.
///
/// The bytes go file → pipe → socket, in rounds of 64 KiB, each a plan of two splices, the second of which takes the length
/// that the first one came to. They are not copied to user space. Both ends stay usable beside it.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// # let dir = std::env::temp_dir().join(format!("send_file_{}", std::process::id()));
/// # std::fs::write(&dir, "the whole file")?;
/// use runtime::{fs::File, net::{UnixStream, send_file}};
/// let (a, b) = UnixStream::pair()?;
/// let file = File::open(&dir).await?;
/// assert_eq!(send_file(&a, &file, 4..9).await?, 5);
/// assert_eq!(b.recv(vec![0; 99]).await.1[..5], *b"whole");
/// # std::fs::remove_file(&dir)?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// Those of splice(2): EINVAL for files that cannot be spliced, EPIPE and ECONNRESET once the peer is gone; EMFILE for the
/// pipe. How much was sent before is not told.
///
/// # Cancel safety
/// Dropped, it may have sent any part.
///
/// # Cost
/// One pipe; two SQEs and one wake-up per round, more where the connection takes less at once. Splices are carried out by
/// kernel workers: for small files in the page cache a read and a send are faster.
pub async fn send_file<S, F>(stream: &S, file: &F, range: impl RangeBounds<u64>) -> io::Result<u64>
where
    for<'a> Target: From<&'a S> + From<&'a F>,
{
    let (stream, file) = (Target::from(stream), Target::from(file));
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    let (output, input) = io::pipe()?;
    let (output, input) = (SharedFd::new(OwnedFd::from(output)), SharedFd::new(OwnedFd::from(input)));
    let mut offset = start;
    while offset < end {
        let len = (end - offset).min(ROUND) as usize;
        let (from, to) = (SpliceEnd::at(file.clone(), offset), SpliceEnd::stream(&input));
        let rest = |moved| op::splice(SpliceEnd::stream(&output), SpliceEnd::stream(stream.clone()), moved);
        let (filled, sent) = op::splice(from, to, len).then(rest).await;
        let filled = filled?;
        if filled == 0 {
            break;
        }
        let sent = match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        empty(&output, &stream, filled - sent).await?;
        offset += filled as u64;
    }
    Ok(offset - start)
}

/// Sends what a round has left in the pipe.
async fn empty(pipe: &SharedFd, stream: &Target, mut left: usize) -> io::Result<()> {
    while left > 0 {
        // A splice to a socket in non-blocking mode does not wait itself.
        op::poll(stream.clone(), libc::POLLOUT as u32).await?;
        match op::splice(SpliceEnd::stream(pipe), SpliceEnd::stream(stream.clone()), left).await {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => left -= sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
