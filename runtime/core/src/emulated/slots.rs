//! Direct descriptor slots: a table of ordinary descriptors that no number leads to.
//!
//! Each one counts against RLIMIT_NOFILE, which the real kernel's do not.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// `IORING_FILE_INDEX_ALLOC`: the kernel chooses the slot.
pub(super) const CHOSEN: u32 = u32::MAX;

/// The table, which the threads of the pool use as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    files: Vec<Option<Arc<OwnedFd>>>,
    /// What may be chosen from.
    chosen: std::ops::Range<usize>,
    /// Where the last choice was, so that the next one need not look at all of them.
    last: usize,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the table; false if there is one.
    pub(super) fn register(&self, count: u32) -> bool {
        let mut table = self.lock();
        let new = table.files.is_empty();
        if new {
            table.files.resize(count as usize, None);
        }
        new
    }

    /// False if the range does not lie in the table.
    pub(super) fn choose_from(&self, offset: u32, count: u32) -> bool {
        let mut table = self.lock();
        let (from, to) = (offset as usize, offset as usize + count as usize);
        if to > table.files.len() {
            return false;
        }
        (table.chosen, table.last) = (from..to, from);
        true
    }

    /// The file in a slot.
    pub(super) fn get(&self, index: i32) -> Option<Arc<OwnedFd>> {
        self.lock().files.get(usize::try_from(index).ok()?)?.clone()
    }

    /// Puts a new file in the slot that `file_index` of an SQE names; the op's result.
    pub(super) fn put(&self, file_index: u32, file: OwnedFd) -> i32 {
        let mut table = self.lock();
        if file_index != CHOSEN {
            let index = file_index as usize - 1;
            return match table.files.get_mut(index) {
                None => -libc::EINVAL,
                Some(place) => {
                    let replaced = place.replace(Arc::new(file));
                    drop(table);
                    drop(replaced);
                    0
                }
            };
        }
        let (range, last) = (table.chosen.clone(), table.last);
        let free = (last..range.end).chain(range.start..last).find(|index| table.files[*index].is_none());
        let Some(index) = free else { return -libc::ENFILE };
        table.files[index] = Some(Arc::new(file));
        table.last = index;
        index as i32
    }

    /// Empties a slot. Its file is closed once no op uses it any more. Gives its number, if it is closed now.
    pub(super) fn close(&self, index: u32) -> Result<Option<i32>, i32> {
        let mut table = self.lock();
        let place = table.files.get_mut(index as usize).ok_or(libc::EINVAL)?;
        let file = place.take().ok_or(libc::EBADF)?;
        drop(table);
        let number = file.as_raw_fd();
        Ok(Arc::into_inner(file).map(|_closed| number))
    }
}
