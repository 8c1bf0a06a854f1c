//! One op, many results: the bytes of a connection, in buffers of a pool. Nothing that arrives is lost or left over,
//! whoever stops when.

mod common;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use common::{Dice, alone, assert_clean, is_linux, pattern, patterned, ready_now, skipped_where_emulated, tcp_pair};
use runtime::{
    Builder,
    net::{BufferPool, PoolOptions, TcpStream, UnixStream},
    op, spawn,
    task::yield_now,
    time::timeout,
};

#[test]
fn bytes_come_in_order_and_the_end_is_the_end() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(8, 512).unwrap();
        for round in 0..20 {
            let (a, b) = if round % 2 == 0 { tcp_pair().await } else { pair_as_tcp() };
            let total = 100_000;
            let sender = spawn(async move { a.send_all(patterned(0, total)).await.0.unwrap() });
            let mut bytes = b.recv_stream(&pool);
            let mut seen = 0;
            while let Some(lease) = bytes.next().await {
                let lease = lease.unwrap();
                assert!(!lease.is_empty() && lease.len() <= 512);
                assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(seen + i)));
                seen += lease.len();
            }
            assert_eq!(seen, total);
            assert!(bytes.next().await.is_none(), "the end stays the end");
            sender.await.unwrap();
            assert_eq!(pool.available(), 8);
        }
    });
}

/// Two connected Unix sockets, by the type of the other tests: a stream is a stream.
fn pair_as_tcp() -> (TcpStream, TcpStream) {
    let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
    (TcpStream::from(std::os::fd::OwnedFd::from(a)), TcpStream::from(std::os::fd::OwnedFd::from(b)))
}

#[test]
fn idle_connections_hold_no_buffer() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(2, 64).unwrap();
        let pairs: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
        let mut streams: Vec<_> = pairs.iter().map(|(_, b)| b.recv_stream(&pool)).collect();
        for bytes in &mut streams {
            assert!(ready_now(bytes).await.is_none());
        }
        yield_now().await;
        assert_eq!(pool.available(), 2);
        for (i, bytes) in streams.iter_mut().enumerate() {
            pairs[i].0.send_all(vec![i as u8; 5]).await.0.unwrap();
            assert_eq!(bytes.next().await.unwrap().unwrap()[..], [i as u8; 5]);
        }
    });
}

/// Ten thousand times: bytes are on their way while the receiver stops, is dropped while it waits, or goes on by an
/// ordinary receive. Every byte is accounted for.
fn conserve(options: PoolOptions, rounds: usize, tcp: bool) {
    common::run(async move {
        let pool = options.build().unwrap();
        let (a, b) = if tcp { tcp_pair().await } else { pair_as_tcp() };
        let (a_task, total) = (spawn(send_until_full(a)), std::rc::Rc::new(std::cell::Cell::new(0)));
        let mut dice = Dice(7);
        let mut seen = 0;
        let check = |seen: &mut usize, bytes: &[u8]| {
            let wrong = bytes.iter().enumerate().find(|(i, byte)| **byte != pattern(*seen + i));
            assert!(wrong.is_none(), "byte {} is not the next one", *seen + wrong.unwrap().0);
            *seen += bytes.len();
        };
        for _ in 0..rounds {
            let mut bytes = b.recv_stream(&pool);
            for _ in 0..dice.throw(4) {
                match dice.throw(3) {
                    // A `next` that is dropped while it waits, as in `select!`.
                    0 => {
                        let mut next = pin!(bytes.next());
                        let polled = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
                        if let Poll::Ready(lease) = polled {
                            check(&mut seen, &lease.unwrap().unwrap());
                        }
                    }
                    1 => yield_now().await,
                    _ => check(&mut seen, &bytes.next().await.unwrap().unwrap()),
                }
            }
            match dice.throw(3) {
                // Stopped.
                0 => {
                    let (result, leases) = bytes.stop().await;
                    result.unwrap();
                    leases.iter().for_each(|lease| check(&mut seen, lease));
                    assert!(bytes.next().await.is_none());
                }
                // A stop that is dropped at some point; the stream then gives what there is.
                1 => {
                    {
                        let mut stop = pin!(bytes.stop());
                        let polled = poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx))).await;
                        if let Poll::Ready((result, leases)) = polled {
                            result.unwrap();
                            leases.iter().for_each(|lease| check(&mut seen, lease));
                        }
                    }
                    while let Some(lease) = bytes.next().await {
                        check(&mut seen, &lease.unwrap());
                    }
                }
                // Stopped, and received otherwise.
                _ => {
                    bytes.stop().await.1.iter().for_each(|lease| check(&mut seen, lease));
                    let (count, buf) = b.recv(vec![0; 300]).await;
                    check(&mut seen, &buf[..count.unwrap()]);
                }
            }
        }
        assert!(seen > rounds, "{seen} bytes in {rounds} rounds");
        assert_eq!(pool.available(), pool.buffers());
        total.set(seen);
        a_task.abort();
        println!("{} bytes in {rounds} rounds", total.get());
    });
}

