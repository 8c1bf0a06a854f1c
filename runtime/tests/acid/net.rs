//! Sockets.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest, copy},
    net::{
        TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, UnixDatagram, UnixListener, UnixStream,
        lookup_host, unix::pipe,
    },
    sync::broadcast,
    task::JoinSet,
    time::timeout,
};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener().await;
    let (client, accepted) = tokio::try_join!(TcpStream::connect(address), listener.accept()).unwrap();
    assert_eq!(client.local_addr().unwrap(), accepted.1);
    (client, accepted.0)
}

/// Every connection gets a task, which sends back what comes.
#[tokio::test]
async fn an_echo_server() {
    let (listener, address) = listener().await;
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                copy(&mut reader, &mut writer).await
            });
        }
    });
    let mut clients = JoinSet::new();
    for client in 0..8u8 {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let sent = vec![client; 10_000];
            let mut received = vec![0; 10_000];
            stream.write_all(&sent).await.unwrap();
            stream.read_exact(&mut received).await.unwrap();
            assert_eq!(received, sent);
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        });
    }
    assert_eq!(clients.join_all().await.len(), 8);
    server.abort();
}

/// Lines that one says are heard by all.
#[tokio::test]
async fn a_chat_server() {
    let (listener, address) = listener().await;
    let (room, _) = broadcast::channel::<String>(16);
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (room, mut ears) = (room.clone(), room.subscribe());
            tokio::spawn(async move {
                let (reader, mut writer) = stream.into_split();
                let mut lines = BufReader::new(reader).lines();
                writer.write_all(b"welcome\n").await.unwrap();
                loop {
                    tokio::select! {
                        line = lines.next_line() => match line.unwrap() {
                            Some(line) => _ = room.send(line),
                            None => break,
                        },
                        Ok(line) = ears.recv() => {
                            writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
                        }
                    }
                }
            });
        }
    });
    let mut guests = Vec::new();
    for _ in 0..3 {
        let mut guest = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut line = String::new();
        guest.read_line(&mut line).await.unwrap();
        assert_eq!(line, "welcome\n");
        guests.push(guest);
    }
    guests[1].write_all(b"hello all\n").await.unwrap();
    for guest in &mut guests {
        let mut line = String::new();
        guest.read_line(&mut line).await.unwrap();
        assert_eq!(line, "hello all\n");
    }
    server.abort();
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let (listener, address) = listener().await;
    drop(listener);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(TcpListener::bind("no address").await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn addresses_come_in_many_forms() {
    async fn first(addresses: impl ToSocketAddrs) -> SocketAddr {
        lookup_host(addresses).await.unwrap().next().unwrap()
    }
    let expected = SocketAddr::from(([127, 0, 0, 1], 80));
    assert_eq!(first("127.0.0.1:80").await, expected);
    assert_eq!(first(String::from("127.0.0.1:80")).await, expected);
    assert_eq!(first(("127.0.0.1", 80)).await, expected);
    assert_eq!(first((Ipv4Addr::LOCALHOST, 80)).await, expected);
    assert_eq!(first(&[expected][..]).await, expected);
    assert_eq!(first("localhost:80").await.port(), 80);
}

#[tokio::test]
async fn halves_are_parted_and_come_together_again() {
    let (near, mut far) = pair().await;
    let (mut reader, mut writer) = near.into_split();
    let send = tokio::spawn(async move {
        writer.write_all(b"question").await.unwrap();
        writer
    });
    let mut question = [0; 8];
    far.read_exact(&mut question).await.unwrap();
    far.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    assert_eq!(reader.peek(&mut answer).await.unwrap(), 6);
    reader.read_exact(&mut answer).await.unwrap();
    assert_eq!((&question, &answer), (b"question", b"answer"));
    let writer = send.await.unwrap();
    let whole = reader.reunite(writer).unwrap();
    let (_reader, writer) = whole.into_split();
    drop(writer);
    assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0, "a dropped writer shuts its direction down");
}

#[tokio::test]
async fn readiness_and_attempts() {
    let (near, far) = pair().await;
    assert_eq!(near.try_read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    far.writable().await.unwrap();
    assert_eq!(far.try_write(b"now").unwrap(), 3);
    near.readable().await.unwrap();
    let mut bytes = [0; 8];
    assert_eq!(near.try_read(&mut bytes).unwrap(), 3);
    assert!(near.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap().is_writable());
    assert_eq!(near.try_read(&mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(timeout(Duration::from_millis(1), near.readable()).await.is_err());
}

#[tokio::test]
async fn a_read_in_a_select_loses_nothing() {
    let (mut near, mut far) = pair().await;
    let mut bytes = [0; 4];
    for _ in 0..20 {
        tokio::select! {
            biased;
            _ = near.read(&mut bytes) => unreachable!("nothing was sent"),
            _ = tokio::task::yield_now() => {}
        }
    }
    far.write_all(b"here").await.unwrap();
    near.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"here");
}

#[tokio::test]
async fn sockets_are_set_up_by_hand() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    assert!(socket.reuseaddr().unwrap());
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = TcpSocket::new_v4().unwrap().connect(address);
    let (client, (server, peer)) = tokio::try_join!(connect, listener.accept()).unwrap();
    assert_eq!((client.local_addr().unwrap(), client.peer_addr().unwrap()), (peer, address));
    server.set_ttl(32).unwrap();
    assert_eq!(server.ttl().unwrap(), 32);
    let std = client.into_std().unwrap();
    let mut back = TcpStream::from_std(std).unwrap();
    back.write_all(b"x").await.unwrap();
    assert!(server.take_error().unwrap().is_none());
}

#[tokio::test]
async fn datagrams() {
    let (first, second) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let (to_first, to_second) = (first.local_addr().unwrap(), second.local_addr().unwrap());
    assert_eq!(first.send_to(b"ping", to_second).await.unwrap(), 4);
    let mut bytes = [0; 16];
    assert_eq!(second.recv_from(&mut bytes).await.unwrap(), (4, to_first));
    second.connect(to_first).await.unwrap();
    assert_eq!(second.send(b"pong!").await.unwrap(), 5);
    assert_eq!(first.peek_from(&mut bytes).await.unwrap(), (5, to_second));
    assert_eq!(first.recv(&mut bytes).await.unwrap(), 5);
    assert_eq!(&bytes[..5], b"pong!");
    assert_eq!(first.try_recv(&mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn unix_streams_and_datagrams() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        stream.read_to_string(&mut request).await.unwrap();
        stream.write_all(request.to_uppercase().as_bytes()).await.unwrap();
        stream.peer_cred().unwrap().uid()
    });
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"quiet").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "QUIET");
    assert_eq!(server.await.unwrap(), client.peer_cred().unwrap().uid());

    let (near, far) = UnixDatagram::pair().unwrap();
    near.send(b"datagram").await.unwrap();
    let mut bytes = [0; 16];
    assert_eq!(far.recv(&mut bytes).await.unwrap(), 8);

    let (mut sender, mut receiver) = pipe::pipe().unwrap();
    sender.write_all(b"through a pipe").await.unwrap();
    drop(sender);
    let mut text = String::new();
    receiver.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "through a pipe");
}
