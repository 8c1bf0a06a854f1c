//! FUSE-over-io_uring: a file system in user space whose requests and replies pass through the ring.
//!
//! Since Linux 6.14 a connection to `/dev/fuse` can have a queue per CPU. Into a queue one puts **entries**: memory for a
//! request and its reply. [`Entry::register`] makes the memory known and waits for a request; [`Entry::reply`] hands over
//! the reply that lies in it and waits for the next request, in one op. INIT, FORGET and INTERRUPT still come through
//! `read` of the device, and no request comes through the rings before every queue has an entry.
//!
//! What the bytes mean is not known here: see `include/uapi/linux/fuse.h` and
//! `Documentation/filesystems/fuse/fuse-io-uring.rst` in the kernel's source, and the example `fuse` of this project.
//!
//! # Why the commands are not open
//! IORING_OP_URING_CMD means what the driver of the file makes of it, and its 80 bytes may well hold addresses. A safe op for
//! any command cannot be had. For FUSE it can, because the kernel touches the memory of an entry only while one of the two
//! commands for it is in flight: REGISTER names the addresses and COMMIT_AND_FETCH an identity that the kernel gave with
//! the last request. Both are made here and seen by nobody, each entry owns its memory, and the file is checked to be
//! `/dev/fuse`.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{FileTypeExt, MetadataExt},
    },
};

use crate::{
    buf::{IoBuf, IoBufMut},
    fd::{SharedFd, Target},
    future::Io,
    op::{FuseFetch, fuse_fetch},
    plan::One,
};

/// `MISC_MAJOR` and `FUSE_MINOR` in `include/uapi/linux/major.h` and `include/linux/miscdevice.h`.
const DEVICE: (u32, u32) = (10, 229);
/// `struct fuse_uring_req_header`: three parts of 128, 128 and 32 bytes.
const HEADERS: usize = 288;
const PART: usize = 128;
/// In the third part, `struct fuse_uring_ent_in_out`.
const COMMIT_ID: usize = 2 * PART + 8;
const PAYLOAD_LEN: usize = 2 * PART + 16;

/// An open `/dev/fuse`, shared by its entries and by ops that read it.
#[derive(Clone, Debug)]
pub struct Device(SharedFd);

impl Device {
    /// Takes over a descriptor of `/dev/fuse`.
    ///
    /// # Errors
    /// `InvalidInput` for a descriptor of anything else; those of fstat(2).
    pub fn new(fd: OwnedFd) -> io::Result<Device> {
        let file = File::from(fd);
        let metadata = file.metadata()?;
        let number = (libc::major(metadata.rdev()), libc::minor(metadata.rdev()));
        if !metadata.file_type().is_char_device() || number != DEVICE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the descriptor is not one of /dev/fuse"));
        }
        Ok(Device(SharedFd::new(file.into())))
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<&Device> for Target {
    /// For `op::poll`, `op::read_next` and `op::write_next`.
    fn from(device: &Device) -> Target {
        Target::from(&device.0)
    }
}

/// Memory for one request at a time and its reply, in one of a connection's queues.
///
/// It is also the buffer of ops: `file.read_at(entry.slice(..len), offset)` reads into the payload, and nothing is copied
/// between the file and the reply. The address of its memory survives moves.
///
/// Who drops it while it holds a request leaves the caller of the file system waiting until the connection ends.
///
/// ```no_run
/// # async fn example(device: std::os::fd::OwnedFd) -> std::io::Result<()> {
/// use runtime_core::fuse::{Device, Entry}; // runtime::fuse
///
/// let (mut result, mut entry) = Entry::new(&Device::new(device)?, 0, 1 << 20).register().await;
/// while result.is_ok() {
///     let unique = entry.header()[8..16].to_vec();
///     let no_such_call = (-38_i32).to_ne_bytes();
///     let reply = [&16_u32.to_ne_bytes()[..], &no_such_call, &unique].concat();
///     (result, entry) = entry.reply(&reply, 0).await;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Entry {
    device: Device,
    queue: u16,
    memory: Box<Memory>,
    payload: Box<[u8]>,
    /// The request that it holds, by the name that the kernel gave it.
    request: Option<u64>,
}

#[derive(Debug)]
struct Memory {
    headers: [u8; HEADERS],
    /// Two `struct iovec`: the headers and the payload. As numbers, so that an entry can be sent to another thread.
    iovecs: [[u64; 2]; 2],
}

impl Entry {
    /// An entry for the queue of the CPU number `queue`, with room for `payload` bytes beside the headers: the larger of
    /// 8192 and what the reply to INIT says of `max_write` and `max_pages`.
    pub fn new(device: &Device, queue: u16, payload: usize) -> Entry {
        let memory = Box::new(Memory { headers: [0; HEADERS], iovecs: [[0; 2]; 2] });
        Entry { device: device.clone(), queue, memory, payload: vec![0; payload].into(), request: None }
    }

