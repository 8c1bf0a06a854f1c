//! The rows of files and paths.

use std::{io::IoSlice, os::fd::OwnedFd, pin::Pin};

use runtime::{
    fs::{self, Advice, Allocation, Dir, File},
    io::AsyncWrite,
    op,
};

use super::{Make, both};

pub fn table() -> Vec<(&'static str, bool, Make)> {
    vec![
        ("read_vectored_at", false, |f, _| both(|| f.file.read_vectored_at(vec![vec![0; 100]; 3], 0))),
        ("read_exact_vectored_at", false, |f, _| both(|| f.file.read_exact_vectored_at(vec![vec![0; 100]; 3], 0))),
        ("read_vectored_at, idle", true, |f, _| both(|| f.idle_pipe.0.read_vectored_at(vec![vec![0; 9]; 3], 0))),
        ("write_vectored_at", false, |f, _| both(|| f.file.write_vectored_at(vec!["static"; 3], 0))),
        ("append", false, |f, _| both(|| f.file.append(vec![1; 64]))),
        ("append_all", false, |f, _| both(|| f.file.append_all("static"))),
        ("append_all_vectored", false, |f, _| both(|| f.file.append_all_vectored(vec![vec![1; 9]; 3]))),
        ("sync_range", false, |f, _| both(|| f.file.sync_range(0..4096))),
        ("allocate", false, |f, _| both(|| f.file.allocate(0..8192, Allocation::Reserve))),
        ("fadvise", false, |f, _| both(|| f.file.fadvise(0..4096, Advice::WillNeed))),
        ("statx", false, |f, _| both(|| fs::statx(f.path()))),
        ("statx of a file", false, |f, _| both(|| f.file.statx())),
        ("mkdir", false, |f, _| both(|| fs::create_dir(f.name("made")))),
        ("link", false, |f, _| both(|| fs::hard_link(f.path(), f.name("made")))),
        ("symlink", false, |f, _| both(|| fs::symlink("f", f.name("made")))),
        ("rename", false, |f, _| both(|| fs::rename(f.path(), f.name("made")))),
        ("unlink", false, |f, _| both(|| fs::remove_file(f.path()))),
        ("unlink a directory", false, |f, _| {
            both(|| fs::create_dir(f.name("d")).then(|()| fs::remove_dir(f.name("d"))))
        }),
        ("set_xattr", false, |f, _| both(|| fs::set_xattr(f.path(), "user.a", vec![1; 64]))),
        ("get_xattr", false, |f, _| {
            both(|| op::get_xattr(f.path().as_path(), "user.b".as_ref(), Vec::with_capacity(64)))
        }),
        ("below a directory", false, |f, _| {
            let dir = || Dir::from(OwnedFd::from(std::fs::File::open(f.dir.path()).unwrap()));
            both(|| {
                let opened = File::options().write(true).create(true).open_at(&dir(), "made");
                opened.then(|s| s.write_all_at("x", 0)).then(|_| dir().rename("made", &dir(), "other"))
            })
        }),
        ("sync after a write of the cursor", false, |f, _| {
            let written = || {
                let mut file = File::from(std::fs::File::options().write(true).open(f.path()).unwrap());
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                let pieces = [IoSlice::new(&[1; 4096])];
                assert!(Pin::new(&mut file).poll_write_vectored(&mut cx, &pieces).is_ready());
                file
            };
            both(move || written().sync_data().then(|()| op::nop()))
        }),
    ]
}
