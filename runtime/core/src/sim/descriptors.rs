//! The descriptor table, the slots and the files by name.
//!
//! Numbers are real: each is held by an empty memfd, so that an `OwnedFd` made from an op's result closes something of
//! ours and no stranger's file. The memfd's inode tells whether a number still is the one that was given out.

use std::{
    collections::BTreeMap,
    ffi::CStr,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    rc::Rc,
};

use super::object::{Contents, Description, Object};

#[derive(Debug)]
struct Entry {
    description: Rc<Description>,
    inode: u64,
}

/// What a number leads to.
#[derive(Debug)]
pub(super) enum Found {
    Ours {
        description: Rc<Description>,
        inode: u64,
    },
    /// Open, but not the simulation's.
    Foreign {
        inode: u64,
    },
    /// Not open.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Descriptors {
    numbers: BTreeMap<RawFd, Entry>,
    slots: Option<Vec<Option<Rc<Description>>>>,
    pub(super) files: BTreeMap<Vec<u8>, Contents>,
}

/// What is known about a number; `None` if it is not open.
fn status(fd: RawFd) -> Option<libc::stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a local that the call fills if it returns 0, and only then it is read. Test: every test with descriptors.
    unsafe { (libc::fstat(fd, stat.as_mut_ptr()) == 0).then(|| stat.assume_init()) }
}

fn inode(fd: RawFd) -> Option<u64> {
    status(fd).map(|stat| stat.st_ino)
}

/// A description of a real pipe's end, which keeps it open as a running op does; `None` for anything else.
pub(super) fn real_pipe(fd: RawFd) -> Option<Rc<Description>> {
    if status(fd)?.st_mode & libc::S_IFMT != libc::S_IFIFO {
        return None;
    }
    // SAFETY: no memory is passed.
    let (flags, copy) = unsafe { (libc::fcntl(fd, libc::F_GETFL), libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0)) };
    if copy < 0 {
        return None;
    }
    // SAFETY: just made, and nobody else has its number. Test: a_plan_passes_its_gates.
    let copy = unsafe { OwnedFd::from_raw_fd(copy) };
    let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
    Some(Description::new(Object::RealPipe(copy), !writes, writes))
}

impl Descriptors {
    /// Gives a description a number of its own.
    pub(super) fn install(&mut self, description: Rc<Description>) -> io::Result<OwnedFd> {
        // SAFETY: the name is a constant that ends in NUL and is read during the call only.
        let fd = unsafe { libc::memfd_create(c"sim".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, and nobody else has its number. Test: descriptors_are_looked_up_when_the_op_starts.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let number = fd.as_raw_fd();
        let inode = inode(number).expect("just opened");
        self.numbers.insert(number, Entry { description, inode });
        Ok(fd)
    }

    pub(super) fn find(&self, number: RawFd) -> Found {
        match (inode(number), self.numbers.get(&number)) {
            (Some(inode), Some(entry)) if inode == entry.inode => {
                Found::Ours { description: entry.description.clone(), inode }
            }
            (Some(inode), _) => Found::Foreign { inode },
            (None, _) => Found::Closed,
        }
    }

    /// Closes a number of ours.
    pub(super) fn close(&mut self, number: RawFd) {
        self.numbers.remove(&number);
        // SAFETY: the caller found that the number is one that this table gave out and nobody has closed since; who
        // asked for the close has given up owning it. Test: descriptors_are_looked_up_when_the_op_starts.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }

    /// Lets go of what was closed by the drop of an `OwnedFd`: the other end of a pipe is to see it.
    pub(super) fn sweep(&mut self) {
        self.numbers.retain(|number, entry| inode(*number) == Some(entry.inode));
    }

    pub(super) fn register_slots(&mut self, count: u32) -> io::Result<()> {
        if count == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        if self.slots.is_some() {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        self.slots = Some(vec![None; count as usize]);
        Ok(())
    }

    pub(super) fn slot(&self, index: i32) -> Option<Rc<Description>> {
        self.slots.as_ref()?.get(usize::try_from(index).ok()?)?.clone()
    }

    /// The place of a slot to fill or empty, or the kernel's errno.
    pub(super) fn slot_place(&mut self, index: u32) -> Result<&mut Option<Rc<Description>>, i32> {
        self.slots.as_mut().ok_or(libc::ENXIO)?.get_mut(index as usize).ok_or(libc::EINVAL)
    }

    /// Slots that are open.
    pub(super) fn slots_open(&self) -> Vec<u32> {
        let slots = self.slots.iter().flatten().enumerate();
        slots.filter(|(_, slot)| slot.is_some()).map(|(index, _)| index as u32).collect()
    }

    /// open(2) on the simulation's files. The modes of files are not simulated.
    pub(super) fn open(&mut self, path: &CStr, flags: i32) -> Result<Rc<Description>, i32> {
        let exists = self.files.contains_key(path.to_bytes());
        match (exists, flags & libc::O_CREAT != 0) {
            (false, false) => return Err(libc::ENOENT),
            (true, true) if flags & libc::O_EXCL != 0 => return Err(libc::EEXIST),
            _ => {}
        }
        let contents = self.files.entry(path.to_bytes().to_vec()).or_default().clone();
        if flags & libc::O_TRUNC != 0 {
            contents.borrow_mut().clear();
        }
        let access = flags & libc::O_ACCMODE;
        Ok(Description::new(Object::File(contents), access != libc::O_WRONLY, access != libc::O_RDONLY))
    }
}
