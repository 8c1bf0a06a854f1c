//! Load generators and a browser: programs that nobody here wrote.

use std::process::Command;

use crate::{server::Server, support::has};

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn load_generators_see_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "x".repeat(5_000)).unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let url = format!("{}/file", server.url);
    if has("wrk") {
        let text = run("wrk", &["-t1", "-c64", "-d1s", &url]);
        assert!(
            text.contains("Requests/sec") && !text.contains("Socket errors") && !text.contains("Non-2xx"),
            "{text}"
        );
    }
    if has("ab") {
        let text = run("ab", &["-k", "-c", "32", "-n", "5000", &url]);
        assert!(text.contains("Failed requests:        0"), "{text}");
    }
    if has("h2load") {
        let text = run("h2load", &["--h1", "-n", "5000", "-c", "32", "-m", "4", &url]);
        assert!(text.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"), "{text}");
    }
}

#[test]
fn a_browser_shows_the_page() {
    if !has("chromium") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let page = run(
        "chromium",
        &[
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            &profile,
            // Time for the script's first figures.
            "--virtual-time-budget=3000",
            "--dump-dom",
            &server.url,
        ],
    );
    assert!(page.contains("2 shards</p>"), "the script has shown its figures: {page}");
}
