//! rustls on this runtime's streams, by the adaptor for tokio's traits and by the one for those of futures-io.

use runtime::{compat, io::duplex, join, spawn};

use crate::{
    certificate,
    common::{run, tcp_pair},
    noise,
};

/// More than the socket's buffers hold.
const BYTES: usize = 3 << 20;
/// More than a stream in memory holds, by far.
const MEMORY_BYTES: usize = 200_000;

#[test]
fn tokio_rustls_takes_a_tcp_stream() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};

    run(async {
        let (server, client) = certificate::configurations();
        let (near, far) = tcp_pair().await;
        let echo = spawn(async move {
            let session = tokio_rustls::TlsAcceptor::from(server).accept(far).await.unwrap();
            let mut session = compat::Tokio::new(session);
            let mut bytes = Vec::new();
            session.read_to_end(&mut bytes).await.unwrap();
            session.write_all(&bytes).await.unwrap();
            session.shutdown().await.unwrap();
        });
        let session = tokio_rustls::TlsConnector::from(client).connect(certificate::name(), near).await.unwrap();
        let mut session = compat::Tokio::new(session);
        let bytes = noise(BYTES);
        session.write_all(&bytes).await.unwrap();
        session.shutdown().await.unwrap();
        let mut answer = Vec::new();
        session.read_to_end(&mut answer).await.unwrap();
        assert!(answer == bytes, "{} bytes came back of {BYTES}", answer.len());
        echo.await.unwrap();
    });
}

#[test]
fn futures_rustls_takes_a_stream_in_memory() {
    use futures_util::io::{AsyncReadExt, AsyncWriteExt};

    run(async {
        let (server, client) = certificate::configurations();
        // Less than a record of TLS holds, so that every step meets a stream that is not ready.
        let (near, far) = duplex(1000);
        let echo = spawn(async move {
            let mut session = futures_rustls::TlsAcceptor::from(server).accept(far).await.unwrap();
            let mut bytes = vec![0; MEMORY_BYTES];
            session.read_exact(&mut bytes).await.unwrap();
            assert_eq!(session.read(&mut [0]).await.unwrap(), 0);
            session.write_all(&bytes).await.unwrap();
            session.close().await.unwrap();
        });
        let connector = futures_rustls::TlsConnector::from(client);
        let mut session = connector.connect(certificate::name(), near).await.unwrap();
        let bytes = noise(MEMORY_BYTES);
        session.write_all(&bytes).await.unwrap();
        session.close().await.unwrap();
        let mut answer = vec![0; MEMORY_BYTES];
        session.read_exact(&mut answer).await.unwrap();
        assert!(answer == bytes);
        assert_eq!(session.read(&mut [0]).await.unwrap(), 0);
        echo.await.unwrap();
    });
}

#[test]
fn a_certificate_that_the_client_does_not_know_ends_both_sides() {
    run(async {
        let (server, _) = certificate::configurations();
        let (_, stranger) = certificate::configurations();
        let (near, far) = tcp_pair().await;
        let (accepted, connected) = join!(
            tokio_rustls::TlsAcceptor::from(server).accept(far),
            tokio_rustls::TlsConnector::from(stranger).connect(certificate::name(), near),
        )
        .await;
        assert!(accepted.is_err());
        assert!(connected.is_err());
    });
}
