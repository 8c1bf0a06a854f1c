//! Descriptors and credentials that come and go with the bytes of a Unix socket: control data, see unix(7) and cmsg(3).
//!
//! Whatever descriptor the kernel hands over gets an owner here, in [`decode`], also where the message turns out to be an
//! error: then the owner closes it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use super::{UCred, append, retry};
use crate::{io::ReadBuf, lower::invalid};

/// Most descriptors that one message can carry (SCM_MAX_FD, see unix(7)).
pub const FDS_MAX: usize = 253;

/// `struct cmsghdr`: length with the header, level, type. The payload follows; the next header is aligned to a word.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// Not in `libc`: a pidfd of the sender, for sockets with SO_PASSPIDFD.
const SCM_PIDFD: i32 = 4;

/// What came with a message beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Ancillary {
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) credentials: Option<UCred>,
}

/// Sends `bytes`, and duplicates of `fds` with the first of them: sendmsg(2) without waiting. Gives the count of bytes.
///
/// # Errors
/// Those of sendmsg(2): `WouldBlock`; ETOOMANYREFS if too many sent descriptors wait to be received. `InvalidInput` for more
/// than [`FDS_MAX`] descriptors.
pub fn send_fds(socket: &impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let control = encode(fds.iter().map(AsRawFd::as_raw_fd))?;
    let pieces = [io::IoSlice::new(bytes)];
    let message = socket2::MsgHdr::new().with_buffers(&pieces).with_control(&control);
    let socket = socket2::SockRef::from(socket);
    retry(|| socket.sendmsg(&message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL))
}

/// Receives bytes into the unfilled part, and at most `fds` descriptors: recvmsg(2) without waiting. They are closed on
/// exec.
///
/// # Errors
/// Those of recvmsg(2); `InvalidInput` for more than [`FDS_MAX`]; `InvalidData` if the message carried more descriptors, or
/// the process cannot have more: then those that came are closed, and the bytes are lost.
pub fn recv_fds(socket: &impl AsFd, buf: &mut ReadBuf<'_>, fds: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = vec![0; room(fds)?];
    let (count, ancillary) = append(
        buf,
        |memory| {
            let mut piece = libc::iovec { iov_base: memory.as_mut_ptr().cast(), iov_len: memory.len() };
            // SAFETY: all zero is a message without anything. Test: runtime/tests/net_fds.rs.
            let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
            (message.msg_iov, message.msg_iovlen) = (&raw mut piece, 1);
            (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), control.len() as _);
            let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
            // SAFETY: piece and control are borrowed by the callers and here, of these lengths, and written during the call
            // only. Test: as above.
            let count = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, flags) };
            let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
            // SAFETY: the kernel has just written this control data, and nobody else has seen it. Test: as above.
            let ancillary = unsafe { decode(&control[..message.msg_controllen as usize]) };
            check(ancillary, message.msg_flags, fds).map(|ancillary| (count, ancillary))
        },
        |(count, _)| *count,
    )?;
    Ok((count, ancillary.fds))
}

/// Control data that carries descriptors; none for none.
pub(crate) fn encode(fds: impl ExactSizeIterator<Item = RawFd>) -> io::Result<Vec<u8>> {
    check_count(fds.len())?;
    if fds.len() == 0 {
        return Ok(Vec::new());
    }
    let len = HEADER + fds.len() * size_of::<RawFd>();
    let mut control = Vec::with_capacity(aligned(len));
    control.extend_from_slice(&len.to_ne_bytes());
    control.extend_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
    control.extend_from_slice(&libc::SCM_RIGHTS.to_ne_bytes());
    debug_assert_eq!(control.len(), HEADER);
    fds.for_each(|fd| control.extend_from_slice(&fd.to_ne_bytes()));
    control.resize(aligned(len), 0);
    Ok(control)
}

/// Bytes of control data that a message with `fds` descriptors and with credentials may have.
pub(crate) fn room(fds: usize) -> io::Result<usize> {
    check_count(fds)?;
    let fds = if fds == 0 { 0 } else { aligned(HEADER + fds * size_of::<RawFd>()) };
    Ok(fds + aligned(HEADER + size_of::<libc::ucred>()))
}

fn check_count(fds: usize) -> io::Result<()> {
    if fds > FDS_MAX {
        return Err(invalid(format!(
            "{fds} descriptors in one message; the limit is {FDS_MAX}: send several messages"
        )));
    }
    Ok(())
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(size_of::<usize>())
}

