//! The test's hand on a simulated kernel.

use std::{
    cell::RefCell,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    rc::Rc,
    time::Duration,
};

use super::{
    Event, Fault, Script, SimCounters,
    descriptors::Found,
    object::{self, Description, Object},
    world::{Phase, World},
};
use crate::{key::Tag, sqe::Sqe};

/// Steers and watches a [`Sim`](super::Sim). Clones are the same hand. Callbacks must not use it.
#[derive(Clone, Debug)]
pub struct SimHandle {
    world: Rc<RefCell<World>>,
}

/// A request that the kernel has not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InKernel {
    /// Of the SQE.
    pub user_data: u64,
    /// Row of its plan; `None` for the shard's own SQEs.
    pub row: Option<u32>,
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// Issued and not ended.
    pub running: bool,
    /// Could complete now.
    pub ready: bool,
}

impl SimHandle {
    pub(super) fn new(world: Rc<RefCell<World>>) -> SimHandle {
        SimHandle { world }
    }

    // ---------------------------------------------------------------- objects

    fn install(&self, description: Rc<Description>) -> OwnedFd {
        self.world.borrow_mut().descriptors.install(description).expect("a descriptor for the simulation")
    }

    fn description(&self, fd: &impl AsFd) -> Rc<Description> {
        match self.world.borrow().descriptors.find(fd.as_fd().as_raw_fd()) {
            Found::Ours { description, .. } => description,
            found => panic!("{:?} is no descriptor of this simulation: {found:?}", fd.as_fd()),
        }
    }

    /// The two ends of a pipe: to read, to write. It holds 64 KiB.
    pub fn pipe(&self) -> (OwnedFd, OwnedFd) {
        let [source, sink] = Description::pipe();
        (self.install(source), self.install(sink))
    }

    /// The two ends of a stream, like a socketpair.
    pub fn stream(&self) -> (OwnedFd, OwnedFd) {
        let [one, other] = Description::stream();
        (self.install(one), self.install(other))
    }

    /// Something of `size` bytes that never blocks: reads give [`SimHandle::device_byte`], writes are kept for
    /// [`SimHandle::written`]. Its ops are what scripts are for.
    pub fn device(&self, size: u64) -> OwnedFd {
        let object = Object::Device { size, written: RefCell::default() };
        self.install(Description::new(object, true, true))
    }

    /// The byte that devices hold at `offset`.
    pub fn device_byte(offset: u64) -> u8 {
        object::device_byte(offset)
    }

    /// Makes or replaces the contents of the file `path`, and opens it for reading and writing.
    pub fn file(&self, path: &str, contents: &[u8]) -> OwnedFd {
        let file: object::Contents = {
            let mut world = self.world.borrow_mut();
            let file = world.descriptors.files.entry(path.as_bytes().to_vec()).or_default();
            *file.borrow_mut() = contents.to_vec();
            file.clone()
        };
        self.install(Description::new(Object::File(file), true, true))
    }

