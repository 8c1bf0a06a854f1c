//! The last events of a driver, for the panic that a broken invariant ends in (I3).

use crate::{kernel::Cqe, key::Tag};

const KEPT: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Event {
    Pushed(u64),
    Reaped(Cqe),
}

/// A ring of the last 16 SQEs and CQEs.
#[derive(Debug)]
pub(crate) struct Recent {
    events: [Event; KEPT],
    count: usize,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { events: [Event::Pushed(0); KEPT], count: 0 }
    }
}

impl Recent {
    pub(crate) fn pushed(&mut self, user_data: u64) {
        self.note(Event::Pushed(user_data));
    }

    pub(crate) fn reaped(&mut self, cqe: &Cqe) {
        self.note(Event::Reaped(*cqe));
    }

    fn note(&mut self, event: Event) {
        self.events[self.count % KEPT] = event;
        self.count += 1;
    }

    /// A CQE that nobody can have asked for: going on would hand a result to the wrong op.
    pub(crate) fn panic(&self, cqe: &Cqe, what: &str) -> ! {
        let mut text = format!("CQE {cqe:?} ({:?}): {what}; last events, oldest first:", Tag::parse(cqe.user_data));
        for index in self.count.saturating_sub(KEPT)..self.count {
            text += &match self.events[index % KEPT] {
                Event::Pushed(user_data) => format!("\n  pushed {:?}", Tag::parse(user_data)),
                Event::Reaped(cqe) => format!("\n  reaped {:?} res {}", Tag::parse(cqe.user_data), cqe.res),
            };
        }
        panic!("{text}");
    }
}
