//! Child processes: what they give, how they end, and that nothing of them is left.

mod common;

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, Read},
    os::unix::process::ExitStatusExt,
    path::Path,
    pin::{Pin, pin},
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use common::{open_fds, poll_once, run};
use runtime::{
    Builder,
    io::{AsyncRead, AsyncWrite, ReadBuf},
    join,
    process::{Child, ChildStdin, ChildStdout, Command},
    spawn,
    task::yield_now,
};

/// Descriptors are counted, and what one test's runtime leaves unreaped another one's spawn reaps: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`run`], and no descriptor is left.
fn run_alone<F: Future>(future: F) -> F::Output {
    let _alone = alone();
    let fds = open_fds();
    let output = run(future);
    assert_eq!(open_fds(), fds, "descriptors");
    output
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

/// All pipes.
fn piped(script: &str) -> Child {
    shell(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn read(from: &mut ChildStdout, len: usize) -> Vec<u8> {
    let mut memory = vec![0; len];
    let mut buf = ReadBuf::new(&mut memory);
    poll_fn(|cx| Pin::new(&mut *from).poll_read(cx, &mut buf)).await.unwrap();
    buf.filled().to_vec()
}

async fn write(to: &mut ChildStdin, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *to).poll_write(cx, bytes)).await
}

/// Waits until nothing of a process is left, not even its zombie.
async fn until_reaped(process: u32) {
    let limit = Instant::now() + Duration::from_secs(20);
    while Path::new(&format!("/proc/{process}")).exists() {
        assert!(Instant::now() < limit, "process {process} is still there");
        yield_now().await;
    }
}

#[test]
fn output_gives_status_and_both_streams() {
    run_alone(async {
        let output = shell("echo out; echo err >&2; exit 3").output().await.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
        assert!(Command::new("true").status().await.unwrap().success());
        // What is piped is closed at once, so `cat` ends.
        assert!(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).status().await.unwrap().success());
    });
}

#[test]
fn a_command_passes_everything_on() {
    run_alone(async {
        let text = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let mut command = shell("echo $0 $1 $A $B $C; pwd");
        command.args(["name", "arg"]).env("A", "a").envs([("B", "b"), ("C", "c")]).env_remove("B").current_dir(&dir);
        assert_eq!(text(command.output().await.unwrap()), format!("name arg a c\n{}\n", dir.display()));
        let mut command = Command::new("/usr/bin/env");
        command.env("A", "a").env_clear().env("B", "b");
        assert_eq!(text(command.output().await.unwrap()), "B=b\n");

        assert_eq!(command.as_std().get_program(), "/usr/bin/env");

        let output = shell("tr '\\0' ' ' < /proc/$$/cmdline").arg0("other").output().await.unwrap();
        assert!(text(output).starts_with("other -c"));
        let output = shell("cut -d ' ' -f 5 < /proc/$$/stat; echo $$").process_group(0).output().await.unwrap();
        let lines: Vec<_> = text(output).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], lines[1], "a group of its own");

        let mut from_std = Command::from(std::process::Command::new("echo"));
        from_std.as_std_mut().arg("x");
        assert!(!from_std.get_kill_on_drop() && from_std.kill_on_drop(true).get_kill_on_drop());
        assert_eq!(text(from_std.output().await.unwrap()), "x\n");
        assert_eq!(from_std.into_std().output().unwrap().stdout, b"x\n");
    });
}

