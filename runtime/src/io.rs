//! Reading and writing byte streams: tokio's traits, adaptors and helpers under tokio's names.
