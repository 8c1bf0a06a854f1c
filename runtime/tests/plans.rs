//! What a plan means, whatever brings it to the kernel: edges, success, failure, cleanup, results, loans.

mod common;

use std::{io, time::Duration};

use common::{LOWERINGS, run};
use runtime::{IntoResult, Lowering, fs::File, is_not_run, join, join_all, net::UnixStream, op};

/// What a nop gives.
type Done = io::Result<()>;

fn error<T>(result: &io::Result<T>) -> &io::Error {
    result.as_ref().err().expect("a failure")
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

#[test]
fn the_example_of_the_front_page() {
    let dir = Dir::new();
    let (a, b, out) = (dir.file("a", &[1; 4096]), dir.file("b", &[2; 4096]), dir.file("out", b""));
    run(async {
        let (a, b) = (File::open(a).await.unwrap(), File::open(b).await.unwrap());
        let out = File::create(&out).await.unwrap();
        let ((first, second), _, ()) = join!(a.read_exact_at(vec![0; 4096], 0), b.read_exact_at(vec![0; 4096], 0))
            .then(|(a, b)| join!(out.write_all_at(a, 0), out.write_all_at(b, 4096)))
            .then(|_| out.sync_data())
            .await
            .into_result()
            .unwrap();
        assert_eq!((first, second), (vec![1; 4096], vec![2; 4096]));
    });
    assert_eq!(std::fs::read(&out).unwrap(), [[1; 4096], [2; 4096]].concat());
}

#[test]
fn a_branch_may_wait_for_another_branch() {
    for lowering in LOWERINGS {
        run(async {
            let (a, b) = UnixStream::pair().unwrap();
            // Leveled into stages this would hang: both first ops before both second ops.
            let plan =
                join!(a.recv_exact(vec![0; 1]).then(|_| a.send_all(b"2")), op::nop().then(|_| b.send_all(b"1")),);
            let ((first, _), _) = plan.lowering(lowering).await.into_result().unwrap();
            assert_eq!(first, b"1");
            assert_eq!(b.recv_exact(vec![0; 1]).await.into_result().unwrap(), b"2");
        });
    }
}

#[test]
fn sequences_flatten_and_joins_nest() {
    run(async {
        let flat: (Done, Done, Done) = op::nop().then(|()| op::nop()).then(|((), ())| op::nop()).await;
        assert!(flat.into_result().is_ok());
        let nested: (Done, (Done, Done)) = op::nop().then(|()| op::nop().then(|()| op::nop())).await;
        assert!(nested.into_result().is_ok());
        let joined: ((Done, Done), Vec<Done>) =
            join!(op::nop(), op::nop()).then(|((), ())| join_all((0..3).map(|_| op::nop()))).await;
        assert_eq!(joined.into_result().unwrap(), (((), ()), vec![(); 3]));
        let empty: (Vec<Done>, Done) = join_all((0..0).map(|_| op::nop()))
            .then(|handles| {
                assert!(handles.is_empty());
                op::nop()
            })
            .await;
        assert!(empty.into_result().is_ok());
        assert!(join_all((0..0).map(|_| op::nop())).await.is_empty());
    });
}

#[test]
fn failure_follows_edges_and_nothing_else() {
    let dir = Dir::new();
    let path = dir.file("short", b"abc");
    for lowering in LOWERINGS {
        run(async {
            let file = File::open(&path).await.unwrap();
            // The first branch fails at its read; the second one runs to its end.
            let plan = join!(
                file.read_exact_at(vec![0; 10], 0).then(|_| op::nop()).then(|_| op::nop()),
                file.read_exact_at(vec![0; 3], 0).then(|_| op::nop()),
            );
            let (((read, buf), first, second), ((other, _), last)) = plan.lowering(lowering).await;
            assert_eq!(error(&read).kind(), io::ErrorKind::UnexpectedEof);
            assert_eq!(&buf[..3], b"abc", "the buffer comes back with what there was");
            for not_run in [&first, &second] {
                assert!(is_not_run(error(not_run)), "{not_run:?}");
                let text = error(not_run).to_string();
                assert!(text.contains("read_exact_at (op 0 of the plan) moved 3 of 10 bytes"), "{text}");
            }
            assert!(other.is_ok() && last.is_ok());
        });
    }
}

#[test]
fn a_join_that_failed_keeps_what_follows_from_running() {
    let dir = Dir::new();
    let path = dir.file("short", b"abc");
    run(async {
        let file = File::open(&path).await.unwrap();
        let out = File::create(path.with_extension("out")).await.unwrap();
        let ((ok, (failed, _)), writes, sync) =
            join!(file.read_exact_at(vec![0; 3], 0), file.read_exact_at(vec![0; 4], 0))
                .then(|(a, b)| join_all([out.write_all_at(a, 0), out.write_all_at(b, 3)]))
                .then(|_| out.sync_all())
                .await;
        assert!(ok.0.is_ok() && failed.is_err());
        assert!(writes.iter().all(|(result, _)| is_not_run(error(result))));
        assert_eq!(error(&sync).get_ref().unwrap().downcast_ref::<runtime::NotRun>().unwrap().failed_op(), Some(1));
        assert_eq!(out.metadata().await.unwrap().len(), 0);
    });
}

#[test]
fn into_result_gives_the_failure_itself() {
    run(async {
        let result = File::open("/nonexistent").then(|f| f.read_at(vec![0; 8], 0)).await.into_result();
        assert_eq!(result.map(drop).unwrap_err().kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn cleanup_runs_whatever_the_outcome_if_its_resource_exists() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    for lowering in LOWERINGS {
        run(async {
            let plan = File::open(&path).then(|f| f.read_exact_at(vec![0; 9], 0)).finally(|(f, _)| f.close());
            let (opened, (read, _), closed) = plan.lowering(lowering).await;
            assert!(read.is_err() && closed.is_ok());
            let slot = opened.unwrap();
            assert!(slot.is_closed());
            let (after, _) = slot.read_at(vec![0; 1], 0).await;
            assert!(after.is_err(), "a slot that its plan has closed is no file");

            let plan = File::open("/nonexistent").then(|f| f.read_exact_at(vec![0; 9], 0)).finally(|(f, _)| f.close());
            let (opened, (read, _), closed) = plan.lowering(lowering).await;
            assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::NotFound);
            assert!(is_not_run(error(&read)) && is_not_run(error(&closed)));

            // Two ops between the open and the close: no link can say that, so the reactor submits the close.
            let plan = File::open(&path)
                .then(|f| f.read_exact_at(vec![0; 9], 0))
                .then(|(f, _)| f.read_exact_at(vec![0; 1], 0))
                .finally(|(f, _, _)| f.close());
            let (opened, (first, _), (second, _), closed) = plan.lowering(lowering).await;
            assert!(first.is_err() && is_not_run(error(&second)) && closed.is_ok());
            assert!(opened.unwrap().is_closed());

            // A cleanup that names nothing runs even if all before it failed.
            let (opened, nop) = File::open("/nonexistent").finally(|_| op::nop()).lowering(lowering).await;
            assert!(opened.is_err() && nop.is_ok());
        });
    }
}

#[test]
fn what_follows_a_cleanup_needs_both() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    run(async {
        let plan =
            File::open(&path).then(|f| f.read_exact_at(vec![0; 9], 0)).finally(|(f, _)| f.close()).then(|_| op::nop());
        let (_, (read, _), closed, last) = plan.await;
        assert!(read.is_err() && closed.is_ok() && is_not_run(error(&last)));
        let plan =
            File::open(&path).then(|f| f.read_exact_at(vec![0; 3], 0)).finally(|(f, _)| f.close()).then(|_| op::nop());
        assert!(plan.await.into_result().is_ok());
        // Inside a sequence that never starts, a cleanup is not run either.
        let plan = File::open("/nonexistent").then(|_| op::nop().finally(|_| op::nop()));
        let (_, (inner, cleanup)) = plan.await;
        assert!(is_not_run(error(&inner)) && is_not_run(error(&cleanup)));
    });
}

#[test]
fn a_variable_length_is_forwarded() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (c, d) = UnixStream::pair().unwrap();
        b.send_all("five!").await.into_result().unwrap();
        let before = runtime::metrics();
        let ((count, _), sent) = a.recv(vec![0; 4096]).then(|bytes| c.send_all(bytes)).await.into_result().unwrap();
        let _: runtime::Loan = sent;
        assert_eq!(count, 5);
        assert_eq!(runtime::metrics().plans_staged - before.plans_staged, 1);
        let (count, bytes) = d.recv(vec![0; 64]).await.into_result().unwrap();
        assert_eq!(&bytes[..count], b"five!");

        // A slice of it is cut to what came.
        b.send_all("seven!!").await.into_result().unwrap();
        let plan = a.recv(vec![0; 4096]).then(|bytes| c.send_all(bytes.slice(2..64)));
        plan.await.into_result().unwrap();
        let (count, bytes) = d.recv(vec![0; 64]).await.into_result().unwrap();
        assert_eq!(&bytes[..count], b"ven!!");

        // The end of file is a success of 0 and ends the plan.
        drop(b);
        let ((received, _), (sent, _)) = a.recv(vec![0; 4096]).then(|bytes| c.send_all(bytes)).await;
        assert_eq!(received.unwrap(), 0);
        assert!(error(&sent).to_string().contains("recv (op 0 of the plan) met the end of file"), "{sent:?}");
    });
}

