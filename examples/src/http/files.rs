//! Files of a folder, by two plans: open, and then, the head of the answer known, read → send head → send bytes, with the
//! close behind it in any case. What does not fit a buffer is spliced.

use std::{io, path::PathBuf, time::SystemTime};

use runtime::{
    IntoResult,
    fs::{Dir, File, OpenOptions},
    net::{TcpStream, send_file},
    time::timeout,
};

use super::{
    limits::Limits,
    range::{Wanted, wanted},
    reply::Replies,
    request::{Method, Request},
    status::Status,
};

/// What is sent from a buffer, in bytes. A splice takes two system threads' turns per 64 KiB, a copy of this much less.
const BUFFER: u64 = 256 << 10;
/// So that opening a FIFO does not wait for somebody who writes to it.
const O_NONBLOCK: i32 = 0o4000;
/// A link that leads to itself; std has no stable name for it.
const ELOOP: i32 = 40;
/// A part of a file that has to go out within the time limit of sends.
const PART: u64 = 1 << 20;

/// The folder whose files are served.
#[derive(Debug)]
pub struct Folder {
    /// Open, so that paths are looked up from it and cannot lead above it.
    dir: Dir,
    /// Whether symbolic links are followed, also those that lead elsewhere.
    follow: bool,
}

/// An answer about a file.
pub enum Answer {
    /// In `Replies`, whole, or as a head with no body.
    Ready(Status, u64),
    /// Sent, head and body. The connection can go on.
    Sent(Status, u64),
    /// The head is out and the body is not: the file was cut meanwhile, or the peer is gone. Only the end of the
    /// connection can tell.
    Broken(Status, io::Error),
}

impl Folder {
    pub async fn open(path: PathBuf, follow: bool) -> io::Result<Folder> {
        Ok(Folder { dir: Dir::open(path).await?, follow })
    }

    /// Answers a GET or HEAD.
    pub async fn serve(
        &self,
        request: &Request,
        date: &str,
        keep_alive: bool,
        replies: &mut Replies,
        stream: &TcpStream,
        limits: &Limits,
    ) -> Answer {
        let start = replies.bytes.len();
        let ready = |status, replies: &mut Replies| Answer::Ready(status, (replies.bytes.len() - start) as u64);
        let Some(path) = file_path(&request.path) else {
            replies.error(request, Status::NOT_FOUND, date, keep_alive, &[]);
            return ready(Status::NOT_FOUND, replies);
        };
        let found = match self.find(&path, request.path.ends_with('/')).await {
            Ok(found) => found,
            Err(status) => {
                replies.error(request, status, date, keep_alive, &[]);
                return ready(status, replies);
            }
        };
        let Found { file, length, modified, path } = match found {
            Lookup::File(found) => found,
            Lookup::Folder => {
                // The page's relative links start at the folder only with the slash.
                let location = format!("{}/", request.path);
                replies.error(request, Status::MOVED, date, keep_alive, &[("Location", &location)]);
                return ready(Status::MOVED, replies);
            }
        };
        // HTTP's dates have whole seconds; a comparison has to cut the file's time first.
        let changed = httpdate::fmt_http_date(modified);
        let date_of = |text: &Option<String>| text.as_deref().and_then(|text| httpdate::parse_http_date(text).ok());
        if date_of(&request.if_modified_since)
            .is_some_and(|since| httpdate::parse_http_date(&changed).is_ok_and(|at| at <= since))
        {
            replies.bare(Status::NOT_MODIFIED, date, keep_alive, &[("Last-Modified", &changed)]);
            return ready(Status::NOT_MODIFIED, replies);
        }
        // A range meant for an older state of the file is answered by the whole of the new one.
        let same = request.if_range.as_ref().is_none_or(|state| *state == changed);
        let (status, part) = match wanted(request.range.as_deref().filter(|_| same), length) {
            Wanted::Whole => (Status::OK, 0..length),
            Wanted::Part(part) => (Status::PARTIAL, part),
            Wanted::Nothing => {
                let range = format!("bytes */{length}");
                replies.error(request, Status::NO_SUCH_RANGE, date, keep_alive, &[("Content-Range", &range)]);
                return ready(Status::NO_SUCH_RANGE, replies);
            }
        };
        let kind = mime_guess::from_path(&path).first_or_octet_stream();
        let range = format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1));
        let mut fields =
            vec![("Content-Type", kind.essence_str()), ("Last-Modified", &changed), ("Accept-Ranges", "bytes")];
        if status == Status::PARTIAL {
            fields.push(("Content-Range", &range));
        }
        let length = part.end - part.start;
        replies.head(status, length, date, keep_alive, &fields);
        if request.method == Method::Head || length == 0 {
            return ready(status, replies);
        }
        // Answers to earlier requests go out with this head.
        let head = std::mem::take(&mut replies.bytes);
        let sent = head.len() as u64 + length;
        let result = if length <= BUFFER {
            send_small(stream, file, part.start, length, head, limits).await
        } else {
            send_large(stream, file, part, head, limits).await
        };
        match result {
            Ok(mut head) => {
                head.clear();
                replies.bytes = head;
                Answer::Sent(status, sent)
            }
            Err(error) => Answer::Broken(status, error),
        }
    }

    /// `slash`: the target ends in one, so that a folder stands for its `index.html`.
    async fn find(&self, path: &str, slash: bool) -> Result<Lookup, Status> {
        let mut path = path.to_owned();
        loop {
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(O_NONBLOCK).beneath(!self.follow);
            let file = options.open_at(&self.dir, &path).await.map_err(status_of)?;
            // fstat on the spot: a third of a microsecond, where a STATX op always takes a kernel thread's turn.
            let metadata = file.metadata().await.map_err(status_of)?;
            if metadata.is_dir() && !slash {
                return Ok(Lookup::Folder);
            }
            if metadata.is_dir() {
                path = if path == "." { "index.html".to_owned() } else { format!("{path}/index.html") };
                continue;
            }
            // Devices, FIFOs and sockets have no length, and reading them may have no end.
            if !metadata.is_file() {
                return Err(Status::FORBIDDEN);
            }
            let modified = metadata.modified().map_err(status_of)?;
            return Ok(Lookup::File(Found { file, length: metadata.len(), modified, path }));
        }
    }
}

