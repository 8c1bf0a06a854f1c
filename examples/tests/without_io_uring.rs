//! Programs of this package where io_uring is refused, as default container profiles (EPERM) and old kernels (ENOSYS) do; and
//! a command that takes it away from any other one:
//!
//! ```sh
//! cargo test -p examples --test without_io_uring -- EPERM target/release/gather
//! ```

#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    io,
    os::unix::process::CommandExt,
    process::{Command, ExitCode, Output},
};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// io_uring_setup, io_uring_enter and io_uring_register, on every architecture but alpha.
const CALLS: [i64; 3] = [425, 426, 427];
const ERRORS: [(&str, u32); 2] = [("EPERM", 1), ("ENOSYS", 38)];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let error = arguments.first().and_then(|name| ERRORS.iter().find(|(known, _)| known == name));
    let Some((_, errno)) = error else {
        // The usual harness's own arguments mean nothing here, but for its list of tests.
        if arguments.iter().any(|argument| argument == "--list") {
            return ExitCode::SUCCESS;
        }
        ERRORS.iter().for_each(|(name, _)| test(name));
        println!("test result: ok. io_uring was refused with each of {ERRORS:?}");
        return ExitCode::SUCCESS;
    };
    let Err(failed) = become_without(*errno, &arguments[1..]);
    eprintln!("without_io_uring: {failed}");
    ExitCode::FAILURE
}

/// Goes on as the command, which has no io_uring, nor does what it starts.
fn become_without(errno: u32, command: &[String]) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let [program, arguments @ ..] = command else { return Err("there is no command".into()) };
    let rules = CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        env::consts::ARCH.try_into().map_err(|_| format!("no filter for {}", env::consts::ARCH))?,
    )?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Err(Box::new(Command::new(program).args(arguments).exec()))
}

/// Runs a program without io_uring.
fn run(error: &str, variable: Option<&str>, program: &str, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(error).arg(program).args(arguments).env_remove("RUNTIME_KERNEL");
    if let Some(value) = variable {
        command.env("RUNTIME_KERNEL", value);
    }
    command.output()
}

fn test(error: &str) {
    let gather = env!("CARGO_BIN_EXE_gather");
    let out = run(error, None, gather, &[]).expect("gather runs");
    let (text, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{error}: {text}\n{said}");
    assert!(text.contains("Kernel interface: emulated"), "{error}: {text}");
    // One line in the life of the process, though it makes a runtime for each of its copies.
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("runtime:")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    let remedy = if error == "EPERM" { "seccomp" } else { "CONFIG_IO_URING" };
    assert!(lines[0].contains(remedy) || lines[0].contains("io_uring_disabled"), "{error}: {said}");
    // Who insists is told the same.
    let out = run(error, Some("io_uring"), gather, &[]).expect("gather runs");
    let said = String::from_utf8_lossy(&out.stderr);
    let cause = lines[0].split_once("place: ").expect("a cause").1;
    assert!(!out.status.success() && said.contains(cause), "{error}: {said}");
    let out = run(error, Some("epoll"), gather, &[]).expect("gather runs");
    assert!(String::from_utf8_lossy(&out.stderr).contains("RUNTIME_KERNEL"), "{error}");
    println!("{error}: gather copies, and says: {}", lines[0]);
}
