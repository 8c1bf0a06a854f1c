//! `/metrics`, in the text format of Prometheus.

use std::{fmt::Write, sync::atomic::Ordering::Relaxed};

use super::shard::{Shard, Totals};

/// The counters of all shards. The rings' are asked for on the shards themselves, by a task on each.
pub async fn text(shard: &Shard) -> String {
    let rings = runtime::on_each_shard(|_| async { runtime::metrics() }).await;
    let totals = shard.totals();
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> u64| {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
        for shard in 0..totals.len() {
            writeln!(text, "{name}{{shard=\"{shard}\"}} {}", value(shard)).expect("a String takes all");
        }
    };
    let ring = |shard: usize| rings[shard].as_ref().copied().unwrap_or_default();
    let of = |counter: fn(&Totals) -> u64| move |shard: usize| counter(&totals[shard]);
    family("http_requests_total", "counter", "Requests that were answered.", &of(|own| own.requests.load(Relaxed)));
    family("http_errors_total", "counter", "Answers of 4xx and 5xx.", &of(|own| own.errors.load(Relaxed)));
    family(
        "http_sent_bytes_total",
        "counter",
        "Bytes of answers, heads included.",
        &of(|own| own.bytes_sent.load(Relaxed)),
    );
    family("http_accepted_total", "counter", "Connections that were accepted.", &of(|own| own.accepted.load(Relaxed)));
    family("http_connections", "gauge", "Connections that are open.", &of(|own| own.connections.load(Relaxed)));
    family("runtime_enters_total", "counter", "Calls of io_uring_enter.", &|shard| ring(shard).enters);
    family("runtime_sqes_total", "counter", "Ops that went to the kernel.", &|shard| ring(shard).sqes);
    family("runtime_wakes_total", "counter", "Wakes of tasks.", &|shard| ring(shard).wakes);
    family("runtime_in_flight", "gauge", "Ops in the kernel's hands.", &|shard| ring(shard).in_flight);
    family("runtime_tasks", "gauge", "Tasks that have not ended.", &|shard| ring(shard).tasks);
    let help = "Calls of io_uring_enter per request, since the start.";
    writeln!(text, "# HELP http_enters_per_request {help}\n# TYPE http_enters_per_request gauge")
        .expect("a String takes all");
    for (shard, own) in totals.iter().enumerate() {
        let requests = own.requests.load(Relaxed).max(1);
        let ratio = ring(shard).enters as f64 / requests as f64;
        writeln!(text, "http_enters_per_request{{shard=\"{shard}\"}} {ratio:.3}").expect("a String takes all");
    }
    text
}
