//! IORING_OP_GETXATTR, FGETXATTR, SETXATTR and FSETXATTR: extended attributes, by path or of an open file.
//!
//! No error severs a chain, and there is no short result. Always carried out by a kernel worker. Slots are refused by the
//! kernel, and there are no forms below an open directory. Source: `io_uring/xattr.c`.

use std::{ffi::CString, ffi::OsStr, io, os::unix::ffi::OsStrExt};

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{
    buf::{IoBuf, IoBufMut},
    future::Io,
    lower::{Scope, invalid},
    plan::One,
    sealed::Sealed,
    sqe::Sqe,
};

// Names of `include/uapi/linux/io_uring.h`, which the io-uring crate does not have.
const FSETXATTR: u8 = 41;
const SETXATTR: u8 = 42;
const FGETXATTR: u8 = 43;
const GETXATTR: u8 = 44;

/// Reads an attribute.
#[derive(Debug)]
pub struct GetXattr<B> {
    at: At,
    name: Option<CString>,
    value: B,
}

/// Writes an attribute.
#[derive(Debug)]
pub struct SetXattr<B> {
    at: At,
    name: Option<CString>,
    value: B,
    existing: ExistingXattr,
}

/// Whether an attribute has to be there before it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingXattr {
    /// It is made, or replaced.
    #[default]
    Any,
    /// It must not be there (`AlreadyExists`).
    Keep,
    /// It must be there (ENODATA).
    Replace,
}

/// Reads the attribute `name` into `value`: its length; ERANGE if there is no room, ENODATA if there is no such attribute.
pub fn get_xattr<B: IoBufMut>(at: impl Into<At>, name: &OsStr, value: B) -> Io<One<GetXattr<B>>> {
    Io::new(One::new(GetXattr { at: at.into(), name: c_name(name), value }))
}

/// Sets the attribute `name`.
pub fn set_xattr<B: IoBuf>(at: impl Into<At>, name: &OsStr, value: B, existing: ExistingXattr) -> Io<One<SetXattr<B>>> {
    Io::new(One::new(SetXattr { at: at.into(), name: c_name(name), value, existing }))
}

fn c_name(name: &OsStr) -> Option<CString> {
    CString::new(name.as_bytes()).ok()
}

/// The SQE of either, without what is particular to it.
fn request(at: &At, name: &Option<CString>, opcodes: [u8; 2]) -> io::Result<Sqe> {
    let name = name.as_ref().ok_or_else(|| invalid("the attribute's name contains a NUL byte"))?;
    let [of_file, of_path] = opcodes;
    let addr = name.as_ptr() as u64;
    if at.is_descriptor() {
        return Ok(Sqe { opcode: of_file, fd: at.dir().0, addr, ..Sqe::default() });
    }
    if at.dir().0 != libc::AT_FDCWD {
        return Err(invalid("attributes are found by path or by open file, not below an open directory"));
    }
    Ok(Sqe { opcode: of_path, fd: 0, addr, addr3: at.path()? as u64, ..Sqe::default() })
}

impl<B> Sealed for GetXattr<B> {}

impl<B: IoBufMut> Op for GetXattr<B> {
    const NAME: &'static str = "get_xattr";
    const SEVERS: bool = false;
    type Output = (io::Result<usize>, B);
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = request(&self.at, &self.name, [FGETXATTR, GETXATTR])?;
        sqe.off = self.value.stable_mut_ptr() as u64;
        sqe.len = self.value.bytes_writable().min(u32::MAX as usize) as u32;
        if sqe.len == 0 {
            return Err(invalid("an attribute is read into a buffer with room for at least one byte"));
        }
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let room = self.value.bytes_writable();
        let result = completion.result.map(|len| {
            assert!(len as usize <= room, "the kernel reports an attribute of {len} bytes read into {room}");
            // SAFETY: the kernel has written `len` ≤ `room` bytes from the start of the buffer, which this op owns; its
            // last CQE is here. Test: runtime/tests/fs_locks.rs.
            unsafe { self.value.set_init(len as usize) };
            len as usize
        });
        (result, self.value)
    }
}

impl<B> Sealed for SetXattr<B> {}

impl<B: IoBuf> Op for SetXattr<B> {
    const NAME: &'static str = "set_xattr";
    const SEVERS: bool = false;
    type Output = (io::Result<()>, B);
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = request(&self.at, &self.name, [FSETXATTR, SETXATTR])?;
        let len = self.value.bytes_init();
        sqe.off = self.value.stable_ptr() as u64;
        sqe.len = u32::try_from(len).map_err(|_| invalid(format!("an attribute of {len} bytes")))?;
        sqe.op_flags = match self.existing {
            ExistingXattr::Any => 0,
            ExistingXattr::Keep => libc::XATTR_CREATE as u32,
            ExistingXattr::Replace => libc::XATTR_REPLACE as u32,
        };
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        (completion.done(), self.value)
    }
}
