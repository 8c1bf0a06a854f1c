//! The same bytes in any cut give the same events; and each refusal has its status.

use proptest::prelude::*;

use super::{Event, Protocol, Waiting};
use crate::{limits::Limits, request::Method, status::Refusal};

/// Small, so that tests meet them.
fn limits() -> Limits {
    Limits { line: 64, head: 256, body: 100, ..Limits::default() }
}

/// All events of some pieces, with bodies put together, up to the refusal, if there is one.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<Refusal>) {
    let mut protocol = Protocol::new(limits());
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        protocol.feed(piece);
        loop {
            match (protocol.next(), events.last_mut()) {
                (Ok(Some(Event::Body(more))), Some(Event::Body(bytes))) => bytes.extend_from_slice(&more),
                (Ok(Some(event)), _) => events.push(event),
                (Ok(None), _) => break,
                (Err(refusal), _) => {
                    assert_eq!(protocol.next(), Err(refusal), "nothing comes behind a refusal");
                    return (events, Some(refusal));
                }
            }
        }
    }
    (events, None)
}

fn status_of(bytes: &[u8]) -> Option<u16> {
    events([bytes]).1.map(|refusal| refusal.status.0)
}

fn bodies(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (events, refusal) = events([bytes]);
    assert_eq!(refusal, None);
    let body = |event| if let Event::Body(body) = event { Some(body) } else { None };
    events.into_iter().filter_map(body).collect()
}

#[test]
fn each_refusal_has_its_status() {
    let long = "x".repeat(300);
    let cases: [(String, u16); 26] = [
        ("GET / HTTP/1.1\r\n\r\n".into(), 400), // no host
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
        ("GET /\r\n\r\n".into(), 400),
        ("GET / FTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
        ("\0\0\0".into(), 400),
        ("GET / HTTP/1.1\r\nHo st: a\r\n\r\n".into(), 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505),
        ("GET / HTTP/3".into(), 505),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".into(), 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n".into(), 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n".into(), 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n".into(), 417),
        (format!("GET /{long}"), 414),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: {long}"), 431),
        (format!("GET / HTTP/1.1\r\nHost: {long}\r\n\r\n"), 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n".into(), 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx".into(), 400),
    ];
    for (bytes, status) in cases {
        assert_eq!(status_of(bytes.as_bytes()), Some(status), "{bytes:?}");
    }
}

#[test]
fn more_fields_than_there_is_room_for_are_431() {
    let mut protocol = Protocol::new(Limits { head: 1 << 20, ..limits() });
    protocol.feed(b"GET / HTTP/1.1\r\n");
    for _ in 0..=crate::limits::FIELDS {
        protocol.feed(b"a: b\r\n");
    }
    protocol.feed(b"\r\n");
    assert_eq!(protocol.next().unwrap_err().status.0, 431);
}

#[test]
fn bodies_come_whole() {
    assert_eq!(bodies(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), [b"abc"]);
    let chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
    assert_eq!(bodies(chunked), [b"abcde"]);
}

#[test]
fn it_knows_what_it_waits_for() {
    let mut protocol = Protocol::new(limits());
    assert_eq!(protocol.waiting(), Waiting::Idle);
    protocol.feed(b"POST / HTTP/1.1\r\n");
    assert_eq!((protocol.next(), protocol.waiting()), (Ok(None), Waiting::Head));
    protocol.feed(b"Host: a\r\nContent-Length: 1\r\n\r\n");
    let Ok(Some(Event::Head(request))) = protocol.next() else { panic!("no head") };
    assert_eq!((request.method, request.keep_alive), (Method::Post, true));
    assert_eq!((protocol.next(), protocol.waiting()), (Ok(None), Waiting::Body));
    protocol.feed(b"x");
    assert_eq!(protocol.next(), Ok(Some(Event::Body(b"x".to_vec()))));
    assert_eq!((protocol.next(), protocol.waiting()), (Ok(Some(Event::End)), Waiting::Idle));
}

#[test]
fn keeping_the_connection_is_a_matter_of_version_and_wish() {
    let keeps = |bytes: &str| match events([bytes.as_bytes()]).0.first() {
        Some(Event::Head(request)) => request.keep_alive,
        other => panic!("{other:?}"),
    };
    assert!(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n"));
    assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
    assert!(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

/// Requests as they are, and as they should not be.
fn traffic() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    let part = prop_oneof![
        4 => text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        2 => text("GET /a?b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        3 => (0usize..=100).prop_map(|length| {
            let mut bytes = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            bytes.extend(std::iter::repeat_n(b'b', length));
            bytes
        }),
        3 => prop::collection::vec(1usize..40, 0..4).prop_map(|chunks| {
            let mut bytes = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for length in chunks {
                bytes.extend(format!("{length:x}\r\n{}\r\n", "c".repeat(length)).bytes());
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        }),
        1 => text("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        1 => text("GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        1 => text("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        1 => (40usize..400).prop_map(|length| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "p".repeat(length)).into_bytes()),
        1 => (100usize..400).prop_map(|length| format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "h".repeat(length)).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b'G'), Just(b':')], 0..80),
    ];
    let all = prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
    // A byte somewhere is another one, now and then.
    (all, any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(mut bytes, at, wrong)| {
        if let (Some(wrong), false) = (wrong, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = wrong;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_cut_gives_the_same(bytes in traffic(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = events([&bytes[..]]);
        prop_assert_eq!(&whole, &events(bytes.chunks(1)), "byte by byte");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        prop_assert_eq!(&whole, &events(cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]])), "in pieces");
    }
}
