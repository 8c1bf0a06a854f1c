use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[test]
fn a_reader_does_not_pass_a_writer_that_waits() {
    let lock = RwLock::new(0);
    let reading = lock.try_read().unwrap();
    let mut writer = pin!(lock.write());
    let (mut late, mut later) = (pin!(lock.read()), pin!(lock.read()));
    assert!(poll(writer.as_mut()).is_pending());
    assert!(lock.try_read().is_err(), "a writer waits");
    assert!(poll(late.as_mut()).is_pending() && poll(later.as_mut()).is_pending());
    drop(reading);
    let Poll::Ready(mut writing) = poll(writer) else { panic!("the writer's turn") };
    *writing += 1;
    assert!(poll(late.as_mut()).is_pending());
    drop(writing);
    let (Poll::Ready(late), Poll::Ready(later)) = (poll(late), poll(later)) else { panic!("both readers' turn") };
    assert_eq!(*late + *later, 2);
}

#[test]
fn a_writer_that_gives_up_lets_readers_pass() {
    let lock = RwLock::new(());
    let reading = lock.try_read().unwrap();
    let mut writer = Box::pin(lock.write());
    let mut reader = pin!(lock.read());
    assert!(poll(writer.as_mut()).is_pending() && poll(reader.as_mut()).is_pending());
    drop(writer);
    assert!(poll(reader).is_ready());
    drop(reading);
    assert!(lock.try_write().is_ok());
}

#[test]
fn readers_are_limited_on_demand() {
    let lock = RwLock::with_max_readers(1, 2);
    let one = lock.try_read().unwrap();
    let other = lock.try_read().unwrap();
    assert!(lock.try_read().is_err());
    drop((one, other));
    assert_eq!(*lock.try_write().unwrap(), 1);
    for unusable in [0, MAX_READERS + 1] {
        assert!(catch_unwind(|| RwLock::with_max_readers(1, unusable)).is_err());
    }
}

