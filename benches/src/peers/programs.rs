//! The programs, each written once. A macro, since what a future must be for a task to be made of it differs among runtimes
//! (`MaySpawn`), and no trait can say that of futures without names.
//!
//! The module that calls it has the runtime's words: `run`, `spawn`, `joined`, channels and so on.

macro_rules! programs {
    () => {
        pub mod work {
            use std::{
                hint::black_box,
                time::{Duration, Instant},
            };

            use super::{
                MaySpawn, Receiver, RemoteReceiver, RemoteReceiverEnd, RemoteSender, RemoteSenderEnd, Sender, channel,
                connect_receiver, connect_sender, joined, receive, receive_remote, remote_channel, run, send,
                send_remote, sleep_until, spawn, spawn_blocking, timeout, yield_now,
            };
            use $crate::{
                contest::process_cpu as cpu_time,
                peers::{Crowd, Place, Slept, Taken},
            };

            async fn timed(work: impl Future<Output = ()>) -> Taken {
                let (start, cpu) = (Instant::now(), cpu_time());
                work.await;
                Taken { wall: start.elapsed(), cpu: cpu_time() - cpu }
            }

            fn run_in(place: Place, work: impl Future<Output = Taken> + MaySpawn + 'static) -> Taken {
                match place {
                    Place::Task => run(async { joined(spawn(work)).await }),
                    Place::BlockOn => run(work),
                }
            }

            pub fn one_by_one(count: u32, place: Place) -> Taken {
                async fn spawns(count: u32) {
                    for i in 0..count {
                        assert_eq!(joined(spawn(async move { black_box(i) })).await, i);
                    }
                }
                run_in(place, async move {
                    spawns(count / 10).await;
                    timed(spawns(count)).await
                })
            }

            pub fn batches(count: u32, place: Place) -> Taken {
                const BATCH: u32 = 1000;
                async fn spawns(count: u32) {
                    let mut tasks = Vec::with_capacity(BATCH as usize);
                    for _ in 0..count / BATCH {
                        tasks.extend((0..BATCH).map(|i| spawn(async move { black_box(i) })));
                        for (i, task) in tasks.drain(..).enumerate() {
                            assert_eq!(joined(task).await, i as u32);
                        }
                    }
                }
                run_in(place, async move {
                    spawns(count / 10).await;
                    timed(spawns(count)).await
                })
            }

            pub fn yields(count: u32, place: Place) -> Taken {
                const TASKS: u32 = 100;
                async fn yields(count: u32) {
                    let task = || {
                        spawn(async move {
                            for _ in 0..count / TASKS {
                                yield_now().await;
                            }
                        })
                    };
                    for task in (0..TASKS).map(|_| task()).collect::<Vec<_>>() {
                        joined(task).await;
                    }
                }
                run_in(place, async move {
                    yields(count / 10).await;
                    timed(yields(count)).await
                })
            }

            pub fn ping_pong(count: u32, place: Place) -> Taken {
                async fn trips(count: u32, to: &mut Sender, from: &mut Receiver) {
                    for i in 0..count {
                        send(to, i).await;
                        assert_eq!(receive(from).await, Some(i));
                    }
                }
                run_in(place, async move {
                    let (mut to, mut there) = channel();
                    let (mut back, mut from) = channel();
                    let other = spawn(async move {
                        while let Some(i) = receive(&mut there).await {
                            send(&mut back, i).await;
                        }
                    });
                    trips(count / 10, &mut to, &mut from).await;
                    let taken = timed(trips(count, &mut to, &mut from)).await;
                    drop(to);
                    joined(other).await;
                    taken
                })
            }

            /// Over channels that could cross threads.
            pub fn ping_pong_shared(count: u32, place: Place) -> Taken {
                let (to, there) = remote_channel();
                let (back, from) = remote_channel();
                run_in(place, async move {
                    let other = spawn(send_back(there, back));
                    let taken = there_and_back(count, to, from).await;
                    joined(other).await;
                    taken
                })
            }

            async fn send_back(there: RemoteReceiverEnd, back: RemoteSenderEnd) {
                let (mut there, mut back) = (connect_receiver(there).await, connect_sender(back).await);
                while let Some(i) = receive_remote(&mut there).await {
                    send_remote(&mut back, i).await;
                }
            }

            async fn there_and_back(count: u32, to: RemoteSenderEnd, from: RemoteReceiverEnd) -> Taken {
                async fn trips(count: u32, to: &mut RemoteSender, from: &mut RemoteReceiver) {
                    for i in 0..count {
                        send_remote(to, i).await;
                        assert_eq!(receive_remote(from).await, Some(i));
                    }
                }
                let (mut to, mut from) = (connect_sender(to).await, connect_receiver(from).await);
                trips(count / 10, &mut to, &mut from).await;
                timed(trips(count, &mut to, &mut from)).await
            }

            /// Two threads, with a runtime each.
            pub fn cross_thread(count: u32, place: Place) -> Taken {
                let (to, there) = remote_channel();
                let (back, from) = remote_channel();
                let other = std::thread::spawn(move || run(send_back(there, back)));
                let taken = run_in(place, there_and_back(count, to, from));
                other.join().expect("no panic");
                taken
            }

            pub fn blocking(count: u32, place: Place) -> Taken {
                async fn calls(count: u32) {
                    for i in 0..count {
                        assert_eq!(spawn_blocking(move || i).await, i);
                    }
                }
                run_in(place, async move {
                    calls(count / 10).await;
                    timed(calls(count)).await
                })
            }

            /// A task for each of these sleeps.
            pub fn sleeps(lengths: &[Duration]) -> Slept {
                let sleep = |length: Duration| {
                    spawn(async move {
                        let deadline = Instant::now() + length;
                        sleep_until(deadline).await;
                        Instant::now().saturating_duration_since(deadline)
                    })
                };
                run(async {
                    let cpu = cpu_time();
                    let mut late = Vec::with_capacity(lengths.len());
                    for task in lengths.iter().copied().map(sleep).collect::<Vec<_>>() {
                        late.push(joined(task).await);
                    }
                    Slept { cpu: cpu_time() - cpu, late }
                })
            }

            /// Time limits that are never reached, beside 1000 others.
            pub fn limits(count: u32) -> Taken {
                run(async move {
                    let limit = Duration::from_secs(30);
                    let others = (0..1000).map(|_| spawn(timeout(limit, std::future::pending::<()>())));
                    let others: Vec<_> = others.collect();
                    let taken = timed(async {
                        for _ in 0..count {
                            timeout(limit, yield_now()).await;
                        }
                    })
                    .await;
                    drop(others);
                    taken
                })
            }

            /// Tasks that all sleep at once: what each of them takes, and what they cost the tasks that do not sleep.
            pub fn million(count: u32) -> Crowd {
                const PROBES: usize = 100_000;
                async fn probes() -> Vec<Duration> {
                    let mut times = Vec::with_capacity(PROBES);
                    for _ in 0..PROBES {
                        let start = Instant::now();
                        yield_now().await;
                        times.push(start.elapsed());
                    }
                    times
                }
                let (mut crowd, dropped) = run(async move {
                    drop(joined(spawn(probes())).await);
                    let (start, before) = (Instant::now(), crate::measure::resident());
                    let deadline = start + Duration::from_secs(3600);
                    let tasks: Vec<_> = (0..count).map(|_| spawn(sleep_until(deadline))).collect();
                    // The list is the bench's own.
                    let list = size_of_val(&tasks[..]) as u64;
                    for _ in 0..3 {
                        // All have been polled when this has its turn again; some runtimes poll a part of them at a time.
                        joined(spawn(yield_now())).await;
                    }
                    let (wall, resident) = (start.elapsed(), crate::measure::resident().saturating_sub(before + list));
                    let yields = joined(spawn(probes())).await;
                    let start = Instant::now();
                    drop(tasks);
                    (Crowd { each: resident / u64::from(count), wall, yields }, start)
                });
                crowd.wall += dropped.elapsed();
                crowd
            }
        }
    };
}

pub(super) use programs;