    /// Puts the entry into its queue and waits for the first request (FUSE_IO_URING_CMD_REGISTER): `(io::Result<()>, Entry)`.
    ///
    /// # Errors
    /// EOPNOTSUPP where the parameter `enable_uring` of the kernel module is off and on kernels before 6.14; EINVAL for a
    /// queue that does not exist, too small a payload, and kernels without FUSE-over-io_uring; EAGAIN before the reply to
    /// INIT; EPERM for a device that is not mounted; ENOTCONN once it is unmounted. `InvalidInput` in a runtime that
    /// was built without `Builder::wide_sqes(true)`, in a plan, and if the entry holds a request.
    ///
    /// # Cancel safety
    /// The kernel does not let go of an entry on request (seen on 6.18: IORING_OP_ASYNC_CANCEL gives ENOENT). A dropped or
    /// cancelled op ends with the next request, which is then lost with it, so that its caller waits, or with the
    /// connection; its memory lives until then. End the connection (unmount, or write to
    /// `/sys/fs/fuse/connections/*/abort`) and await the ops before the runtime is shut down.
    ///
    /// # Cost
    /// One SQE, no allocation.
    pub fn register(self) -> Io<One<FuseFetch>> {
        fuse_fetch(self, true)
    }

    /// Replies to the request that the entry holds and waits for the next one (FUSE_IO_URING_CMD_COMMIT_AND_FETCH):
    /// `(io::Result<()>, Entry)`. `header` is the reply's `struct fuse_out_header`; the first `len` bytes of the payload are
    /// all that comes after it.
    ///
    /// # Errors
    /// ENOTCONN and ECONNABORTED once the file system is unmounted; `InvalidInput` if there is no request to reply to, or
    /// in a plan. A reply that the kernel does not understand is an error for the file system's caller, not here.
    ///
    /// # Panics
    /// If `header` has more than 128 bytes, or the payload less than `len`.
    ///
    /// # Cancel safety
    /// As for [`register`](Entry::register). The reply is given in any case, once the op is submitted.
    ///
    /// # Cost
    /// One SQE, no allocation; the kernel copies reply and request.
    pub fn reply(mut self, header: &[u8], len: usize) -> Io<One<FuseFetch>> {
        assert!(len <= self.payload.len(), "a reply of {len} bytes in a payload of {}", self.payload.len());
        self.memory.headers[..header.len()].copy_from_slice(header);
        let len = u32::try_from(len).expect("payloads are smaller than 4 GiB");
        self.memory.headers[PAYLOAD_LEN..PAYLOAD_LEN + 4].copy_from_slice(&len.to_ne_bytes());
        fuse_fetch(self, false)
    }

    /// The request's `struct fuse_in_header`, at the start of 128 bytes.
    pub fn header(&self) -> &[u8] {
        &self.memory.headers[..PART]
    }

    /// What comes first after it: the structure that belongs to the operation, at the start of 128 bytes. Older ones may
    /// lie behind it.
    pub fn operation(&self) -> &[u8] {
        &self.memory.headers[PART..2 * PART]
    }

    /// How many bytes of the payload belong to the request: what comes after the operation's structure.
    pub fn payload_len(&self) -> usize {
        let bytes = self.memory.headers[PAYLOAD_LEN..PAYLOAD_LEN + 4].try_into().expect("four bytes");
        (u32::from_ne_bytes(bytes) as usize).min(self.payload.len())
    }

    /// All of the payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// All of the payload, for a reply.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.payload
    }

    pub(crate) fn target(&self) -> Target {
        Target::from(&self.device)
    }

    pub(crate) fn queue(&self) -> u16 {
        self.queue
    }

    pub(crate) fn request(&self) -> Option<u64> {
        self.request
    }

    /// Address of the two iovecs, which say where the memory is.
    pub(crate) fn iovecs(&mut self) -> u64 {
        let headers = [self.memory.headers.as_mut_ptr() as u64, HEADERS as u64];
        self.memory.iovecs = [headers, [self.payload.as_mut_ptr() as u64, self.payload.len() as u64]];
        self.memory.iovecs.as_ptr() as u64
    }

    /// A command has ended: with a request, or without.
    pub(crate) fn fetched(&mut self, request: bool) {
        let id = self.memory.headers[COMMIT_ID..COMMIT_ID + 8].try_into().expect("eight bytes");
        self.request = request.then_some(u64::from_ne_bytes(id));
    }
}

// SAFETY: the payload is boxed, so a move of the entry leaves it; it is initialised when it is made and freed by the entry's
// drop. The kernel writes to it only while a command of the entry is in flight, which then owns the entry, so that no other op
// and no reference has it. Test: runtime/tests/fuse.rs.
unsafe impl IoBuf for Entry {
    fn stable_ptr(&self) -> *const u8 {
        self.payload.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.payload.len()
    }
}

// SAFETY: as above. Test: runtime/tests/fuse.rs.
unsafe impl IoBufMut for Entry {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.payload.as_mut_ptr()
    }

    fn bytes_writable(&self) -> usize {
        self.payload.len()
    }

    unsafe fn set_init(&mut self, _filled: usize) {}
}
