//! Byte streams: the traits that files, sockets and pipes implement, with tokio's shapes.
