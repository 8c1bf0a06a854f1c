//! What a connection takes of a server's own memory while nothing comes, after one echo of 64 bytes.

use super::{load::Load, peers, server, server::Server};
use crate::{
    contest::{Bench, Sample},
    net_peers::Work,
    report::Metric,
};

const CONNECTIONS: u32 = 10_000;

pub fn idle() -> Bench {
    let title = "bytes that an idle connection holds, of 10,000";
    let mut bench = Bench::new("idle", "Memory", title).headline(Metric::Each).once();
    for (index, peer) in peers(Work::Echo) {
        for (work, suffix) in [(Work::Echo, ""), (Work::Lean, ", no buffer held")] {
            if work == Work::Lean && !peer.lean {
                continue;
            }
            bench.add(format!("{}{suffix}", peer.name), peer.kind, move |scene| {
                let count = scene.scaled(CONNECTIONS);
                server::raise_limit();
                let server = Server::start(index, work).expect("a server");
                move || {
                    Load::connect(server.address, work, 64, 1).expect("a connection").once();
                    let before = server.memory();
                    let mut load = Load::connect(server.address, work, 64, count as usize).expect("connections");
                    load.once();
                    let each = server.memory().saturating_sub(before) / u64::from(count);
                    Sample { operations: count.into(), each: Some(each), peak: server.peak(), ..Sample::default() }
                }
            });
        }
    }
    bench
}
