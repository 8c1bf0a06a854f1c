//! hyper, on this project's runtime and on tokio with the streams of hyper-util.

use std::{convert::Infallible, net};

use ::hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    rt::{Read, Write},
    server::conn::http1,
    service::service_fn,
};
use http_body_util::Full;
use hyper_util::rt::TokioIo;

use super::work::{Work, body};

pub fn on_runtime(listener: net::TcpListener, work: Work) {
    super::ours().block_on(accept_all(listener, work));
}

/// With the task-run mode that takes least CPU time.
pub fn on_runtime_deferred(listener: net::TcpListener, work: Work) {
    super::ours_deferred().block_on(accept_all(listener, work));
}

async fn accept_all(listener: net::TcpListener, work: Work) {
    let listener = ::runtime::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        drop(::runtime::spawn(connection(stream, work)));
    }
}

pub fn on_tokio(listener: net::TcpListener, work: Work) {
    listener.set_nonblocking(true).expect("an option");
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = ::tokio::net::TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            drop(::tokio::spawn(connection(TokioIo::new(stream), work)));
        }
    });
}

async fn connection(stream: impl Read + Write + Unpin, work: Work) -> ::hyper::Result<()> {
    let body = Bytes::from(body(work.size()));
    let answer = service_fn(move |_: Request<Incoming>| {
        let response = Response::new(Full::new(body.clone()));
        async move { Ok::<_, Infallible>(response) }
    });
    // Pipelined answers go out together, as for others' benchmarks of hyper. The date would differ from answer to answer.
    http1::Builder::new().pipeline_flush(true).auto_date_header(false).serve_connection(stream, answer).await
}
