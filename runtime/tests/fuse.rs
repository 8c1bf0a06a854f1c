//! FUSE-over-io_uring: entries own what the kernel writes to, for as long as it may, and rings of wide SQEs do all that others
//! do. Needs root, `/dev/fuse` and Linux 6.14; what is not there is skipped, and said.

mod common;
#[path = "fuse/connection.rs"]
mod connection;

use std::{fs::File as StdFile, io, pin::pin, time::Duration};

use common::{LOWERINGS, file, poll_once, run, run_on, skipped_where_emulated, tcp_pair};
use connection::{Connection, answer, queues};
use runtime::{
    Builder, IntoResult, IoBuf,
    fuse::{Device, Entry},
    op, spawn,
    task::{spawn_blocking, yield_now},
    time::sleep,
};

const PAYLOAD: usize = 128 << 10;

fn wide() -> Builder {
    let mut builder = Builder::new();
    builder.wide_sqes(true);
    builder
}

/// `/dev/fuse` without a mount behind it.
fn device() -> Option<Device> {
    match StdFile::options().read(true).write(true).open("/dev/fuse") {
        Ok(file) => Some(Device::new(file.into()).unwrap()),
        Err(error) => {
            eprintln!("skipped: /dev/fuse: {error}");
            None
        }
    }
}

#[test]
fn only_the_fuse_device_is_one() {
    for path in ["/dev/null", "/proc/self/exe", "/"] {
        let refused = Device::new(StdFile::open(path).unwrap().into()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{path}");
        assert!(refused.to_string().contains("/dev/fuse"), "{refused}");
    }
}

#[test]
fn a_ring_of_narrow_sqes_refuses_an_entry_and_gives_it_back() {
    let Some(device) = device() else { return };
    run(async {
        let (refused, entry) = Entry::new(&device, 0, PAYLOAD).register().await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("wide_sqes(true)"), "{refused}");
        assert_eq!(entry.payload().len(), PAYLOAD);
        op::nop().await.unwrap();
    });
}

#[test]
fn what_makes_no_sense_is_refused_before_the_kernel_sees_it() {
    if skipped_where_emulated("no wide SQEs") {
        return;
    }
    let Some(device) = device() else { return };
    run_on(&mut wide(), async {
        let before = runtime::metrics().sqes;
        let (refused, entry) = Entry::new(&device, 0, PAYLOAD).reply(&[0; 16], 0).await;
        assert!(refused.unwrap_err().to_string().contains("no request"));
        let (_, (refused, entry)) = op::nop().then(|()| entry.register()).await;
        assert!(refused.unwrap_err().to_string().contains("plan"));
        assert_eq!(runtime::metrics().sqes, before);
        // Nothing is mounted behind the device.
        let (refused, _) = entry.register().await;
        let errno = refused.unwrap_err().raw_os_error();
        assert!(matches!(errno, Some(libc::EPERM | libc::EINVAL | libc::EOPNOTSUPP)), "{errno:?}");
    });
}

#[test]
fn everything_else_goes_through_wide_sqes_as_well() {
    run_on(wide().sq_entries(2).cq_entries(4), async {
        for _ in 0..10 {
            op::nop().await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, &[7; 4096]).await;
        for lowering in LOWERINGS {
            let plan = file.write_all_at("text", 0).then(|_| file.read_exact_at(vec![0; 5], 0)).lowering(lowering);
            let (_, read) = plan.await.into_result().unwrap();
            assert_eq!(read, b"text\x07");
        }
        let (a, b) = tcp_pair().await;
        a.send_all("bytes").await.0.unwrap();
        assert_eq!(b.recv_exact(vec![0; 5]).await.1, b"bytes");
        sleep(Duration::from_millis(1)).await;
    });
}

#[test]
fn requests_come_and_replies_go_until_the_connection_ends() {
    if skipped_where_emulated("no wide SQEs") {
        return;
    }
    let Some(connection) = Connection::new() else { return };
    run_on(&mut wide(), async {
        // More entries than the submission queue holds at once, so that some wait in the backlog.
        let serve = |mut fetched: io::Result<()>, mut entry: Entry| async move {
            let mut opcodes = Vec::new();
            while fetched.is_ok() {
                opcodes.push(answer::opcode(&entry));
                (fetched, entry) = answer::no_entry(entry).await;
            }
            assert_eq!(fetched.unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
            let (refused, _) = entry.reply(&[0; 16], 0).await;
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
            opcodes
        };
        let start = |queue| {
            let entry = Entry::new(&connection.device, queue, PAYLOAD);
            spawn(async move {
                let (fetched, entry) = entry.register().await;
                serve(fetched, entry).await
            })
        };
        let serving: Vec<_> = (0..queues()).flat_map(|queue| (0..4).map(move |_| queue)).map(start).collect();
        for name in ["one", "two", "three"] {
            let path = connection.path().join(name);
            let missing = spawn_blocking(move || std::fs::metadata(path)).await.unwrap();
            assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        connection.end().await;
        let mut lookups = 0;
        for task in serving {
            lookups += task.await.unwrap().iter().filter(|opcode| **opcode == answer::LOOKUP).count();
        }
        assert_eq!(lookups, 3);
    });
}

#[test]
fn a_dropped_entry_lives_until_the_connection_ends() {
    if skipped_where_emulated("no wide SQEs") {
        return;
    }
    let Some(connection) = Connection::new() else { return };
    run_on(wide().shutdown_timeout(Duration::from_secs(5)), async {
        for queue in 0..queues() {
            let mut dropped = pin!(Entry::new(&connection.device, queue, PAYLOAD).register());
            poll_once(dropped.as_mut()).await;
            // The kernel has it.
            yield_now().await;
            op::nop().await.unwrap();
        }
        for _ in 0..100 {
            op::nop().await.unwrap();
        }
        // The cancels have been answered, in vain: the kernel may still write there.
        assert_eq!(runtime::metrics().in_flight, u64::from(queues()));
        connection.end().await;
        while runtime::metrics().in_flight > 0 {
            yield_now().await;
        }
    });
}

#[test]
fn an_entry_is_the_buffer_of_a_read() {
    let Some(device) = device() else { return };
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, b"0123456789").await;
        let entry = Entry::new(&device, 0, 8192);
        let (read, part) = file.read_at(entry.slice(..4), 2).await;
        assert_eq!(read.unwrap(), 4);
        let (written, part) = file.write_at(part.into_inner().slice(1..3), 0).await;
        assert_eq!(written.unwrap(), 2);
        assert_eq!(part.into_inner().payload()[..6], *b"2345\0\0");
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"3423456789");
    });
}
