//! Channels and locks between tasks: tokio's, under tokio's names.
