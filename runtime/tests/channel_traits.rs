//! What of the channels may cross threads, and be moved while polled: asserted as tokio's documentation has it.

use std::{
    cell::Cell,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
};

use runtime::sync::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture, WaitForCancellationFutureOwned, broadcast,
    mpsc, oneshot, watch,
};

/// Neither `Send` nor `Sync`.
type NN = Rc<u8>;
/// `Send`, not `Sync`.
type YN = Cell<u8>;
/// Both.
type YY = u8;

/// Fails to compile, as ambiguous, if the type implements the trait.
macro_rules! not {
    ($type:ty: $trait:ident) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<u8> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };
    };
}

macro_rules! is {
    ($type:ty: $($trait:ident)+) => {
        const _: fn() = || {
            fn check<T: $($trait +)+>() {}
            check::<$type>();
        };
    };
}

/// As a channel of owned messages: `T: Send` is enough for both.
macro_rules! owned {
    ($($name:ident)::+ $(<$lifetime:lifetime>)?) => {
        not!($($name)::+<$($lifetime,)? NN>: Send);
        not!($($name)::+<$($lifetime,)? NN>: Sync);
        is!($($name)::+<$($lifetime,)? YN>: Send Sync Unpin);
        is!($($name)::+<$($lifetime,)? YY>: Send Sync Unpin);
        is!($($name)::+<$($lifetime,)? NN>: Unpin);
    };
}

owned!(oneshot::Sender);
owned!(oneshot::Receiver);
owned!(mpsc::Sender);
owned!(mpsc::WeakSender);
owned!(mpsc::Receiver);
owned!(mpsc::Permit<'static>);
owned!(mpsc::PermitIterator<'static>);
owned!(mpsc::OwnedPermit);
owned!(mpsc::UnboundedSender);
owned!(mpsc::WeakUnboundedSender);
owned!(mpsc::UnboundedReceiver);
owned!(broadcast::Sender);
owned!(broadcast::WeakSender);
owned!(broadcast::Receiver);

is!(mpsc::Sender<NN>: UnwindSafe RefUnwindSafe);
is!(mpsc::Receiver<NN>: UnwindSafe RefUnwindSafe);
is!(mpsc::UnboundedReceiver<NN>: UnwindSafe RefUnwindSafe);
is!(oneshot::Receiver<NN>: UnwindSafe RefUnwindSafe);

not!(watch::Sender<YN>: Send);
not!(watch::Sender<YN>: Sync);
not!(watch::Receiver<YN>: Send);
not!(watch::Receiver<YN>: Sync);
not!(watch::Ref<'static, YN>: Sync);
not!(watch::Ref<'static, YY>: Send);
is!(watch::Sender<YY>: Send Sync Unpin);
is!(watch::Receiver<YY>: Send Sync Unpin);
is!(watch::Ref<'static, YY>: Sync Unpin);

is!(CancellationToken: Send Sync Unpin UnwindSafe RefUnwindSafe);
is!(DropGuard: Send Sync Unpin);
is!(DropGuardRef<'static>: Send Sync Unpin);
is!(WaitForCancellationFuture<'static>: Send Sync);
is!(WaitForCancellationFutureOwned: Send Sync);

not!(mpsc::error::SendError<YN>: Sync);
not!(mpsc::error::TrySendError<NN>: Send);
is!(mpsc::error::SendTimeoutError<YN>: Send Unpin);

#[test]
fn futures_cross_threads_if_messages_may() {
    fn both<T: Send + Sync>(_: T) {}
    fn send<T: Send>(_: T) {}
    let (sender, mut receiver) = mpsc::channel::<YN>(1);
    both(receiver.recv());
    send(receiver.recv_many(&mut Vec::new(), 1));
    both(sender.closed());
    both(sender.reserve());
    both(sender.reserve_many(1));
    both(sender.clone().reserve_owned());
    // These hold messages while they wait.
    send(sender.send(Cell::new(1)));
    send(sender.send_timeout(Cell::new(1), std::time::Duration::ZERO));
    let (mut one, _receiver) = oneshot::channel::<YN>();
    both(one.closed());
    let (all, mut all_receiver) = broadcast::channel::<YN>(1);
    both(all_receiver.recv());
    both(all.closed());
    let (state, mut watcher) = watch::channel::<YY>(1);
    both(watcher.changed());
    both(watcher.wait_for(|_| true));
    both(state.closed());
    let token = CancellationToken::new();
    both(token.run_until_cancelled(std::future::ready(1)));
}
