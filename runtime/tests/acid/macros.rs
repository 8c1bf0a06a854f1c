//! `select!`, `try_join!` and `pin!`. (`join!` is the stated exception.)

use std::{
    cell::{Cell, RefCell},
    future::{pending, ready},
    io,
    time::Duration,
};

use tokio::{
    select,
    sync::{mpsc, oneshot},
    task::yield_now,
    time::{Instant, interval, sleep, timeout},
};

#[tokio::test]
async fn the_one_that_is_ready_is_selected() {
    let got = tokio::select! {
        () = pending() => "never",
        word = async { yield_now().await; "soon" } => word,
    };
    assert_eq!(got, "soon");
}

#[tokio::test]
async fn handlers_may_be_blocks_with_or_without_comma() {
    let (a, b) = (Cell::new(0), Cell::new(0));
    for _ in 0..2 {
        select! {
            biased;
            _ = ready(()), if a.get() == 0 => { a.set(1) }
            _ = ready(()) => b.set(1),
        }
    }
    assert_eq!((a.get(), b.get()), (1, 1));
    let last = select! { number = ready(5) => number };
    assert_eq!(last, 5);
}

#[tokio::test]
async fn biased_goes_from_top_to_bottom() {
    let mut counts = [0; 3];
    for _ in 0..20 {
        let branch = select! {
            biased;
            _ = ready(()), if counts[0] < 5 => 0,
            _ = ready(()), if counts[1] < 5 => 1,
            _ = ready(()) => 2,
        };
        counts[branch] += 1;
    }
    assert_eq!(counts, [5, 5, 10]);
}

#[tokio::test]
async fn unbiased_gives_each_its_turn() {
    let mut counts = [0; 3];
    for _ in 0..600 {
        select! {
            _ = ready(()) => counts[0] += 1,
            _ = ready(()) => counts[1] += 1,
            _ = ready(()) => counts[2] += 1,
        }
    }
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
}

#[tokio::test]
async fn a_pattern_that_does_not_match_puts_its_branch_out() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    drop(sender);
    let got = select! {
        Some(value) = receiver.recv() => i32::from(value),
        value = async { sleep(Duration::from_millis(1)).await; -1 } => value,
    };
    assert_eq!(got, -1);
    let got = select! {
        Ok::<u8, u8>(value) = ready(Err(3)) => value,
        Some(value) = ready(None::<u8>) => value,
        else => 99,
    };
    assert_eq!(got, 99);
}

#[tokio::test]
async fn else_serves_when_all_are_out() {
    let open = false;
    let got = select! {
        _ = ready(()), if open => 1,
        _ = pending::<()>(), if open => 2,
        else => 3,
    };
    assert_eq!(got, 3);
}

#[tokio::test]
#[should_panic]
async fn without_else_there_must_be_a_branch_left() {
    select! {
        Some(()) = ready(None) => (),
    }
}

#[tokio::test]
async fn a_condition_that_is_false_keeps_its_expression_from_being_polled() {
    let mut polled = false;
    select! {
        _ = async { polled = true }, if false => unreachable!(),
        _ = yield_now() => (),
    }
    assert!(!polled);
}

#[tokio::test]
async fn futures_may_be_borrowed_and_used_again() {
    let (sender, mut receiver) = oneshot::channel();
    let nap = sleep(Duration::from_millis(1));
    tokio::pin!(nap);
    let mut sender = Some(sender);
    let (mut naps, mut answer) = (0, None);
    while answer.is_none() {
        select! {
            () = &mut nap, if naps == 0 => {
                naps += 1;
                sender.take().unwrap().send("up").unwrap();
            }
            word = &mut receiver => answer = Some(word.unwrap()),
        }
    }
    assert_eq!((naps, answer), (1, Some("up")));
}

#[tokio::test]
async fn handlers_may_await_return_break_and_question() {
    async fn inner(fail: bool) -> io::Result<u32> {
        let mut rounds = 0;
        loop {
            select! {
                result = async { if fail { Err(io::ErrorKind::NotFound) } else { Ok(()) } }, if rounds == 1 => {
                    result?;
                    yield_now().await;
                    rounds += 1;
                }
                _ = ready(()), if rounds == 0 => { rounds = 1; continue; }
                _ = ready(()), if rounds == 2 => break,
            }
        }
        select! {
            n = ready(rounds) => return Ok(n),
            () = pending() => {}
        }
        unreachable!("the branch that is ready returns")
    }
    assert_eq!(inner(false).await.unwrap(), 2);
    assert_eq!(inner(true).await.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn what_loses_is_dropped_before_the_handler_runs() {
    struct Noted<'a>(&'a RefCell<Vec<&'static str>>);
    impl Drop for Noted<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped");
        }
    }
    let log = RefCell::new(Vec::new());
    let noted = Noted(&log);
    select! {
        biased;
        _ = async { let _noted = noted; pending::<()>().await } => (),
        _ = yield_now() => log.borrow_mut().push("handler"),
    }
    assert_eq!(*log.borrow(), ["dropped", "handler"]);
}

