//! This project's runtime, with the code of tokio's server.

use std::net;

use ::runtime::{
    Builder, Runtime, TaskRun,
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::work::{Answer, MESSAGE_MAX, Work};

pub fn serve(listener: net::TcpListener, work: Work) {
    serve_on(&Runtime::new().expect("a runtime"), listener, work);
}

/// With the task-run mode that takes least CPU time.
pub fn serve_deferred(listener: net::TcpListener, work: Work) {
    serve_on(&Builder::new().task_run(TaskRun::Defer).build().expect("a runtime"), listener, work);
}

fn serve_on(runtime: &Runtime, listener: net::TcpListener, work: Work) {
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            match work {
                Work::Lean => drop(::runtime::spawn(lean(stream))),
                _ => drop(::runtime::spawn(connection(stream, work))),
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