/// What a target's path leads to.
enum Lookup {
    File(Found),
    /// A folder, without the slash at its end.
    Folder,
}

struct Found {
    file: File,
    length: u64,
    modified: SystemTime,
    /// The name that was found, by which the kind of content is guessed.
    path: String,
}

/// One plan: read, then the head, then the bytes, and the close whatever came of it. The head is not sent before the
/// bytes are there, so a file that cannot be read breaks no answer.
async fn send_small(
    stream: &TcpStream,
    file: File,
    offset: u64,
    length: u64,
    head: Vec<u8>,
    limits: &Limits,
) -> io::Result<Vec<u8>> {
    let buffer = Vec::with_capacity(length as usize);
    let plan = file
        .read_exact_at(buffer, offset)
        .then(|_| stream.send_all(head))
        .then(|(bytes, _)| stream.send_all(bytes))
        .finally(|_| file.close());
    let (_, head, _, ()) = timeout(limits.send_time, plan).await?.into_result()?;
    Ok(head)
}

/// The head, and then the file in parts, from page cache to socket without a copy to user space.
async fn send_large(
    stream: &TcpStream,
    file: File,
    part: std::ops::Range<u64>,
    head: Vec<u8>,
    limits: &Limits,
) -> io::Result<Vec<u8>> {
    let head = timeout(limits.send_time, stream.send_all(head)).await?.into_result()?;
    let mut at = part.start;
    while at < part.end {
        let end = part.end.min(at + PART);
        let sent = timeout(limits.send_time, send_file(stream, &file, at..end)).await??;
        if sent < end - at {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
        }
        at = end;
    }
    Ok(head)
}

fn status_of(error: io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Status::FORBIDDEN,
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Status::NOT_FOUND,
        // EXDEV: a way out of the folder.
        io::ErrorKind::CrossesDevices | io::ErrorKind::InvalidInput => Status::NOT_FOUND,
        _ if error.raw_os_error() == Some(ELOOP) => Status::NOT_FOUND,
        _ => Status::INTERNAL,
    }
}

/// The file that a target's path names: decoded, relative, and without a way up. The kernel is asked to hold it below
/// the folder as well; this is so that a client that tries is told the same on every kernel.
fn file_path(target: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(target.strip_prefix('/')?).decode_utf8().ok()?;
    if decoded.contains('\0') {
        return None;
    }
    let mut parts = Vec::new();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::file_path;

    #[test]
    fn paths_stay_below() {
        for (target, expected) in [
            ("/a/b.txt", Some("a/b.txt")),
            ("/a//./b", Some("a/b")),
            ("/", Some(".")),
            ("/with%20space", Some("with space")),
            ("/..", None),
            ("/a/../../b", None),
            ("/%2e%2e/b", None),
            ("/a%2f..%2f..%2fb", None),
            ("/a%00b", None),
            ("/%ff", None),
            ("*", None),
        ] {
            assert_eq!(file_path(target).as_deref(), expected, "{target}");
        }
    }
}
