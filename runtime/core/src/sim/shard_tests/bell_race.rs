//! A wake from another thread that comes after the shard has announced its sleep and before the kernel waits.
//!
//! The bell then rings within the enter, but before the wait begins. What ends that wait has to be the number of its
//! CQEs: a TIMEOUT that fires there ends nothing, since the kernel counts fired timeouts only from the beginning of the
//! wait (`io_cqring_wait`: `nr_timeouts` is read after the task work has run).

use super::*;
use crate::{
    emulated::Emulated,
    kernel::Cqe,
    ring::{RingConfig, TaskRun, for_test},
    shard::Peer,
};

/// A kernel at whose next enter that waits somebody rings first.
struct RungLate<K> {
    kernel: K,
    /// Whoever rings may post CQEs, if the kernel takes them; else the bell does it.
    messages: bool,
    unparker: Rc<RefCell<Option<Peer>>>,
}

impl<K: Kernel> Kernel for RungLate<K> {
    fn features(&self) -> &Features {
        self.kernel.features()
    }

    fn sq_entries(&self) -> u32 {
        self.kernel.sq_entries()
    }

    fn cq_entries(&self) -> u32 {
        self.kernel.cq_entries()
    }

    fn queued(&self) -> u32 {
        self.kernel.queued()
    }

    unsafe fn push(&mut self, sqe: &Sqe) {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.push(sqe) };
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        if let Some(unparker) = self.unparker.take_if(|_| want > 0) {
            std::thread::spawn(move || unparker.unpark()).join().unwrap();
        }
        self.kernel.enter(want, timeout)
    }

    fn needs_enter(&self) -> bool {
        self.kernel.needs_enter()
    }

    fn message_fd(&self) -> Option<RawFd> {
        self.kernel.message_fd().filter(|_| self.messages)
    }

    fn has_news(&self) -> bool {
        self.kernel.has_news()
    }

    fn reap(&mut self, into: &mut Vec<Cqe>) {
        self.kernel.reap(into);
    }

    fn register_slots(&mut self, count: u32) -> io::Result<()> {
        self.kernel.register_slots(count)
    }
}

trait TakeIf<T> {
    fn take_if(&self, condition: impl FnOnce(&T) -> bool) -> Option<T>;
}

impl<T> TakeIf<T> for RefCell<Option<T>> {
    fn take_if(&self, condition: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut value = self.borrow_mut();
        if value.as_ref().is_some_and(condition) { value.take() } else { None }
    }
}

/// Sleeps on four reads that do not end, is woken from elsewhere at the worst moment, and tells how long it slept.
fn slept(kernel: impl Kernel + 'static, messages: bool, source: OwnedFd, armed_before: bool) -> Duration {
    let unparker = Rc::new(RefCell::new(None));
    let kernel = RungLate { kernel, messages, unparker: unparker.clone() };
    let shard = Shard::new(Box::new(kernel), limits(Lowering::Staged)).unwrap();
    let _entered = shard.enter();
    let source = SharedFd::new(source);
    let mut reads = crate::plan::join_all((0..4).map(|_| op::read_at(&source, vec![0; 4], 0)));
    assert!(poll(&mut reads).is_pending());
    if armed_before {
        shard.driver.borrow_mut().arm_bell();
        shard.turn(false).unwrap();
    }
    let limit = std::time::Instant::now() + Duration::from_millis(300);
    let timer = shard.set_timer(limit, Waker::noop());
    *unparker.borrow_mut() = Some(shard.peer());
    let started = std::time::Instant::now();
    shard.turn(true).unwrap();
    let slept = started.elapsed();
    drop(shard.clear_timer(timer));
    drop(reads);
    shard.shut_down();
    slept
}

#[test]
fn a_ring_before_the_wait_ends_it_on_the_real_kernel() {
    for task_run in [TaskRun::Coop, TaskRun::Defer, TaskRun::Interrupt] {
        for (messages, armed_before) in [(false, false), (false, true), (true, false)] {
            let Some(ring) = for_test(RingConfig { sq_entries: 64, cq_entries: 128, task_run }) else { return };
            let (source, _sink) = std::io::pipe().unwrap();
            let slept = slept(ring, messages, source.into(), armed_before);
            assert!(
                slept < Duration::from_millis(200),
                "{task_run:?}, messages {messages}: slept {slept:?} through a wake"
            );
        }
    }
}

#[test]
fn a_ring_before_the_wait_ends_it_on_the_emulated_kernel() {
    for armed_before in [false, true] {
        let config = RingConfig { sq_entries: 64, cq_entries: 128, task_run: TaskRun::Coop };
        let (source, _sink) = std::io::pipe().unwrap();
        let slept = slept(Emulated::new(config).unwrap(), false, source.into(), armed_before);
        assert!(slept < Duration::from_millis(200), "armed before {armed_before}: slept {slept:?} through a wake");
    }
}

#[test]
fn a_ring_before_the_wait_ends_it_on_the_simulation() {
    for armed_before in [false, true] {
        let (sim, handle) = Sim::new(SimConfig { sleeps: true, ..SimConfig::default() });
        let (source, _sink) = handle.pipe();
        let slept = slept(sim, false, source, armed_before);
        assert!(slept < Duration::from_millis(200), "slept {slept:?} through a wake");
    }
}
