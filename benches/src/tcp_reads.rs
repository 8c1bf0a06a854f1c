//! How a read into a borrowed buffer waits on a TCP connection: by a poll op after a direct attempt (what `read` does), or
//! by a recv op into a buffer of its own, whose bytes are then copied. The latter costs a system call less where there is
//! nothing yet, and one SQE more where there is something.

use std::rc::Rc;

use runtime::{
    IntoResult, Runtime,
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    spawn,
};

use crate::{
    contest::Bench,
    echo::asked,
    measure::{on_this_thread, pin, this_thread},
    report::Kind,
};

const ECHOES: u32 = 4000;

#[derive(Clone, Copy)]
enum Way {
    /// `read_exact` and `write_all`.
    PollOp,
    /// A poll op first, as after a read that took all there was.
    PollFirst,
    /// A recv op, a copy, and a direct send.
    RecvOp,
    /// `recv_exact` and `send_all` with owned buffers.
    Ops,
    /// A direct attempt, then the recv op.
    AttemptThenRecvOp,
}

const WAYS: [(&str, Way); 5] = [
    ("attempt, poll op, attempt", Way::PollOp),
    ("poll op, attempt", Way::PollFirst),
    ("recv op and a copy", Way::RecvOp),
    ("attempt, recv op and a copy", Way::AttemptThenRecvOp),
    ("ops with owned buffers", Way::Ops),
];

pub fn benches() -> impl Iterator<Item = Bench> {
    [1, 32].into_iter().map(|connections| {
        let title = format!("ways to read: TCP echo of 64 bytes, peer on the other core, connections: {connections}");
        let mut bench = Bench::new(format!("tcp-reads-{connections}"), "Ways inside", title);
        for (name, way) in WAYS {
            bench.add(name, Kind::Ours, move |scene| {
                pin(0, &this_thread());
                let mut runtime = Runtime::new().expect("a runtime");
                let mut streams: Vec<_> = asked(connections).into_iter().map(Rc::new).collect();
                let each = scene.scaled(ECHOES) / connections;
                move || {
                    on_this_thread(&mut runtime, each * connections, |runtime| {
                        streams = runtime.block_on(serve(std::mem::take(&mut streams), each, way));
                    })
                }
            });
        }
        bench
    })
}

async fn serve(streams: Vec<Rc<TcpStream>>, echoes: u32, way: Way) -> Vec<Rc<TcpStream>> {
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            spawn(async move {
                let mut stream = Rc::into_inner(stream).expect("one owner");
                answer(&mut stream, echoes, way).await;
                Rc::new(stream)
            })
        })
        .collect();
    let mut streams = Vec::new();
    for task in tasks {
        streams.push(task.await.expect("no panic"));
    }
    streams
}

async fn answer(stream: &mut TcpStream, echoes: u32, way: Way) {
    let (mut message, mut owned) = ([0; 64], vec![0; 64]);
    for _ in 0..echoes {
        match way {
            Way::PollOp => {
                stream.read_exact(&mut message).await.expect("a read");
                stream.write_all(&message).await.expect("a write");
            }
            Way::PollFirst => {
                stream.readable().await.expect("a wait");
                assert_eq!(stream.try_read(&mut message).expect("a read"), 64);
                stream.write_all(&message).await.expect("a write");
            }
            Way::RecvOp => {
                (_, owned) = stream.recv(owned).await.into_result().expect("a receive");
                message.copy_from_slice(&owned);
                stream.write_all(&message).await.expect("a write");
            }
            Way::AttemptThenRecvOp => {
                if stream.try_read(&mut message).is_err() {
                    (_, owned) = stream.recv(owned).await.into_result().expect("a receive");
                    message.copy_from_slice(&owned);
                }
                stream.write_all(&message).await.expect("a write");
            }
            Way::Ops => {
                owned = stream.recv_exact(owned).await.into_result().expect("a receive");
                owned = stream.send_all(owned).await.into_result().expect("a send");
            }
        }
    }
}
