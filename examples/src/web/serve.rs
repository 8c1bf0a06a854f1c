//! Connections: accepted here, served by hyper.

use std::{convert::Infallible, error::Error, time::Duration};

use axum::Router;
use hyper::{
    rt::{Read, Write},
    server::conn::{http1, http2},
};
use hyper_util::service::TowerToHyperService;
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

/// Serves each connection in a task of its own.
pub async fn serve(listener: &TcpListener, routes: Router, acceptor: Option<TlsAcceptor>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (routes, acceptor) = (routes.clone(), acceptor.clone());
                spawn(async move {
                    if let Err(error) = connection(stream, routes, acceptor).await {
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

async fn connection(stream: TcpStream, routes: Router, acceptor: Option<TlsAcceptor>) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = acceptor else { return Ok(http(stream, routes).await?) };
    // rustls takes the stream as it is; hyper takes what rustls makes of it in a wrapper.
    let session = acceptor.accept(stream).await?;
    let second = tls::is_http2(&session);
    let session = Tokio::new(session);
    let served = if second { http_2(session, routes).await } else { http(session, routes).await };
    Ok(served?)
}

async fn http(stream: impl Read + Write + Unpin, routes: Router) -> hyper::Result<()> {
    http1::Builder::new().timer(HyperTimer).serve_connection(stream, TowerToHyperService::new(routes)).await
}

async fn http_2(stream: impl Read + Write + Unpin, routes: Router) -> hyper::Result<()> {
    http2::Builder::new(HyperExecutor)
        .timer(HyperTimer)
        .serve_connection(stream, TowerToHyperService::new(routes))
        .await
}