#[test]
fn a_downgraded_guard_lets_readers_in() {
    let lock = Arc::new(RwLock::new((1, 2)));
    let mut writer = lock.try_write().unwrap();
    writer.0 = 5;
    let mut waiting = pin!(lock.write());
    assert!(poll(waiting.as_mut()).is_pending());
    let reader = writer.downgrade();
    assert!(poll(waiting.as_mut()).is_pending(), "no writer comes in between");
    drop(reader);
    drop(poll(waiting));

    let writer = lock.try_write().unwrap();
    let writer = RwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
    let reader = RwLockWriteGuard::try_downgrade_map(writer, |value| Some(&value.0)).unwrap();
    assert_eq!(*reader, lock.try_read().unwrap().0);
    drop(reader);
    let reader = RwLockWriteGuard::downgrade_map(lock.try_write().unwrap(), |value| &value.1);
    assert_eq!(*reader, lock.try_read().unwrap().1);
    drop(reader);

    let owned = || lock.clone().try_write_owned().unwrap();
    let reader = owned().downgrade();
    assert!(lock.try_write().is_err() && lock.try_read().is_ok());
    drop(reader);
    let writer = OwnedRwLockWriteGuard::try_downgrade_map(owned(), |_| None::<&u8>).unwrap_err();
    let reader = OwnedRwLockWriteGuard::try_downgrade_map(writer, |value| Some(&value.0)).unwrap();
    assert_eq!(*reader, 5);
    drop(reader);
    assert_eq!(*OwnedRwLockWriteGuard::downgrade_map(owned(), |value| &value.1), 2);
    assert!(lock.try_write().is_ok());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn guards_of_parts_unlock_once() {
    let lock = Arc::new(RwLock::new((1, [2, 3])));
    let part = RwLockReadGuard::map(block_on(lock.read()), |value| &value.1);
    let part = RwLockReadGuard::try_map(part, |array| array.get(7)).unwrap_err();
    let part = RwLockReadGuard::try_map(part, |array| array.get(1)).unwrap();
    assert_eq!(format!("{part} {part:?} {lock:?}"), "3 3 RwLock { data: (1, [2, 3]) }");
    assert!(lock.try_write().is_err());
    drop(part);

    let part = RwLockWriteGuard::try_map(block_on(lock.write()), |_| None::<&mut u8>).unwrap_err();
    let part = RwLockWriteGuard::try_map(part, |value| Some(&mut value.1)).unwrap();
    let part = RwLockMappedWriteGuard::try_map(part, |_| None::<&mut u8>).unwrap_err();
    let part = RwLockMappedWriteGuard::try_map(part, |array| array.get_mut(0)).unwrap();
    let mut part = RwLockMappedWriteGuard::map(part, |number| number);
    *part = 10;
    assert_eq!(format!("{part} {lock:?}"), "10 RwLock { data: <locked> }");
    drop(part);
    let mut whole = RwLockWriteGuard::into_mapped(lock.blocking_write());
    whole.0 = 20;
    drop(whole);
    *RwLockWriteGuard::map(lock.try_write().unwrap(), |value| &mut value.0) += 1;

    let part = OwnedRwLockReadGuard::map(block_on(lock.clone().read_owned()), |value| &value.1);
    let part = OwnedRwLockReadGuard::try_map(part, |_| None::<&u8>).unwrap_err();
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&part), &lock));
    assert_eq!(*OwnedRwLockReadGuard::try_map(part, |array| array.first()).unwrap(), 10);
    drop(lock.clone().try_read_owned().unwrap());

    let part = OwnedRwLockWriteGuard::try_map(block_on(lock.clone().write_owned()), |_| None::<&mut u8>).unwrap_err();
    assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&part), &lock));
    let part = OwnedRwLockWriteGuard::try_map(part, |value| Some(&mut value.1)).unwrap();
    let part = OwnedRwLockMappedWriteGuard::try_map(part, |_| None::<&mut u8>).unwrap_err();
    assert!(Arc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&part), &lock));
    *OwnedRwLockMappedWriteGuard::map(part, |array| &mut array[1]) += 1;
    OwnedRwLockWriteGuard::into_mapped(lock.clone().try_write_owned().unwrap()).0 += 1;
    *OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |value| &mut value.0) += 1;
    assert_eq!(*lock.blocking_read(), (23, [10, 4]));
    let mut lock = Arc::into_inner(lock).unwrap();
    lock.get_mut().0 = 1;
    assert_eq!(lock.into_inner(), (1, [10, 4]));
}

#[test]
fn a_panic_unlocks_and_poisons_nothing() {
    let lock = RwLock::new(1);
    for at in 0..3 {
        let holder = catch_unwind(AssertUnwindSafe(|| match at {
            0 => drop(RwLockReadGuard::map(lock.try_read().unwrap(), |_| -> &u8 { panic!("a reader") })),
            1 => drop(RwLockWriteGuard::map(lock.try_write().unwrap(), |_| -> &mut u8 { panic!("a writer") })),
            _ => drop(RwLockWriteGuard::downgrade_map(lock.try_write().unwrap(), |_| -> &u8 { panic!("both") })),
        }));
        assert!(holder.is_err());
        assert_eq!(*lock.try_write().unwrap(), 1);
    }
}

/// Both halves of the value change together: no reader sees one without the other, and no change is lost.
#[test]
fn rwlock_storm() {
    let lock = Arc::new(RwLock::new((0_u64, 0_u64)));
    let added: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut added = 0;
                    for round in 0..33_334 {
                        match round % 6 {
                            0 | 1 => {
                                let value = lock.blocking_read();
                                assert_eq!(value.0, value.1);
                            }
                            2 => drop(poll(pin!(lock.write()))),
                            3 => drop(poll(pin!(lock.read()))),
                            4 => {
                                let mut value = lock.blocking_write();
                                value.0 += 1;
                                value.1 += 1;
                                added += 1;
                                let value = value.downgrade();
                                assert_eq!(value.0, value.1);
                            }
                            _ => {
                                let mut value = block_on(lock.clone().write_owned());
                                value.0 += 1;
                                value.1 += 1;
                                added += 1;
                            }
                        }
                    }
                    added
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(*lock.try_write().unwrap(), (added, added));
}
