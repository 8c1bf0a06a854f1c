//! `struct fuse_attr`, `struct fuse_attr_out` and `struct fuse_entry_out`.

use std::time::Duration;

use rustix::fs::Stat;

use super::Reply;

/// Size in bytes: of the attributes, and of what an entry is told by.
const ATTRIBUTES: usize = 88;
pub const ENTRY: usize = 40 + ATTRIBUTES;

/// How long the kernel may go by what it was told, before it asks again.
#[derive(Clone, Copy, Debug)]
pub struct Validity(pub Duration);

impl Validity {
    fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    fn nanoseconds(self) -> u32 {
        self.0.subsec_nanos()
    }
}

/// The attributes of one file.
fn put(reply: &mut Reply<'_>, stat: &Stat) {
    reply.u64(stat.st_ino).u64(stat.st_size as u64).u64(stat.st_blocks as u64);
    reply.u64(stat.st_atime as u64).u64(stat.st_mtime as u64).u64(stat.st_ctime as u64);
    reply.u32(stat.st_atime_nsec as u32).u32(stat.st_mtime_nsec as u32).u32(stat.st_ctime_nsec as u32);
    reply.u32(stat.st_mode).u32(stat.st_nlink as u32).u32(stat.st_uid).u32(stat.st_gid);
    reply.u32(device(stat.st_rdev)).u32(stat.st_blksize as u32).u32(0);
}

/// A device's number as the kernel packs it into 32 bits (`new_encode_dev`).
fn device(number: u64) -> u32 {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

/// `struct fuse_attr_out`.
pub fn put_attributes(reply: &mut Reply<'_>, stat: &Stat, validity: Validity) {
    reply.u64(validity.seconds()).u32(validity.nanoseconds()).u32(0);
    put(reply, stat);
}

/// `struct fuse_entry_out`: a name leads to this node. The kernel owes one more FORGET for it.
pub fn put_entry(reply: &mut Reply<'_>, node: u64, stat: &Stat, validity: Validity) {
    // Nodes are never used again, so the generation says nothing.
    reply.u64(node).u64(0);
    reply.u64(validity.seconds()).u64(validity.seconds());
    reply.u32(validity.nanoseconds()).u32(validity.nanoseconds());
    put(reply, stat);
}

/// `struct fuse_entry_out` that says nothing: in a list of names, one that was not looked up.
pub fn put_no_entry(reply: &mut Reply<'_>) {
    reply.zeroes(ENTRY);
}
