//! The runtime itself: builders, handles, contexts, ends.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime, RuntimeFlavor},
    sync::{mpsc, oneshot},
};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

struct Flag(Arc<AtomicUsize>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::main]
async fn entry() -> u32 {
    tokio::spawn(async { 6 }).await.unwrap() * 7
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn entry_of_two_threads(numbers: &[u32]) -> Result<u32, String> {
    let sum = numbers.iter().sum();
    match tokio::spawn(async move { sum }).await {
        Ok(0) => Err("nothing".into()),
        Ok(sum) => Ok(sum),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn entry_of_a_day() -> Duration {
    let start = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    start.elapsed()
}

#[test]
fn the_attribute_makes_functions_that_block() {
    assert_eq!(entry(), 42);
    assert_eq!(entry_of_two_threads(&[1, 2, 3]), Ok(6));
    assert_eq!(entry_of_two_threads(&[]), Err("nothing".into()));
    assert_eq!(entry_of_a_day().as_secs(), 24 * 60 * 60);
}

#[tokio::test]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let number: i32 = tokio::spawn(async { "12".parse() }).await??;
    assert_eq!(number, 12);
    Ok(())
}

#[tokio::test(crate = "tokio")]
async fn the_attribute_takes_the_name_of_the_crate() {
    tokio::task::yield_now().await;
}

#[test]
fn block_on_may_borrow_and_gives_the_value() {
    let runtime = Runtime::new().unwrap();
    let text = String::from("on the stack");
    assert_eq!(runtime.block_on(async { text.len() }), 12);
    assert_eq!(runtime.block_on(async { &text[..2] }), "on");
}

#[test]
fn tasks_stay_from_one_block_on_to_the_next() {
    let runtime = current_thread();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    runtime.block_on(async move {
        tokio::spawn(async move {
            for number in 0.. {
                if sender.send(number).is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
    });
    assert_eq!(runtime.block_on(receiver.recv()), Some(0));
    assert_eq!(runtime.block_on(receiver.recv()), Some(1));
}

#[test]
fn spawn_comes_before_block_on() {
    for runtime in [current_thread(), multi_thread(2)] {
        let task = runtime.spawn(async { 5 });
        let work = runtime.spawn_blocking(|| 6);
        assert_eq!(runtime.block_on(task).unwrap(), 5);
        assert_eq!(runtime.block_on(work).unwrap(), 6);
    }
}

#[test]
fn a_panic_of_the_future_comes_out_of_block_on() {
    let runtime = current_thread();
    let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { panic!("out") }))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "out");
    assert_eq!(runtime.block_on(async { "and it goes on" }), "and it goes on");
}

#[test]
fn block_on_inside_a_runtime_is_refused() {
    let runtime = current_thread();
    let refused = runtime.block_on(async {
        let inner = current_thread();
        let refused = catch_unwind(AssertUnwindSafe(|| inner.block_on(async {}))).is_err();
        inner.shutdown_background();
        refused
    });
    assert!(refused);
}

#[test]
fn the_handle_is_of_the_runtime_that_runs() {
    assert!(Handle::try_current().is_err());
    let error = Handle::try_current().unwrap_err();
    assert!(error.is_missing_context() && !error.is_thread_local_destroyed());
    assert!(catch_unwind(Handle::current).is_err());
    let runtime = current_thread();
    runtime.block_on(async {
        assert_eq!(Handle::current().spawn(async { 3 }).await.unwrap(), 3);
        assert_eq!(Handle::current().spawn_blocking(|| 4).await.unwrap(), 4);
    });
    assert!(Handle::try_current().is_err());
}

#[test]
fn handles_spawn_from_any_thread() {
    for runtime in [current_thread(), multi_thread(2)] {
        let handle = runtime.handle().clone();
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || {
            handle.spawn(async move { sender.send(thread::current().name().map(String::from)) });
        });
        runtime.block_on(receiver).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn a_handle_blocks_on_a_thread_of_ones_own() {
    let runtime = multi_thread(2);
    let handle = runtime.handle().clone();
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(move || {
        handle.block_on(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            receiver.await.unwrap()
        })
    });
    runtime.block_on(async { sender.send("across").unwrap() });
    assert_eq!(thread.join().unwrap(), "across");
}

#[test]
fn a_handle_blocks_where_the_runtime_was_built() {
    let runtime = multi_thread(1);
    let task = runtime.spawn(async { tokio::spawn(async { 13 }).await });
    assert_eq!(runtime.handle().block_on(task).unwrap().unwrap(), 13);
}

#[test]
fn a_handle_blocks_in_blocking_work() {
    let runtime = multi_thread(1);
    let sum = runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel(1);
        let work = tokio::task::spawn_blocking(move || {
            Handle::current().block_on(async {
                let mut sum = 0;
                while let Some(number) = receiver.recv().await {
                    sum += number;
                }
                sum
            })
        });
        for number in 1..=10 {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        work.await.unwrap()
    });
    assert_eq!(sum, 55);
}

#[test]
fn entered_a_runtime_is_the_current_one() {
    let runtime = current_thread();
    let task = {
        let _entered = runtime.enter();
        let _sleep = tokio::time::sleep(Duration::from_secs(1));
        assert!(Handle::try_current().is_ok());
        tokio::spawn(async { "spawned outside block_on" })
    };
    assert!(Handle::try_current().is_err());
    assert_eq!(runtime.block_on(task).unwrap(), "spawned outside block_on");
}

#[test]
fn entering_through_the_handle_serves_spawn_and_timers() {
    let runtime = current_thread();
    let handle = runtime.handle().clone();
    let _entered = handle.enter();
    let task = tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
    runtime.block_on(task).unwrap();
}

#[test]
fn another_thread_that_entered_finds_the_runtime() {
    let runtime = multi_thread(2);
    let handle = runtime.handle().clone();
    let task = thread::spawn(move || {
        let _entered = handle.enter();
        Handle::current().spawn(async { 11 })
    });
    assert_eq!(runtime.block_on(task.join().unwrap()).unwrap(), 11);
}

#[test]
fn entries_nest() {
    let (outer, inner) = (current_thread(), current_thread());
    let _outer = outer.enter();
    let task = {
        let _inner = inner.enter();
        tokio::spawn(async { "inner" })
    };
    let other = tokio::spawn(async { "outer" });
    assert_eq!(inner.block_on(async { 0 }), 0);
    drop(_outer);
    assert_eq!(inner.block_on(task).unwrap(), "inner");
    assert_eq!(outer.block_on(other).unwrap(), "outer");
}

#[test]
fn dropping_a_runtime_drops_its_tasks() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let runtime = current_thread();
    let guards = [Flag(dropped.clone()), Flag(dropped.clone())];
    runtime.block_on(async {
        let [first, second] = guards;
        tokio::spawn(async move {
            let _first = first;
            std::future::pending::<()>().await;
        });
        tokio::spawn(async move {
            let _second = second;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        });
        tokio::task::yield_now().await;
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(runtime);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

#[test]
fn the_tasks_of_a_runtime_that_ended_are_cancelled() {
    let runtime = current_thread();
    let (handle, task) = (runtime.handle().clone(), runtime.spawn(std::future::pending::<()>()));
    drop(runtime);
    let late = handle.spawn(async {});
    let work = handle.spawn_blocking(|| ());
    let other = current_thread();
    assert!(other.block_on(task).unwrap_err().is_cancelled());
    assert!(other.block_on(late).unwrap_err().is_cancelled());
    assert!(other.block_on(work).unwrap_err().is_cancelled());
}

#[test]
fn shutdown_waits_for_blocking_work_no_longer_than_asked() {
    let runtime = current_thread();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = std::sync::mpsc::channel();
    runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _released = wait.recv();
    });
    beginning.recv().unwrap();
    runtime.shutdown_timeout(Duration::from_millis(10));
    release.send(()).unwrap();
}

#[test]
fn shutdown_in_the_background_does_not_wait() {
    let runtime = multi_thread(2);
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = std::sync::mpsc::channel();
    runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _released = wait.recv();
    });
    beginning.recv().unwrap();
    runtime.shutdown_background();
    release.send(()).unwrap();
}