#[test]
fn chains_refuse_what_they_cannot_mean() {
    run(async {
        let (a, _b) = UnixStream::pair().unwrap();
        let refused = |result: io::Error, what: &str| {
            assert_eq!(result.kind(), io::ErrorKind::InvalidInput);
            assert!(result.to_string().contains(what), "{result}");
        };
        let plan = a.recv(vec![0; 16]).then(|bytes| a.send_all(bytes)).lowering(Lowering::Chain);
        refused(plan.await.into_result().map(drop).unwrap_err(), "variable length");
        let plan = join!(op::nop(), op::nop()).then(|_| op::nop()).lowering(Lowering::Chain);
        let ((first, second), third) = plan.await;
        refused(first.unwrap_err(), "waits for several others");
        assert!(is_not_run(error(&second)) && is_not_run(error(&third)), "nothing was submitted");
        let plan = op::nop().then(|_| join!(op::nop(), op::nop())).lowering(Lowering::Chain);
        refused(plan.await.into_result().map(drop).unwrap_err(), "several ops wait for one");
    });
    common::run_on(runtime::Builder::new().sq_entries(2), async {
        let chain = || op::nop().then(|_| op::nop()).then(|_| op::nop());
        let error = chain().lowering(Lowering::Chain).await.into_result().unwrap_err();
        assert!(error.to_string().contains("submission queue of 2 entries"), "{error}");
        chain().await.into_result().unwrap();
    });
}

