//! A router of axum. Its handlers must be `Send`, and may hold this runtime's streams and plans all the same.

use std::path::PathBuf;

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::service::TowerToHyperService;
use runtime::{
    IntoResult, fs,
    io::{AsyncReadExt, AsyncWriteExt},
    join,
    net::{TcpListener, TcpStream},
    spawn,
};

use crate::common::{run, tcp_pair};

#[derive(Clone)]
struct Sources {
    upstream: std::net::SocketAddr,
    file: PathBuf,
}

/// Holds a stream while it reads a file and runs a plan.
async fn gather(State(sources): State<Sources>) -> Result<String, StatusCode> {
    both(&sources).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn both(sources: &Sources) -> std::io::Result<String> {
    let mut upstream = TcpStream::connect(sources.upstream).await?;
    let mut text = String::from_utf8_lossy(&fs::read(&sources.file).await?).into_owned();
    let file = fs::File::open(&sources.file).await?;
    let (first, second) =
        join!(file.read_exact_at(vec![0; 2], 0), file.read_exact_at(vec![0; 2], 2)).await.into_result()?;
    upstream.write_all(&[first, second].concat()).await?;
    upstream.shutdown().await?;
    upstream.read_to_string(&mut text).await?;
    Ok(text)
}

#[test]
fn a_handler_holds_streams_and_plans() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("four");
        std::fs::write(&file, "four").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let upstreams = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            stream.write_all(b" and ").await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        });
        let routes = Router::new().route("/", get(gather)).with_state(Sources { upstream, file });

        let (near, far) = tcp_pair().await;
        let service = TowerToHyperService::new(routes);
        let server = spawn(hyper::server::conn::http1::Builder::new().serve_connection(far, service));
        let (mut client, connection) = hyper::client::conn::http1::handshake(near).await.unwrap();
        let connection = spawn(connection);
        let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "four and four");
        drop(client);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
        upstreams.await.unwrap();
    });
}
