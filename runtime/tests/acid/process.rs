//! Child processes.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

#[tokio::test]
async fn output_is_collected() {
    let output = shell("echo out; echo err >&2; exit 3").output().await.unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
}

#[tokio::test]
async fn much_output_on_both_pipes_is_collected() {
    let script = "for i in 1 2 3 4; do head -c 100000 /dev/zero; head -c 100000 /dev/zero >&2; done";
    let output = shell(script).output().await.unwrap();
    assert!(output.status.success());
    assert_eq!((output.stdout.len(), output.stderr.len()), (400_000, 400_000));
}

#[tokio::test]
async fn a_status_is_waited_for() {
    let status: ExitStatus = shell("exit 7").status().await.unwrap();
    assert_eq!(status.code(), Some(7));
    let mut child: Child = shell("exit 0").spawn().unwrap();
    assert!(child.id().is_some());
    assert!(child.wait().await.unwrap().success());
    assert!(child.wait().await.unwrap().success(), "a second time it is known");
    assert_eq!(child.id(), None);
    assert!(child.try_wait().unwrap().unwrap().success());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let error = Command::new("/nonexistent/program").spawn().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(Command::new("/nonexistent/program").output().await.is_err());
    assert!(Command::new("/nonexistent/program").status().await.is_err());
}

#[tokio::test]
async fn pipes_run_both_ways() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output): (ChildStdin, ChildStdout) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for word in ["one", "two"] {
        input.write_all(word.as_bytes()).await.unwrap();
        let mut echoed = [0; 3];
        output.read_exact(&mut echoed).await.unwrap();
        assert_eq!(echoed, word.as_bytes());
    }
    drop(input);
    let mut rest = String::new();
    assert_eq!(output.read_to_string(&mut rest).await.unwrap(), 0);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn waiting_closes_the_input() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    assert!(child.stdin.is_some());
    assert!(child.wait().await.unwrap().success());
    assert!(child.stdin.is_none());
}

#[tokio::test]
async fn wait_with_output_reads_the_pipes_to_their_end() {
    let mut child = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    tokio::spawn(async move {
        for word in ["pear\n", "apple\n", "fig\n"] {
            input.write_all(word.as_bytes()).await.unwrap();
        }
    });
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(output.stdout, b"apple\nfig\npear\n");
}

#[tokio::test]
async fn output_can_be_read_line_by_line() {
    let mut child = shell("for i in 1 2 3; do echo line $i; done").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let waiting = tokio::spawn(async move { child.wait().await });
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["line 1", "line 2", "line 3"]);
    assert!(waiting.await.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_child_can_be_killed() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert!(timeout(Duration::from_millis(1), child.wait()).await.is_err());
    child.start_kill().unwrap();
    assert_eq!(child.wait().await.unwrap().signal(), Some(9));
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    child.kill().await.unwrap();
    assert_eq!(child.try_wait().unwrap().unwrap().signal(), Some(9));
    child.start_kill().expect("what is gone needs no killing");
}

#[tokio::test]
async fn kill_on_drop_kills_on_drop() {
    let mut child = shell("echo ready; exec sleep 1000").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 6]).await.unwrap();
    drop(child);
    assert_eq!(output.read(&mut [0; 1]).await.unwrap(), 0, "its end of the pipe is closed");
}

#[tokio::test]
async fn environment_and_directory_are_the_commands() {
    let output = Command::new("sh")
        .args(["-c", "echo $GREETING $GONE; pwd; echo $0", "name"])
        .env("GREETING", "hello")
        .envs([("GONE", "x")])
        .env_remove("GONE")
        .current_dir("/")
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hello\n/\nname\n");
    let output = Command::new("/usr/bin/env").env_clear().env("ONLY", "1").output().await.unwrap();
    assert_eq!(output.stdout, b"ONLY=1\n");
    let mut command = shell("exit 0");
    command.arg0("other").process_group(0);
    assert_eq!(command.as_std().get_program(), "sh");
    assert!(!command.get_kill_on_drop());
}

#[tokio::test]
async fn a_pipeline_of_two() {
    let mut first = shell("echo b; echo a").stdout(Stdio::piped()).spawn().unwrap();
    let between: Stdio = first.stdout.take().unwrap().try_into().unwrap();
    let second = Command::new("sort").stdin(between).output();
    let (output, status) = (second.await.unwrap(), first.wait().await.unwrap());
    assert_eq!(output.stdout, b"a\nb\n");
    assert!(status.success());
}

#[tokio::test]
async fn many_children_at_once() {
    let children: Vec<_> =
        (0..10).map(|code| tokio::spawn(async move { shell(&format!("exit {code}")).status().await })).collect();
    for (code, child) in children.into_iter().enumerate() {
        assert_eq!(child.await.unwrap().unwrap().code(), Some(code as i32));
    }
}

#[tokio::test]
async fn a_std_command_becomes_one() {
    let mut command = std::process::Command::new("echo");
    command.arg("std");
    assert_eq!(Command::from(command).output().await.unwrap().stdout, b"std\n");
}