/// Sends the pattern in pieces of many sizes until nobody wants it.
async fn send_until_full(stream: TcpStream) {
    let (mut at, mut dice) = (0, Dice(3));
    loop {
        let len = 1 + dice.throw(700) as usize;
        if stream.send_all(patterned(at, len)).await.0.is_err() {
            return;
        }
        at += len;
        if dice.throw(3) == 0 {
            yield_now().await;
        }
    }
}

#[test]
fn no_byte_is_lost_over_ten_thousand_stops() {
    let _alone = alone();
    conserve(PoolOptions::new().buffers(16).size(256), 10_000, true);
    conserve(PoolOptions::new().buffers(16).size(256), 4_000, false);
    // One buffer: starved nearly always.
    conserve(PoolOptions::new().buffers(1).size(256), 2_000, true);
}

#[test]
fn no_byte_is_lost_bit_by_bit_and_in_bundles() {
    let _alone = alone();
    conserve(PoolOptions::new().buffers(4).size(4096).incremental(true), 4_000, true);
    conserve(PoolOptions::new().buffers(64).size(64).bundles(true), 4_000, true);
}

#[test]
fn many_connections_share_a_buffer_filled_bit_by_bit() {
    let _alone = alone();
    for options in [PoolOptions::new().incremental(true), PoolOptions::new().bundles(true), PoolOptions::new()] {
        common::run(async move {
            let pool = options.buffers(4).size(2048).build().unwrap();
            let mut tasks = Vec::new();
            for id in 0..40usize {
                let (a, b) = pair_as_tcp();
                let total = 20_000 + id * 7;
                let pool = pool.clone();
                tasks.push(spawn(async move {
                    let (mut at, mut dice) = (0, Dice(id as u64));
                    while at < total {
                        let len = (1 + dice.throw(400) as usize).min(total - at);
                        a.send_all(patterned(at + id, len)).await.0.unwrap();
                        at += len;
                        yield_now().await;
                    }
                }));
                tasks.push(spawn(async move {
                    let mut bytes = b.recv_stream(&pool);
                    let mut seen = 0;
                    while let Some(lease) = bytes.next().await {
                        let lease = lease.unwrap();
                        assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(id + seen + i)), "{id}");
                        seen += lease.len();
                        if seen % 3 == 0 {
                            yield_now().await;
                        }
                    }
                    assert_eq!(seen, total);
                }));
            }
            for task in tasks {
                timeout(Duration::from_secs(60), task).await.expect("somebody starves").unwrap();
            }
            assert_eq!(pool.available(), 4);
        });
    }
}

#[test]
fn fifty_busy_connections_get_along_with_two_buffers() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(2, 128).unwrap();
        let mut tasks = Vec::new();
        for _ in 0..50 {
            let (a, b) = tcp_pair().await;
            tasks.push(spawn(async move { a.send_all(patterned(0, 20_000)).await.0.unwrap() }));
            let pool = pool.clone();
            tasks.push(spawn(async move {
                let mut bytes = b.recv_stream(&pool);
                let mut seen = 0;
                while let Some(lease) = bytes.next().await {
                    let lease = lease.unwrap();
                    assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(seen + i)));
                    seen += lease.len();
                    // Holds it for a while.
                    yield_now().await;
                }
                assert_eq!(seen, 20_000);
            }));
        }
        for task in tasks {
            timeout(Duration::from_secs(60), task).await.expect("somebody starves").unwrap();
        }
        assert_eq!(pool.available(), 2);
    });
}

