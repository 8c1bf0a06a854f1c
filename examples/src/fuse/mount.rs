//! The mount: made by mount(2) or by `fusermount3`, and taken away again.

use std::{
    ffi::CString,
    fs::{self, OpenOptions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use runtime::{fuse::Device, net::UnixStream, process::Command};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::geteuid,
};

use crate::file_system::blocking;

const HELPER: &str = "fusermount3";

/// A mounted file system, until it is dropped.
#[derive(Debug)]
pub struct Mount {
    point: PathBuf,
    /// By mount(2), not by the helper.
    direct: bool,
    /// Writing to it ends the connection.
    abort: Option<PathBuf>,
    gone: bool,
}

impl Mount {
    /// Mounts on `point`, by mount(2) for root and else with the help of `fusermount3`.
    pub async fn new(source: &Path, point: &Path) -> io::Result<(Mount, Device)> {
        let point = fs::canonicalize(point)?;
        let direct = geteuid().is_root();
        let device = if direct { mounted(source, &point)? } else { mounted_by_helper(source, &point).await? };
        // The kernel answers a read of nothing at once, and several read the same device.
        fcntl_setfl(&device, fcntl_getfl(&device)? | OFlags::NONBLOCK)?;
        let mut mount = Mount { abort: None, point, direct, gone: false };
        mount.abort = connection(&mount.point).map(|number| format!("/sys/fs/fuse/connections/{number}/abort").into());
        Ok((mount, Device::new(device)?))
    }

    /// Takes the mount away. If it is in use, by force: whoever has files open gets ENOTCONN.
    pub async fn unmount(&mut self) -> io::Result<()> {
        match self.try_unmount(false).await {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                eprintln!("fuse: {} is in use; what is open there fails from now on", self.point.display());
                self.abort();
                self.try_unmount(true).await?;
            }
            result => result?,
        }
        self.gone = true;
        Ok(())
    }

    /// The mount has been taken away from outside.
    pub fn is_gone(&mut self) {
        self.gone = true;
    }

    /// Ends the connection, and with it every wait for a request, if it may and can.
    pub fn abort(&self) {
        if let Some(abort) = &self.abort {
            // It may have ended by itself, and its file with it; and not every system has these files (fusectl).
            let _ = fs::write(abort, "1");
        }
        if self.direct {
            // The kernel ends the connection first, and then finds that the mount is in use.
            let _ = unmount(&self.point, UnmountFlags::FORCE);
        }
    }

    async fn try_unmount(&self, lazy: bool) -> io::Result<()> {
        if self.direct {
            let point = self.point.clone();
            let flags = if lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
            return blocking(move || Ok(unmount(point, flags)?)).await;
        }
        let how: &[&str] = if lazy { &["-u", "-z", "--"] } else { &["-u", "--"] };
        let ended = Command::new(HELPER).args(how).arg(&self.point).stderr(Stdio::null()).status().await?;
        // It says no more than that it failed, and what fails but a mount in use?
        if ended.success() { Ok(()) } else { Err(Errno::BUSY.into()) }
    }
}

impl Drop for Mount {
    /// After an error: nothing may be left that programs would hang in.
    fn drop(&mut self) {
        if !self.gone {
            self.abort();
            if self.direct {
                let _ = unmount(&self.point, UnmountFlags::DETACH);
            } else {
                let _ = std::process::Command::new(HELPER).args(["-u", "-z", "--"]).arg(&self.point).status();
            }
        }
    }
}

/// Options of both ways. The kernel checks permissions by the attributes that it is told.
fn common(source: &Path) -> io::Result<String> {
    let name = source.to_str().filter(|name| !name.contains([',', '\\']));
    Ok(format!("default_permissions,fsname={}", name.unwrap_or("passthrough")))
}

fn mounted(source: &Path, point: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::CLOEXEC.bits() as i32;
    let device = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/fuse")?;
    // `fsname` is for the helper; here it is the source.
    let options =
        format!("fd={},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device.as_raw_fd());
    let options = CString::new(options).expect("no NUL in it");
    mount(source, point, "fuse.passthrough", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?;
    Ok(device.into())
}

/// `fusermount3` mounts, since it may, and sends the device's descriptor through the socket that `_FUSE_COMMFD` names: here
/// its standard input.
async fn mounted_by_helper(source: &Path, point: &Path) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = theirs.into_std()?;
    theirs.set_nonblocking(false)?;
    let mut child = Command::new(HELPER)
        .args(["-o", &common(source)?, "--"])
        .arg(point)
        .env("_FUSE_COMMFD", "0")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{HELPER}: {error}")))?;
    let (_, fds) = ours.recv_fds(&mut [0; 1], 1).await?;
    let ended = child.wait().await?;
    fds.into_iter().next().ok_or_else(|| io::Error::other(format!("{HELPER} has not mounted: {ended}")))
}

/// The number of the connection: that of the mount's device, as the list of mounts has it. To look at the mount itself would
/// be a request that nobody serves yet.
fn connection(point: &Path) -> Option<u32> {
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    let lines = mounts.split(|byte| *byte == b'\n').rev();
    let mut ours = lines.filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (device, at) = (fields.next()?, fields.nth(1)?);
        (unescaped(at) == point.as_os_str().as_bytes()).then_some(device)
    });
    let device = std::str::from_utf8(ours.next()?).ok()?;
    device.split_once(':')?.1.parse().ok()
}

/// Spaces and the like stand there as `\040`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), field);
    while let Some((first, others)) = rest.split_first() {
        let octal = (*first == b'\\').then(|| others.get(..3)).flatten();
        let byte = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[3..] } else { others };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_mounts_escapes_spaces() {
        assert_eq!(unescaped(br"/mnt/two\040words\134"), br"/mnt/two words\");
        assert_eq!(unescaped(br"/mnt/\9"), br"/mnt/\9");
    }
}
