//! What connected byte streams of every family have alike, as macros over types with a field `socket`: tokio's methods
//! ([`stream_methods`]) and the ops ([`stream_ops`]), the latter also for slots and handles.

mod byte_stream;
mod ops;

pub(crate) use byte_stream::stream_methods;
pub(crate) use ops::stream_ops;
