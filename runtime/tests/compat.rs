//! The streams of others' kinds: which types have whose traits, and what hyper gets besides.

#[path = "common/mod.rs"]
mod common;

use std::{
    cell::Cell,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
};

use common::run;
use hyper::rt::{Executor, Timer};
use runtime::{
    compat::{Futures, Hyper, HyperExecutor, HyperTimer, Native, Tokio},
    io::{
        AsyncRead, AsyncWrite, BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty, Join, ReadHalf, Repeat,
        SimplexStream, Sink, Stderr, Stdin, Stdout, Take, WriteHalf,
    },
    net::{TcpStream, UnixStream, tcp},
    process::{ChildStderr, ChildStdin, ChildStdout},
    task::yield_now,
    time::{Duration, Instant, Sleep},
};
use runtime_core::io::compat::{futures, hyper as hyper_io, tokio};

fn reads<T: tokio::AsyncRead + futures::AsyncRead + hyper_io::Read>() {}
fn writes<T: tokio::AsyncWrite + futures::AsyncWrite + hyper_io::Write>() {}
fn buffers<T: tokio::AsyncBufRead + futures::AsyncBufRead>() {}
fn seeks<T: tokio::AsyncSeek>() {}

#[test]
fn every_stream_has_the_traits_of_all() {
    reads::<TcpStream>();
    writes::<TcpStream>();
    reads::<tcp::ReadHalf<'static>>();
    writes::<tcp::WriteHalf<'static>>();
    reads::<tcp::OwnedReadHalf>();
    writes::<tcp::OwnedWriteHalf>();
    reads::<UnixStream>();
    writes::<UnixStream>();
    reads::<DuplexStream>();
    writes::<DuplexStream>();
    reads::<SimplexStream>();
    writes::<SimplexStream>();
    reads::<ReadHalf<TcpStream>>();
    writes::<WriteHalf<TcpStream>>();
    reads::<Join<Empty, Sink>>();
    writes::<Join<Empty, Sink>>();
    reads::<Stdin>();
    writes::<Stdout>();
    writes::<Stderr>();
    writes::<ChildStdin>();
    reads::<ChildStdout>();
    reads::<ChildStderr>();
    reads::<Repeat>();
    writes::<Sink>();
    reads::<Empty>();
    writes::<Empty>();
    buffers::<Empty>();
    seeks::<Empty>();
    reads::<Take<TcpStream>>();
    reads::<Chain<TcpStream, Empty>>();
    buffers::<Chain<Empty, Take<BufReader<TcpStream>>>>();
}

#[test]
fn buffers_around_a_stream_have_what_the_stream_has() {
    reads::<BufReader<TcpStream>>();
    buffers::<BufReader<TcpStream>>();
    writes::<BufReader<TcpStream>>();
    seeks::<BufReader<Empty>>();
    reads::<BufWriter<TcpStream>>();
    writes::<BufWriter<TcpStream>>();
    seeks::<BufWriter<Empty>>();
    buffers::<BufWriter<Empty>>();
    reads::<BufStream<TcpStream>>();
    writes::<BufStream<TcpStream>>();
    buffers::<BufStream<TcpStream>>();
    seeks::<BufStream<Empty>>();
}

#[test]
fn wrappers_have_the_traits_of_all_and_go_where_their_stream_goes() {
    fn native<T: AsyncRead + AsyncWrite + Send + Sync + Unpin>() {}
    native::<Native<TcpStream>>();
    native::<Tokio<TcpStream>>();
    native::<Futures<TcpStream>>();
    native::<Hyper<TcpStream>>();
    reads::<Native<TcpStream>>();
    writes::<Native<TcpStream>>();
    reads::<Tokio<TcpStream>>();
    writes::<Tokio<TcpStream>>();
    reads::<Futures<TcpStream>>();
    writes::<Futures<TcpStream>>();
    reads::<Hyper<TcpStream>>();
    writes::<Hyper<TcpStream>>();
    fn boxed<T: AsyncRead + Unpin + ?Sized>() {
        reads::<Native<Box<T>>>();
    }
    boxed::<dyn AsyncRead + Unpin>();
}

#[test]
fn the_executor_spawns_on_the_shard_what_is_not_send() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let told = ran.clone();
        HyperExecutor.execute(async move { told.set(true) });
        assert!(!ran.get(), "a task, not a call");
        yield_now().await;
        assert!(ran.get());
    });
}

#[test]
fn the_timer_goes_by_the_clock_of_the_shard_and_resets_in_place() {
    run(async {
        runtime::time::pause();
        let start = Instant::now();
        let mut sleep = HyperTimer.sleep(Duration::from_secs(1));
        let address: *const Sleep = &*sleep.as_mut().downcast_mut_pin::<Sleep>().unwrap();
        HyperTimer.reset(&mut sleep, (start + Duration::from_secs(60)).into_std());
        let after: *const Sleep = &*sleep.as_mut().downcast_mut_pin::<Sleep>().unwrap();
        assert_eq!(address, after, "no new allocation");
        sleep.await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        HyperTimer.sleep_until((start + Duration::from_secs(90)).into_std()).await;
        assert_eq!(start.elapsed(), Duration::from_secs(90));
        assert_eq!(HyperTimer.now(), Instant::now().into_std());
    });
}

/// Another runtime's sleep, which is over at once.
struct Other;

impl Future for Other {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

impl hyper::rt::Sleep for Other {}

#[test]
fn a_sleep_of_another_kind_is_replaced() {
    run(async {
        runtime::time::pause();
        let start = Instant::now();
        let mut sleep: Pin<Box<dyn hyper::rt::Sleep>> = Box::pin(Other);
        HyperTimer.reset(&mut sleep, (start + Duration::from_secs(1)).into_std());
        pin!(sleep).await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    });
}
