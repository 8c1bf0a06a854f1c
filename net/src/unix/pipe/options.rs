//! Opening a FIFO.

use std::{fs::File, io, os::unix::fs::OpenOptionsExt, path::Path};

use super::{Receiver, Sender, check_pipe};

/// How to open a FIFO. The open itself does not wait for the other end.
///
/// ```no_run
/// use runtime::net::unix::pipe;
///
/// # fn main() -> std::io::Result<()> {
/// let receiver = pipe::OpenOptions::new().open_receiver("path/to/a/fifo")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// For one direction only, and checked.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// Opens for both directions, which Linux allows: then there is always a reader and a writer, so `open_sender` never
    /// fails for want of the one, and a receiver never sees the end for want of the other.
    pub fn read_write(&mut self, value: bool) -> &mut OpenOptions {
        self.read_write = value;
        self
    }

    /// Leaves out the check that the file is a FIFO.
    pub fn unchecked(&mut self, value: bool) -> &mut OpenOptions {
        self.unchecked = value;
        self
    }

    /// Opens the end that reads. A read gives 0 until there is a writer.
    ///
    /// # Errors
    /// Those of open(2); `InvalidInput` if it is no FIFO.
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        Receiver::from_file_unchecked(self.open(path.as_ref(), true, self.read_write)?)
    }

    /// Opens the end that writes.
    ///
    /// # Errors
    /// Those of open(2): ENXIO if nobody reads it yet; `InvalidInput` if it is no FIFO.
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        Sender::from_file_unchecked(self.open(path.as_ref(), self.read_write, true)?)
    }

    fn open(&self, path: &Path, read: bool, write: bool) -> io::Result<File> {
        let file = File::options().read(read).write(write).custom_flags(libc::O_NONBLOCK).open(path)?;
        if !self.unchecked {
            check_pipe(&file)?;
        }
        Ok(file)
    }
}
