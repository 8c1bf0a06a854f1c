//! Connections: accepted here, served by hyper.

use std::{convert::Infallible, error::Error, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::Service,
};
use runtime::{
    compat::{HyperExecutor, HyperTimer, Tokio},
    net::{TcpListener, TcpStream},
    spawn,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::tls;

/// How long to wait after a connection could not be accepted, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

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

/// Serves each connection in a task of its own.
pub async fn serve<S: Answers>(listener: &TcpListener, service: S, acceptor: Option<TlsAcceptor>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (service, acceptor) = (service.clone(), acceptor.clone());
                spawn(async move {
                    if let Err(error) = connection(stream, service, acceptor).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("cannot accept: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection<S: Answers>(
    stream: TcpStream,
    service: S,
    acceptor: Option<TlsAcceptor>,
) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = acceptor else { return Ok(http(stream, service).await?) };
    // rustls takes the stream as it is; hyper takes what rustls makes of it in a wrapper.
    let session = acceptor.accept(stream).await?;
    let second = tls::is_http2(&session);
    let session = Tokio::new(session);
    let served = if second { http_2(session, service).await } else { http(session, service).await };
    Ok(served?)
}

async fn http<S: Answers>(stream: impl Read + Write + Unpin, service: S) -> hyper::Result<()> {
    http1::Builder::new().timer(HyperTimer).serve_connection(stream, service).await
}

async fn http_2<S: Answers>(stream: impl Read + Write + Unpin + 'static, service: S) -> hyper::Result<()> {
    http2::Builder::new(HyperExecutor).timer(HyperTimer).serve_connection(stream, service).await
}
