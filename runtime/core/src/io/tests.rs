//! Every method against readers and writers that give and take in every way a stream may.

mod buf_read;
mod memory;
pub(super) mod pieces;
mod read;
mod write;
