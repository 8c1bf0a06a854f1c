//! Channels and locks between tasks.
