//! A million tasks that sleep: what each takes, and what they cost the others. A process for each runtime, so that none
//! finds memory that another one has left.

use std::process::Command;

use crate::peers;

/// What a child process is told to do.
pub const OF: &str = "million-of";
const TASKS: u32 = 1_000_000;

/// `million quick`: 100,000.
pub fn report() {
    println!("\n{} tasks that sleep for an hour", tasks());
    for peer in peers::all() {
        let own = std::env::current_exe().expect("a mounted /proc");
        let child = Command::new(own).args([OF, peer.name]).env("MILLION", tasks().to_string()).output();
        let output = child.expect("a process").stdout;
        for line in String::from_utf8_lossy(&output).lines() {
            println!("{:<24} {line}", peer.name);
        }
    }
}

fn tasks() -> u32 {
    match std::env::args().any(|argument| argument == "quick") {
        true => TASKS / 10,
        false => TASKS,
    }
}

/// The child process.
pub fn run(peer: &str) {
    let tasks = std::env::var("MILLION").ok().and_then(|text| text.parse().ok()).unwrap_or(TASKS);
    let peer = peers::all().into_iter().find(|known| known.name == peer).expect("one of those that `report` knows");
    (peer.million)(tasks);
}
