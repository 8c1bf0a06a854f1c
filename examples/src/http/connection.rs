//! One connection, from its first byte to its last.

use std::{
    future::{Future, poll_fn},
    io,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use runtime::{
    IntoResult,
    io::AsyncWriteExt,
    net::{BufferPool, RecvStream, TcpStream},
    sync::{CancellationToken, WaitForCancellationFuture},
    time::{Instant, Sleep, sleep, timeout},
};

use super::{
    files::Answer,
    limits::SLOWEST,
    metrics,
    protocol::{Event, Protocol, Waiting},
    reply::Replies,
    request::{Method, Request},
    shard::Shard,
    status::{Refusal, Status},
};

/// Answers that may gather before they are sent, in bytes: whoever pipelines without reading gets no further.
const GATHERED: usize = 64 << 10;
/// How long, and how much, is read from a client that was refused, so that the answer reaches it: a socket closed with
/// bytes unread resets the connection, and takes the answer along.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 << 10;

struct Connection<'a> {
    shard: &'a Shard,
    stream: &'a TcpStream,
    peer: IpAddr,
    replies: Replies,
    /// The request whose body is coming, and the body so far.
    request: Option<(Request, Vec<u8>)>,
}

/// Whether a connection goes on after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Next,
    Close,
}

/// How the wait for bytes ended.
enum Came {
    Bytes,
    /// The peer has said all that it had to say, or is gone.
    End,
    /// The server stops, and nothing is under way.
    Stop,
    Late,
}

/// Serves a connection until its client has done, misbehaves, or the server stops.
///
/// # Errors
/// Those of sending: the peer is gone, or takes nothing.
pub async fn serve(shard: Rc<Shard>, mut stream: TcpStream, peer: IpAddr, stop: &CancellationToken) -> io::Result<()> {
    let refused = run(&shard, &stream, peer, stop).await?;
    if refused {
        stream.shutdown().await?;
        let _ = timeout(LINGER, swallow(&stream)).await;
    }
    Ok(())
}

/// True if the last answer was a refusal.
async fn run(shard: &Shard, stream: &TcpStream, peer: IpAddr, stop: &CancellationToken) -> io::Result<bool> {
    let mut protocol = Protocol::new(shard.limits);
    // One op receives all that ever comes; an idle connection holds no buffer.
    let mut bytes = stream.recv_stream(&BufferPool::of_shard()?);
    let mut connection = Connection { shard, stream, peer, replies: Replies::default(), request: None };
    let mut late = pin!(sleep(shard.limits.idle_time));
    let mut stopped = pin!(stop.cancelled());
    let mut clock = Slowness::default();
    loop {
        match protocol.next() {
            Ok(Some(event)) => {
                if connection.take(event, stop.is_cancelled()).await? == After::Close {
                    connection.flush().await?;
                    return Ok(false);
                }
                if connection.replies.bytes.len() > GATHERED {
                    connection.flush().await?;
                }
                continue;
            }
            Ok(None) => connection.flush().await?,
            Err(refusal) => return connection.refuse(refusal).await,
        }
        let waiting = protocol.waiting();
        late.as_mut().reset(clock.deadline(waiting, shard));
        match wait(&mut bytes, &mut protocol, &mut clock, late.as_mut(), stopped.as_mut(), waiting).await? {
            Came::Bytes => {}
            Came::End | Came::Stop => return Ok(false),
            Came::Late if waiting == Waiting::Idle => return Ok(false),
            Came::Late => {
                return connection.refuse(Refusal::new(Status::TOO_SLOW, "the request came too slowly")).await;
            }
        }
    }
}

/// Waits for bytes and gives them to the protocol.
async fn wait(
    bytes: &mut RecvStream,
    protocol: &mut Protocol,
    clock: &mut Slowness,
    mut late: Pin<&mut Sleep>,
    mut stop: Pin<&mut WaitForCancellationFuture<'_>>,
    waiting: Waiting,
) -> io::Result<Came> {
    poll_fn(|cx| {
        match bytes.poll_next(cx) {
            Poll::Ready(Some(Ok(lease))) => {
                clock.body += lease.len() as u64;
                protocol.feed(&lease);
                return Poll::Ready(Ok(Came::Bytes));
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(None) => return Poll::Ready(Ok(Came::End)),
            Poll::Pending => {}
        }
        if late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(Came::Late));
        }
        // What has begun is answered, and then the connection ends.
        if waiting == Waiting::Idle && stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(Came::Stop));
        }
        Poll::Pending
    })
    .await
}

/// Since when a client keeps the server waiting.
#[derive(Default)]
struct Slowness {
    /// What is waited for, and since when.
    since: Option<(Waiting, Instant)>,
    /// Bytes that came since then.
    body: u64,
}

