//! The codecs of tokio-util, on a `TcpStream` and on its halves.

use futures_util::{SinkExt, StreamExt};
use runtime::spawn;
use tokio_util::{
    bytes::Bytes,
    codec::{Framed, FramedRead, FramedWrite, LengthDelimitedCodec, LinesCodec},
};

use crate::{
    common::{run, tcp_pair},
    noise,
};

/// More than the socket's buffers hold, so that both sides have to wait for each other.
const FRAME_BYTES: usize = 3 << 20;

#[test]
fn frames_go_both_ways_over_one_stream() {
    run(async {
        let (client, server) = tcp_pair().await;
        let mut codec = LengthDelimitedCodec::builder();
        codec.max_frame_length(FRAME_BYTES);
        let mut client = Framed::new(client, codec.new_codec());
        let mut server = Framed::new(server, codec.new_codec());
        let echo = spawn(async move {
            while let Some(frame) = server.next().await {
                server.send(frame.unwrap().freeze()).await.unwrap();
            }
        });
        for bytes in [noise(0), noise(1), noise(FRAME_BYTES), noise(1000)] {
            client.send(Bytes::from(bytes.clone())).await.unwrap();
            let answer = client.next().await.unwrap().unwrap();
            assert!(answer == bytes, "a frame of {} bytes came back as one of {}", bytes.len(), answer.len());
        }
        SinkExt::<Bytes>::close(&mut client).await.unwrap();
        assert!(client.next().await.is_none());
        echo.await.unwrap();
    });
}

#[test]
fn lines_go_over_halves() {
    run(async {
        let (client, server) = tcp_pair().await;
        let (_, write) = client.into_split();
        let mut lines = FramedWrite::new(write, LinesCodec::new());
        lines.send("one").await.unwrap();
        lines.send("two").await.unwrap();
        drop(lines);
        let (read, _write) = server.into_split();
        let lines: Vec<String> = FramedRead::new(read, LinesCodec::new()).map(Result::unwrap).collect().await;
        assert_eq!(lines, ["one", "two"]);
    });
}
