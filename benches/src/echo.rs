//! An echo of 64 bytes over a socket pair, both ends on one shard: what an op costs.

use std::{
    io::{Read, Write},
    rc::Rc,
};

use runtime::{
    Builder, IntoResult, Lowering, Runtime, TaskRun, join,
    net::{TcpStream, UnixStream},
    spawn,
};

use crate::{
    contest::Bench,
    measure::{on, on_this_thread, pin, this_thread},
    report::Kind,
};

const ECHOES: u32 = 2000;

pub fn bench() -> Bench {
    let mut bench = Bench::new("plan-echo", "Plans and op by op", "echo of 64 bytes over a socket pair");
    for (name, kind, lowering) in [
        ("op by op", Kind::OpByOp, None),
        ("recv.then(send), chain", Kind::Ours, Some(Lowering::Chain)),
        ("recv.then(send), staged", Kind::Ours, Some(Lowering::Staged)),
    ] {
        bench.add(name, kind, move |scene| {
            let (echoes, mut runtime) = (scene.scaled(ECHOES), Runtime::new().expect("a runtime"));
            move || on(&mut runtime, echoes, |runtime| runtime.block_on(run(echoes, lowering)))
        });
    }
    bench
}

/// The same echo and one over the network, for each way in which the kernel can run completion work.
pub fn mode_benches() -> impl Iterator<Item = Bench> {
    const MODES: [(&str, TaskRun); 3] =
        [("coop", TaskRun::Coop), ("defer", TaskRun::Defer), ("interrupt", TaskRun::Interrupt)];
    [0, 1, 32].into_iter().map(|connections| {
        let title = match connections {
            0 => "task-run modes: echo of 64 bytes over a socket pair, op by op".to_owned(),
            _ => format!("task-run modes: echo of 64 bytes over TCP, connections: {connections}"),
        };
        let mut bench = Bench::new(format!("echo-modes-{connections}"), "Ways inside", title);
        for (name, mode) in MODES {
            bench.add(name, Kind::Ours, move |scene| {
                // Two threads that share a core take turns, and what an interrupt of the other core costs would not show.
                pin(0, &this_thread());
                let mut runtime = Builder::new().task_run(mode).build().expect("a runtime");
                let streams = if connections > 0 { asked(connections) } else { Vec::new() };
                let streams: Vec<_> = streams.into_iter().map(Rc::new).collect();
                let each = scene.scaled(ECHOES) / connections.max(1);
                move || {
                    on_this_thread(&mut runtime, each * connections.max(1), |runtime| match connections {
                        0 => runtime.block_on(run(each, None)),
                        _ => runtime.block_on(answer(&streams, each)),
                    })
                }
            });
        }
        bench
    })
}

/// Connections whose other ends, all in one thread that blocks, have a message out at all times.
pub fn asked(connections: u32) -> Vec<TcpStream> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (servers, mut clients): (Vec<_>, Vec<_>) = (0..connections)
        .map(|_| {
            let client = std::net::TcpStream::connect(address).expect("a connection");
            let (server, _) = listener.accept().expect("a connection");
            for stream in [&client, &server] {
                stream.set_nodelay(true).expect("an option");
            }
            (TcpStream::from_std(server).expect("a stream"), client)
        })
        .unzip();
    // It waits in a read while other contestants have their turn, and ends with the connections. Each answer is followed
    // by the next message, so those of the other connections arrive while the shard runs.
    std::thread::spawn(move || -> std::io::Result<()> {
        pin(1, &this_thread());
        let mut message = [1; 64];
        for client in &mut clients {
            client.write_all(&message)?;
        }
        loop {
            for client in &mut clients {
                client.read_exact(&mut message)?;
                assert_eq!(message, [1; 64]);
                client.write_all(&message)?;
            }
        }
    });
    servers
}

async fn answer(streams: &[Rc<TcpStream>], echoes: u32) {
    let tasks = streams.iter().cloned().map(|stream| {
        spawn(async move {
            let mut message = vec![0; 64];
            for _ in 0..echoes {
                message = stream.recv_exact(message).await.into_result().expect("a receive");
                message = stream.send_all(message).await.into_result().expect("a send");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
}

async fn run(echoes: u32, lowering: Option<Lowering>) {
    let (client, server) = UnixStream::pair().expect("a socket pair");
    let (mut ping, mut echo) = (vec![1u8; 64], vec![0u8; 64]);
    for _ in 0..echoes {
        let ask = async {
            ping = client.send_all(std::mem::take(&mut ping)).await.into_result().expect("a send");
            ping = client.recv_exact(std::mem::take(&mut ping)).await.into_result().expect("a receive");
        };
        let answer = async {
            let buf = std::mem::take(&mut echo);
            echo = match lowering {
                None => {
                    let bytes = server.recv_exact(buf).await.into_result().expect("a receive");
                    server.send_all(bytes).await.into_result().expect("a send")
                }
                Some(lowering) => {
                    let plan = server.recv_exact(buf).then(|bytes| server.send_all(bytes)).lowering(lowering);
                    plan.await.into_result().expect("a plan").0
                }
            };
        };
        join!(ask, answer).await;
    }
    assert_eq!(ping, [1; 64]);
}
