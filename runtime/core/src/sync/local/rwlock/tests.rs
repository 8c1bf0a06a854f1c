use super::{
    super::testing::{Flag, now, panics_with, poll},
    *,
};

#[test]
fn readers_share_and_a_writer_is_alone() {
    let lock = RwLock::const_new(1);
    let (first, second) = (now(lock.read()), lock.try_read().unwrap());
    assert_eq!((*first + *second, lock.try_write().is_err()), (2, true));
    drop((first, second));
    let mut writer = now(lock.write());
    *writer = 2;
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    assert_eq!(format!("{writer} {lock:?}"), "2 RwLock { data: <locked> }");
    drop(writer);
    assert_eq!(format!("{lock:?} {}", now(lock.read())), "RwLock { data: 2 } 2");
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn a_writer_is_not_overtaken() {
    let lock = RwLock::new(());
    let reader = now(lock.read());
    let flags: [Flag; 4] = Default::default();
    let mut writer = Box::pin(lock.write());
    let mut readers: [_; 2] = std::array::from_fn(|_| Box::pin(lock.read()));
    let mut last = Box::pin(lock.write());
    assert!(flags[0].poll(writer.as_mut()).is_pending());
    assert!(flags[1].poll(readers[0].as_mut()).is_pending());
    assert!(flags[2].poll(readers[1].as_mut()).is_pending());
    assert!(flags[3].poll(last.as_mut()).is_pending());
    assert!(lock.try_read().is_err(), "a writer waits");
    let woken = || flags.iter().map(Flag::take).collect::<Vec<_>>();
    drop(reader);
    assert_eq!(woken(), [1, 0, 0, 0]);
    drop(now(writer));
    assert_eq!(woken(), [0, 1, 1, 0], "both readers");
    for reader in readers {
        drop(now(reader));
    }
    assert_eq!(woken(), [0, 0, 0, 1]);
    drop(now(last));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_in() {
    let lock = RwLock::new(());
    let reader = now(lock.read());
    let flag = Flag::default();
    let mut writer = Box::pin(lock.write());
    assert!(poll(writer.as_mut()).is_pending());
    let mut behind = Box::pin(lock.read());
    assert!(flag.poll(behind.as_mut()).is_pending());
    drop(writer);
    assert_eq!(flag.take(), 1);
    drop((now(behind), reader));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_downgrade_lets_readers_in_and_no_writer() {
    let lock = Rc::new(RwLock::new((1, 2)));
    for owned in [false, true] {
        let flags: [Flag; 2] = Default::default();
        let (borrowed_guard, owned_guard) = match owned {
            false => (Some(now(lock.write())), None),
            true => (None, Some(now(lock.clone().write_owned()))),
        };
        let mut reader = Box::pin(lock.read());
        let mut writer = Box::pin(lock.write());
        assert!(flags[0].poll(reader.as_mut()).is_pending() && flags[1].poll(writer.as_mut()).is_pending());
        let borrowed_guard = borrowed_guard.map(RwLockWriteGuard::downgrade);
        let owned_guard = owned_guard.map(OwnedRwLockWriteGuard::downgrade);
        assert_eq!((flags[0].take(), flags[1].take()), (1, 0));
        drop(now(reader));
        drop((borrowed_guard, owned_guard));
        assert_eq!(flags[1].take(), 1);
        drop(now(writer));
    }
}

#[test]
fn parts_hold_the_lock() {
    let lock = Rc::new(RwLock::from((1, [2, 3])));
    let writer = RwLockWriteGuard::try_map(now(lock.write()), |_| None::<&mut u8>).unwrap_err();
    let writer = RwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
    let part = RwLockMappedWriteGuard::map(RwLockWriteGuard::into_mapped(writer), |pair| &mut pair.1);
    *RwLockMappedWriteGuard::try_map(part, |array| array.get_mut(0)).unwrap() = 20;
    let reader = RwLockWriteGuard::downgrade_map(now(lock.write()), |pair| &pair.1);
    let other = RwLockReadGuard::map(now(lock.read()), |pair| &pair.0);
    assert_eq!((reader[0], *other, lock.try_write().is_err()), (20, 1, true));
    let reader = RwLockReadGuard::try_map(reader, |_| None::<&u8>).unwrap_err();
    drop((RwLockReadGuard::try_map(reader, |array| array.first()).unwrap(), other));
    assert!(lock.try_write().is_ok());
}

#[test]
fn owned_parts_hold_and_keep_the_lock() {
    let lock = Rc::new(RwLock::from((1, [2, 3])));
    let writer = now(lock.clone().write_owned());
    assert!(Rc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&writer), &lock));
    let writer = OwnedRwLockWriteGuard::try_map(writer, |_| None::<&mut u8>).unwrap_err();
    let writer = OwnedRwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
    let part = OwnedRwLockWriteGuard::map(writer, |pair| &mut pair.1);
    *OwnedRwLockMappedWriteGuard::map(part, |array| &mut array[1]) = 30;
    let mapped = OwnedRwLockWriteGuard::into_mapped(lock.clone().try_write_owned().unwrap());
    assert!(Rc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&mapped), &lock));
    assert!(OwnedRwLockMappedWriteGuard::try_map(mapped, |_| None::<&mut u8>).is_err());
    let reader = OwnedRwLockWriteGuard::downgrade_map(now(lock.clone().write_owned()), |pair| &pair.1);
    let other = lock.clone().try_read_owned().unwrap();
    assert!(Rc::ptr_eq(OwnedRwLockReadGuard::rwlock(&reader), &lock) && lock.try_write().is_err());
    drop(lock);
    let reader = OwnedRwLockReadGuard::try_map(reader, |array| array.get(1)).unwrap();
    assert_eq!((*reader, OwnedRwLockReadGuard::map(other, |pair| &pair.0).to_string()), (30, "1".into()));
}

#[test]
fn the_number_of_readers_is_a_limit() {
    let mut lock = RwLock::const_with_max_readers(0, 2);
    let readers = (lock.try_read().unwrap(), lock.try_read().unwrap());
    assert!(lock.try_read().is_err());
    drop(readers);
    *lock.get_mut() = 1;
    assert_eq!(*lock.try_write().unwrap(), 1);
    assert!(panics_with("0 readers", || drop(RwLock::with_max_readers((), 0))));
    assert!(panics_with("more than", || drop(RwLock::with_max_readers((), u32::MAX))));
}