#[test]
fn whoever_is_woken_for_a_buffer_and_goes_away_wakes_the_next() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(1, 64).unwrap();
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        for (a, _) in &pairs {
            a.send_all("some bytes").await.0.unwrap();
        }
        let mut first = pairs[0].1.recv_stream(&pool);
        let lease = first.next().await.unwrap().unwrap();
        // Two wait for the one buffer, in this order.
        let (second, third) = (pairs[1].1.recv_stream(&pool), pairs[2].1.recv_stream(&pool));
        let second = std::rc::Rc::new(std::cell::RefCell::new(second));
        let waiting = second.clone();
        let second_task = spawn(async move { poll_fn(|cx| waiting.borrow_mut().poll_next(cx)).await.map(drop) });
        let third_task = spawn(async move {
            let mut third = third;
            third.next().await.unwrap().unwrap().to_vec()
        });
        for _ in 0..5 {
            yield_now().await;
        }
        drop(lease);
        // The second was woken, and goes before it has looked.
        second_task.abort();
        drop(second);
        let bytes = timeout(Duration::from_secs(10), third_task).await.expect("the wake was lost").unwrap();
        assert_eq!(bytes, b"some bytes");
    });
}

#[test]
fn a_slow_reader_leaves_the_rest_in_the_socket() {
    let _alone = alone();
    common::run(async {
        // Before, one connection may fill a whole pool.
        let limits = is_linux(6, 17);
        let pool = BufferPool::new(64, 256).unwrap();
        let (a, b) = tcp_pair().await;
        let (c, d) = tcp_pair().await;
        let sender = spawn(async move { a.send_all(patterned(0, 4 << 20)).await.0.unwrap() });
        let mut bytes = b.recv_stream(&pool);
        assert_eq!(bytes.next().await.unwrap().unwrap()[0], 0);
        // It takes nothing for many passes; others still get buffers.
        let mut other = d.recv_stream(&pool);
        for round in 0..200 {
            c.send_all(vec![round; 9]).await.0.unwrap();
            if !limits && pool.available() == 0 {
                break;
            }
            let lease = timeout(Duration::from_secs(10), other.next()).await.expect("no buffer").unwrap().unwrap();
            assert_eq!(lease[..], [round; 9]);
            // 8 is the share of each.
            assert!(!limits || pool.available() >= 64 - 8 - 8, "{} of 64 available", pool.available());
        }
        let mut seen = 256;
        while seen < 4 << 20 {
            let lease = bytes.next().await.unwrap().unwrap();
            assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(seen + i)));
            seen += lease.len();
        }
        sender.await.unwrap();
    });
}

#[test]
fn dropped_at_any_point_every_buffer_goes_back() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(32, 64).unwrap();
        let mut dice = Dice(11);
        for round in 0..3_000 {
            let (a, b) = UnixStream::pair().unwrap();
            let mut bytes = b.recv_stream(&pool);
            let mut kept = Vec::new();
            for _ in 0..dice.throw(6) {
                match dice.throw(4) {
                    0 => drop(a.send_all(vec![1; 100]).await),
                    1 => yield_now().await,
                    _ => {
                        if let Some(Some(lease)) = ready_now(&mut bytes).await {
                            kept.push(lease.unwrap());
                        }
                    }
                }
            }
            if round % 7 == 0 {
                // A cancel of a stop.
                let mut stop = Box::pin(bytes.stop());
                let _ = poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx).is_ready())).await;
            }
            drop(bytes);
            drop(b);
            if round % 2 == 0 {
                drop(a.send_all(vec![1; 100]).await);
            }
            drop(kept);
        }
        while runtime::metrics().activations > 0 {
            op::nop().await.unwrap();
        }
        assert_eq!(pool.available(), 32);
    });
}

#[test]
fn a_reset_is_an_error_after_the_bytes_before_it() {
    let _alone = alone();
    common::run(async {
        let pool = BufferPool::new(8, 64).unwrap();
        let (a, b) = tcp_pair().await;
        let mut bytes = b.recv_stream(&pool);
        a.send_all("last words").await.0.unwrap();
        assert_eq!(bytes.next().await.unwrap().unwrap()[..], *b"last words");
        a.set_zero_linger().unwrap();
        drop(a);
        let error = bytes.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert!(bytes.next().await.is_none());
        let (result, leases) = bytes.stop().await;
        assert!(result.is_ok() && leases.is_empty());
    });
}

