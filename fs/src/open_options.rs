//! How a file is opened.

use std::path::Path;

use runtime_core::{
    future::Io,
    op::{self, Open, OpenHow},
    plan::One,
};

use crate::{Dir, File};

const O_WRONLY: i32 = 1;
const O_RDWR: i32 = 2;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;
const O_TRUNC: i32 = 0o1000;
const O_APPEND: i32 = 0o2000;
const O_ACCMODE: i32 = 3;
const RESOLVE_BENEATH: u64 = 0x08;

/// Options and flags for opening a file: the names and rules of [`std::fs::OpenOptions`], with its unix extensions.
///
/// ```no_run
/// # use runtime_fs::OpenOptions;
/// # async fn example() -> std::io::Result<()> {
/// let file = OpenOptions::new().read(true).write(true).create(true).open("data").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    custom_flags: i32,
    beneath: bool,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

impl OpenOptions {
    /// No option set; a file that is created gets mode 0o666, before the umask.
    pub fn new() -> OpenOptions {
        OpenOptions {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom_flags: 0,
            beneath: false,
        }
    }

    /// Opens for reading.
    pub fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.read = read;
        self
    }

    /// Opens for writing.
    pub fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.write = write;
        self
    }

    /// Opens for writing at the end, whatever the offset of a write says.
    pub fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.append = append;
        self
    }

    /// Empties an existing file; needs `write`.
    pub fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.truncate = truncate;
        self
    }

    /// Creates the file if it does not exist; needs `write` or `append`.
    pub fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.create = create;
        self
    }

    /// Creates the file, and fails if it exists; needs `write` or `append`.
    pub fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.create_new = create_new;
        self
    }

    /// Permissions of a file that is created, before the umask.
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.mode = mode;
        self
    }

    /// Further `O_*` flags; those of the access mode are ignored.
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.custom_flags = flags;
        self
    }

    /// Refuses a path that leads out of the directory where it starts: by `..`, by a symbolic link, or by being absolute.
    /// RESOLVE_BENEATH of openat2(2), so that it holds whatever is renamed meanwhile. The error is then EXDEV,
    /// `CrossesDevices`.
    ///
    /// ```
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// use runtime::fs::{Dir, OpenOptions};
    ///
    /// let dir = Dir::open("/etc").await?;
    /// let out = OpenOptions::new().read(true).beneath(true).open_at(&dir, "../proc/version").await;
    /// assert_eq!(out.unwrap_err().kind(), std::io::ErrorKind::CrossesDevices);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn beneath(&mut self, beneath: bool) -> &mut OpenOptions {
        self.beneath = beneath;
        self
    }

    /// Opens `path`.
    ///
    /// Awaited it gives a [`File`]; with something planned behind it, a slot (see [`SlotFile`](crate::SlotFile)).
    ///
    /// # Errors
    /// Those of openat(2); `InvalidInput` for options that contradict each other, and for a path with a NUL byte.
    pub fn open(&self, path: impl AsRef<Path>) -> Io<One<Open<File>>> {
        op::open(path.as_ref(), self.how())
    }

    /// Opens `path` below an open directory, with the same results as [`open`](OpenOptions::open). Absolute paths start at
    /// the root all the same, and `..` leads out.
    ///
    /// # Errors
    /// As for [`open`](OpenOptions::open).
    pub fn open_at(&self, dir: &Dir, path: impl AsRef<Path>) -> Io<One<Open<File>>> {
        op::open(dir.at(path.as_ref()), self.how())
    }

    /// The flags of open(2), by the rules of std.
    fn how(&self) -> Result<OpenHow, &'static str> {
        let access = match (self.read, self.write, self.append) {
            (true, false, false) => 0,
            (false, true, false) => O_WRONLY,
            (true, true, false) => O_RDWR,
            (false, _, true) => O_WRONLY | O_APPEND,
            (true, _, true) => O_RDWR | O_APPEND,
            (false, false, false) => return Err("open options ask for neither read nor write nor append"),
        };
        if !self.write && !self.append && (self.truncate || self.create || self.create_new) {
            return Err("open options ask to create or truncate without write or append");
        }
        if self.append && self.truncate && !self.create_new {
            return Err("open options ask to append and to truncate");
        }
        let creation = match (self.create, self.truncate, self.create_new) {
            (false, false, false) => 0,
            (true, false, false) => O_CREAT,
            (false, true, false) => O_TRUNC,
            (true, true, false) => O_CREAT | O_TRUNC,
            (_, _, true) => O_CREAT | O_EXCL,
        };
        let resolve = if self.beneath { RESOLVE_BENEATH } else { 0 };
        Ok(OpenHow { flags: access | creation | (self.custom_flags & !O_ACCMODE), mode: self.mode, resolve })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let how = |set: &dyn Fn(&mut OpenOptions) -> &mut OpenOptions| set(&mut OpenOptions::new()).how();
        assert!(how(&|o| o).is_err());
        assert!(how(&|o| o.read(true).truncate(true)).is_err());
        assert!(how(&|o| o.read(true).create(true)).is_err());
        assert!(how(&|o| o.append(true).truncate(true)).is_err());
        assert_eq!(how(&|o| o.read(true)).unwrap().flags, 0);
        assert_eq!(how(&|o| o.write(true).create(true).truncate(true)).unwrap().flags, O_WRONLY | O_CREAT | O_TRUNC);
        assert_eq!(how(&|o| o.read(true).custom_flags(O_RDWR | 0o40000)).unwrap().flags, 0o40000);
        assert_eq!(how(&|o| o.append(true).create_new(true)).unwrap().flags, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);
    }
}
