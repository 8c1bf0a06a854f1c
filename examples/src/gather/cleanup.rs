//! Ctrl-C: what was half written goes away with the process. On every other way out, destructors do it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Temporary files and folders of this process. One that has been given its final name since, or removed, is no longer
/// found under the name kept here, so nothing is ever taken off the list.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The exit status of a program that SIGINT has ended, as shells report it.
const INTERRUPTED: i32 = 130;

/// From here on SIGINT, SIGTERM and SIGHUP remove what is temporary, and end the process.
pub fn on_interrupt() {
    let handler = || {
        // Held to the end: no name is added while the others are removed.
        let paths = temporary();
        for path in paths.iter() {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        std::process::exit(INTERRUPTED);
    };
    // Without a handler the signals end the process all the same; only the temporary files would stay.
    let _ = ctrlc::set_handler(handler);
}

/// Has `path` removed by Ctrl-C.
pub fn register(path: &Path) {
    temporary().push(path.to_path_buf());
}

fn temporary() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}
