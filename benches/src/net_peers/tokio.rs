//! tokio, on one thread.

super::drop_in::drop_in!(tokio);

pub fn serve(listener: std::net::TcpListener, work: Work) {
    listener.set_nonblocking(true).expect("an option");
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(accept_all(listener, work));
}