#[test]
fn an_escaped_handle_is_an_error_and_submits_nothing() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    run(async {
        let file = File::open(&path).await.unwrap();
        let out = File::create(path.with_extension("out")).await.unwrap();
        let mut escaped = None;
        let first = file.read_exact_at(vec![0; 3], 0).then(|bytes| {
            escaped = Some(bytes);
            op::nop()
        });
        let loan = escaped.unwrap();
        let before = runtime::metrics().sqes;
        for plan in [out.write_all_at(loan, 0)] {
            let (result, _) = plan.await;
            assert_eq!(error(&result).kind(), io::ErrorKind::InvalidInput, "awaited alone");
        }
        let (nop, (result, _)) = op::nop().then(|_| out.write_all_at(loan, 0)).await;
        assert_eq!(error(&result).kind(), io::ErrorKind::InvalidInput, "in another plan");
        assert!(is_not_run(error(&nop)));
        // In a branch beside its source, and before it.
        let (_, (result, _)) = join!(first, out.write_all_at(loan, 0)).await;
        assert_eq!(error(&result).kind(), io::ErrorKind::InvalidInput, "in a parallel branch");
        let mut late = None;
        let read = file.read_exact_at(vec![0; 3], 0).then(|bytes| {
            late = Some(bytes);
            op::nop()
        });
        let ((result, _), _) = out.write_all_at(late.unwrap(), 0).then(|_| read).await;
        assert_eq!(error(&result).kind(), io::ErrorKind::InvalidInput, "before its source");
        // A range outside the buffer.
        let plan = file.read_exact_at(vec![0; 3], 0).then(|bytes| out.write_all_at(bytes.slice(2..9), 0));
        let (_, (result, _)) = plan.await;
        assert!(error(&result).to_string().contains("2..9"), "{result:?}");
        assert_eq!(runtime::metrics().sqes, before, "nothing was submitted");
        assert_eq!(out.metadata().await.unwrap().len(), 0);
    });
}