impl Slowness {
    /// Until when the next bytes have to be there.
    fn deadline(&mut self, waiting: Waiting, shard: &Shard) -> Instant {
        let now = Instant::now();
        let since = match self.since {
            // A new head may begin in the packet that ends the one before: `Idle` in between was not seen, and the
            // time of the first one counts. Only whoever pipelines slowly notices.
            Some((what, since)) if what == waiting && waiting != Waiting::Idle => since,
            _ => {
                self.since = Some((waiting, now));
                self.body = 0;
                now
            }
        };
        let limits = &shard.limits;
        match waiting {
            Waiting::Idle => since + limits.idle_time,
            Waiting::Head => since + limits.head_time,
            Waiting::Body => since + limits.body_time + Duration::from_secs(self.body / SLOWEST),
        }
    }
}

impl Connection<'_> {
    async fn take(&mut self, event: Event, stopping: bool) -> io::Result<After> {
        match event {
            Event::Head(request) => {
                if request.expects_continue {
                    self.replies.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                self.request = Some((request, Vec::new()));
                Ok(After::Next)
            }
            Event::Body(bytes) => {
                // Only an echo needs it.
                if let Some((request, body)) = &mut self.request
                    && request.method == Method::Post
                {
                    body.extend_from_slice(&bytes);
                }
                Ok(After::Next)
            }
            Event::End => match self.request.take() {
                Some((request, body)) => self.answer(request, body, stopping).await,
                None => Ok(After::Next),
            },
        }
    }

    async fn answer(&mut self, request: Request, body: Vec<u8>, stopping: bool) -> io::Result<After> {
        let keep_alive = request.keep_alive && !stopping;
        let date = self.shard.date();
        let start = self.replies.bytes.len();
        let status = match (request.method, request.path.as_str()) {
            (Method::Get | Method::Head, "/") => {
                let page = include_bytes!("page.html");
                self.replies.whole(&request, Status::OK, &date, keep_alive, "text/html; charset=utf-8", page);
                Status::OK
            }
            (Method::Get | Method::Head, "/metrics") => {
                let text = metrics::text(self.shard).await;
                let kind = "text/plain; version=0.0.4; charset=utf-8";
                self.replies.whole(&request, Status::OK, &date, keep_alive, kind, text.as_bytes());
                Status::OK
            }
            (Method::Post, "/echo") => {
                let kind = "application/octet-stream";
                self.replies.whole(&request, Status::OK, &date, keep_alive, kind, &body);
                Status::OK
            }
            (Method::Get | Method::Head, path) if path != "/echo" => {
                let (shard, stream) = (self.shard, self.stream);
                let replies = &mut self.replies;
                let answer = shard.folder.serve(&request, &date, keep_alive, replies, stream, &shard.limits).await;
                return self.after_file(answer, &request, &date, keep_alive);
            }
            (_, path) => {
                let allowed = if path == "/echo" { "POST" } else { "GET, HEAD" };
                self.replies.error(&request, Status::NOT_ALLOWED, &date, keep_alive, &[("Allow", allowed)]);
                Status::NOT_ALLOWED
            }
        };
        self.note(&request, &date, status, (self.replies.bytes.len() - start) as u64);
        Ok(if keep_alive { After::Next } else { After::Close })
    }

    fn after_file(&mut self, answer: Answer, request: &Request, date: &str, keep_alive: bool) -> io::Result<After> {
        match answer {
            Answer::Ready(status, bytes) | Answer::Sent(status, bytes) => {
                self.note(request, date, status, bytes);
                Ok(if keep_alive { After::Next } else { After::Close })
            }
            Answer::Broken(status, error) => {
                self.note(request, date, status, 0);
                Err(error)
            }
        }
    }

    fn note(&self, request: &Request, date: &str, status: Status, bytes: u64) {
        self.shard.count(status, bytes);
        self.shard.log.note(self.peer, date, request.method, &request.path, status, bytes);
    }

    /// Answers what cannot be served. True: the connection ends by a refusal.
    async fn refuse(&mut self, refusal: Refusal) -> io::Result<bool> {
        let date = self.shard.date();
        let start = self.replies.bytes.len();
        self.replies.refusal(refusal, &date);
        let bytes = (self.replies.bytes.len() - start) as u64;
        self.shard.count(refusal.status, bytes);
        self.shard.log.note(self.peer, &date, Method::Other, "-", refusal.status, bytes);
        self.flush().await?;
        Ok(true)
    }

    /// Sends the answers that have gathered.
    async fn flush(&mut self) -> io::Result<()> {
        if self.replies.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.replies.bytes);
        let mut bytes = timeout(self.shard.limits.send_time, self.stream.send_all(bytes)).await?.into_result()?;
        bytes.clear();
        self.replies.bytes = bytes;
        Ok(())
    }
}

/// Reads and forgets.
async fn swallow(stream: &TcpStream) {
    let mut buffer = vec![0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        let (result, back) = stream.recv(buffer).await;
        match result {
            Ok(1..) => left = left.saturating_sub(result.unwrap_or(0)),
            _ => return,
        }
        buffer = back;
    }
}
