//! Ops on files and paths: what they do, alone and in plans, and that every file is served as the kernel serves it.

mod common;

use std::{
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    pin::Pin,
};

use common::{LOWERINGS, file, poll_once, run, run_on};
use runtime::{
    BufferedWrites, Builder, IntoResult, Io, IoBuf, Lowering,
    fs::{self, Advice, Allocation, Dir, Existing, File, OpenOptions},
    join,
    op::{self, SpliceEnd},
    plan::{One, Plan, Sequel},
};
use tempfile::{TempDir, tempdir};

fn name(dir: &TempDir, name: &str) -> PathBuf {
    dir.path().join(name)
}

#[test]
fn several_buffers_at_once() {
    run(async {
        let dir = tempdir().unwrap();
        let file = file(&dir, b"0123456789").await;
        let (read, bufs) = file.read_vectored_at(vec![vec![0; 3], vec![0; 4], vec![0; 9]], 1).await;
        assert_eq!((read.unwrap(), bufs), (9, vec![b"123".to_vec(), b"4567".to_vec(), b"89\0\0\0\0\0\0\0".to_vec()]));
        let (read, bufs) = file.read_exact_vectored_at(vec![Vec::with_capacity(2), Vec::with_capacity(2)], 6).await;
        read.unwrap();
        assert_eq!(bufs, [b"67", b"89"]);
        let (read, _) = file.read_exact_vectored_at(vec![vec![0; 6], vec![0; 6]], 0).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let (written, _) = file.write_vectored_at(vec!["ab", "", "cd"], 8).await;
        assert_eq!(written.unwrap(), 4);
        assert_eq!(std::fs::read(name(&dir, "f")).unwrap(), b"01234567abcd");
        let (read, _) = file.read_vectored_at(vec![vec![0; 1]; 1025], 0).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn appended_wherever_the_end_is() {
    run(async {
        let dir = tempdir().unwrap();
        let file = file(&dir, b"0").await;
        let ten = (0..10).map(|_| file.append_all("x"));
        for (result, _) in runtime::join_all(ten).await {
            result.unwrap();
        }
        assert_eq!(file.append("yz").await.0.unwrap(), 2);
        file.append_all_vectored(vec!["1", "2"]).await.0.unwrap();
        // The position of the cursor stays where it was.
        assert_eq!(file.read_next(vec![0; 2]).await.1, b"0x");
        assert_eq!(std::fs::read(name(&dir, "f")).unwrap(), b"0xxxxxxxxxxyz12");
        let loan = file.read_exact_at(vec![0; 1], 0).then(|zero| file.append_all(zero));
        loan.await.into_result().unwrap();
        assert_eq!(std::fs::metadata(name(&dir, "f")).unwrap().len(), 16);
    });
}

#[test]
fn space_is_given_and_taken() {
    run(async {
        let dir = tempdir().unwrap();
        let file = file(&dir, &[7; 8192]).await;
        file.allocate(0..1 << 20, Allocation::ReserveKeepSize).await.unwrap();
        let statx = file.statx().await.unwrap();
        assert_eq!((statx.len(), statx.blocks() * 512 >= 1 << 20), (8192, true));
        file.allocate(0..16384, Allocation::Reserve).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 16384);
        file.allocate(0..4096, Allocation::PunchHole).await.unwrap();
        assert_eq!(file.read_exact_at(vec![1; 4097], 0).await.1, [vec![0; 4096], vec![7]].concat());
        let empty = file.allocate(5..5, Allocation::Reserve).await.unwrap_err();
        let far = file.allocate(0..u64::MAX, Allocation::Reserve).await.unwrap_err();
        assert_eq!((empty.kind(), far.kind()), (ErrorKind::InvalidInput, ErrorKind::InvalidInput));
        for advice in [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DontNeed] {
            file.fadvise(0..u64::MAX, advice).await.unwrap();
        }
        file.sync_range(0..u64::MAX).await.unwrap();
        file.sync_range(4096..8192).await.unwrap();
        assert_eq!(file.sync_range(0..1 << 40).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        match file.truncate(100).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => file.set_len(100).await.unwrap(),
            truncated => truncated.unwrap(),
        }
        assert_eq!(file.metadata().await.unwrap().len(), 100);
    });
}

#[test]
fn statx_says_what_std_says() {
    run(async {
        let dir = tempdir().unwrap();
        let file = file(&dir, &[1; 5000]).await;
        std::os::unix::fs::symlink("f", name(&dir, "link")).unwrap();
        let expected = std::fs::metadata(name(&dir, "f")).unwrap();
        let below = Dir::open(dir.path()).await.unwrap();
        let all =
            join!(fs::statx(name(&dir, "link")), file.statx(), below.statx("f"), fs::symlink_statx(name(&dir, "f")));
        let (a, b, c, d) = all.await.into_result().unwrap();
        for statx in [a, b, c, d] {
            assert_eq!((statx.len(), statx.mode(), statx.ino()), (expected.len(), expected.mode(), expected.ino()));
            assert_eq!(
                (statx.dev(), statx.rdev(), statx.blocks()),
                (expected.dev(), expected.rdev(), expected.blocks())
            );
            assert_eq!((statx.uid(), statx.gid(), u64::from(statx.nlink())), (expected.uid(), expected.gid(), 1));
            assert_eq!(u64::from(statx.block_size()), expected.blksize());
            assert_eq!(
                (statx.modified(), statx.accessed()),
                (expected.modified().unwrap(), expected.accessed().unwrap())
            );
            assert_eq!(statx.created(), expected.created().ok());
            assert!(statx.changed() >= statx.modified() && statx.is_file() && !statx.is_dir());
        }
        assert!(fs::symlink_statx(name(&dir, "link")).await.unwrap().is_symlink());
        assert!(below.statx("").await.unwrap().is_dir());
    });
}

#[test]
fn times_before_1970() {
    run(async {
        let dir = tempdir().unwrap();
        let file = file(&dir, b"").await;
        let early = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_millis(1500);
        file.set_modified(early).await.unwrap();
        assert_eq!(file.statx().await.unwrap().modified(), early);
    });
}

#[test]
fn paths_are_planned() {
    for lowering in LOWERINGS {
        run(async {
            let dir = tempdir().unwrap();
            std::fs::write(name(&dir, "new"), "new").unwrap();
            std::fs::write(name(&dir, "data"), "old").unwrap();
            let plan = fs::hard_link(name(&dir, "data"), name(&dir, "data.old"))
                .then(|()| fs::rename(name(&dir, "new"), name(&dir, "data")))
                .then(|_| fs::create_dir(name(&dir, "d")))
                .then(|_| fs::symlink("../data", name(&dir, "d/link")))
                .lowering(lowering);
            match plan.await.into_result() {
                Err(error) if error.kind() == ErrorKind::InvalidInput => return, // an engine that does not serve it
                done => done.map(drop).unwrap(),
            }
            assert_eq!(std::fs::read(name(&dir, "d/link")).unwrap(), b"new");
            assert_eq!(std::fs::read(name(&dir, "data.old")).unwrap(), b"old");
            // What fails keeps what comes behind it from running.
            let plan = fs::remove_file(name(&dir, "none")).then(|()| fs::remove_file(name(&dir, "data")));
            let (first, second) = plan.lowering(lowering).await;
            assert_eq!(first.unwrap_err().kind(), ErrorKind::NotFound);
            assert!(runtime::is_not_run(&second.unwrap_err()));
            assert!(name(&dir, "data").exists());
        });
    }
}

/// What became of the second of two ops.
trait Second {
    fn second(self) -> Option<io::Error>;
}

impl<A> Second for (A, io::Result<()>) {
    fn second(self) -> Option<io::Error> {
        self.1.err()
    }
}

/// The kernel severs a chain behind some failing ops and not behind others; the plan means the same in all cases.
#[test]
fn what_follows_a_failure_is_not_run() {
    /// The op's name if what follows it was run.
    async fn fails<P: Plan>(op: Io<P>, lowering: Lowering, name: &'static str) -> Option<&'static str>
    where
        P::Planned: Sequel,
        <P::Planned as Sequel>::Then<One<op::Nop>>: Plan<Output: Second>,
    {
        let output = op.then(|_| op::nop()).lowering(lowering).await;
        let Some(error) = output.second() else { return Some(name) };
        // Or an engine that does not serve it.
        assert!(runtime::is_not_run(&error) || error.kind() == ErrorKind::InvalidInput, "{name}: {error}");
        None
    }
    for lowering in LOWERINGS {
        run(async {
            let dir = tempdir().unwrap();
            let (read, _write) = std::io::pipe().unwrap();
            let pipe = File::from(std::os::fd::OwnedFd::from(read));
            let none = || name(&dir, "none/none");
            let run = [
                fails(pipe.sync_all(), lowering, "sync_all").await,
                fails(pipe.sync_data(), lowering, "sync_data").await,
                fails(pipe.sync_range(0..1), lowering, "sync_range").await,
                fails(pipe.truncate(1), lowering, "truncate").await,
                fails(pipe.allocate(0..1, Allocation::Reserve), lowering, "allocate").await,
                fails(pipe.fadvise(0..1, Advice::Normal), lowering, "fadvise").await,
                fails(fs::statx(none()), lowering, "statx").await,
                fails(fs::create_dir(none()), lowering, "mkdir").await,
                fails(fs::remove_file(none()), lowering, "unlink").await,
                fails(fs::remove_dir(none()), lowering, "unlink_dir").await,
                fails(fs::rename(none(), none()), lowering, "rename").await,
                fails(fs::hard_link(none(), none()), lowering, "link").await,
                fails(fs::symlink("x", none()), lowering, "symlink").await,
                fails(fs::set_xattr(none(), "user.a", "x"), lowering, "set_xattr").await,
                fails(op::get_xattr(none().as_path(), "user.a".as_ref(), vec![0; 1]), lowering, "get_xattr").await,
                fails(File::open(none()), lowering, "open").await,
                fails(op::shutdown(&pipe, std::net::Shutdown::Both), lowering, "shutdown").await,
                fails(op::splice(SpliceEnd::at(&pipe, 0), SpliceEnd::stream(&pipe), 1), lowering, "splice").await,
            ];
            let run: Vec<_> = run.into_iter().flatten().collect();
            assert!(run.is_empty(), "by {lowering:?} something was run behind a failing {run:?}");
        });
    }
}

#[test]
fn below_an_open_directory() {
    let top = tempdir().unwrap();
    run(async {
        std::fs::create_dir(name(&top, "here")).unwrap();
        let dir = Dir::open(name(&top, "here")).await.unwrap();
        std::fs::rename(name(&top, "here"), name(&top, "there")).unwrap();
        let plan = OpenOptions::new().write(true).create_new(true).open_at(&dir, "a");
        let plan = plan.then(|f| f.write_all_at("bytes", 0)).finally(|(f, _)| f.close());
        plan.await.into_result().unwrap();
        assert_eq!(std::fs::read(name(&top, "there/a")).unwrap(), b"bytes");
        dir.create_dir("d").await.unwrap();
        dir.hard_link("a", &dir, "d/b").await.unwrap();
        dir.symlink("d/b", "link").await.unwrap();
        let d = dir.open_dir("d").await.unwrap();
        d.rename("b", &dir, "c").await.unwrap();
        assert_eq!(dir.statx("c").await.unwrap().nlink(), 2);
        assert_eq!(dir.statx("link").await.unwrap_err().kind(), ErrorKind::NotFound);
        dir.remove_file("link").await.unwrap();
        dir.remove_dir("d").await.unwrap();
        dir.sync_all().await.unwrap();
        assert_eq!(dir.open_dir("c").await.unwrap_err().kind(), ErrorKind::NotADirectory);
        assert_eq!(dir.create_dir("nul\0").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
    // Other tests have descriptors of their own.
    let links =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
    assert_eq!(links.filter(|path| path.starts_with(top.path())).count(), 0, "descriptors are left");
}

#[test]
fn what_has_the_name_may_stay_or_change_places() {
    run(async {
        let dir = tempdir().unwrap();
        let (a, b) = (name(&dir, "a"), name(&dir, "b"));
        std::fs::write(&a, "a").unwrap();
        std::fs::write(&b, "b").unwrap();
        assert_eq!(fs::rename_with(&a, &b, Existing::Keep).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        fs::rename_with(&a, &b, Existing::Exchange).await.unwrap();
        assert_eq!((std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap()), (b"b".to_vec(), b"a".to_vec()));
        fs::rename_with(&a, &b, Existing::Replace).await.unwrap();
        assert_eq!((std::fs::read(&b).unwrap(), a.exists()), (b"b".to_vec(), false));
    });
}

#[test]
fn slots_have_the_ops_of_files() {
    // The second shard has no slots, so that plans get ordinary descriptors in their place.
    for builder in [&mut Builder::new(), Builder::new().slots(1)] {
        run_on(builder, async {
            let dir = tempdir().unwrap();
            let open = File::options().read(true).write(true).create(true).open(name(&dir, "f"));
            let plan = open
                .then(|f| f.allocate(0..4096, Allocation::Reserve))
                .then(|(f, _)| f.write_all_vectored_at(vec!["one", "two"], 0))
                .then(|(f, ..)| f.append_all("end"))
                .then(|(f, ..)| f.fadvise(0..4096, Advice::Sequential))
                .then(|(f, ..)| f.sync_range(0..4096))
                .then(|(f, ..)| f.read_vectored_at(vec![vec![0; 3]; 2], 0));
            let (slot, .., (_, read)) = plan.await.into_result().unwrap();
            assert_eq!(read, [b"one", b"two"]);
            let (end, tail) = slot.read_at(vec![0; 9], 4096).await;
            assert_eq!((end.unwrap(), &tail.slice(..3)[..]), (3, &b"end"[..]));
            slot.close().await.unwrap();
        });
    }
}

#[test]
fn a_sync_in_a_plan_waits_for_the_write_of_the_cursor() {
    use runtime::io::AsyncWriteExt;
    // A write on the spot has always ended.
    run_on(Builder::new().max_blocking_threads(1).buffered_writes(BufferedWrites::Worker), async {
        let dir = tempdir().unwrap();
        let mut file = File::create(name(&dir, "f")).await.unwrap();
        let reader = File::open(name(&dir, "f")).await.unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let holds_the_pool = runtime::task::spawn_blocking(move || held.recv());
        file.write_all(&[5; 1000]).await.unwrap();
        let mut alone = file.sync_all();
        let mut plan =
            join!(op::nop(), op::nop()).then(|_| file.sync_data()).then(|_| reader.read_exact_at(vec![0; 1000], 0));
        poll_once(Pin::new(&mut alone)).await;
        poll_once(Pin::new(&mut plan)).await;
        assert_eq!(runtime::metrics().in_flight, 0, "the write has not ended");
        release.send(()).unwrap();
        holds_the_pool.await.unwrap().unwrap();
        let (_, _, bytes) = plan.await.into_result().unwrap();
        assert_eq!(bytes, [5; 1000]);
        alone.await.unwrap();
    });
}

#[test]
fn errors_are_those_of_the_kernel() {
    fn told<T>(result: io::Result<T>) -> Option<i32> {
        result.err().and_then(|error| error.raw_os_error())
    }
    run(async {
        let dir = tempdir().unwrap();
        let long = name(&dir, &"n".repeat(256));
        assert_eq!(told(fs::create_dir(&long).await), Some(libc::ENAMETOOLONG));
        assert_eq!(told(File::create(&long).await), Some(libc::ENAMETOOLONG));
        assert_eq!(told(fs::metadata(&long).await), Some(libc::ENAMETOOLONG));
        let deep = PathBuf::from("x/".repeat(2500));
        assert_eq!(told(fs::statx(&deep).await), Some(libc::ENAMETOOLONG));
        fs::symlink("loop", name(&dir, "loop")).await.unwrap();
        assert_eq!(told(fs::metadata(name(&dir, "loop")).await), Some(libc::ELOOP));
        assert_eq!(told(fs::read(name(&dir, "loop")).await), Some(libc::ELOOP));
        assert_eq!(told(fs::statx(name(&dir, "loop")).await), Some(libc::ELOOP));
        assert_eq!(told(fs::write("/dev/full", "x").await), Some(libc::ENOSPC));
        let full = File::options().write(true).open("/dev/full").await.unwrap();
        assert_eq!(full.write_all_at("x", 0).await.0.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(told(fs::rename(dir.path(), name(&dir, "below")).await), Some(libc::EINVAL));
        assert_eq!(told(fs::remove_dir("/proc").await), std::fs::remove_dir("/proc").err().unwrap().raw_os_error());
    });
}
