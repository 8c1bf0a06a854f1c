//! hyper's servers and clients, both protocols, on this runtime's streams, tasks and time.

use std::convert::Infallible;

use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client, header, server,
    service::service_fn,
};
use runtime::{
    compat::{Hyper, HyperExecutor, HyperTimer},
    io::{AsyncReadExt, AsyncWriteExt},
    spawn, time,
};

use crate::{
    common::{run, tcp_pair},
    noise,
};

/// More than the socket's buffers hold.
const BYTES: usize = 3 << 20;

/// Answers with the request's body.
async fn echo(request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    Ok(Response::new(Full::new(request.into_body().collect().await?.to_bytes())))
}

fn request(bytes: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post("http://localhost/").body(Full::new(Bytes::from(bytes))).unwrap()
}

#[test]
fn http_1_answers_one_request_after_the_other_on_one_connection() {
    run(async {
        let (near, far) = tcp_pair().await;
        let server = spawn(server::conn::http1::Builder::new().serve_connection(far, service_fn(echo)));
        let (mut client, connection) = client::conn::http1::handshake(near).await.unwrap();
        let connection = spawn(connection);
        for size in [0, 1, 1000, BYTES, 10] {
            client.ready().await.unwrap();
            let answer = client.send_request(request(noise(size))).await.unwrap();
            assert!(answer.into_body().collect().await.unwrap().to_bytes() == noise(size), "{size} bytes");
        }
        drop(client);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn http_2_answers_many_requests_at_once() {
    run(async {
        let (near, far) = tcp_pair().await;
        let mut server = server::conn::http2::Builder::new(HyperExecutor);
        server.timer(HyperTimer);
        let server = spawn(server.serve_connection(far, service_fn(echo)));
        let (client, connection) = client::conn::http2::handshake(HyperExecutor, near).await.unwrap();
        let connection = spawn(connection);
        let asked: Vec<_> = (0..20)
            .map(|n| {
                let mut client = client.clone();
                spawn(async move {
                    let answer = client.send_request(request(noise(n * 10_000))).await.unwrap();
                    answer.into_body().collect().await.unwrap().to_bytes() == noise(n * 10_000)
                })
            })
            .collect();
        for answer in asked {
            assert!(answer.await.unwrap());
        }
        drop(client);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_says_nothing_meets_the_time_limit() {
    run(async {
        time::pause();
        let (near, far) = tcp_pair().await;
        let start = time::Instant::now();
        let mut server = server::conn::http1::Builder::new();
        server.timer(HyperTimer).header_read_timeout(time::Duration::from_secs(30));
        let error = server.serve_connection(far, service_fn(echo)).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(start.elapsed().as_secs(), 30);
        drop(near);
    });
}

/// Agrees to speak the protocol "shout", and speaks it once the answer is out.
async fn upgrade(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    spawn(async move {
        let mut stream = Hyper::new(hyper::upgrade::on(request).await.unwrap());
        let mut said = [0; 5];
        stream.read_exact(&mut said).await.unwrap();
        said.make_ascii_uppercase();
        stream.write_all(&said).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS).header(header::UPGRADE, "shout");
    Ok(answer.header(header::CONNECTION, "upgrade").body(Empty::new()).unwrap())
}

#[test]
fn a_connection_is_upgraded_to_another_protocol() {
    run(async {
        let (near, far) = tcp_pair().await;
        let server = server::conn::http1::Builder::new().serve_connection(far, service_fn(upgrade)).with_upgrades();
        let server = spawn(server);
        let (mut client, connection) = client::conn::http1::handshake::<_, Empty<Bytes>>(near).await.unwrap();
        let connection = spawn(connection.with_upgrades());
        let asked = Request::get("/").header(header::CONNECTION, "upgrade").header(header::UPGRADE, "shout");
        let answer = client.send_request(asked.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        let mut stream = Hyper::new(hyper::upgrade::on(answer).await.unwrap());
        stream.write_all(b"hello").await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "HELLO");
        drop(client);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn a_request_costs_one_sqe_for_each_side_that_waits() {
    run(async {
        let (near, far) = tcp_pair().await;
        let server = spawn(server::conn::http1::Builder::new().serve_connection(far, service_fn(echo)));
        let (mut client, connection) = client::conn::http1::handshake(near).await.unwrap();
        let connection = spawn(connection);
        const REQUESTS: u64 = 100;
        let mut before = runtime::metrics();
        for number in 0..=REQUESTS {
            if number == 1 {
                before = runtime::metrics();
            }
            client.ready().await.unwrap();
            client.send_request(request(noise(10))).await.unwrap().into_body().collect().await.unwrap();
        }
        let sqes = runtime::metrics().sqes - before.sqes;
        assert!(sqes <= 2 * REQUESTS, "{sqes} SQEs for {REQUESTS} requests");
        drop(client);
        connection.await.unwrap().unwrap();
        server.await.unwrap().unwrap();
    });
}
