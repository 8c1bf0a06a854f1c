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
mod support;
#[path = "ecosystem/tls.rs"]
mod tls;

use self::support::noise;
