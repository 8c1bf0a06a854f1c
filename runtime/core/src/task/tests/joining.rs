//! The handle: who is woken, who gets the output, wherever it is.

use super::*;

#[test]
fn join_after_completion() {
    let executor = Executor::new();
    let handle = executor.spawn(async { Rc::new(5) });
    assert!(!handle.is_finished());
    assert_eq!(executor.turn(), 1);
    assert!(handle.is_finished());
    assert_eq!(*joined(handle).unwrap(), 5);
    executor.assert_all_freed();
}

#[test]
fn join_before_completion_is_woken_once() {
    let (executor, woken) = (Executor::new(), Count::default());
    let mut handle = executor.spawn(async { 5 });
    let waker = woken.waker();
    for _ in 0..3 {
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    executor.run_all();
    assert_eq!(woken.get(), 1);
    assert_eq!(joined(handle).unwrap(), 5);
    executor.assert_all_freed();
}

#[test]
fn a_task_joins_another() {
    let executor = Executor::new();
    let inner = executor.spawn(async { 5 });
    let outer = executor.spawn(async move { inner.await.unwrap() + 1 });
    executor.run_all();
    assert_eq!(joined(outer).unwrap(), 6);
    executor.assert_all_freed();
}

#[test]
fn join_polled_with_changing_wakers() {
    let (executor, counts) = (Executor::new(), [(); 3].map(|()| Count::default()));
    let mut handle = executor.spawn(async {});
    for count in &counts {
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&count.waker())).is_pending());
    }
    executor.run_all();
    assert_eq!(counts.each_ref().map(Count::get), [0, 0, 1]);
    assert_eq!(counts.each_ref().map(|count| Arc::strong_count(&count.0)), [1, 1, 1], "wakers are dropped");
    joined(handle).unwrap();
    executor.assert_all_freed();
}

#[test]
fn join_from_other_threads() {
    let executor = Executor::new();
    let (to_joiner, handles) = mpsc::channel::<(usize, JoinHandle<Box<usize>>)>();
    let joiner = thread::spawn(move || {
        for (i, mut handle) in handles {
            // Other wakers first, so that they are exchanged while the owner completes the task.
            for _ in 0..i % 4 {
                if let Poll::Ready(output) =
                    Pin::new(&mut handle).poll(&mut Context::from_waker(&Count::default().waker()))
                {
                    assert_eq!(*output.unwrap(), i);
                    break;
                }
            }
            match i % 5 {
                0 => drop(handle),
                _ if handle.is_finished() => drop(handle),
                _ => assert_eq!(*block_on(handle).unwrap(), i),
            }
        }
    });
    for i in 0..20_000 {
        to_joiner.send((i, executor.spawn(async move { Box::new(i) }))).unwrap();
        executor.turn();
    }
    drop(to_joiner);
    joiner.join().unwrap();
    executor.assert_all_freed();
}

#[test]
fn join_polled_with_changing_wakers_elsewhere() {
    let (executor, counts) = (Executor::new(), [(); 3].map(|()| Count::default()));
    let mut handle = executor.spawn(async {});
    handle = thread::scope(|scope| {
        let poll_all = || {
            for count in &counts {
                assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&count.waker())).is_pending());
            }
            handle
        };
        scope.spawn(poll_all).join().unwrap()
    });
    executor.run_all();
    assert_eq!(counts.each_ref().map(Count::get), [0, 0, 1]);
    assert_eq!(counts.each_ref().map(|count| Arc::strong_count(&count.0)), [1, 1, 1], "wakers are dropped");
    joined(handle).unwrap();
    executor.assert_all_freed();
}

/// The handle is polled here and there in turn, and then dropped, here or there, before or after the end.
#[test]
fn join_at_home_then_elsewhere() {
    for (turns, end_elsewhere, complete) in (0..4)
        .flat_map(|turns| [(false, false), (true, false), (false, true), (true, true)].map(|(a, b)| (turns, a, b)))
    {
        let (executor, counts) = (Executor::new(), [(); 4].map(|()| Count::default()));
        let mut handle = executor.spawn(async { Box::new(5) });
        for (turn, count) in counts.iter().enumerate().take(turns) {
            let mut poll =
                || assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&count.waker())).is_pending());
            match turn % 2 {
                0 => poll(),
                _ => thread::scope(|scope| scope.spawn(poll).join().unwrap()),
            }
        }
        if complete {
            executor.run_all();
            let woken: Vec<_> = counts.iter().map(Count::get).collect();
            assert_eq!(woken, (1..=4).map(|turn| (turn == turns) as usize).collect::<Vec<_>>());
        }
        let end = move || if complete { assert_eq!(*joined(handle).unwrap(), 5) } else { drop(handle) };
        match end_elsewhere {
            true => thread::spawn(end).join().unwrap(),
            false => end(),
        }
        executor.run_all();
        assert!(counts.iter().all(|count| Arc::strong_count(&count.0) == 1), "wakers are dropped");
        executor.assert_all_freed();
    }
}

#[test]
#[should_panic = "a JoinHandle was polled after it had given its result"]
fn a_second_result_is_refused() {
    let executor = Executor::new();
    let mut handle = executor.spawn(async {});
    executor.run_all();
    assert!(poll_once(&mut handle).is_ready());
    assert!(handle.is_finished());
    let _panics = poll_once(&mut handle);
}

#[test]
fn output_is_dropped_once_wherever_the_handle_is_dropped() {
    for stage in 0..5 {
        let (executor, drops, go) = (Executor::new(), Count::default(), Rc::new(Cell::new(false)));
        let (output, ready, slot) = (drops.on_drop(), go.clone(), Rc::default());
        let wait = leave_waker(&slot, &go);
        let mut handle = Some(executor.spawn(async move {
            wait.await;
            output
        }));
        let mut drop_at = |now| (now == stage).then(|| drop(handle.take()));
        drop_at(0);
        executor.run_all();
        drop_at(1);
        let woken = Count::default();
        if let Some(handle) = &mut handle {
            assert!(Pin::new(handle).poll(&mut Context::from_waker(&woken.waker())).is_pending());
        }
        if stage == 2 {
            handle = None;
        }
        ready.set(true);
        slot.borrow_mut().take().unwrap().wake();
        assert_eq!(drops.get(), 0);
        executor.run_all();
        assert_eq!(woken.get(), (stage > 2) as usize);
        assert_eq!(drops.get(), (stage <= 2) as usize, "stage {stage}");
        if stage == 4 {
            drop(poll_once(handle.as_mut().unwrap()));
            assert_eq!(drops.get(), 1);
        }
        drop((handle, slot.take()));
        assert_eq!(drops.get(), 1, "stage {stage}");
        executor.assert_all_freed();
    }
}
