//! `select!`, `try_join!`, `pin!`: what they accept, and what they promise.

mod common;

use std::{
    cell::{Cell, RefCell},
    future::{IntoFuture, Ready, pending, poll_fn, ready},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use common::run;
use runtime::{
    IntoResult, Io, join,
    net::UnixStream,
    op, pin, select, spawn,
    task::{coop::has_budget_remaining, yield_now},
    time::sleep,
    try_join,
};

/// Notes its drop.
struct OnDrop<'a>(&'a RefCell<Vec<&'static str>>, &'static str);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

#[test]
fn the_first_future_wins_and_the_others_are_dropped_before_its_handler() {
    run(async {
        let log = RefCell::new(Vec::new());
        let never = |name| {
            let guard = OnDrop(&log, name);
            async move {
                let _guard = guard;
                pending::<()>().await
            }
        };
        let seven = select! {
            biased;
            () = never("first") => unreachable!(),
            n = async { 7 } => {
                log.borrow_mut().push("handler");
                n
            }
            () = never("third") => unreachable!(),
        };
        assert_eq!(seven, 7);
        assert_eq!(*log.borrow(), ["first", "third", "handler"]);
    });
}

#[test]
#[rustfmt::skip] // the commas are the point
fn commas_and_handlers_as_in_a_match() {
    run(async {
        let one = || ready(1);
        assert_eq!(select! { n = one() => n }, 1);
        assert_eq!(select! { n = one() => n, }, 1);
        assert_eq!(select! { n = one() => { n } }, 1);
        assert_eq!(select! { n = one() => { n }, }, 1);
        assert_eq!(select! { n = one() => { n } m = one() => { m } }, 1);
        assert_eq!(select! { n = one() => { n }, m = one() => m, }, 1);
        assert_eq!(select! { n = one() => { n } m = one() => m }, 1);
        assert_eq!(select! { n = one(), if true => { n } m = one(), if 1 + 1 == 3 => { m } else => 2 }, 1);
        assert_eq!(select! { n = one(), if false => n, else => 2 }, 2);
        assert_eq!(select! { n = one(), if false => n, else => { 2 } }, 2);
        assert_eq!(select! { n = one(), if false => n, else => 2, }, 2);
        assert_eq!(select! { biased; n = one() => if n == 1 { 3 } else { 4 }, m = one() => match m { 0 => 4, _ => 5 }, }, 3);
        assert_eq!(select! { n = one() => std::iter::repeat_n::<i32>(n, 3).sum::<i32>(), }, 3);
        assert_eq!(select! { n = one() => async move { n + 1 }.await, else => 0 }, 2);
        assert_eq!(select! { else => 9 }, 9);
        assert_eq!(select! { biased; else => { 9 } }, 9);
        let () = select! { _ = one() => {} };
    });
}

#[test]
fn patterns_bind_as_in_a_match() {
    struct Point {
        x: Box<u8>,
        y: u8,
    }
    const LIMIT: u8 = 3;
    run(async {
        let text = String::from("text");
        let mut out = Vec::new();
        select! { mut s = ready(text.clone()) => { s.push('!'); out.push(s) } }
        select! { ref s = ready(text.clone()) => out.push(s.clone()) }
        select! { Point { x, y: 1 | 2 } = ready(Point { x: Box::new(5), y: 2 }) => out.push(format!("{x}")), else => {} }
        select! { Point { mut x, .. } = ready(Point { x: Box::new(5), y: 2 }) => { *x += 1; out.push(format!("{x}")) } }
        select! { Point { ref x, y: _ } = ready(Point { x: Box::new(7), y: 2 }) => out.push(format!("{x}")) }
        select! { None = ready(None::<String>) => out.push("none".into()), else => {} }
        select! { LIMIT = ready(3u8) => out.push("limit".into()), else => {} }
        select! { "abc" = ready("abc") => out.push("abc".into()), else => {} }
        select! { all @ [first, .., _] = ready([1u8, 2, 3]) => out.push(format!("{first}{all:?}")) }
        select! { (Ok(n) | Err(n), 0..=9) = ready((Ok::<u8, u8>(1), 4u8)) => out.push(format!("{n}")), else => {} }
        assert_eq!(out, ["text!", "text", "5", "6", "7", "none", "limit", "abc", "1[1, 2, 3]", "1"]);
    });
}