#[test]
fn a_slot_becomes_a_file() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    run(async {
        let (slot, (count, _)) = File::open(&path).then(|f| f.read_at(vec![0; 8], 0)).await.into_result().unwrap();
        assert_eq!(count, 3);
        let (count, bytes) = slot.read_at(vec![0; 8], 1).await.into_result().unwrap();
        assert_eq!(&bytes[..count], b"bc");
        match slot.into_fd().await {
            Ok(file) => {
                let bytes = file.read_exact_at(vec![0; 3], 0).await.into_result().unwrap();
                assert_eq!(bytes, b"abc");
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => println!("skipped: {error}"),
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn more_open_files_than_slots_get_ordinary_descriptors() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    for slots in [0, 1] {
        common::run_on(runtime::Builder::new().slots(slots), async {
            let mut slots = Vec::new();
            for _ in 0..3 {
                let plan = File::open(&path).then(|f| f.read_exact_at(vec![0; 3], 0));
                let (slot, bytes) = plan.await.into_result().unwrap();
                assert_eq!(bytes, b"abc");
                slots.push(slot);
            }
            for slot in &slots {
                assert_eq!(slot.read_exact_at(vec![0; 3], 0).await.into_result().unwrap(), b"abc");
            }
            let plan = File::open(&path).then(|f| f.read_exact_at(vec![0; 3], 0)).finally(|(f, _)| f.close());
            plan.await.into_result().unwrap();
        });
    }
}

#[test]
fn time_limits_end_an_op_and_keep_its_successors_from_running() {
    for lowering in LOWERINGS {
        run(async {
            let (a, b) = UnixStream::pair().unwrap();
            let limit = Duration::from_millis(5);
            let (result, buf) = a.recv_exact(vec![7; 4]).timeout(limit).await;
            assert_eq!(error(&result).kind(), io::ErrorKind::TimedOut);
            assert_eq!(buf, [7; 4]);

            let plan = a.recv_exact(vec![0; 4]).timeout(limit).then(|bytes| a.send_all(bytes));
            // Only the reactor sees an op in the middle of a plan start.
            let lowering = if lowering == Lowering::Staged { lowering } else { Lowering::Auto };
            let ((received, _), (sent, _)) = plan.lowering(lowering).await;
            assert_eq!(error(&received).kind(), io::ErrorKind::TimedOut);
            assert!(is_not_run(error(&sent)));

            // An op that completed first keeps its result.
            b.send_all(b"abcd").await.into_result().unwrap();
            let bytes = a.recv_exact(vec![0; 4]).timeout(Duration::from_secs(60)).await.into_result().unwrap();
            assert_eq!(bytes, b"abcd");
        });
    }
}

#[test]
fn the_last_op_of_a_chain_can_have_a_time_limit() {
    let (read_end, _write_end) = io::pipe().unwrap();
    run(async {
        let pipe = File::from(std::os::fd::OwnedFd::from(read_end));
        let plan = || op::nop().then(|_| pipe.read_exact_at(vec![0; 4], 0).timeout(Duration::from_millis(5)));
        let before = runtime::metrics();
        let (nop, (read, _)) = plan().lowering(Lowering::Chain).await;
        assert!(nop.is_ok());
        assert_eq!(error(&read).kind(), io::ErrorKind::TimedOut);
        let after = runtime::metrics();
        assert_eq!((after.enters - before.enters, after.plans_chain - before.plans_chain), (1, 1));
        let (_, (read, _)) = plan().lowering(Lowering::Staged).await;
        assert_eq!(error(&read).kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn bad_input_is_an_error_of_the_op() {
    let dir = Dir::new();
    let path = dir.file("f", b"abc");
    run(async {
        let file = File::open(&path).await.unwrap();
        let kinds = [
            file.read_at(vec![0; 1], u64::MAX).await.0.map(drop),
            file.write_all_vectored_at(vec![b"x"; 1025], 0).await.0,
            File::open("a\0b").await.map(drop),
            File::options().open(&path).await.map(drop),
            File::options().append(true).truncate(true).open(&path).await.map(drop),
        ];
        for result in kinds {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        let empty = file.read_exact_at(Vec::new(), 0).await;
        assert!(empty.0.is_ok() && empty.1.is_empty());
        assert_eq!(file.read_at(vec![0; 8], 100).await.0.unwrap(), 0, "beyond the end");
    });
}

#[test]
fn a_slot_is_given_out_again_only_after_its_close() {
    let dir = Dir::new();
    let (one, two) = (dir.file("one", b"one"), dir.file("two", b"two"));
    common::run_on(runtime::Builder::new().slots(1), async {
        for round in 0..1000 {
            let open = |path| File::open(path).then(|f| f.read_exact_at(vec![0; 3], 0));
            let (first, _) = open(&one).await.into_result().unwrap();
            drop(first);
            // The close of the first slot is on its way while the second file is opened.
            let (second, bytes) = open(&two).await.into_result().unwrap();
            assert_eq!(bytes, b"two");
            for _ in 0..round % 3 {
                runtime::task::yield_now().await;
            }
            let again = second.read_exact_at(vec![0; 3], 0).await.into_result();
            assert_eq!(again.expect("the second file is still open"), b"two");
        }
    });
}