/// Gives every descriptor in `control` its owner.
///
/// # Safety
/// The kernel has written `control` for this process, which has not decoded it before.
pub(crate) unsafe fn decode(control: &[u8]) -> Ancillary {
    let mut ancillary = Ancillary::default();
    let mut rest = control;
    while let Some((kind, payload)) = next(&mut rest) {
        let numbers =
            payload.chunks_exact(size_of::<i32>()).map(|bytes| i32::from_ne_bytes(bytes.try_into().expect("4")));
        match kind {
            // SAFETY: numbers of new descriptors, which nobody owns yet. Test: runtime/tests/net_fds.rs.
            libc::SCM_RIGHTS => ancillary.fds.extend(numbers.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })),
            // Nobody here asks for it. It may stand for an error instead. SAFETY: as above.
            SCM_PIDFD => numbers.filter(|fd| *fd >= 0).for_each(|fd| drop(unsafe { OwnedFd::from_raw_fd(fd) })),
            libc::SCM_CREDENTIALS => {
                let numbers: Vec<i32> = numbers.collect();
                if let [pid, uid, gid] = numbers[..] {
                    ancillary.credentials = Some(UCred { pid: Some(pid), uid: uid as u32, gid: gid as u32 });
                }
            }
            _ => {}
        }
    }
    ancillary
}

/// Cuts the next part off: its type and payload, if it is one of SOL_SOCKET; type -1 for others.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(i32, &'a [u8])> {
    let (header, _) = rest.split_at_checked(HEADER)?;
    let (len, kinds) = header.split_at(size_of::<usize>());
    let len = usize::from_ne_bytes(len.try_into().expect("a word"));
    let (level, kind) = kinds.split_at(size_of::<i32>());
    let number = |bytes: &[u8]| i32::from_ne_bytes(bytes.try_into().expect("4 bytes"));
    let payload = rest.get(HEADER..len)?;
    *rest = rest.get(aligned(len)..).unwrap_or_default();
    Some((if number(level) == libc::SOL_SOCKET { number(kind) } else { -1 }, payload))
}

/// Refuses a message with more descriptors than were asked for, which closes those that came. Whoever asked for none
/// gets none, as with recv(2).
pub(crate) fn check(mut ancillary: Ancillary, flags: i32, fds: usize) -> io::Result<Ancillary> {
    if fds == 0 {
        ancillary.fds.clear();
    } else if ancillary.fds.len() > fds || flags & libc::MSG_CTRUNC != 0 {
        let text =
            format!("a message with more descriptors than the {fds} there was room for, or than the process can have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(ancillary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found_and_every_descriptor_gets_an_owner() {
        let (a, b) = std::io::pipe().unwrap();
        let (a, b) = (OwnedFd::from(a), OwnedFd::from(b));
        let numbers = [a.as_raw_fd(), b.as_raw_fd()];
        let mut control = part(libc::SCM_CREDENTIALS, &[7, 8, 9]);
        control.extend(encode(numbers.into_iter()).unwrap());
        control.extend(part(99, &[1]));
        std::mem::forget((a, b));
        // SAFETY: the numbers' owners have just been forgotten.
        let ancillary = unsafe { decode(&control) };
        assert_eq!(ancillary.credentials, Some(UCred { pid: Some(7), uid: 8, gid: 9 }));
        assert_eq!(ancillary.fds.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>(), numbers);
    }

    fn part(kind: i32, payload: &[i32]) -> Vec<u8> {
        let mut part = (HEADER + payload.len() * 4).to_ne_bytes().to_vec();
        [libc::SOL_SOCKET, kind].iter().chain(payload).for_each(|number| part.extend_from_slice(&number.to_ne_bytes()));
        part.resize(aligned(part.len()), 0);
        part
    }

    #[test]
    fn what_is_cut_off_ends_the_walk() {
        let control = part(libc::SCM_CREDENTIALS, &[7, 8, 9]);
        for len in 0..HEADER + 12 {
            // SAFETY: no descriptor in it.
            assert_eq!(unsafe { decode(&control[..len]) }.credentials, None, "{len} bytes");
        }
    }

    #[test]
    fn there_is_a_limit() {
        assert!(encode(0..FDS_MAX as i32).is_ok() && room(FDS_MAX).is_ok());
        let text = encode(0..FDS_MAX as i32 + 1).unwrap_err().to_string();
        assert!(text.contains("253") && room(FDS_MAX + 1).is_err(), "{text}");
    }
}