#[test]
fn references_in_patterns() {
    run(async {
        let (number, pair) = (5u8, (1u8, String::from("s")));
        let n = select! { &n = ready(&number) => n };
        let m = select! { Some(&m) = ready(Some(&number)) => m, else => 0 };
        let (a, b) = select! { (&a, b) = ready((&pair.0, pair.1.clone())) => (a, b) };
        let refused = select! { (&9, ref b) = ready((&pair.0, pair.1.clone())) => b.len(), else => 77 };
        let matched = select! { (&1, Some(mut b)) = ready((&pair.0, Some(8))) => { b += 1; b }, else => 77 };
        let none = select! { (&1, None) = ready((&pair.0, None::<String>)) => 1, else => 77 };
        assert_eq!((n, m, a, b.as_str(), refused, matched, none), (5, 5, 1, "s", 77, 9, 1));
    });
}

#[test]
fn a_refused_pattern_disables_its_branch() {
    run(async {
        let polls = Cell::new(0);
        let mut closed = poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::Ready(None::<u8>)
        });
        let got = select! {
            Some(n) = &mut closed => n,
            n = async { for _ in 0..5 { yield_now().await } 9 } => n,
        };
        assert_eq!((got, polls.get()), (9, 1), "a future that was ready is not polled again");
        let got = select! {
            biased;
            Some(n) = ready(None) => n,
            Ok(n) = ready(Err::<u8, u8>(3)) => n,
            else => 1,
        };
        assert_eq!(got, 1);
    });
}

#[test]
fn conditions_come_first_and_futures_of_disabled_branches_are_made_but_not_polled() {
    run(async {
        let log = RefCell::new(Vec::new());
        let note = |what: &'static str| log.borrow_mut().push(what);
        let yes = |what, value: bool| {
            note(what);
            value
        };
        let future = |what, polled: &'static str| {
            note(what);
            let log = &log;
            poll_fn(move |_| {
                log.borrow_mut().push(polled);
                Poll::Ready(())
            })
        };
        select! {
            biased;
            _ = future("make 1", "poll 1"), if yes("if 1", false) => {}
            _ = future("make 2", "poll 2"), if yes("if 2", true) => {}
        }
        assert_eq!(*log.borrow(), ["if 1", "if 2", "make 1", "make 2", "poll 2"]);
    });
}

#[test]
fn without_a_branch_left_and_without_else_it_panics() {
    let panic = std::panic::catch_unwind(|| {
        run(async {
            select! { Some(()) = ready(None) => {} }
        })
    });
    assert!(panic.is_err());
    let panic = std::panic::catch_unwind(|| {
        run(async {
            select! { () = pending(), if false => {} }
        })
    });
    assert!(panic.is_err());
}

#[test]
fn handlers_belong_to_the_code_around() {
    async fn early(stop: bool) -> Result<u8, String> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            select! {
                n = async { "5".parse::<u8>() } => {
                    let n = n.map_err(|error| error.to_string())?;
                    yield_now().await;
                    if rounds < 3 {
                        continue;
                    }
                    if stop {
                        return Ok(n);
                    }
                    break;
                }
            }
        }
        select! { n = async { "x".parse::<u8>() } => Ok(n.map_err(|_| "no number")?) }
    }
    run(async {
        assert_eq!(early(true).await, Ok(5));
        assert_eq!(early(false).await, Err("no number".into()));
    });
}