#[test]
fn flavors() {
    assert_eq!(current_thread().handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    assert_eq!(multi_thread(2).handle().runtime_flavor(), RuntimeFlavor::MultiThread);
    assert_eq!(multi_thread(1).handle().runtime_flavor(), RuntimeFlavor::MultiThread);
}

#[test]
fn runtimes_have_names_numbers_and_counts() {
    let (first, second) =
        (current_thread(), Builder::new_multi_thread().worker_threads(2).name("second").build().unwrap());
    assert_ne!(first.handle().id(), second.handle().id());
    assert_eq!((first.handle().name(), second.handle().name()), (None, Some("second")));
    assert_eq!((first.metrics().num_workers(), second.handle().metrics().num_workers()), (1, 2));
    let alive = first.block_on(async {
        let metrics = Handle::current().metrics();
        let task = tokio::spawn(std::future::pending::<()>());
        let alive = (metrics.num_alive_tasks(), metrics.global_queue_depth());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        (alive, metrics.num_alive_tasks())
    });
    assert_eq!(alive, ((1, 0), 0));
    assert_eq!(tokio::runtime::worker_index(), None);
    let index = first.block_on(async { tokio::spawn(async { tokio::runtime::worker_index() }).await.unwrap() });
    assert_eq!(index, Some(0));
    assert!(!tokio::runtime::is_rt_shutdown_err(&std::io::Error::other("something else")));
}

#[test]
fn a_local_runtime_takes_tasks_that_stay() {
    let runtime = tokio::runtime::LocalRuntime::new().unwrap();
    let shared = std::rc::Rc::new(3);
    let task = runtime.spawn_local(async move { *shared });
    assert_eq!(runtime.block_on(task).unwrap(), 3);
    let runtime = Builder::new_current_thread().build_local(tokio::runtime::LocalOptions::default()).unwrap();
    assert_eq!(runtime.block_on(async { tokio::task::spawn_local(async { 4 }).await.unwrap() }), 4);
}

#[test]
fn hooks_run_on_the_runtimes_threads() {
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (start, stop) = (begun.clone(), ended.clone());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("worker")
        .thread_stack_size(1 << 20)
        .thread_keep_alive(Duration::from_secs(1))
        .max_blocking_threads(4)
        .event_interval(61)
        .global_queue_interval(31)
        .max_io_events_per_tick(1024)
        .on_thread_start(move || _ = start.fetch_add(1, Ordering::SeqCst))
        .on_thread_stop(move || _ = stop.fetch_add(1, Ordering::SeqCst))
        .on_thread_park(|| ())
        .on_thread_unpark(|| ())
        .enable_io()
        .enable_time()
        .build()
        .unwrap();
    let name = runtime
        .block_on(async { tokio::task::spawn_blocking(|| thread::current().name().map(String::from)).await.unwrap() });
    assert_eq!(name.as_deref(), Some("worker"));
    drop(runtime);
    let begun = begun.load(Ordering::SeqCst);
    assert!(begun >= 1);
    assert_eq!(begun, ended.load(Ordering::SeqCst));
}

#[test]
#[should_panic]
fn no_workers_are_refused() {
    Builder::new_multi_thread().worker_threads(0);
}

#[test]
#[should_panic]
fn no_blocking_threads_are_refused() {
    Builder::new_multi_thread().max_blocking_threads(0);
}

#[test]
fn two_runtimes_talk_through_channels() {
    let (to_server, mut requests) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(4);
    let server = thread::spawn(move || {
        current_thread().block_on(async move {
            while let Some((number, answer)) = requests.recv().await {
                answer.send(number * number).unwrap();
            }
        })
    });
    let client = current_thread();
    let answers = client.block_on(async move {
        let mut answers = Vec::new();
        for number in 1..=4 {
            let (answer, answered) = oneshot::channel();
            to_server.send((number, answer)).await.unwrap();
            answers.push(answered.await.unwrap());
        }
        answers
    });
    assert_eq!(answers, [1, 4, 9, 16]);
    server.join().unwrap();
}

#[test]
fn workers_say_how_they_spend_their_time() {
    let runtime = current_thread();
    let metrics = runtime.metrics();
    runtime.block_on(async {
        let (parks, busy) = (metrics.worker_park_count(0), metrics.worker_total_busy_duration(0));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let computing = tokio::spawn(async {
                let end = std::time::Instant::now() + Duration::from_millis(2);
                while std::time::Instant::now() < end {}
            });
            computing.await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(metrics.worker_park_count(0) >= parks + 3);
        assert!(metrics.worker_park_unpark_count(0) >= 2 * (parks + 3));
        assert!(metrics.worker_total_busy_duration(0) >= busy + Duration::from_millis(6));
    });
}