    /// The contents of the file `path`.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let world = self.world.borrow();
        world.descriptors.files.get(path.as_bytes()).map(|file| file.borrow().clone())
    }

    /// Writes made to a device: offset and bytes, in order.
    pub fn written(&self, fd: &impl AsFd) -> Vec<(u64, Vec<u8>)> {
        match &self.description(fd).object {
            Object::Device { written, .. } => written.borrow().clone(),
            other => panic!("not a device: {other:?}"),
        }
    }

    /// Writes without an SQE, as another process would; the number of bytes taken, or an errno.
    pub fn write(&self, fd: &impl AsFd, bytes: &[u8]) -> Result<usize, i32> {
        self.description(fd).write(u64::MAX, bytes)
    }

    /// Reads without an SQE; what is there now, at most `max` bytes.
    pub fn read(&self, fd: &impl AsFd, max: usize) -> Result<Vec<u8>, i32> {
        self.description(fd).read(u64::MAX, max)
    }

    /// Opens a slot onto what `fd` leads to.
    pub fn fill_slot(&self, index: u32, fd: &impl AsFd) {
        let description = self.description(fd);
        *self.world.borrow_mut().descriptors.slot_place(index).expect("a registered slot") = Some(description);
    }

    /// Slots that are open.
    pub fn open_slots(&self) -> Vec<u32> {
        self.world.borrow().descriptors.slots_open()
    }

    // ---------------------------------------------------------------- scripts

    /// Decides about every SQE with this user_data that is issued from now on.
    pub fn script(&self, user_data: u64, script: impl Into<Script>) {
        self.world.borrow_mut().scripts.by_user_data.insert(user_data, script.into());
    }

    /// Decides about this row of every plan, as far as neither of the others does.
    pub fn script_row(&self, row: u32, script: impl Into<Script>) {
        self.world.borrow_mut().scripts.by_row.insert(row, script.into());
    }

    /// Asks `decide` about every SQE when it is issued, the shard's own included.
    pub fn script_with(&self, decide: impl FnMut(&Sqe) -> Option<Script> + 'static) {
        self.world.borrow_mut().scripts.callback = Some(Box::new(decide));
    }

    /// The row of a plan that a user_data names.
    pub fn row(user_data: u64) -> Option<u32> {
        match Tag::parse(user_data) {
            Some(Tag::Row(_, row)) => Some(row),
            _ => None,
        }
    }

    /// Lets the enter that follows after `after` others fail.
    pub fn fail_enter(&self, after: u64, fault: Fault) {
        let mut world = self.world.borrow_mut();
        let number = world.counters.enters + after;
        world.scripts.faults.insert(number, fault);
    }

    /// What completes next, in this order, each as soon as it is ready. Others complete meanwhile by the order that was
    /// configured.
    pub fn schedule(&self, user_data: impl IntoIterator<Item = u64>) {
        self.world.borrow_mut().schedule.extend(user_data);
    }

    /// Lets `choose` pick among the user_data of what could complete, in place of the seed: an index. For tests that try
    /// every order.
    pub fn choose_with(&self, choose: impl FnMut(&[u64]) -> usize + 'static) {
        self.world.borrow_mut().chooser = Some(Box::new(choose));
    }

    // ---------------------------------------------------------------- progress

    /// Completes one op that is ready, of those that the order allows. False if there is none. Works after the
    /// [`Sim`](super::Sim) is dropped, too: the kernel goes on for a while after a ring is closed.
    pub fn step(&self) -> bool {
        self.world.borrow_mut().step()
    }

    /// Completes the running op with this user_data now; one that waits for MSG_WAITALL may go on.
    ///
    /// # Panics
    /// If it does not run, or could not complete.
    pub fn complete(&self, user_data: u64) {
        let mut world = self.world.borrow_mut();
        let named = world.requests.iter().find(|(_, request)| {
            request.sqe.user_data == user_data && request.phase == Phase::Running && world.is_ready(request)
        });
        let Some(serial) = named.map(|(serial, _)| *serial) else {
            world.violation(&format!("user_data {user_data:#x} cannot complete now"));
        };
        world.complete(serial);
        world.pump();
    }

    /// Completes the running op with this user_data now, in this way.
    ///
    /// # Panics
    /// If it does not run, or could not complete.
    pub fn complete_with(&self, user_data: u64, script: impl Into<Script>) {
        {
            let mut world = self.world.borrow_mut();
            let named = |request: &super::world::Request| request.sqe.user_data == user_data;
            let request = world.requests.values_mut().find(|request| named(request) && request.phase == Phase::Running);
            if let Some(request) = request {
                request.script = script.into();
            }
        }
        self.complete(user_data);
    }

    /// Moves the virtual clock. What is due then completes in the next steps.
    pub fn advance(&self, by: Duration) {
        self.world.borrow_mut().clock += by;
    }

    /// The virtual clock.
    pub fn now(&self) -> Duration {
        self.world.borrow().clock
    }

    /// Lets a poll of a real descriptor (the doorbell's) be ready, once.
    pub fn ring(&self) {
        self.world.borrow_mut().rung = true;
    }

    // ---------------------------------------------------------------- what is and was

    /// Everything that was taken and has no CQE yet, in the order it was pushed.
    pub fn in_kernel(&self) -> Vec<InKernel> {
        let world = self.world.borrow();
        let taken = world.requests.values().filter(|request| request.phase != Phase::Queued);
        let view = |request: &super::world::Request| {
            let running = request.phase == Phase::Running;
            InKernel {
                user_data: request.sqe.user_data,
                row: SimHandle::row(request.sqe.user_data),
                opcode: request.sqe.opcode,
                running,
                ready: running && world.is_ready(request),
            }
        };
        taken.map(view).collect()
    }

    /// The lives of all SQEs, in the order they were pushed.
    pub fn log(&self) -> Vec<Event> {
        self.world.borrow().log.clone()
    }

    /// The latest SQE with this user_data.
    pub fn event(&self, user_data: u64) -> Option<Event> {
        self.world.borrow().log.iter().rev().find(|event| event.user_data == user_data).copied()
    }

    /// The latest SQE of this row of any plan.
    pub fn event_of_row(&self, row: u32) -> Option<Event> {
        let world = self.world.borrow();
        world.log.iter().rev().find(|event| SimHandle::row(event.user_data) == Some(row)).copied()
    }

    /// True if `after` started when `before` had its CQE, or never started.
    pub fn is_ordered(&self, before: u64, after: u64) -> bool {
        let event = |user_data| self.event(user_data).unwrap_or_else(|| panic!("no SQE with user_data {user_data:#x}"));
        match (event(before).completed_at, event(after).started_at) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(completed), Some(started)) => completed < started,
        }
    }

    /// What the kernel counted.
    pub fn counters(&self) -> SimCounters {
        self.world.borrow().counters
    }

    /// Everything, in readable form.
    pub fn dump(&self) -> String {
        self.world.borrow().dump()
    }
}