#[test]
fn handlers_may_borrow_what_futures_have_borrowed() {
    async fn push(list: &mut Vec<u8>, n: u8) -> usize {
        list.push(n);
        list.len()
    }
    run(async {
        let (mut first, mut second) = (vec![], vec![0]);
        for _ in 0..10 {
            select! {
                length = push(&mut first, 1) => {
                    assert_eq!(length, first.len());
                    first.push(2);
                    second.push(3);
                }
                _ = push(&mut second, 4) => {
                    first.push(5);
                    second.clear();
                }
            }
        }
        assert!(first.len() + second.len() >= 10);
    });
}

#[test]
fn futures_go_on_by_reference_and_temporaries_live_on() {
    struct Later(u8);
    impl IntoFuture for Later {
        type Output = u8;
        type IntoFuture = Ready<u8>;
        fn into_future(self) -> Ready<u8> {
            ready(self.0)
        }
    }
    run(async {
        let slow = async {
            for _ in 0..3 {
                yield_now().await;
            }
            "slow"
        };
        pin!(slow);
        let mut rounds = 0;
        let end = loop {
            select! {
                biased;
                end = &mut slow => break end,
                _ = yield_now() => rounds += 1,
            }
        };
        assert_eq!((end, rounds > 0), ("slow", true));
        let n = select! { n = Later(4) => n };
        let m = select! { m = &mut ready(5) => m };
        assert_eq!(n + m, 9);
    });
}

#[test]
fn every_branch_has_its_turn_unless_biased() {
    run(async {
        let (mut fair, mut biased) = ([0; 3], [0; 3]);
        for _ in 0..3000 {
            let n: usize = select! { _ = ready(()) => 0, _ = ready(()) => 1, _ = ready(()) => 2 };
            fair[n] += 1;
            let n: usize = select! { biased; _ = ready(()) => 0, _ = ready(()) => 1, _ = ready(()) => 2 };
            biased[n] += 1;
        }
        // Each 1000 ± 26 (one standard deviation): a false alarm takes more than ten of them.
        assert!(fair.iter().all(|n| (700..1300).contains(n)), "{fair:?}");
        assert_eq!(biased, [3000, 0, 0]);
    });
}

#[test]
fn a_loop_of_ready_branches_gives_way() {
    run(async {
        let stop = Rc::new(Cell::new(false));
        drop(spawn({
            let stop = stop.clone();
            async move { stop.set(true) }
        }));
        while !stop.get() {
            select! {
                _ = runtime::task::consume_budget() => {}
                _ = ready(()), if !has_budget_remaining() => {}
            }
        }
    });
}

#[test]
fn ops_that_lose_are_cancelled_and_keep_no_buffer() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        for _ in 0..3 {
            select! {
                _ = a.recv(vec![0; 64]) => unreachable!(),
                _ = sleep(Duration::from_millis(1)) => {}
            }
        }
        // By reference an op stays in flight.
        let mut recv: Io<_> = a.recv_exact(vec![0; 4]);
        select! {
            biased;
            _ = &mut recv => unreachable!(),
            _ = op::nop() => {}
        }
        b.send_all("abcd").await.into_result().unwrap();
        let bytes = select! {
            (Ok(()), bytes) = &mut recv => bytes,
            _ = sleep(Duration::from_secs(60)) => unreachable!(),
        };
        assert_eq!(bytes, b"abcd");
    });
}

#[test]
fn sixty_four_branches() {
    macro_rules! select_last {
        ($($n:literal)*) => { select! { biased; $(n = async { pending::<()>().await; $n } => n,)* n = async { 63 } => n } };
    }
    run(async {
        let n = select_last!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
            33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62);
        assert_eq!(n, 63);
    });
}

