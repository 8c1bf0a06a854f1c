//! io_uring by hand.

use std::net::TcpListener;

use super::work::{Loop, Work};

pub fn serve(listener: TcpListener, work: Work) {
    raw_loops::uring::serve(&listener, || Loop { session: work.session(), out: Vec::new() }).expect("a loop");
}
