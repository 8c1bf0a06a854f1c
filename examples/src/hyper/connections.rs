//! Connections: accepted here, served by hyper.

use std::{
    convert::Infallible,
    error::Error,
    pin::{Pin, pin},
};

use examples::serving::{Seat, accept};
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::Service,
};
use runtime::{
    compat::{HyperExecutor, HyperTimer, Tokio},
    net::TcpStream,
    select,
    sync::CancellationToken,
};
use tokio_rustls::TlsAcceptor;

use crate::tls;

/// Per shard; more wait to be accepted.
const CONNECTIONS: u32 = 10_000;

/// What answers: a service of hyper's, whoever wrote it.
pub trait Answers:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Answers for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// Serves each connection in a task of its own, until it is told to stop.
///
/// # Errors
/// If it cannot listen.
pub async fn serve<S: Answers>(seat: Seat, service: S, acceptor: Option<TlsAcceptor>) -> Result<(), String> {
    let (listener, stop) = seat.listen()?;
    let serve = |stream| {
        let (service, acceptor, stop) = (service.clone(), acceptor.clone(), stop.clone());
        async move {
            if let Err(error) = connection(stream, service, acceptor, &stop).await {
                eprintln!("hyper: {error}");
            }
        }
    };
    accept(listener, CONNECTIONS, &stop, serve).await;
    Ok(())
}

async fn connection<S: Answers>(
    stream: TcpStream,
    service: S,
    acceptor: Option<TlsAcceptor>,
    stop: &CancellationToken,
) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = acceptor else { return Ok(http(stream, service, stop).await?) };
    // rustls takes the stream as it is; hyper takes what rustls makes of it in a wrapper.
    let session = acceptor.accept(stream).await?;
    let second = tls::is_http2(&session);
    let session = Tokio::new(session);
    let served = if second { http_2(session, service, stop).await } else { http(session, service, stop).await };
    Ok(served?)
}

async fn http<S: Answers>(
    stream: impl Read + Write + Unpin,
    service: S,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let mut connection = http1::Builder::new().timer(HyperTimer).serve_connection(stream, service);
    select! {
        ended = &mut connection => return ended,
        () = stop.cancelled() => Pin::new(&mut connection).graceful_shutdown(),
    }
    connection.await
}

async fn http_2<S: Answers>(
    stream: impl Read + Write + Unpin + 'static,
    service: S,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let mut connection = pin!(http2::Builder::new(HyperExecutor).timer(HyperTimer).serve_connection(stream, service));
    select! {
        ended = &mut connection => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
