//! What of the locks may cross threads, move once polled, and cross `catch_unwind`: as tokio's. Compiles, or does not.

use std::{
    cell::Cell,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    sync::Arc,
};

use runtime::sync::{futures::*, *};

/// Asserts what a type is (`+ Trait`) and what it is not (`- Trait`).
macro_rules! auto_traits {
    ($($type:ty: $(+ $is:ident)* $(- $is_not:ident)*;)+) => { $(
        $(const _: fn() = || {
            fn is<T: ?Sized + $is>() {}
            is::<$type>();
        };)*
        $(const _: fn() = || {
            // Ambiguous, hence an error, if the type has the trait.
            trait Ambiguous<A> { fn check() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $is_not> Ambiguous<u8> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };)*
    )+ };
}

/// Neither `Send` nor `Sync`.
type Neither = Rc<u8>;
/// `Send` alone.
type Sent = Cell<u8>;
/// `Sync` alone.
type Shared = std::sync::MutexGuard<'static, u8>;

auto_traits! {
    Mutex<u8>: + Send + Sync + Unpin + UnwindSafe - RefUnwindSafe;
    Mutex<Sent>: + Send + Sync;
    Mutex<Shared>: - Send - Sync;
    MutexGuard<'static, u8>: + Send + Sync + Unpin - UnwindSafe - RefUnwindSafe;
    MutexGuard<'static, Sent>: + Send + Unpin - Sync;
    MutexGuard<'static, Shared>: - Send - Sync;
    MutexGuard<'static, Neither>: + Unpin - Send - Sync;
    OwnedMutexGuard<u8>: + Send + Sync + Unpin - UnwindSafe;
    OwnedMutexGuard<Sent>: + Send - Sync;
    OwnedMutexGuard<Shared>: - Send - Sync;
    OwnedMutexGuard<Neither>: + Unpin - Send - Sync;
    MappedMutexGuard<'static, u8>: + Send + Sync + Unpin - UnwindSafe;
    MappedMutexGuard<'static, Sent>: + Send - Sync;
    MappedMutexGuard<'static, Shared>: + Sync - Send;
    MappedMutexGuard<'static, Neither>: + Unpin - Send - Sync;
    OwnedMappedMutexGuard<u8, u8>: + Send + Sync + Unpin - UnwindSafe;
    OwnedMappedMutexGuard<u8, Sent>: + Send - Sync;
    OwnedMappedMutexGuard<Sent, u8>: + Send - Sync;
    OwnedMappedMutexGuard<u8, Shared>: - Send - Sync;
    OwnedMappedMutexGuard<Shared, u8>: - Send - Sync;
    TryLockError: + Send + Sync + Unpin + UnwindSafe;

    RwLock<u8>: + Send + Sync + Unpin + UnwindSafe - RefUnwindSafe;
    RwLock<Sent>: + Send - Sync;
    RwLock<Shared>: - Send - Sync;
    RwLockReadGuard<'static, u8>: + Send + Sync + Unpin;
    RwLockReadGuard<'static, Sent>: - Send - Sync;
    RwLockReadGuard<'static, Shared>: + Send - Sync;
    RwLockReadGuard<'static, Neither>: + Unpin - Send - Sync;
    RwLockWriteGuard<'static, u8>: + Send + Sync + Unpin - UnwindSafe;
    RwLockWriteGuard<'static, Sent>: - Send - Sync;
    RwLockWriteGuard<'static, Shared>: - Send - Sync;
    RwLockMappedWriteGuard<'static, u8>: + Send + Sync + Unpin - UnwindSafe;
    RwLockMappedWriteGuard<'static, Sent>: - Send - Sync;
    RwLockMappedWriteGuard<'static, Shared>: - Send - Sync;
    OwnedRwLockReadGuard<u8>: + Send + Sync + Unpin;
    OwnedRwLockReadGuard<Sent, u8>: - Send - Sync;
    OwnedRwLockReadGuard<u8, Shared>: + Send - Sync;
    OwnedRwLockReadGuard<Shared, u8>: - Send - Sync;
    OwnedRwLockWriteGuard<u8>: + Send + Sync + Unpin - UnwindSafe;
    OwnedRwLockWriteGuard<Sent>: - Send - Sync;
    OwnedRwLockWriteGuard<Shared>: - Send - Sync;
    OwnedRwLockMappedWriteGuard<u8>: + Send + Sync + Unpin - UnwindSafe;
    OwnedRwLockMappedWriteGuard<Sent, u8>: - Send - Sync;
    OwnedRwLockMappedWriteGuard<u8, Shared>: - Send - Sync;

    Semaphore: + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe;
    SemaphorePermit<'static>: + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe;
    OwnedSemaphorePermit: + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe;
    AcquireError: + Send + Sync + Unpin + UnwindSafe;
    TryAcquireError: + Send + Sync + Unpin + UnwindSafe;

    Notify: + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe;
    Notified<'static>: + Send + Sync - Unpin - UnwindSafe - RefUnwindSafe;
    OwnedNotified: + Send + Sync - Unpin - UnwindSafe - RefUnwindSafe;
    Barrier: + Send + Sync + Unpin;
    BarrierWaitResult: + Send + Sync + Unpin;

    OnceCell<u8>: + Send + Sync + Unpin + UnwindSafe;
    OnceCell<Sent>: + Send - Sync;
    OnceCell<Shared>: - Send - Sync;
    SetOnce<u8>: + Send + Sync + Unpin + UnwindSafe;
    SetOnce<Sent>: + Send - Sync;
    SetOnce<Shared>: - Send - Sync;
    SetError<Sent>: + Send - Sync;
    SetOnceError<Sent>: + Send - Sync;
}

/// The same for the futures of methods, which have no name.
macro_rules! futures {
    ($($arguments:tt $future:block: $(+ $is:ident)* $(- $is_not:ident)*;)+) => { $( const _: fn() = || {
        #[allow(unused, reason = "compiling is all that is asked of it")]
        fn check $arguments {
            $({
                fn is(_: &impl $is) {}
                is(&$future);
            })*
            $({
                trait Ambiguous<A> { fn check(&self) {} }
                impl<T: ?Sized> Ambiguous<()> for T {}
                impl<T: ?Sized + $is_not> Ambiguous<u8> for T {}
                fn ambiguous<A, T: Ambiguous<A>>(_: &T) {}
                ambiguous(&$future);
            })*
        }
    };)+ };
}

type Making = fn() -> std::pin::Pin<Box<dyn Future<Output = u8> + Send + Sync>>;
type Trying = fn() -> std::pin::Pin<Box<dyn Future<Output = Result<u8, ()>> + Send + Sync>>;

futures! {
    (lock: &Mutex<u8>) { lock.lock() }: + Send + Sync - Unpin;
    (lock: &Mutex<Sent>) { lock.lock() }: + Send + Sync - Unpin;
    (lock: &Mutex<Neither>) { lock.lock() }: - Send - Sync - Unpin;
    (lock: &Arc<Mutex<Sent>>) { lock.clone().lock_owned() }: + Send + Sync - Unpin;
    (lock: &Arc<Mutex<Neither>>) { lock.clone().lock_owned() }: - Send - Sync - Unpin;
    (lock: &RwLock<u8>) { lock.read() }: + Send + Sync - Unpin;
    (lock: &RwLock<Sent>) { lock.read() }: - Send - Sync - Unpin;
    (lock: &RwLock<u8>) { lock.write() }: + Send + Sync - Unpin;
    (lock: &RwLock<Sent>) { lock.write() }: - Send - Sync - Unpin;
    (lock: &Arc<RwLock<u8>>) { lock.clone().read_owned() }: + Send + Sync - Unpin;
    (lock: &Arc<RwLock<u8>>) { lock.clone().write_owned() }: + Send + Sync - Unpin;
    (lock: &Semaphore) { lock.acquire() }: + Send + Sync - Unpin;
    (lock: &Semaphore) { lock.acquire_many(2) }: + Send + Sync - Unpin;
    (lock: &Arc<Semaphore>) { lock.clone().acquire_owned() }: + Send + Sync - Unpin;
    (lock: &Arc<Semaphore>) { lock.clone().acquire_many_owned(2) }: + Send + Sync - Unpin;
    (barrier: &Barrier) { barrier.wait() }: + Send + Sync - Unpin;
    (cell: &OnceCell<u8>, f: Making) { cell.get_or_init(f) }: + Send + Sync - Unpin;
    (cell: &OnceCell<u8>, f: Trying) { cell.get_or_try_init(f) }: + Send + Sync - Unpin;
    (cell: &OnceCell<Sent>, f: fn() -> std::future::Ready<Sent>) { cell.get_or_init(f) }: - Send - Sync - Unpin;
    (cell: &SetOnce<u8>) { cell.wait() }: + Send + Sync - Unpin;
    (cell: &SetOnce<Sent>) { cell.wait() }: - Send - Sync - Unpin;
}
