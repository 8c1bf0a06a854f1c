//! A server written for tokio, and the same one under this project's name: what "drop-in" means.

/// `connection` and `lean`, from a crate with tokio's names.
macro_rules! drop_in {
    ($root:ident) => {
        use ::$root::{
            io::{AsyncReadExt, AsyncWriteExt},
            net::{TcpListener, TcpStream},
        };
        use $crate::net_peers::work::{Answer, MESSAGE_MAX, Work};

        /// On a runtime that runs.
        async fn accept_all(listener: ::std::net::TcpListener, work: Work) {
            let listener = TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                match work {
                    Work::Lean => drop(::$root::spawn(lean(stream))),
                    _ => drop(::$root::spawn(connection(stream, work))),
                }
            }
        }

        async fn connection(mut stream: TcpStream, work: Work) -> ::std::io::Result<()> {
            let (mut session, mut input, mut out) = (work.session(), vec![0; MESSAGE_MAX], Vec::new());
            loop {
                let count = stream.read(&mut input).await?;
                if count == 0 {
                    return Ok(());
                }
                match session.answer(&input[..count], &mut out) {
                    Answer::Input => stream.write_all(&input[..count]).await?,
                    Answer::Out => stream.write_all(&out).await?,
                }
            }
        }

        /// Waits without a buffer.
        async fn lean(mut stream: TcpStream) -> ::std::io::Result<()> {
            loop {
                stream.readable().await?;
                let mut input = vec![0; MESSAGE_MAX];
                let count = match stream.try_read(&mut input) {
                    Err(error) if error.kind() == ::std::io::ErrorKind::WouldBlock => continue,
                    result => result?,
                };
                if count == 0 {
                    return Ok(());
                }
                stream.write_all(&input[..count]).await?;
            }
        }
    };
}

pub(super) use drop_in;
