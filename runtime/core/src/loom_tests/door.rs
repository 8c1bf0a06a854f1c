//! Visitors of a ring against its owner, who shuts the door and closes the ring.

use std::sync::Arc;

use loom::thread;

use super::{
    check,
    kernel::{close_ring, open_ring},
};
use crate::knock::Door;

/// The kernel's side asserts that nobody knocks at a closed ring.
#[test]
fn nobody_is_inside_when_the_ring_is_closed() {
    check(|| {
        let (fd, _ring) = open_ring();
        let door = Arc::new(Door::new(fd));
        let visitors = [0, 1].map(|_| {
            let door = door.clone();
            thread::spawn(move || assert!(door.knock(1), "knocked, or too late"))
        });
        door.shut();
        close_ring(fd);
        for visitor in visitors {
            visitor.join().unwrap();
        }
    });
}
