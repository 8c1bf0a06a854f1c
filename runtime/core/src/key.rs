//! `user_data`, laid out once.
//!
//! ```text
//! bit 63      | 62 .. 43       | 42 .. 19      | 18 .. 0
//! internal: 1 | generation: 20 | activation: 24| row: 19
//! ```
//!
//! An op's SQE carries the key of its **activation** (one life of a slab slot) and its row in the plan's stage table.
//! The generation makes a stale or foreign key recognisable, and lets a cancel name one life of a slot and no other.
//! With the internal bit set the rest is either the key that a cancel was aimed at, or, under the reserved
//! activation [`RESERVED`], one of the shard's own requests.

/// Most activations that a shard can have at once; the last index is reserved.
pub const ACTIVATIONS_MAX: u32 = RESERVED;
/// Most lines of syncs.
pub const SYNC_LINES_MAX: usize = 1 << GENERATION_BITS;
/// Most rows that one plan can have.
pub const ROWS_MAX: u32 = 1 << ROW_BITS;

const ROW_BITS: u32 = 19;
const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 20;
const INTERNAL: u64 = 1 << 63;
const RESERVED: u32 = (1 << SLOT_BITS) - 1;
const KIND_BELL: u32 = 1;
const KIND_BELL_ECHO: u32 = 2;
const KIND_CLOSE: u32 = 3;
const KIND_KNOCKED: u32 = 4;
const KIND_EDGES: u32 = 5;
const KIND_SYNC: u32 = 6;

const _: () = assert!(1 + ROW_BITS + SLOT_BITS + GENERATION_BITS == 64);

/// Names one activation: a slab slot in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Index in the slab.
    pub slot: u32,
    /// Which life of that slot.
    pub generation: u32,
}

impl Key {
    /// The generation after `generation`.
    pub fn next_generation(generation: u32) -> u32 {
        (generation + 1) & ((1 << GENERATION_BITS) - 1)
    }

    /// The user_data of row `row` of this activation.
    pub fn user_data(self, row: u32) -> u64 {
        debug_assert!(self.slot < ACTIVATIONS_MAX && row < ROWS_MAX);
        (self.generation as u64) << (SLOT_BITS + ROW_BITS) | (self.slot as u64) << ROW_BITS | row as u64
    }
}

/// What a `user_data` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Row of an activation.
    Row(Key, u32),
    /// A cancel aimed at a row of an activation.
    Cancel(Key, u32),
    /// The doorbell rang; which of its chains.
    Bell(u32),
    /// A NOP behind the doorbell, which makes up the number of CQEs that a wait is for.
    BellEcho(u32),
    /// A direct descriptor slot was closed.
    CloseSlot(u32),
    /// A sync for all that wait for one of a file, named by its line.
    Sync(u32),
    /// A message of another thread's, which ends the shard's sleep.
    Knocked,
    /// Sockets have become readable.
    Edges,
}

impl Tag {
    /// Packs the tag.
    pub fn user_data(self) -> u64 {
        let own = |kind: u32, index: u32| {
            INTERNAL | Key { slot: 0, generation: index }.user_data(kind) | (RESERVED as u64) << ROW_BITS
        };
        match self {
            Tag::Row(key, row) => key.user_data(row),
            Tag::Cancel(key, row) => INTERNAL | key.user_data(row),
            Tag::Bell(serial) => own(KIND_BELL, serial),
            Tag::BellEcho(serial) => own(KIND_BELL_ECHO, serial),
            Tag::CloseSlot(index) => own(KIND_CLOSE, index),
            Tag::Sync(line) => own(KIND_SYNC, line),
            Tag::Knocked => own(KIND_KNOCKED, 0),
            Tag::Edges => own(KIND_EDGES, 0),
        }
    }

    /// Unpacks a tag; `None` for a value that [`Tag::user_data`] cannot have made.
    pub fn parse(user_data: u64) -> Option<Tag> {
        let row = user_data as u32 & (ROWS_MAX - 1);
        let slot = (user_data >> ROW_BITS) as u32 & RESERVED;
        let generation = (user_data >> (SLOT_BITS + ROW_BITS)) as u32 & ((1 << GENERATION_BITS) - 1);
        let key = Key { slot, generation };
        match (user_data & INTERNAL != 0, slot == RESERVED, row) {
            (false, false, _) => Some(Tag::Row(key, row)),
            (true, false, _) => Some(Tag::Cancel(key, row)),
            (true, true, KIND_BELL) => Some(Tag::Bell(generation)),
            (true, true, KIND_BELL_ECHO) => Some(Tag::BellEcho(generation)),
            (true, true, KIND_CLOSE) => Some(Tag::CloseSlot(generation)),
            (true, true, KIND_SYNC) => Some(Tag::Sync(generation)),
            (true, true, KIND_KNOCKED) => Some(Tag::Knocked),
            (true, true, KIND_EDGES) => Some(Tag::Edges),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_survives_the_round_trip_at_its_limits() {
        for slot in [0, 1, ACTIVATIONS_MAX - 1] {
            for generation in [0, 1, (1 << GENERATION_BITS) - 1] {
                let key = Key { slot, generation };
                for row in [0, 1, ROWS_MAX - 1] {
                    for tag in [Tag::Row(key, row), Tag::Cancel(key, row)] {
                        assert_eq!(Tag::parse(tag.user_data()), Some(tag));
                    }
                }
            }
        }
        let own = [Tag::CloseSlot(65_535), Tag::Sync(65_535), Tag::Knocked, Tag::Edges];
        for tag in [Tag::Bell(0), Tag::BellEcho(7), Tag::CloseSlot(0)].into_iter().chain(own) {
            assert_eq!(Tag::parse(tag.user_data()), Some(tag));
        }
        assert_eq!(Tag::parse(u64::MAX), None);
        assert_eq!(Key::next_generation((1 << GENERATION_BITS) - 1), 0);
    }
}
