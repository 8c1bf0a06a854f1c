//! Others' libraries on this runtime's streams: hyper, axum, the codecs of tokio-util, rustls by both of its adaptors; and
//! the program `hyper` as curl and openssl see it.

#![forbid(unsafe_code)]

#[path = "ecosystem/certificate.rs"]
mod certificate;
#[path = "ecosystem/codec.rs"]
mod codec;
#[path = "../../runtime/tests/common/mod.rs"]
mod common;
#[path = "ecosystem/http.rs"]
mod http;
#[path = "ecosystem/program.rs"]
mod program;
#[path = "ecosystem/routes.rs"]
mod routes;
#[path = "ecosystem/tls.rs"]
mod tls;

/// Bytes that do not repeat soon.
fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
