//! tokio, on one thread.

use std::net;

use ::tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::work::{Answer, MESSAGE_MAX, Work};

pub fn serve(listener: net::TcpListener, work: Work) {
    listener.set_nonblocking(true).expect("an option");
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            match work {
                Work::Lean => drop(::tokio::spawn(lean(stream))),
                _ => drop(::tokio::spawn(connection(stream, work))),
            }
        }
    });
}

async fn connection(mut stream: TcpStream, work: Work) -> std::io::Result<()> {
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
async fn lean(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        stream.readable().await?;
        let mut input = vec![0; MESSAGE_MAX];
        let count = match stream.try_read(&mut input) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            result => result?,
        };
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&input[..count]).await?;
    }
}
