use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Which timer it was, by the row of its key.
fn number(due: Due) -> u32 {
    match due {
        Due::TimeOut(_, number) => number,
        Due::Wake(_) => panic!("no waker was set"),
    }
}

fn due(number: u32) -> Due {
    Due::TimeOut(Key { slot: 1, generation: 1 }, number)
}

#[test]
fn timers_fire_in_order_and_only_when_due() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let at = |ms| start + Duration::from_millis(ms);
    let late = timers.set(at(20), due(2));
    timers.set(at(10), due(1));
    timers.set(at(10), Due::Wake(Waker::noop().clone()));
    assert_eq!(timers.next_deadline(), Some(at(10)));
    assert!(timers.pop(at(10) - Duration::from_nanos(1)).is_none());
    assert!(matches!(timers.pop(at(10)), Some(Due::TimeOut(_, 1))));
    assert!(matches!(timers.pop(at(10)), Some(Due::Wake(_))));
    assert!(timers.pop(at(10)).is_none());
    assert!(timers.clear(late).is_some() && timers.clear(late).is_none());
    assert_eq!((timers.next_deadline(), timers.len()), (None, 0));
}

#[test]
fn an_old_name_does_not_reach_the_timer_that_has_its_place() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let old = timers.set(start, due(1));
    assert_eq!(timers.pop(start).map(number), Some(1));
    let new = timers.set(start, Due::Wake(Waker::noop().clone()));
    assert_eq!(old.slot, new.slot);
    assert!(timers.clear(old).is_none() && timers.waker(old).is_none() && !timers.reset(old, start));
    assert!(timers.waker(new).is_some() && timers.clear(new).is_some());
}

#[test]
fn deadlines_beyond_all_clocks_are_kept() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let far = start + Duration::from_secs(86_400 * 365 * 1000);
    let past = start.checked_sub(Duration::from_secs(1)).unwrap_or(start);
    timers.set(far, due(1));
    timers.set(past, due(2));
    assert_eq!(timers.pop(start).map(number), Some(2));
    assert!(timers.pop(start + Duration::from_secs(86_400 * 365 * 500)).is_none());
    assert_eq!(timers.pop(far).map(number), Some(1));
}

#[test]
fn memory_is_what_the_most_timers_at_once_need() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    for round in 0..1000 {
        let ids: Vec<TimerId> = (0..10).map(|n| timers.set(start + Duration::from_nanos(n * round), due(0))).collect();
        for id in ids {
            timers.clear(id);
        }
    }
    assert_eq!((timers.places.len(), timers.due.len(), timers.free.len(), timers.len()), (10, 10, 10, 0));
    assert_eq!(size_of::<Node>() + size_of::<Place>() + size_of::<Option<Due>>(), 48, "as the module says");
}

#[derive(Clone, Debug)]
enum Step {
    Set(u64),
    /// One of those that were ever set, by index.
    Clear(usize),
    Reset(usize, u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Few different times, so that many coincide.
    prop_oneof![
        4 => (0..64u64).prop_map(Step::Set),
        2 => (0..256usize).prop_map(Step::Clear),
        2 => (0..256usize, 0..64u64).prop_map(|(which, nanos)| Step::Reset(which, nanos)),
        1 => (0..16u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn the_heap_does_what_an_ordered_map_does(steps in prop::collection::vec(step(), 1..400)) {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        // By deadline, then by which was set first.
        let mut model: BTreeMap<(u64, u32), u32> = BTreeMap::new();
        let mut ids: Vec<(TimerId, (u64, u32))> = Vec::new();
        let (mut now, mut serial) = (0, 0);
        for step in steps {
            serial += 1;
            match step {
                Step::Set(nanos) => {
                    let number = ids.len() as u32;
                    ids.push((timers.set(start + Duration::from_nanos(now + nanos), due(number)), (now + nanos, serial)));
                    model.insert((now + nanos, serial), number);
                }
                Step::Clear(which) => if let Some((id, order)) = ids.get(which) {
                    prop_assert_eq!(timers.clear(*id).map(number), model.remove(order));
                },
                Step::Reset(which, nanos) => if let Some((id, order)) = ids.get_mut(which) {
                    let moved = model.remove(order);
                    prop_assert_eq!(timers.reset(*id, start + Duration::from_nanos(now + nanos)), moved.is_some());
                    *order = (now + nanos, serial);
                    model.extend(moved.map(|number| (*order, number)));
                },
                Step::Pass(nanos) => {
                    now += nanos;
                    loop {
                        let first = model.first_entry().filter(|first| first.key().0 <= now).map(|first| first.remove());
                        prop_assert_eq!(timers.pop(start + Duration::from_nanos(now)).map(number), first);
                        if first.is_none() {
                            break;
                        }
                    }
                }
            }
            let next = model.keys().next().map(|(nanos, _)| start + Duration::from_nanos(*nanos));
            prop_assert_eq!((timers.len(), timers.next_deadline()), (model.len(), next));
            for slack in [0, 8, 40].map(Duration::from_nanos) {
                let end = next.map(|next| next + slack);
                let due = model.keys().filter(|(nanos, _)| Some(start + Duration::from_nanos(*nanos)) <= end).count();
                prop_assert_eq!(timers.wake_at(slack), if due < CROWD { next } else { end });
            }
        }
    }
}
