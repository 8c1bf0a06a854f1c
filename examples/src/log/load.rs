//! The load: clients that append, and remember what was acknowledged.

use std::{
    collections::VecDeque,
    error::Error,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use runtime::{
    IntoResult,
    net::{BufferPool, RecvStream, TcpStream},
    task::JoinSet,
    time::sleep,
};

use crate::{
    Load, verify,
    wire::{self, Frames},
};

/// Between two tries to reach a server that has gone away.
const PAUSE: Duration = Duration::from_millis(20);

/// A record that was acknowledged: where it is, whose, and its number.
pub type Safe = (u64, u32, u64);

/// Runs the load and prints what came of it.
///
/// # Errors
/// If the server stays away, or has lost a record.
pub async fn load(options: Load) -> Result<(), Box<dyn Error>> {
    let options = Rc::new(options);
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..options.clients {
        let share = options.records / u64::from(options.clients);
        let rest = u64::from(u64::from(client) < options.records % u64::from(options.clients));
        clients.spawn_local(run(client, share + rest, options.clone()));
    }
    let (mut safe, mut late, mut lost) = (Vec::new(), Vec::new(), 0);
    while let Some(ended) = clients.join_next().await {
        let client = ended??;
        safe.extend(client.safe);
        late.extend(client.late);
        lost += client.lost;
    }
    let seconds = start.elapsed().as_secs_f64();
    late.sort_unstable();
    let quantile = |part: f64| late.get(((late.len() as f64 * part) as usize).min(late.len().saturating_sub(1)));
    let ms = |part| quantile(part).copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "{} records acknowledged in {seconds:.2} s: {:.0} per second; p50 {:.2} ms, p99 {:.2} ms; {lost} connections lost",
        safe.len(),
        safe.len() as f64 / seconds,
        ms(0.5),
        ms(0.99)
    );
    if options.verify { verify::verify(&options, safe).await } else { Ok(()) }
}

/// What a client has come to.
#[derive(Debug, Default)]
struct Client {
    safe: Vec<Safe>,
    /// From the sending of each record to its acknowledgement.
    late: Vec<Duration>,
    /// How often its connection was lost.
    lost: u32,
}

/// Appends `count` records. Those in flight on a connection that is lost are sent again on the next one: they may be there
/// twice, and must be there once.
async fn run(number: u32, count: u64, options: Rc<Load>) -> io::Result<Client> {
    let mut client = Client::default();
    let (mut next, mut flying) = (0, VecDeque::new());
    while next < count || !flying.is_empty() {
        let stream = reach(&options).await?;
        next -= flying.len() as u64;
        flying.clear();
        if session(&stream, number, count, &mut next, &mut flying, &options, &mut client).await.is_err() {
            client.lost += 1;
        }
    }
    Ok(client)
}

/// Appends until all is acknowledged, or the connection ends.
async fn session(
    stream: &TcpStream,
    number: u32,
    count: u64,
    next: &mut u64,
    flying: &mut VecDeque<(u64, Instant)>,
    options: &Load,
    client: &mut Client,
) -> io::Result<()> {
    let mut bytes = stream.recv_stream(&BufferPool::of_shard()?);
    let mut frames = Frames::default();
    let mut out = Vec::new();
    loop {
        while *next < count && flying.len() < options.pipeline as usize {
            wire::write(&mut out, wire::APPEND, &[&record(number, *next, options.size as usize)]);
            flying.push_back((*next, Instant::now()));
            *next += 1;
        }
        if !out.is_empty() {
            out = stream.send_all(out).await.into_result()?;
            out.clear();
        }
        if flying.is_empty() {
            return Ok(());
        }
        receive(&mut bytes, &mut frames).await?;
        while let Some((kind, bytes)) = frames.next()? {
            let (position, _) = wire::position(bytes)?;
            match flying.pop_front() {
                Some((record, sent)) if kind == wire::ACKNOWLEDGED => {
                    client.safe.push((position, number, record));
                    client.late.push(sent.elapsed());
                }
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that nobody waits for")),
            }
        }
    }
}

/// Waits for more bytes.
///
/// # Errors
/// `UnexpectedEof` if the connection ends.
pub async fn receive(bytes: &mut RecvStream, frames: &mut Frames) -> io::Result<()> {
    let lease = bytes.next().await.unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
    frames.feed(&lease);
    Ok(())
}

/// Connects, however long the server is away, within reason.
pub async fn reach(options: &Load) -> io::Result<TcpStream> {
    let end = Instant::now() + Duration::from_secs(options.patience);
    loop {
        match TcpStream::connect(options.address()).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if Instant::now() >= end => {
                let text = format!("no server at {} within {} s: {error}", options.address(), options.patience);
                return Err(io::Error::new(error.kind(), text));
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// The bytes of a record: whose it is, its number, and a pattern that follows from both.
pub fn record(client: u32, number: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&client.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    let mut state = u64::from(client) << 40 ^ number;
    while bytes.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push((state >> 33) as u8);
    }
    bytes
}
