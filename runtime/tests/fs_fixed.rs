//! Registered buffers: leases, plans that share one, limits, and who keeps the memory.

mod common;

use std::{
    io,
    pin::pin,
    process::{Command, Stdio},
};

use common::{LOWERINGS, file, poll_once, run};
use runtime::{
    IntoResult,
    buf::IoBuf,
    fs::{File, FixedBuffers},
    join_all,
};

const O_DIRECT: i32 = 0o40000;

/// Read once, written by all ops of the next stage, given back once.
#[test]
fn one_fill_serves_any_number_of_writes() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..8192u32).map(|n| (n % 251) as u8).collect();
    run(async {
        let input = file(&dir, &bytes).await;
        let buffers = FixedBuffers::new(2, 8192).unwrap();
        for lowering in LOWERINGS {
            let mut outputs = Vec::new();
            for n in 0..3 {
                outputs.push(File::create(dir.path().join(format!("out{n}"))).await.unwrap());
            }
            // A chain serves only one op after another.
            let plan = input.read_exact_at(buffers.take().await, 0);
            let (lease, _) = if lowering == runtime::Lowering::Chain {
                let plan = plan.then(|bytes| outputs[0].write_all_at(bytes.slice(..100), 0));
                let (lease, _) = plan.lowering(lowering).await.into_result().unwrap();
                (lease, ())
            } else {
                let writes = |bytes: runtime::Loan| join_all(outputs.iter().map(move |out| out.write_all_at(bytes, 7)));
                let (lease, _) = plan.then(writes).lowering(lowering).await.into_result().unwrap();
                for n in 0..3 {
                    assert_eq!(std::fs::read(dir.path().join(format!("out{n}"))).unwrap()[7..], bytes);
                }
                (lease, ())
            };
            assert_eq!((&lease[..], buffers.available()), (&bytes[..], 1));
            drop(lease);
            assert_eq!(buffers.available(), 2);
        }
    });
}

#[test]
fn reads_set_the_length_and_writes_write_it() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"hello world").await;
        let buffers = FixedBuffers::new(1, 4096).unwrap();
        let (count, lease) = file.read_at(buffers.take().await, 6).await;
        assert_eq!((count.unwrap(), &lease[..]), (5, &b"world"[..]));
        let (written, mut lease) = file.write_all_at(lease, 0).await;
        written.unwrap();
        lease.set_len(4096);
        lease[..3].copy_from_slice(b"abc");
        let (written, slice) = file.write_all_at(lease.slice(1..3), 0).await;
        written.unwrap();
        drop(slice);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"bcrld world");
        let mut lease = buffers.try_take().unwrap();
        assert!(buffers.try_take().is_none() && lease.is_empty());
        lease.set_len(3);
        let (count, lease) = file.read_at(lease, 0).await;
        assert_eq!((count.unwrap(), &lease[..]), (3, &b"bcr"[..]));
    });
}

#[test]
fn direct_io_needs_no_further_alignment() {
    let here = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    std::fs::write(here.path().join("f"), vec![7; 8192]).unwrap();
    run(async {
        let mut options = File::options();
        let options = options.read(true).write(true).custom_flags(O_DIRECT);
        let Ok(file) = options.open(here.path().join("f")).await else {
            return eprintln!("skipped: no O_DIRECT here");
        };
        let buffers = FixedBuffers::new(3, 4096).unwrap();
        let _first = buffers.take().await;
        let copy = file.read_exact_at(buffers.take().await, 4096).then(|bytes| file.write_all_at(bytes, 0));
        let (lease, _) = copy.await.into_result().unwrap();
        assert!(lease.iter().all(|byte| *byte == 7));
    });
}

#[test]
fn limits_are_errors_that_say_so() {
    run(async {
        let refused = |count, size| FixedBuffers::new(count, size).unwrap_err().kind();
        for (count, size) in [(0, 4096), (1, 0), (1, 100), (1, 4097), (1 << 20, 4096), (usize::MAX, 4096)] {
            assert_eq!(refused(count, size), io::ErrorKind::InvalidInput, "{count} of {size}");
        }
        let pools: Vec<_> = (0..64).map(|_| FixedBuffers::new(1, 4096).unwrap()).collect();
        assert_eq!(refused(1, 4096), io::ErrorKind::InvalidInput);
        drop(pools);
        // Their places are free again.
        let _pool = FixedBuffers::new(1, 4096).unwrap();
    });
}

#[test]
fn who_waits_is_woken_in_turn() {
    run(async {
        let buffers = FixedBuffers::new(1, 4096).unwrap();
        let lease = buffers.take().await;
        let (mut dropped, mut first) = (Box::pin(buffers.take()), Box::pin(buffers.take()));
        poll_once(dropped.as_mut()).await;
        poll_once(first.as_mut()).await;
        drop(lease);
        // Its wake goes to the next.
        drop(dropped);
        drop(first.await);
        assert_eq!(buffers.available(), 1);
    });
}

/// The pool goes first, the lease later, the op last.
#[test]
fn a_dropped_read_gives_its_lease_back_after_its_cqe() {
    let (reader, writer) = io::pipe().unwrap();
    run(async {
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        let buffers = FixedBuffers::new(1, 4096).unwrap();
        let mut read = pin!(Some(pipe.read_next(buffers.take().await)));
        poll_once(read.as_mut().as_pin_mut().unwrap()).await;
        runtime::task::yield_now().await;
        assert_eq!(buffers.available(), 0);
        read.set(None);
        while buffers.available() == 0 {
            runtime::task::yield_now().await;
        }
        let lease = buffers.take().await;
        drop(buffers);
        let (_other, _keep) = (FixedBuffers::new(4, 4096).unwrap(), &writer);
        assert_eq!(lease.capacity(), 4096);
    });
}

const LIMITED: &str = "RUNTIME_MEMLOCK_LIMITED";

/// Run once more, in a process that may pin one MiB: without CAP_IPC_LOCK, which root has.
#[test]
fn what_may_not_be_pinned_is_refused_with_the_remedy() {
    if common::skipped_where_emulated("buffers are not pinned") {
        return;
    }
    if std::env::var_os(LIMITED).is_some() {
        return run(async {
            let refused = FixedBuffers::new(512, 4096).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
            let text = refused.to_string();
            assert!(
                text.contains("2097152") && text.contains("RLIMIT_MEMLOCK") && text.contains("ulimit -l"),
                "{text}"
            );
            // What was refused takes nothing of the limit, and what is given up gives it back.
            for _ in 0..8 {
                let buffers = FixedBuffers::new(192, 4096).unwrap();
                assert_eq!(FixedBuffers::new(192, 4096).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
                let file = File::open("/proc/self/exe").await.unwrap();
                let (read, lease) = file.read_exact_at(buffers.take().await, 0).await;
                read.unwrap();
                assert!(lease.starts_with(b"\x7fELF"));
            }
        });
    }
    let this = std::env::current_exe().unwrap();
    let name = "what_may_not_be_pinned_is_refused_with_the_remedy";
    // For who is not root setpriv cannot take from the bounding set, and need not.
    let script = r#"ulimit -l 1024 || exit 77
        if [ "$(id -u)" = 0 ]; then exec setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock "$@"; else exec "$@"; fi"#;
    let child = Command::new("sh")
        .args(["-c", script, "sh", this.to_str().unwrap(), "--exact", name, "--test-threads=1"])
        .env(LIMITED, "1")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    if matches!(child.status.code(), Some(77 | 126 | 127)) {
        return eprintln!("skipped: ulimit or setpriv: {}", String::from_utf8_lossy(&child.stderr));
    }
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}
