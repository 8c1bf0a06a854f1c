//! What the kernel has open: files and directories, by number.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

const EBADF: i32 = 9;

/// Shared by all shards; locked for a look into the table.
#[derive(Debug)]
pub struct Handles<T> {
    open: Mutex<HashMap<u64, Arc<T>>>,
    next: AtomicU64,
}

impl<T> Handles<T> {
    pub fn new() -> Handles<T> {
        Handles { open: Mutex::default(), next: AtomicU64::new(1) }
    }

    pub fn insert(&self, opened: T) -> u64 {
        let number = self.next.fetch_add(1, Relaxed);
        self.table().insert(number, Arc::new(opened));
        number
    }

    /// # Errors
    /// EBADF if nothing is open by that number.
    pub fn get(&self, number: u64) -> io::Result<Arc<T>> {
        let found = self.table().get(&number).cloned();
        found.ok_or_else(|| io::Error::from_raw_os_error(EBADF))
    }

    pub fn remove(&self, number: u64) -> Option<Arc<T>> {
        self.table().remove(&number)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Arc<T>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
