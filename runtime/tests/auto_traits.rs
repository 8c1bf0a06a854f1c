//! What may cross threads: asserted, since a field can change it silently.

use runtime::{
    Io, Loan, Lowering, Metrics, Runtime,
    fs::{File, FileHandle, SlotFile},
    io::{Interest, Ready, unix::AsyncFd},
    net::{
        SlotStream, StreamHandle, TcpListener, TcpSocket, TcpStream, UnixStream,
        tcp::{Accept, Connect, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
    },
    op::{Exact, Read, Recv, Variable, Write},
    plan::{JoinAll, One},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    signal::unix::{Signal, SignalKind},
    task::{AbortHandle, JoinError, JoinHandle},
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

not_send!(SlotFile, SlotStream, Runtime, Io<One<Write<std::rc::Rc<[u8]>, Exact>>>);

#[test]
fn public_types_cross_threads_as_tokios_do() {
    send_sync::<File>();
    send_sync::<TcpStream>();
    send_sync::<UnixStream>();
    send_sync::<(TcpListener, TcpSocket, StreamHandle)>();
    send_sync::<(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf, ReuniteError)>();
    send::<(Accept<'_>, Connect<&str>)>();
    unpin::<(Accept<'_>, Connect<String>)>();
    send_sync::<(Loan, FileHandle, Lowering, Metrics)>();
    send_sync::<(AsyncFd<TcpStream>, Interest, Ready, Signal, SignalKind)>();
    send_sync::<(Command, Child, ChildStdin, ChildStdout, ChildStderr)>();
    send_sync::<(JoinHandle<u8>, AbortHandle, JoinError)>();
    send::<(Sleep, Interval, Timeout<Sleep>)>();
}

#[test]
fn an_io_is_send_if_its_buffers_are_and_always_unpin() {
    send::<Io<One<Read<Vec<u8>, Variable>>>>();
    send::<Io<JoinAll<One<Recv<Box<[u8]>, Exact>>>>>();
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