#[test]
fn a_completion_queue_of_four_is_no_hindrance() {
    let _alone = alone();
    common::run_on(Builder::new().sq_entries(2).cq_entries(4), async {
        let pool = BufferPool::new(64, 16).unwrap();
        let (a, b) = pair_as_tcp();
        a.send_all(patterned(0, 5_000)).await.0.unwrap();
        drop(a);
        let mut bytes = b.recv_stream(&pool);
        let mut seen = 0;
        while let Some(lease) = bytes.next().await {
            let lease = lease.unwrap();
            assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(seen + i)));
            seen += lease.len();
        }
        assert_eq!(seen, 5_000);
    });
}

#[test]
fn pools_and_leases_outlive_their_runtime() {
    let _alone = alone();
    let runtime = Builder::new().build().unwrap();
    let (pool, lease, bytes) = runtime.block_on(async {
        let pool = BufferPool::new(4, 64).unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        a.send_all("kept").await.0.unwrap();
        let mut bytes = b.recv_stream(&pool);
        (pool, bytes.next().await.unwrap().unwrap(), bytes)
    });
    assert_clean(&runtime.shutdown());
    assert_eq!(&lease[..], b"kept");
    drop(bytes);
    drop(lease);
    assert_eq!(pool.available(), 4);
}

#[test]
fn pools_are_made_and_unmade_without_end() {
    let _alone = alone();
    common::run_on(Builder::new().buffer_pool(PoolOptions::new().buffers(3).size(100)), async {
        for _ in 0..if is_linux(6, 12) { 1_000 } else { 20 } {
            let pool = BufferPool::new(100, 1).unwrap();
            let (a, b) = UnixStream::pair().unwrap();
            a.send_all("xy").await.0.unwrap();
            assert_eq!(b.recv_stream(&pool).next().await.unwrap().unwrap()[..], *b"x");
        }
        let own = BufferPool::of_shard().unwrap();
        assert_eq!((own.buffers(), own.size()), (3, 100));
        for (buffers, size) in [(0, 1), (1, 0), (40_000, 1), (1, u32::MAX)] {
            let error = BufferPool::new(buffers, size).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn small_messages_share_a_buffer_filled_bit_by_bit() {
    if skipped_where_emulated("buffers are not filled bit by bit") {
        return;
    }
    let _alone = alone();
    common::run(async {
        let pool = PoolOptions::new().buffers(1).size(4096).incremental(true).build().unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        let mut bytes = b.recv_stream(&pool);
        let mut held = Vec::new();
        for n in 0..if is_linux(6, 12) { 100 } else { 1 } {
            a.send_all(vec![n; 9]).await.0.unwrap();
            held.push(bytes.next().await.unwrap().unwrap());
        }
        assert!(held.iter().enumerate().all(|(n, lease)| lease[..] == [n as u8; 9]));
    });
}

#[test]
fn bundles_take_fewer_completions() {
    if skipped_where_emulated("no bundles") {
        return;
    }
    let _alone = alone();
    let cqes = [false, true].map(|bundles| {
        common::run(async move {
            let pool = PoolOptions::new().buffers(128).size(64).bundles(bundles).build().unwrap();
            // TCP: it tells the kernel how much has come, without which (Unix sockets before 6.17) a bundle is one buffer.
            let (a, b) = tcp_pair().await;
            let before = runtime::metrics();
            a.send_all(patterned(0, 60_000)).await.0.unwrap();
            drop(a);
            let (mut bytes, mut seen) = (b.recv_stream(&pool), 0);
            while let Some(lease) = bytes.next().await {
                let lease = lease.unwrap();
                assert!(lease.iter().enumerate().all(|(i, byte)| *byte == pattern(seen + i)));
                seen += lease.len();
            }
            assert_eq!(seen, 60_000);
            runtime::metrics().since(&before).cqes
        })
    });
    println!("CQEs without and with bundles: {cqes:?}");
    assert!(!is_linux(6, 10) || cqes[1] < cqes[0] / 2, "{cqes:?}");
}
#[test]
fn streams_of_std_shape_work_with_generic_code() {
    let _alone = alone();
    async fn first<S: futures_core::Stream + Unpin>(mut stream: S) -> Option<S::Item> {
        poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await
    }
    common::run(async {
        let pool = BufferPool::of_shard().unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        a.send_all("x").await.0.unwrap();
        assert_eq!(first(b.recv_stream(&pool)).await.unwrap().unwrap()[..], *b"x");
    });
}
