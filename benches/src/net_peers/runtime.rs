//! This project's runtime, with the code of tokio's server.

super::drop_in::drop_in!(runtime);

pub fn serve(listener: std::net::TcpListener, work: Work) {
    super::ours().block_on(accept_all(listener, work));
}

/// With the task-run mode that takes least CPU time.
pub fn serve_deferred(listener: std::net::TcpListener, work: Work) {
    super::ours_deferred().block_on(accept_all(listener, work));
}

/// As where io_uring is refused.
pub fn serve_emulated(listener: std::net::TcpListener, work: Work) {
    super::ours_emulated().block_on(accept_all(listener, work));
}
