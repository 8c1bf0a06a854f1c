//! glommio. It has no way to take over a listener without unsafe code, so it makes one of its own on the same port.

use std::net;

use ::glommio::{
    LocalExecutor, LocalExecutorBuilder, Placement,
    net::{TcpListener, TcpStream},
    spawn_local,
};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};

use super::work::{Answer, MESSAGE_MAX, Work};

pub fn serve(listener: net::TcpListener, work: Work) {
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let executor: LocalExecutor = LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor");
    executor.run(async {
        let listener = TcpListener::bind(address).expect("a listener");
        super::announce(address);
        loop {
            let stream = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            spawn_local(connection(stream, work)).detach();
        }
    });
}

async fn connection(mut stream: TcpStream, work: Work) -> std::io::Result<()> {
    let (mut session, mut input, mut out) = (work.session(), vec![0; MESSAGE_MAX], Vec::new());
    loop {
        let count = stream.read(&mut input).await?;
        if count == 0 {
            return Ok(());
        }
        match session.answer(&input[..count], &mut out) {
            Answer::Input => stream.write_all(&input[..count]).await?,
            Answer::Out => stream.write_all(&out).await?,
        }
    }
}