#[test]
fn users_and_groups_are_set_where_that_is_allowed() {
    run_alone(async {
        let output = shell("id -u; id -g").uid(65534).gid(65534).output().await;
        match output {
            Ok(output) => assert_eq!(output.stdout, b"65534\n65534\n"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        }
    });
}

#[test]
fn an_error_names_the_program() {
    run_alone(async {
        let error = Command::new("no-such-program-here").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
        let source = std::error::Error::source(error.get_ref().unwrap()).unwrap();
        assert_eq!(source.downcast_ref::<io::Error>().unwrap().raw_os_error(), Some(libc::ENOENT));
        let error = Command::new("true").current_dir("/no/such/place").status().await.unwrap_err();
        assert!(error.to_string().contains("/no/such/place"), "{error}");
        let error = Command::new("/").output().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(Command::new("a\0b").spawn().unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
#[should_panic(expected = "a process was spawned outside a runtime")]
fn spawning_outside_a_runtime_panics() {
    let _ = Command::new("true").spawn();
}

#[test]
fn a_killed_child_says_so_and_its_number_is_gone() {
    run_alone(async {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(child.id().is_some() && child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
        assert_eq!((child.id(), child.wait().await.unwrap().signal()), (None, Some(libc::SIGKILL)));
        assert_eq!(child.try_wait().unwrap().unwrap().signal(), Some(libc::SIGKILL));
        child.start_kill().unwrap();
        child.kill().await.unwrap();
    });
}

#[test]
fn a_dropped_wait_loses_nothing() {
    run_alone(async {
        let mut child = piped("read line; exit 7");
        let mut stdin = child.stdin.take().unwrap();
        for _ in 0..3 {
            let mut wait = Box::pin(child.wait());
            poll_once(wait.as_mut()).await;
            yield_now().await;
            poll_once(wait.as_mut()).await;
        }
        assert_eq!(child.try_wait().unwrap(), None);
        write(&mut stdin, b"line\n").await.unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
    });
}

#[test]
fn waiting_closes_standard_input_first() {
    run_alone(async {
        let mut child = piped("cat");
        assert!(child.wait().await.unwrap().success());
        assert!(child.stdin.is_none());
        assert_eq!(piped("cat; echo end").wait_with_output().await.unwrap().stdout, b"end\n");
    });
}

#[test]
fn much_output_on_both_pipes_at_once() {
    const MANY: usize = 8 << 20;
    run_alone(async {
        let script = format!("head -c {MANY} /dev/zero & head -c {MANY} /dev/zero >&2; wait");
        let output = shell(&script).output().await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (MANY, MANY));
    });
}

#[test]
fn many_bytes_through_a_child_come_back_in_order() {
    run_alone(async {
        let sent: Vec<u8> = (0..3u32 << 20).map(|i| (i % 251) as u8).collect();
        let mut child = piped("cat");
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let send = async {
            let mut left = &sent[..];
            while !left.is_empty() {
                let parts = [io::IoSlice::new(&left[..left.len() / 2]), io::IoSlice::new(&left[left.len() / 2..])];
                let count = poll_fn(|cx| Pin::new(&mut stdin).poll_write_vectored(cx, &parts)).await.unwrap();
                left = &left[count..];
            }
            poll_fn(|cx| Pin::new(&mut stdin).poll_flush(cx)).await.unwrap();
            poll_fn(|cx| Pin::new(&mut stdin).poll_shutdown(cx)).await.unwrap();
            drop(stdin);
        };
        let receive = async {
            let mut all = Vec::new();
            loop {
                match read(&mut stdout, 100_000).await {
                    part if part.is_empty() => return all,
                    part => all.extend(part),
                }
            }
        };
        let ((), received) = join!(send, receive).await;
        assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn dropped_reads_and_writes_lose_no_byte() {
    run_alone(async {
        let mut child = piped("read line; echo got $line; exec sleep 1000");
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        for _ in 0..3 {
            let mut reading = Box::pin(read(&mut stdout, 64));
            poll_once(reading.as_mut()).await;
            yield_now().await;
            poll_once(reading.as_mut()).await;
        }
        write(&mut stdin, b"it\n").await.unwrap();
        assert_eq!(read(&mut stdout, 4).await, b"got ");
        assert_eq!(read(&mut stdout, 64).await, b"it\n");
        // Nobody reads any more: the pipe fills, and then a write waits, and sends nothing if it is dropped.
        let mut sent = 0;
        loop {
            let mut writing = Box::pin(write(&mut stdin, &[0; 4096]));
            let polled = poll_fn(|cx| std::task::Poll::Ready(writing.as_mut().poll(cx))).await;
            match polled {
                std::task::Poll::Ready(count) => sent += count.unwrap(),
                std::task::Poll::Pending => break,
            }
            if sent % (1 << 14) == 0 {
                yield_now().await;
            }
        }
        child.kill().await.unwrap();
        assert_eq!(write(&mut stdin, b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_write_that_waits_fails_when_the_child_ends() {
    run_alone(async {
        let mut child = piped("exec sleep 1000");
        let mut stdin = child.stdin.take().unwrap();
        let task = spawn(async move {
            while write(&mut stdin, &[0; 1 << 16]).await? > 0 {}
            io::Result::Ok(())
        });
        yield_now().await;
        child.kill().await.unwrap();
        assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);

        let mut child = piped("exec <&-; echo closed; exec sleep 1000");
        assert_eq!(read(child.stdout.as_mut().unwrap(), 64).await, b"closed\n");
        assert_eq!(write(child.stdin.as_mut().unwrap(), b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        child.kill().await.unwrap();
    });
}

#[test]
fn two_hundred_children_at_once() {
    run_alone(async {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let mut child = shell(&format!("read line; echo {n} $line"));
                let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                spawn(async move {
                    let mut stdin = child.stdin.take().unwrap();
                    write(&mut stdin, b"line\n").await.unwrap();
                    child.wait_with_output().await.unwrap()
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap().stdout, format!("{n} line\n").as_bytes());
        }
    });
}

#[test]
fn output_of_one_child_is_input_of_another() {
    run_alone(async {
        let mut first = Command::new("echo").arg("text").stdout(Stdio::piped()).spawn().unwrap();
        let stdout: Stdio = first.stdout.take().unwrap().try_into().unwrap();
        let second = Command::new("tr").args(["a-z", "A-Z"]).stdin(stdout).output();
        let (first, second) = join!(first.wait(), second).await;
        assert!(first.unwrap().success());
        assert_eq!(second.unwrap().stdout, b"TEXT\n");

        // A descriptor that is given away blocks again, also while a dropped read's wait is still out.
        let mut child = piped("read line; echo text; cat");
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        poll_once(pin!(read(&mut stdout, 8))).await;
        let mut file = std::fs::File::from(stdout.into_owned_fd().unwrap());
        write(&mut stdin, b"\n").await.unwrap();
        let mut text = [0; 5];
        file.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"text\n");
        drop((stdin, file));
        child.wait().await.unwrap();
    });
}

#[test]
fn pipes_of_std_are_taken_over() {
    run_alone(async {
        let mut child = std::process::Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = ChildStdin::from_std(child.stdin.take().unwrap()).unwrap();
        let mut stdout = ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        write(&mut stdin, b"abc").await.unwrap();
        assert_eq!(read(&mut stdout, 8).await, b"abc");
        drop(stdin);
        assert_eq!(read(&mut stdout, 8).await, b"");
        child.wait().unwrap();
    });
}

#[test]
fn kill_on_drop_kills_and_reaps() {
    run_alone(async {
        let mut child = Command::new("sleep");
        let mut child = child.arg("1000").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (process, mut stdout) = (child.id().unwrap(), child.stdout.take().unwrap());
        poll_once(pin!(child.wait())).await;
        drop(child);
        assert_eq!(read(&mut stdout, 8).await, b"", "it has ended");
        until_reaped(process).await;
    });
}

#[test]
fn a_dropped_child_runs_on_and_is_reaped() {
    run_alone(async {
        let mut child = piped("read line; echo $line");
        let (process, mut stdin, mut stdout) =
            (child.id().unwrap(), child.stdin.take().unwrap(), child.stdout.take().unwrap());
        drop(child);
        for _ in 0..10 {
            yield_now().await;
        }
        write(&mut stdin, b"still here\n").await.unwrap();
        assert_eq!(read(&mut stdout, 64).await, b"still here\n");
        until_reaped(process).await;
        // One that has ended before it is dropped.
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(read(child.stdout.as_mut().unwrap(), 1).await, b"");
        let process = child.id().unwrap();
        drop(child);
        until_reaped(process).await;
    });
}

/// The shard ends first, or there is none: the next spawn reaps.
#[test]
fn a_child_that_no_shard_waits_for_is_reaped_by_the_next_spawn() {
    let _alone = alone();
    let fds = open_fds();
    let (kept, dropped_before, outside) = run(async {
        let mut child = piped("cat");
        let (process, stdin) = (child.id().unwrap(), child.stdin.take().unwrap());
        drop(child);
        yield_now().await;
        (stdin, process, Command::new("cat").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap())
    });
    let dropped_outside = outside.id().unwrap();
    drop((kept, outside));
    run(async {
        let limit = Instant::now() + Duration::from_secs(20);
        for process in [dropped_before, dropped_outside] {
            while Path::new(&format!("/proc/{process}")).exists() {
                assert!(Instant::now() < limit, "process {process} is still there");
                Command::new("true").status().await.unwrap();
            }
        }
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn a_child_goes_from_shard_to_shard_while_it_is_waited_for() {
    let _alone = alone();
    let first = Builder::new().build().unwrap();
    let (mut child, mut stdin) = first.block_on(async {
        let mut child = piped("read line; exit 5");
        let stdin = child.stdin.take().unwrap();
        poll_once(pin!(child.wait())).await;
        (child, stdin)
    });
    let waiting = std::thread::spawn(move || {
        run(async move {
            let mut wait = pin!(child.wait());
            poll_once(wait.as_mut()).await;
            write(&mut stdin, b"line\n").await.unwrap();
            wait.await.unwrap().code()
        })
    });
    assert_eq!(waiting.join().unwrap(), Some(5));
    common::assert_clean(&first.shutdown());
}

#[test]
fn children_of_several_threads_do_not_meet() {
    let _alone = alone();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            std::thread::spawn(move || {
                run(async move {
                    for code in 0..20 {
                        let status = shell(&format!("exit {}", thread * 20 + code)).status().await.unwrap();
                        assert_eq!(status.code(), Some(thread * 20 + code));
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn dropped_commands_in_flight_leave_nothing() {
    let _alone = alone();
    let fds = open_fds();
    let mut processes = Vec::new();
    run(async {
        for round in 0..20 {
            let mut command = Command::new("sleep");
            let mut child = command.arg("1000").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
            processes.push(child.id().unwrap());
            let task = spawn(async move {
                if round % 2 == 0 { drop(child.wait().await) } else { drop(child.wait_with_output().await) }
            });
            for _ in 0..round % 4 {
                yield_now().await;
            }
            task.abort();
        }
        for process in processes {
            until_reaped(process).await;
        }
        let running = spawn(Command::new("sleep").arg("1000").kill_on_drop(true).status());
        yield_now().await;
        drop(running);
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn types_are_as_threads_need_them() {
    fn send_sync<T: Send + Sync + Unpin>() {}
    fn send<T: Send>(value: T) -> T {
        value
    }
    send_sync::<(Command, Child, ChildStdin, ChildStdout, runtime::process::ChildStderr)>();
    let _alone = alone();
    run(async { assert!(send(Command::new("true").status()).await.unwrap().success()) });
}
