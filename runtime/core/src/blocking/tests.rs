use std::{
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
};

use super::*;

fn pool(threads_max: usize, keep_alive: Duration) -> Arc<Pool> {
    Arc::new(Pool::new(PoolConfig {
        threads_max,
        keep_alive,
        name: Arc::new(|number| format!("blocking-{number}")),
        stack_size: None,
        around: Box::new(|body| body()),
    }))
}

const LONG: Duration = Duration::from_secs(60);

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// The result of a job that has ended.
fn result<T>(handle: JoinHandle<T>) -> Result<T, crate::task::JoinError> {
    match pin!(handle).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the job has not ended"),
    }
}

#[test]
fn jobs_run_on_named_threads_and_panics_come_back() {
    let pool = pool(2, LONG);
    let name = pool.spawn(|| thread::current().name().map(str::to_owned));
    let panics = pool.spawn(|| -> i32 { std::panic::resume_unwind(Box::new("boom")) });
    assert!(pool.wait_idle(soon()));
    assert!(result(name).unwrap().unwrap().starts_with("blocking-"));
    assert_eq!(*result(panics).unwrap_err().into_panic().downcast::<&str>().unwrap(), "boom");
    assert_eq!(pool.close(soon()), 0);
    assert_eq!(pool.threads(), 0);
}

#[test]
fn the_pool_grows_to_its_limit_and_jobs_beyond_wait_in_order() {
    let pool = pool(2, LONG);
    let (begun, begins) = mpsc::channel();
    let releases: Vec<_> = (0..4)
        .map(|number| {
            let (release, released) = mpsc::channel::<()>();
            let begun = begun.clone();
            drop(pool.spawn(move || {
                begun.send(number).unwrap();
                released.recv().unwrap();
            }));
            release
        })
        .collect();
    let mut first = [begins.recv().unwrap(), begins.recv().unwrap()];
    first.sort_unstable();
    assert_eq!((first, pool.threads()), ([0, 1], 2));
    assert!(begins.try_recv().is_err(), "no third thread");
    releases[1].send(()).unwrap();
    assert_eq!(begins.recv().unwrap(), 2);
    releases[0].send(()).unwrap();
    assert_eq!(begins.recv().unwrap(), 3);
    releases[2].send(()).unwrap();
    releases[3].send(()).unwrap();
    assert_eq!((pool.close(soon()), pool.threads()), (0, 0));
}

#[test]
fn idle_threads_end() {
    let pool = pool(4, Duration::from_millis(1));
    drop(pool.spawn(|| ()));
    let state = pool.ended.wait_timeout_while(pool.lock(), Duration::from_secs(20), |state| state.threads > 0);
    assert_eq!(state.unwrap().0.threads, 0);
    let again = pool.spawn(|| 7);
    assert!(pool.wait_idle(soon()));
    assert_eq!(result(again).unwrap(), 7);
    assert_eq!(pool.close(soon()), 0);
}

#[test]
fn closing_drops_what_waits_and_says_what_runs_on() {
    let pool = pool(1, LONG);
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let running = pool.spawn(move || {
        begun.send(()).unwrap();
        released.recv().unwrap();
        7
    });
    let kept = Arc::new(());
    let held = kept.clone();
    let waits = pool.spawn(move || drop(held));
    begins.recv().unwrap();
    assert_eq!(pool.close(Instant::now()), 1);
    assert!(result(waits).unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(result(pool.spawn(|| ())).unwrap_err().is_cancelled(), "closed");
    release.send(()).unwrap();
    assert_eq!((pool.close(soon()), pool.threads()), (0, 0));
    assert_eq!(result(running).unwrap(), 7);
}

#[test]
fn a_job_is_aborted_before_it_begins_and_not_after() {
    let pool = pool(1, LONG);
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let running = pool.spawn(move || {
        begun.send(()).unwrap();
        released.recv().unwrap();
        7
    });
    let waits: JoinHandle<()> = pool.spawn(|| panic!("must not run"));
    begins.recv().unwrap();
    waits.abort();
    running.abort();
    release.send(()).unwrap();
    assert!(pool.wait_idle(soon()));
    assert!(result(waits).unwrap_err().is_cancelled());
    assert_eq!(result(running).unwrap(), 7);
    assert_eq!(pool.close(soon()), 0);
}

#[test]
fn a_storm_of_jobs_from_several_threads_all_run_once() {
    let pool = pool(3, Duration::from_millis(1));
    let ran = AtomicUsize::new(0);
    let ran: &'static AtomicUsize = Box::leak(Box::new(ran));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    drop(pool.spawn(|| ran.fetch_add(1, Relaxed)));
                }
            });
        }
    });
    assert!(pool.wait_idle(soon()));
    assert_eq!(ran.load(Relaxed), 30_000);
    assert!(pool.threads() <= 3);
    assert_eq!((pool.close(soon()), pool.threads()), (0, 0));
}
