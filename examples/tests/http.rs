//! The program `http`, as its clients see it: curl, raw sockets that behave and that do not, load generators, a browser.
//! What is not installed is skipped, and said.

#![forbid(unsafe_code)]

#[path = "http/files.rs"]
mod files;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/load.rs"]
mod load;
#[path = "http/requests.rs"]
mod requests;
#[path = "http/server.rs"]
mod server;
mod support;
