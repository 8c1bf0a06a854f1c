//! Each test has signals of its own: handlers are the process's, and tests run at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Wake,
};

use super::*;

/// Delivered to this thread before it returns.
fn raise(number: i32) {
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::raise(number) }, 0);
}

fn poll(listener: &mut Listener) -> Poll<()> {
    listener.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn every_listener_hears_each_delivery_once_and_those_in_a_row_as_one() {
    let mut first = Listener::new(libc::SIGUSR1).unwrap();
    assert!(poll(&mut first).is_pending());
    raise(libc::SIGUSR1);
    let mut second = Listener::new(libc::SIGUSR1).unwrap();
    assert!(poll(&mut second).is_pending(), "that was before its time");
    assert!(poll(&mut first).is_ready() && poll(&mut first).is_pending());
    for _ in 0..3 {
        raise(libc::SIGUSR1);
    }
    for listener in [&mut first, &mut second] {
        assert!(poll(listener).is_ready() && poll(listener).is_pending());
    }
    drop((first, second));
    raise(libc::SIGUSR1);
    assert!(poll(&mut Listener::new(libc::SIGUSR1).unwrap()).is_pending(), "and the handler has stayed");
}

#[test]
fn what_cannot_be_listened_to_is_refused() {
    for number in FORBIDDEN.into_iter().chain([0, -1, 65, i32::MAX, i32::MIN]) {
        let error = Listener::new(number).unwrap_err();
        assert!(error.to_string().contains(&number.to_string()), "{error}");
    }
    // The C library keeps this one to itself.
    assert_eq!(Listener::new(32).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    assert_eq!(Listener::new(32).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn the_handler_leaves_errno_alone_and_calls_the_one_before() {
    static CALLED: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn plain(number: i32) {
        CALLED.fetch_add(number as usize, SeqCst);
    }
    extern "C" fn informed(number: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel's, for the time of the call.
        CALLED.fetch_add(unsafe { (*info).si_signo + number } as usize, SeqCst);
    }
    let set = |number, handler, flags| {
        // SAFETY: all zeros are valid; the handler is a function of this test, of the kind that the flags say.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            (action.sa_sigaction, action.sa_flags) = (handler, flags);
            assert_eq!(libc::sigaction(number, &raw const action, ptr::null_mut()), 0);
        }
    };
    set(libc::SIGALRM, plain as extern "C" fn(i32) as usize, 0);
    set(
        libc::SIGIO,
        informed as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) as usize,
        libc::SA_SIGINFO,
    );
    for (number, calls) in [(libc::SIGALRM, libc::SIGALRM), (libc::SIGIO, 2 * libc::SIGIO)] {
        CALLED.store(0, SeqCst);
        let mut listener = Listener::new(number).unwrap();
        silence(&alarm().unwrap());
        // Fills the alarm's counter, so that the handler's write fails and would change errno.
        let most = u64::MAX - 1;
        // SAFETY: eight bytes of a local, read during the call.
        unsafe { libc::write(ALARM_NUMBER.load(SeqCst), (&raw const most).cast(), 8) };
        // SAFETY: this thread's errno.
        unsafe { *libc::__errno_location() = 77 };
        raise(number);
        // SAFETY: as above.
        assert_eq!(unsafe { *libc::__errno_location() }, 77);
        assert_eq!(CALLED.load(SeqCst), calls as usize);
        assert!(poll(&mut listener).is_ready());
        silence(&alarm().unwrap());
    }
}

#[test]
fn a_dropped_listener_leaves_no_waker() {
    struct Counted;
    impl Wake for Counted {
        fn wake(self: Arc<Self>) {}
    }
    let counted = Arc::new(Counted);
    let waker = Waker::from(counted.clone());
    let mut listener = Listener::new(libc::SIGUSR2).unwrap();
    for _ in 0..3 {
        assert!(listener.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&counted), 3, "one is kept");
    drop(listener);
    assert_eq!(Arc::strong_count(&counted), 2);
}
