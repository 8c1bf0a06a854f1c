//! Syncs that are shared: who is served by which.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use io_uring::opcode;

use super::*;

/// What the next syncs come to, and the flags of those there were.
#[derive(Clone, Default)]
struct Syncs(Rc<RefCell<(VecDeque<Outcome>, Vec<u32>)>>);

impl Syncs {
    fn on(on: &OnSim, outcomes: &[Outcome]) -> Syncs {
        let syncs = Syncs::default();
        syncs.0.borrow_mut().0.extend(outcomes);
        let mine = syncs.clone();
        on.handle.script_with(move |sqe| {
            if sqe.opcode != opcode::Fsync::CODE {
                return None;
            }
            let (outcomes, flags) = &mut *mine.0.borrow_mut();
            flags.push(sqe.op_flags);
            outcomes.pop_front().map(Script::from)
        });
        syncs
    }

    fn flags(&self) -> Vec<u32> {
        self.0.borrow().1.clone()
    }
}

/// The kernel tells of a lost page once: who waits for the next sync has failed with the one that runs.
#[test]
fn a_failed_sync_is_that_of_all_who_wait() {
    let on = on_sim(SimConfig::default());
    let device = on.device();
    let syncs = Syncs::on(&on, &[Outcome::Errno(libc::EIO)]);
    let mut running = op::sync_data(&device);
    assert!(poll(&mut running).is_pending());
    on.shard.turn(false).unwrap();
    let (mut waiting, mut cancelled) = (op::sync_data(&device), op::sync_all(&device));
    assert!(poll(&mut waiting).is_pending() && poll(&mut cancelled).is_pending());
    let planned = op::nop().then(|_| op::sync_all(&device)).then(|_| op::nop());
    let mut planned = planned.lowering(Lowering::Staged);
    assert!(poll(&mut planned).is_pending());
    drop(cancelled);
    let failed = |result: std::io::Result<()>| result.unwrap_err().raw_os_error() == Some(libc::EIO);
    assert!(failed(on.drive(&mut running)));
    let Poll::Ready(result) = poll(&mut waiting) else { panic!("it waits on") };
    assert!(failed(result));
    // Whether the plan's row stood in the line by then is chance.
    let (_, synced, after) = on.drive(&mut planned);
    assert!(synced.is_ok() && after.is_ok() || failed(synced) && is_not_run(&after.unwrap_err()));
    on.drive(op::sync_data(&device)).unwrap();
    assert!(syncs.flags().len() <= 3);
    drop(device);
    on.ends();
}

/// A sync of everything serves those that want the data; one that wants only data does not serve the others.
#[test]
fn the_widest_wish_counts() {
    const DATA: u32 = 1;
    for (wishes, flags) in [([true, true], DATA), ([true, false], 0), ([false, true], 0), ([false, false], 0)] {
        let on = on_sim(SimConfig::default());
        let device = on.device();
        let syncs = Syncs::on(&on, &[]);
        let mut ops = wishes.map(|data| if data { op::sync_data(&device) } else { op::sync_all(&device) });
        assert!(ops.iter_mut().all(|op| poll(op).is_pending()));
        for op in &mut ops {
            on.drive(op).unwrap();
        }
        assert_eq!(syncs.flags(), [flags]);
        drop((ops, device));
        on.ends();
    }
}

/// Also where tasks compute for long and all else is submitted between their polls, which others here have something for.
#[test]
fn calls_of_one_pass_share_a_sync_on_a_busy_core() {
    for others in [false, true] {
        let on = on_sim(SimConfig::default());
        let device = on.device();
        let syncs = Syncs::on(&on, &[]);
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (mut sync, mut nop) = (op::sync_data(&device), op::nop());
            tasks.push(on.shard.spawn(std::future::poll_fn(move |cx| std::pin::Pin::new(&mut sync).poll(cx))));
            if others {
                tasks.push(on.shard.spawn(std::future::poll_fn(move |cx| std::pin::Pin::new(&mut nop).poll(cx))));
            }
        }
        loop {
            on.shard.run_tasks(64, true).unwrap();
            if tasks.iter().all(|task| task.is_finished()) {
                break;
            }
            on.shard.turn(true).unwrap();
        }
        for mut task in tasks {
            assert!(matches!(poll(&mut task), Poll::Ready(Ok(Ok(())))));
        }
        assert_eq!(syncs.flags().len(), 1, "beside others: {others}");
        drop(device);
        on.ends();
    }
}

/// With enters that fail, full queues and drops at any moment, everybody is answered, and nothing is left.
#[test]
fn everybody_is_answered() {
    for seed in 0..300 {
        let on = on_sim(SimConfig { seed, sq_entries: 1 << (seed % 3), ..SimConfig::default() });
        let devices = [on.device(), on.device()];
        let outcomes = [Outcome::Real, Outcome::Errno(libc::EIO), Outcome::Real, Outcome::Real];
        let _syncs = Syncs::on(&on, &outcomes);
        on.handle.fail_enter(1 + seed % 5, Fault::Refused(libc::EAGAIN));
        let mut ops = Vec::new();
        for step in 0..20 {
            let device = &devices[((seed >> (step % 7)) & 1) as usize];
            let mut op = if step % 3 == 0 { op::sync_all(device) } else { op::sync_data(device) };
            assert!(poll(&mut op).is_pending());
            ops.push(op);
            if step % 4 == seed % 4 {
                on.shard.turn(false).unwrap();
            }
            if step % 5 == seed % 5 {
                drop(ops.swap_remove((seed as usize + step as usize) % ops.len()));
            }
        }
        for mut op in ops {
            if let Err(error) = on.drive(&mut op) {
                assert_eq!(error.raw_os_error(), Some(libc::EIO));
            }
        }
        drop(devices);
        on.ends();
    }
}