#[test]
fn it_works_inside_other_macros_and_itself() {
    macro_rules! first {
        ($pattern:pat = $future:expr, $condition:expr => $handler:block else $otherwise:expr) => {
            select! { $pattern = $future, if $condition => $handler else => $otherwise }
        };
        ($name:ident: $future:expr => $handler:expr) => {
            select! { biased; $name = $future => $handler, else => unreachable!() }
        };
    }
    run(async {
        assert_eq!(first!(Some(n) = ready(Some(1)), true => { n } else 2), 1);
        assert_eq!(first!(Some(n) = ready(None), true => { n } else 1 + 1), 2);
        assert_eq!(first!(n: ready(2) => n * 2), 4);
        let nested = select! {
            n = async { select! { n = ready(1) => n + 1, m = ready(5) => m - 3 } } => select! { m = ready(n) => m + n },
        };
        assert_eq!(nested, 4);
    });
}

#[test]
fn a_future_with_a_select_is_send_if_its_futures_are() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let future = is_send(async {
        select! {
            _ = op::nop() => yield_now().await,
            n = async { 5u8 } => { let _ = n; yield_now().await }
        }
        try_join!(async { Ok::<_, ()>(1) }, ready(Ok(2)))
    });
    run(async { assert_eq!(future.await, Ok((1, 2))) });
}

#[test]
fn try_join_gives_all_values_or_the_first_error() {
    run(async {
        async fn number(text: &str) -> Result<u8, String> {
            yield_now().await;
            text.parse().map_err(|_| format!("{text}?"))
        }
        assert_eq!(try_join!(number("1"), async { Ok("two") }, number("3")), Ok((1, "two", 3)));
        assert_eq!(try_join!(biased; number("1"), number("x"), number("y"),), Err("x?".into()));
        let nothing: Result<(), ()> = try_join!();
        assert_eq!(nothing, Ok(()));
        assert_eq!(try_join!(number("1")), Ok((1,)));

        let log = RefCell::new(Vec::new());
        let guard = OnDrop(&log, "dropped");
        let joined = try_join!(
            async move {
                let _guard = guard;
                pending::<Result<(), &str>>().await
            },
            async { Err::<(), _>("failed") }
        );
        assert_eq!((joined, log.borrow().as_slice()), (Err("failed"), &["dropped"][..]));
        let many = try_join!(
            number("0"),
            number("1"),
            number("2"),
            number("3"),
            number("4"),
            number("5"),
            number("6"),
            number("7"),
            number("8"),
            number("9"),
            number("10"),
            number("11"),
            number("12"),
            number("13"),
        );
        assert_eq!(many.unwrap().13, 13);
    });
}

#[test]
fn try_join_polls_another_one_first_each_time() {
    run(async {
        let order = RefCell::new(Vec::new());
        let count = |name| {
            let (mut polls, order) = (0, &order);
            poll_fn(move |cx| {
                order.borrow_mut().push(name);
                polls += 1;
                cx.waker().wake_by_ref();
                if polls == 3 { Poll::Ready(Ok::<_, ()>(name)) } else { Poll::Pending }
            })
        };
        try_join!(count('a'), count('b')).unwrap();
        assert_eq!(order.take(), ['a', 'b', 'b', 'a', 'a', 'b']);
        try_join!(biased; count('a'), count('b')).unwrap();
        assert_eq!(order.take(), ['a', 'b', 'a', 'b', 'a', 'b']);
    });
}

#[test]
fn pin_has_two_forms() {
    run(async {
        let (first, second) = (async { 1 }, async { 2 });
        pin!(first, second,);
        pin! {
            let third = async { 3 };
            let fourth = ready(4);
        }
        let sum = first.as_mut().await + second.await + third.await + fourth.as_mut().await;
        assert_eq!(sum, 10);
        pin!();
    });
}

#[test]
fn join_takes_biased_and_nothing() {
    run(async {
        assert_eq!(join!(biased; ready(1), async { 2 }).await, (1, 2));
        let (a, b) = join!(biased; op::nop(), op::nop()).await;
        assert!(a.is_ok() && b.is_ok());
        let () = join!().await;
    });
}
