//! Requests by `read` of `/dev/fuse` and replies by `write`: INIT always, what rings do not carry, and all of them where there
//! are no rings.

use std::{io, rc::Rc, sync::Arc};

use runtime::{IoBuf, fuse::Device, op, spawn, sync::local::Semaphore};

use crate::{
    file_system::FileSystem,
    operations,
    protocol::{Header, Init, MAX_WRITE, REPLY_HEADER, REQUEST_HEADER, Reply, opcode, reply_header},
    room::Room,
};

/// A request at its longest: its data, and before that its headers.
const REQUEST: usize = MAX_WRITE + 4096;
const POLLIN: u32 = 1;
const ENOENT: i32 = 2;
const ENODEV: i32 = 19;
const ECONNABORTED: i32 = 103;
const ENOTCONN: i32 = 107;

/// Whether an error says that the file system is unmounted.
pub fn is_over(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENODEV | ENOTCONN | ECONNABORTED))
}

/// Reads INIT and replies. `true`: requests come through rings, which were asked for.
pub async fn begin(device: &Device, rings: bool) -> io::Result<bool> {
    let Some(mut room) = next(device, vec![0; REQUEST]).await? else {
        return Err(io::Error::other("unmounted before it began"));
    };
    let header = Room::header(&room);
    if header.opcode != opcode::INIT {
        return Err(io::Error::other(format!("the kernel began with request {}", header.opcode)));
    }
    let offer = Init::decode(&room[REQUEST_HEADER..header.len as usize])?;
    let rings = rings && offer.offers_rings();
    let mut reply = Reply::new(Room::reply(&mut room));
    offer.reply(&mut reply, rings);
    let result = Ok(reply.len());
    send(device, room, &header, &result).await.1?;
    Ok(rings)
}

/// Serves until the file system is unmounted, at most `depth` requests at a time.
///
/// # Errors
/// Those of reading and writing the device.
pub async fn serve(fs: Arc<FileSystem>, device: Device, depth: usize) -> io::Result<()> {
    let rooms = Rc::new(Rooms::new(depth));
    loop {
        let room = rooms.take().await;
        let Some(room) = next(&device, room).await? else { return Ok(()) };
        let (fs, device, rooms) = (fs.clone(), device.clone(), rooms.clone());
        spawn(async move {
            let header = Room::header(&room);
            let (mut room, result) = operations::answer(&fs, &header, room).await;
            if let Some(result) = result {
                let sent;
                (room, sent) = send(&device, room, &header, &result).await;
                if let Err(error) = sent {
                    eprintln!("fuse: a reply to request {} was refused: {error}", header.opcode);
                }
            }
            rooms.give_back(room);
        });
    }
}

/// The next request: a plan of poll → read. `None`: there will be none.
///
/// All shards that wait are woken, and one gets it. To wake only one (EPOLLEXCLUSIVE) halves the rate: it is the one whose core the
/// caller is busy on, as often as not.
async fn next(device: &Device, mut room: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        let (polled, (read, back)) = op::poll(device, POLLIN).then(|()| op::read_next(device, room)).await;
        room = back;
        match polled.and(read) {
            Ok(_) => return Ok(Some(room)),
            // Another shard was faster; or the request was taken back.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(ENOENT) => {}
            Err(error) if is_over(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

async fn send(
    device: &Device,
    mut room: Vec<u8>,
    header: &Header,
    result: &io::Result<usize>,
) -> (Vec<u8>, io::Result<()>) {
    let (bytes, len) = reply_header(header.unique, result);
    room[..REPLY_HEADER].copy_from_slice(&bytes);
    let (sent, part) = op::write_next(device, room.slice(..REPLY_HEADER + len)).await;
    let sent = match sent {
        // Whoever asked has been killed, or the connection has ended.
        Err(error) if error.raw_os_error() == Some(ENOENT) || is_over(&error) => Ok(()),
        other => other.map(drop),
    };
    (part.into_inner(), sent)
}

/// Buffers for requests, and a limit on how many.
#[derive(Debug)]
struct Rooms {
    places: Semaphore,
    free: std::cell::RefCell<Vec<Vec<u8>>>,
}

impl Rooms {
    fn new(count: usize) -> Rooms {
        Rooms { places: Semaphore::new(count), free: std::cell::RefCell::default() }
    }

    async fn take(&self) -> Vec<u8> {
        self.places.acquire().await.expect("nobody closes it").forget();
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| vec![0; REQUEST])
    }

    fn give_back(&self, room: Vec<u8>) {
        self.free.borrow_mut().push(room);
        self.places.add_permits(1);
    }
}
