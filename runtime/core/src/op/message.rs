//! `struct msghdr` and `struct iovec` as the kernel reads them: what ops with several pieces, addresses or ancillary data
//! point to. Addresses are numbers, since the ops are `Send` and follow them nowhere.

use std::io;

use crate::lower::invalid;

/// Most pieces that one vectored op can have (IOV_MAX, see readv(2)).
pub const PIECES_MAX: usize = 1024;

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) address: usize,
    pub(super) len: usize,
}

const _: () =
    assert!(size_of::<Piece>() == size_of::<libc::iovec>() && align_of::<Piece>() == align_of::<libc::iovec>());

/// `struct user_msghdr` of the kernel's `include/linux/socket.h`; the C libraries' differ from it in padding only.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Message {
    pub(super) name: usize,
    pub(super) name_len: i32,
    pub(super) pieces: usize,
    pub(super) pieces_len: usize,
    pub(super) control: usize,
    pub(super) control_len: usize,
    pub(super) flags: u32,
}

const _: () =
    assert!(size_of::<Message>() == size_of::<libc::msghdr>() && align_of::<Message>() == align_of::<libc::msghdr>());

impl Message {
    /// A message of pieces alone, which stay where they are until the op's last CQE.
    pub(super) fn of(pieces: &[Piece]) -> Message {
        Message { pieces: pieces.as_ptr() as usize, pieces_len: pieces.len(), ..Message::default() }
    }
}

/// Refuses more pieces than the kernel takes.
pub(super) fn check_pieces(pieces: usize) -> io::Result<()> {
    if pieces > PIECES_MAX {
        return Err(invalid(format!("{pieces} pieces in one vectored op; the limit is {PIECES_MAX}: split it")));
    }
    Ok(())
}
