//! The bytes of the protocol: `include/uapi/linux/fuse.h` in the kernel's source, version 7.42. No I/O in here.

mod attributes;
mod fields;
mod header;
mod init;
pub mod opcode;
mod reply;

pub use attributes::{ENTRY, Validity, put_attributes, put_entry, put_no_entry};
pub use fields::{Fields, name, names};
pub use header::{Header, REPLY_HEADER, REQUEST_HEADER, reply_header};
pub use init::{Init, MAX_WRITE, PAYLOAD};
pub use reply::Reply;

#[cfg(test)]
mod tests;
