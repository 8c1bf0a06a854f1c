//! io_uring by hand.

use std::net::TcpListener;

use super::work::{Answer, Session, Work};

/// A connection's share of the work, and its last answer.
struct Loop {
    session: Session,
    out: Vec<u8>,
}

impl raw_loops::Work for Loop {
    fn answer<'a>(&'a mut self, input: &'a [u8]) -> &'a [u8] {
        match self.session.answer(input, &mut self.out) {
            Answer::Input => input,
            Answer::Out => &self.out,
        }
    }
}

pub fn serve(listener: TcpListener, work: Work) {
    raw_loops::serve(&listener, || Loop { session: work.session(), out: Vec::new() }).expect("a loop");
}
