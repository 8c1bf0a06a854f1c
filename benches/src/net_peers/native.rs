//! This project's runtime: connections and their bytes as streams, sends of owned buffers.

use std::net;

use ::runtime::{
    IntoResult,
    net::{BufferPool, TcpListener, TcpStream},
};

use super::work::{Answer, MESSAGE_MAX, Work};

/// As many as the loop by hand has.
const BUFFERS: u16 = 2048;

pub fn serve(listener: net::TcpListener, work: Work) {
    super::ours().block_on(accept_all(listener, work));
}

/// With the task-run mode that takes least CPU time.
pub fn serve_deferred(listener: net::TcpListener, work: Work) {
    super::ours_deferred().block_on(accept_all(listener, work));
}

async fn accept_all(listener: net::TcpListener, work: Work) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let pool = BufferPool::new(BUFFERS, MESSAGE_MAX as u32).expect("a pool");
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        drop(::runtime::spawn(connection(stream.expect("a connection"), pool.clone(), work)));
    }
}

async fn connection(stream: TcpStream, pool: BufferPool, work: Work) -> std::io::Result<()> {
    let (mut session, mut out) = (work.session(), Vec::new());
    let mut bytes = stream.recv_stream(&pool);
    while let Some(lease) = bytes.next().await {
        let lease = lease?;
        match session.answer(&lease, &mut out) {
            Answer::Input => drop(stream.send_all(lease).await.into_result()?),
            Answer::Out => {
                drop(lease);
                out = stream.send_all(out).await.into_result()?;
            }
        }
    }
    Ok(())
}
