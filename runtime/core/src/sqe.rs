//! The submission queue entry as plain data.
//!
//! The stage table keeps SQEs between lowering and submission, patches a length or a descriptor into them when a
//! result is forwarded, and a simulated kernel reads them back. The `io-uring` crate builds entries but has no
//! getters, so the 64 bytes get a layout of our own here: that of `struct io_uring_sqe` in the kernel's
//! `include/uapi/linux/io_uring.h`, with each union under the name that our ops use.

use io_uring::squeue::{Entry, Entry128};

/// `IOSQE_FIXED_FILE`: `fd` is the index of a direct descriptor slot.
pub const FIXED_FILE: u8 = 1 << 0;
/// `IOSQE_IO_LINK`: the next SQE starts when this one has succeeded.
pub const IO_LINK: u8 = 1 << 2;
/// `IOSQE_IO_HARDLINK`: the next SQE starts when this one has ended, whatever its result.
pub const IO_HARDLINK: u8 = 1 << 3;
/// `IOSQE_SQE_GROUP`, out of tree: the group goes on with the next SQE.
pub const SQE_GROUP: u8 = 1 << 7;

/// One submission queue entry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Sqe {
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// `IOSQE_*`.
    pub flags: u8,
    /// Priority, or per-opcode flags (`IORING_RECVSEND_*`, `IORING_ACCEPT_*`).
    pub ioprio: u16,
    /// Descriptor, or slot index with [`FIXED_FILE`].
    pub fd: i32,
    /// Offset, or a second address.
    pub off: u64,
    /// Address of a buffer, path, iovec array, timespec, or the user_data that a cancel names.
    pub addr: u64,
    /// Length in bytes, or count.
    pub len: u32,
    /// Per-opcode flags (`rw_flags`, `fsync_flags`, `msg_flags`, `open_flags`, ...).
    pub op_flags: u32,
    /// Comes back in the CQE; laid out in `key.rs`.
    pub user_data: u64,
    /// Buffer index or group.
    pub buf_index: u16,
    /// Registered credentials; 0 for none.
    pub personality: u16,
    /// Direct descriptor slot + 1 that an opening op fills, or `splice_fd_in`.
    pub file_index: u32,
    /// Third address.
    pub addr3: u64,
    /// Must be zero.
    pub pad: u64,
}

const _: () = assert!(size_of::<Sqe>() == 64 && size_of::<Entry>() == 64 && align_of::<Sqe>() == 8);

impl From<Entry> for Sqe {
    fn from(entry: Entry) -> Sqe {
        // SAFETY: both are 64 bytes without padding or invalid values, `Entry` being `repr(C)` over the kernel's
        // struct (asserted above for the size); a copy of plain data, nobody's memory is lent. Test: sqe::tests.
        unsafe { std::mem::transmute::<Entry, Sqe>(entry) }
    }
}

impl From<Sqe> for Entry {
    fn from(sqe: Sqe) -> Entry {
        // SAFETY: as above, the other way round. Test: sqe::tests.
        unsafe { std::mem::transmute::<Sqe, Entry>(sqe) }
    }
}

/// An SQE of a ring with IORING_SETUP_SQE128: twice the size, for commands that a file's driver gets
/// (IORING_OP_URING_CMD), whose 80 bytes begin at [`Sqe::addr3`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WideSqe {
    /// The first 64 bytes.
    pub sqe: Sqe,
    /// The second 64.
    pub rest: [u8; 64],
}

const _: () = assert!(size_of::<WideSqe>() == 128 && size_of::<Entry128>() == 128);

impl From<WideSqe> for Entry128 {
    fn from(sqe: WideSqe) -> Entry128 {
        // SAFETY: both are 128 bytes without padding or invalid values, `Entry128` being `repr(C)` over an `Entry` and 64
        // bytes; a copy of plain data, nobody's memory is lent. Test: sqe::tests.
        unsafe { std::mem::transmute::<WideSqe, Entry128>(sqe) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io_uring::{opcode, squeue::Flags, types};

    #[test]
    fn fields_are_where_the_kernel_has_them() {
        let entry = opcode::Read::new(types::Fixed(7), 0x1000 as *mut u8, 4096).offset(8192).build();
        let sqe = Sqe::from(entry.flags(Flags::IO_LINK).user_data(0xfeed));
        assert_eq!((sqe.opcode, sqe.fd, sqe.off), (opcode::Read::CODE, 7, 8192));
        assert_eq!((sqe.addr, sqe.len, sqe.user_data), (0x1000, 4096, 0xfeed));
        assert_eq!(sqe.flags, FIXED_FILE | IO_LINK);
        assert_eq!(Entry::from(sqe).get_user_data(), 0xfeed);
        let slot = types::DestinationSlot::try_from_slot_target(4).unwrap();
        let open = opcode::OpenAt::new(types::Fd(-100), std::ptr::null()).file_index(Some(slot)).build();
        assert_eq!(Sqe::from(open).file_index, 5);
        let sync = opcode::Fsync::new(types::Fd(3)).flags(types::FsyncFlags::DATASYNC).build();
        assert_eq!(Sqe::from(sync).op_flags, 1);
    }

    #[test]
    fn the_command_of_a_wide_sqe_is_where_the_kernel_has_it() {
        let command: [u8; 80] = std::array::from_fn(|index| index as u8 + 1);
        let entry = opcode::UringCmd80::new(types::Fd(7), 2).cmd(command).addr(Some(0x1000)).build();
        let word = |at: usize| u64::from_ne_bytes(command[at..at + 8].try_into().unwrap());
        let sqe = Sqe { opcode: 46, fd: 7, off: 2, addr: 0x1000, addr3: word(0), pad: word(8), ..Sqe::default() };
        let wide = Entry128::from(WideSqe { sqe, rest: command[16..].try_into().unwrap() });
        assert_eq!(bytes(&wide), bytes(&entry.user_data(0)));
    }

    fn bytes(entry: &Entry128) -> [u8; 128] {
        // SAFETY: 128 bytes without padding, copied.
        unsafe { std::mem::transmute_copy(entry) }
    }
}
