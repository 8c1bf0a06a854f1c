//! The process's own streams, in a process of their own: this test program, started again.

use std::{
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd},
    process::{Command, Stdio},
};

use runtime::io::{AsyncWriteExt, Stderr, Stdin, Stdout, stderr, stdin, stdout};

/// What the child is to do; it does nothing else.
const ROLE: &str = "RUNTIME_TEST_STDIO_ROLE";

/// The test `child`, in a process of its own.
fn start(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env(ROLE, role);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The test program writes lines of its own around what the child writes.
fn between_marks(output: &[u8]) -> String {
    let text = String::from_utf8(output.to_vec()).unwrap();
    let (_, text) = text.split_once('<').expect("a mark");
    text.rsplit_once('>').expect("a mark").0.to_owned()
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let role = std::env::var(ROLE).unwrap_or_default();
    runtime::Builder::new().build().unwrap().block_on(async {
        match role.as_str() {
            "echo" => {
                let mut out = stdout();
                out.write_all(b"<").await.unwrap();
                out.flush().await.unwrap();
                runtime::io::copy(&mut stdin(), &mut out).await.unwrap();
                out.write_all(b">\n").await.unwrap();
                out.flush().await.unwrap();
                stderr().write_all("<ä>\n".as_bytes()).await.unwrap();
            }
            // Not flushed, and the runtime ends at once.
            "print" => stdout().write_all(b"<last words>\n").await.unwrap(),
            "full" => {
                let mut out = stderr();
                out.write_all(b"no room\n").await.unwrap();
                let error = out.flush().await.unwrap_err();
                stdout().write_all(format!("<{:?}>", error.kind()).as_bytes()).await.unwrap();
            }
            _ => {}
        }
    });
}

#[test]
fn bytes_come_in_and_go_out() {
    let mut child = start("echo").spawn().unwrap();
    let expected = "äöü€\n".repeat(50_000);
    let mut input = child.stdin.take().unwrap();
    let bytes = expected.clone();
    let writing = std::thread::spawn(move || input.write_all(bytes.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(between_marks(&output.stdout) == expected);
    assert_eq!(between_marks(&output.stderr), "ä");
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let mut child = start("echo").spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut byte = [0];
    while byte != *b"<" {
        output.read_exact(&mut byte).unwrap();
    }
    // Also without a line break: a copy flushes when it has to wait.
    for question in ["a\n", "b", "c\n"] {
        input.write_all(question.as_bytes()).unwrap();
        let mut answer = vec![0; question.len()];
        output.read_exact(&mut answer).unwrap();
        assert_eq!(answer, question.as_bytes());
    }
    drop(input);
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_was_written_appears_although_the_runtime_ends_at_once() {
    for _ in 0..20 {
        let output = start("print").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(between_marks(&output.stdout), "last words");
    }
}

#[test]
fn an_error_of_a_write_comes_with_the_flush() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = start("full").stderr(full).output().unwrap();
    assert_eq!(between_marks(&output.stdout), "StorageFull");
}

#[test]
fn handles_cross_threads_and_know_their_descriptors() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    send_sync_unpin::<(Stdin, Stdout, Stderr)>();
    assert_eq!([stdin().as_raw_fd(), stdout().as_raw_fd(), stderr().as_raw_fd()], [0, 1, 2]);
    assert_eq!(stdin().as_fd().as_raw_fd(), 0);
    assert_eq!(stdout().as_fd().as_raw_fd(), 1);
    assert_eq!(stderr().as_fd().as_raw_fd(), 2);
    assert!(format!("{:?}", stdin()).starts_with("Stdin"));
}
