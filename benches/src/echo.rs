//! An echo of 64 bytes over a socket pair, both ends on one shard: what an op costs.

use runtime::{IntoResult, Lowering, Runtime, join, net::UnixStream};

use crate::measure::Bench;

const ECHOES: u32 = 2000;

pub fn bench() -> Bench {
    let mut bench = Bench::new("echo of 64 bytes over a socket pair", ECHOES);
    for (name, lowering) in [
        ("op by op", None),
        ("recv.then(send), chain", Some(Lowering::Chain)),
        ("recv.then(send), staged", Some(Lowering::Staged)),
    ] {
        bench.add(name, Runtime::new().expect("a runtime"), move |runtime| runtime.block_on(run(lowering)));
    }
    bench
}

async fn run(lowering: Option<Lowering>) {
    let (client, server) = UnixStream::pair().expect("a socket pair");
    let (mut ping, mut echo) = (vec![1u8; 64], vec![0u8; 64]);
    for _ in 0..ECHOES {
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