#[tokio::test]
async fn expressions_may_borrow_one_value_each_its_part() {
    let mut pair = (1, 2);
    let (first, second) = (&mut pair.0, &mut pair.1);
    select! {
        biased;
        _ = async { *first += 10; yield_now().await; *first += 10 } => (),
        _ = async { *second += 20 } => *second += 1,
    }
    assert_eq!(pair, (11, 23));
}

#[tokio::test]
async fn patterns_of_every_kind() {
    struct Named {
        a: u8,
    }
    let got = select! {
        Named { a } = ready(Named { a: 1 }) => a,
    };
    assert_eq!(got, 1);
    let got = select! { (x, [first, .., last]) = ready((1, [2, 3, 4])) => x + first + last };
    assert_eq!(got, 7);
    let got = select! { mut value = ready(5) => { value += 1; value } };
    assert_eq!(got, 6);
    let got = select! { Some(1 | 2) = ready(Some(2)) => "small", else => "large" };
    assert_eq!(got, "small");
    let got = select! { whole @ Some(_) = ready(Some(3)) => whole, else => None };
    assert_eq!(got, Some(3));
}

/// A worker: requests until the shutdown comes, a heartbeat meanwhile.
#[tokio::test(start_paused = true)]
async fn a_worker_with_heartbeat_and_shutdown() {
    let (requests, mut inbox) = mpsc::channel(4);
    let (shutdown, mut stopped) = oneshot::channel::<()>();
    let worker = tokio::spawn(async move {
        let (mut beats, mut sum) = (0, 0);
        let mut heart = interval(Duration::from_millis(10));
        loop {
            tokio::select! {
                _ = heart.tick() => beats += 1,
                Some(number) = inbox.recv() => sum += number,
                _ = &mut stopped => return (beats, sum),
            }
        }
    });
    for number in [1, 2, 3] {
        requests.send(number).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_millis(5)).await;
    shutdown.send(()).unwrap();
    assert_eq!(worker.await.unwrap(), (7, 6));
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins() {
    async fn server(delay: u64, name: &'static str) -> &'static str {
        sleep(Duration::from_millis(delay)).await;
        name
    }
    let start = Instant::now();
    let winner = select! {
        name = server(30, "slow") => name,
        name = server(10, "fast") => name,
        name = server(20, "middle") => name,
    };
    assert_eq!((winner, start.elapsed().as_millis()), ("fast", 10));
}

// ---------------------------------------------------------------------------------------------------------- try_join!

async fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
    yield_now().await;
    text.parse()
}

#[tokio::test]
async fn try_join_gives_all_or_the_first_error() {
    assert_eq!(tokio::try_join!(parse("1"), parse("2"), parse("3")), Ok((1, 2, 3)));
    let failed = tokio::try_join!(parse("1"), parse("x"), pending::<Result<(), _>>());
    assert_eq!(failed.unwrap_err(), "x".parse::<i32>().unwrap_err());
    assert_eq!(tokio::try_join!(parse("7"),), Ok((7,)));
    assert_eq!(tokio::try_join!(biased; parse("4"), parse("5")), Ok((4, 5)));
}

#[tokio::test]
async fn try_join_runs_all_at_the_same_time() {
    let (sender, mut receiver) = mpsc::channel(1);
    // The sender moves into its future, which ends only when both work together.
    let send = async move {
        for number in 0..5 {
            sender.send(number).await.map_err(|_| "closed")?;
        }
        Ok("sent")
    };
    let receive = async {
        let mut count = 0;
        while receiver.recv().await.is_some() {
            count += 1;
        }
        if count == 5 { Ok(count) } else { Err("too few") }
    };
    let both = async { tokio::try_join!(send, receive) };
    assert_eq!(timeout(Duration::from_secs(60), both).await.unwrap(), Ok(("sent", 5)));
}

// --------------------------------------------------------------------------------------------------------------- pin!

#[tokio::test]
async fn pin_takes_names_and_bindings() {
    let future = async { 1 };
    tokio::pin!(future);
    assert_eq!(future.as_mut().await, 1);
    let (first, second) = (async { 2 }, async { 3 });
    tokio::pin!(first, second);
    assert_eq!((second.await, first.await), (3, 2));
    tokio::pin! {
        let third = async { 4 };
        let fourth = async { 5 };
    }
    assert_eq!((third.await, fourth.await), (4, 5));
}
