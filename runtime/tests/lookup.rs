//! Names and addresses.

mod common;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use common::run;
use runtime::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};

async fn first(host: impl ToSocketAddrs) -> SocketAddr {
    lookup_host(host).await.unwrap().next().unwrap()
}

#[test]
fn addresses_in_every_form_are_taken_as_they_are() {
    run(async {
        let v4: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let v6: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(first(v4).await, v4);
        assert_eq!(first("127.0.0.1:80").await, v4);
        assert_eq!(first("127.0.0.1:80".to_string()).await, v4);
        assert_eq!(first(("127.0.0.1", 80)).await, v4);
        assert_eq!(first((IpAddr::from([127, 0, 0, 1]), 80)).await, v4);
        assert_eq!(first((Ipv6Addr::LOCALHOST, 80)).await, v6);
        assert_eq!(first("[::1]:80").await, v6);
        assert_eq!(lookup_host(&[v4, v6][..]).await.unwrap().collect::<Vec<_>>(), [v4, v6]);
    });
}

#[test]
fn names_are_looked_up_beside_the_shard() {
    run(async {
        let found = first(("localhost", 80)).await;
        assert!(found.ip().is_loopback() && found.port() == 80, "{found}");
        assert!(first("localhost:81").await.ip().is_loopback());
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        TcpStream::connect(("localhost", listener.local_addr().unwrap().port())).await.unwrap();
    });
}

#[test]
fn bad_names_are_errors_that_name_them() {
    run(async {
        for (host, what) in [
            ("localhost", "has no port"),
            ("localhost:", "no number"),
            ("localhost:65536", "no number"),
            ("does-not-exist.invalid:80", "cannot look up does-not-exist.invalid:80"),
            ("nul\0byte:80", "cannot look up nul"),
        ] {
            let error = lookup_host(host).await.map(drop).unwrap_err();
            assert!(error.to_string().contains(what), "{host:?}: {error}");
        }
    });
}
