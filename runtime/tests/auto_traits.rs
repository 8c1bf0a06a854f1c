//! What may cross threads: asserted, since a field can change it silently.

use runtime::{
    Io, Loan, Lowering, Metrics, Runtime,
    fs::{File, FileHandle, SlotFile},
    io::{Interest, Ready, unix::AsyncFd},
    net::{
        SlotStream, StreamHandle, TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSocket,
        UnixStream,
        tcp::{Accept, Connect, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
        unix::{self, UCred, UnixSeqpacket, UnixSeqpacketListener, pipe},
    },
    op::{Exact, Read, Recv, RecvMsg, SendMsg, Variable, Write},
    plan::{JoinAll, One},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    signal::unix::{Signal, SignalKind},
    task::{
        AbortHandle, AccessError, Id, JoinError, JoinHandle, JoinSet, LocalEnterGuard, LocalKey, LocalSet,
        Unconstrained, coop::Coop, futures::TaskLocalFuture,
    },
    time::{Interval, Sleep, Timeout},
};

fn send<T: Send>() {}
fn send_sync<T: Send + Sync>() {}
fn unpin<T: Unpin>() {}

/// Compiles only if `T` is not `Send`: else the call is ambiguous.
macro_rules! not_send {
    ($($type:ty),+) => { $(const _: fn() = || {
        trait Ambiguous<A> { fn check() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + Send> Ambiguous<u8> for T {}
        let _ = <$type as Ambiguous<_>>::check;
    };)+ };
}

not_send!(
    LocalSet,
    LocalEnterGuard,
    JoinSet<std::rc::Rc<u8>>,
    SlotFile,
    SlotStream,
    Runtime,
    Io<One<Write<std::rc::Rc<[u8]>, Exact>>>
);

#[test]
fn public_types_cross_threads_as_tokios_do() {
    send_sync::<File>();
    send_sync::<TcpStream>();
    send_sync::<UnixStream>();
    send_sync::<(TcpListener, TcpSocket, StreamHandle)>();
    send_sync::<(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf, ReuniteError)>();
    send::<(Accept<'_>, Connect<&str>)>();
    unpin::<(Accept<'_>, Connect<String>)>();
    send::<unix::Connect>();
    unpin::<unix::Connect>();
    send_sync::<(UdpSocket, UnixListener, UnixDatagram, UnixSocket, UCred, unix::SocketAddr)>();
    send_sync::<(unix::ReadHalf<'_>, unix::WriteHalf<'_>, unix::OwnedReadHalf, unix::OwnedWriteHalf)>();
    send_sync::<(unix::ReuniteError, UnixSeqpacket, UnixSeqpacketListener)>();
    send_sync::<(pipe::Sender, pipe::Receiver, pipe::OpenOptions)>();
    unpin::<(UdpSocket, UnixStream, UnixListener, UnixDatagram, pipe::Sender, pipe::Receiver)>();
    send_sync::<(Loan, FileHandle, Lowering, Metrics)>();
    send_sync::<(AsyncFd<TcpStream>, Interest, Ready, Signal, SignalKind)>();
    send_sync::<(Command, Child, ChildStdin, ChildStdout, ChildStderr)>();
    send_sync::<(JoinHandle<u8>, AbortHandle, JoinError, Id)>();
    send_sync::<JoinSet<std::cell::Cell<u8>>>();
    send_sync::<(LocalKey<std::rc::Rc<u8>>, AccessError, TaskLocalFuture<u8, Sleep>)>();
    send_sync::<(Unconstrained<u8>, Coop<u8>)>();
    unpin::<(JoinHandle<std::marker::PhantomPinned>, JoinSet<std::marker::PhantomPinned>, LocalSet)>();
    send::<(Sleep, Interval, Timeout<Sleep>)>();
}

#[test]
fn an_io_is_send_if_its_buffers_are_and_always_unpin() {
    send::<Io<One<Read<Vec<u8>, Variable>>>>();
    send::<Io<JoinAll<One<Recv<Box<[u8]>, Exact>>>>>();
    send::<Io<One<RecvMsg<Vec<u8>, unix::SocketAddr>>>>();
    send::<Io<One<SendMsg<Vec<u8>>>>>();
    send::<runtime::Cancel<One<Read<Vec<u8>, Variable>>>>();
    unpin::<Io<One<Write<std::rc::Rc<[u8]>, Exact>>>>();
    // Plans that open into slots, join and lend, behind a `Send` bound such as axum's.
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    drop(is_send(File::open("f").then(|f| f.read_at(vec![0; 8], 0)).finally(|(f, _)| f.close())));
    drop(is_send(runtime::fs::write("f", "text")));
    drop(is_send(runtime::fs::read("f")));
    drop(is_send(TcpStream::connect("localhost:80")));
}
