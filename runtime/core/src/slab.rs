//! Activations: where an op or plan lives from its first poll until nothing of it is in the kernel any more.
//!
//! The `slab` crate keeps its entries in one `Vec`, which moves them when it grows; plans hold what SQEs point to (a
//! piece list, a path) and must not move. So the bookkeeping lies in a `Vec` and the plans in chunks that never move.
//! The kernel's pointers lead into the chunks; no Rust reference to a chunk's memory is made while they may be used.
//!
//! ```text
//! Free ──insert──► Lowering ──submit──► Running ──last CQE──► Ended ──take──► Free
//!                                          │ future dropped                     ▲
//!                                          └──► Abandoned ──last CQE──► Discarding
//! ```

use std::{any::TypeId, cell::UnsafeCell, mem::MaybeUninit, task::Waker};

use crate::{
    driver::Work,
    key::{ACTIVATIONS_MAX, Key},
    plan::Plan,
    results::Results,
    shots::Shots,
    table::Table,
    timer::TimerId,
};

/// Bytes of a plan that lie in the slab itself; larger ones get a box of their own.
pub(crate) const INLINE_BYTES: usize = UNITS[1] * UNIT;
/// Units of a place: some for a single op, of which a server of many connections has one for each, others for plans.
const UNITS: [usize; 2] = [1, 3];
const UNIT: usize = 64;
const CHUNK: usize = 64;

/// Where an activation is. Each excludes the others; set by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Free,
    /// The plan lies in place and is being lowered; user code (buffers' addresses) may run.
    Lowering,
    /// Its SQEs are queued or in the kernel, its future is alive or forgotten.
    Running,
    /// As Running, its future dropped: what it still has in the kernel is being cancelled.
    Abandoned,
    /// Nothing in the kernel; the future has not yet taken the results.
    Ended,
    /// Nothing in the kernel, nobody to take the results: they are being dropped.
    Discarding,
}

/// The bookkeeping of one activation.
#[derive(Debug)]
pub(crate) struct Activation {
    generation: u32,
    pub(crate) phase: Phase,
    plan: *mut u8,
    boxed: bool,
    erased: Option<&'static Erased>,
    /// Who to wake when it has ended.
    pub(crate) waker: Option<Waker>,
    /// The stage table; `None` for a single op.
    pub(crate) table: Option<Box<Table>>,
    /// The single op's state.
    pub(crate) single: Single,
    /// What an op that gives many results has given and nobody has taken; `None` for all others.
    pub(crate) shots: Option<Box<Shots>>,
}

/// State of an op that is awaited on its own, instead of a table's row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Single {
    pub(crate) res: i32,
    /// Its SQE is in the backlog, not in the kernel.
    pub(crate) queued: bool,
    pub(crate) cancel_sent: bool,
    pub(crate) cancel_misses: u8,
    pub(crate) timed_out: bool,
    /// Its result is here, and one more CQE to come: the kernel still has its memory.
    pub(crate) lingers: bool,
    pub(crate) work: Work,
    pub(crate) timer: Option<TimerId>,
}

/// What can be done with a plan whose type has been forgotten.
#[derive(Debug)]
struct Erased {
    type_id: fn() -> TypeId,
    discard: unsafe fn(plan: *mut u8, boxed: bool, results: Results),
}

struct ErasedOf<P>(P);

impl<P: Plan> ErasedOf<P> {
    const ERASED: Erased = Erased { type_id: TypeId::of::<P>, discard: discard::<P> };
}

#[repr(C, align(16))]
struct Unit(UnsafeCell<[MaybeUninit<u8>; UNIT]>);

/// Places for the plans of `CHUNK` activations.
struct Chunk {
    /// Which of [`UNITS`].
    size: usize,
    memory: Box<[Unit]>,
}

impl Chunk {
    fn new(size: usize) -> Chunk {
        let unit = || Unit(UnsafeCell::new([MaybeUninit::uninit(); UNIT]));
        Chunk { size, memory: (0..CHUNK * UNITS[size]).map(|_| unit()).collect() }
    }

    fn place(&self, slot: u32) -> *mut u8 {
        let first = slot as usize % CHUNK * UNITS[self.size];
        // A pointer to the whole place, not to its first unit.
        let place = &self.memory[first..first + UNITS[self.size]];
        UnsafeCell::raw_get(place.as_ptr().cast::<UnsafeCell<u8>>())
    }
}

/// All activations of a shard.
#[derive(Default)]
pub(crate) struct Slab {
    activations: Vec<Activation>,
    chunks: Vec<Chunk>,
    /// For each size.
    free: [Vec<u32>; UNITS.len()],
}

impl Slab {
    /// How many activations are not free.
    pub(crate) fn len(&self) -> usize {
        self.activations.len() - self.free.iter().map(Vec::len).sum::<usize>()
    }

    /// Moves a plan into the slab and returns its key and its address; `Err` gives it back if the slab is full.
    pub(crate) fn insert<P: Plan>(&mut self, plan: P) -> Result<(Key, *mut P), P> {
        let inline = size_of::<P>() <= INLINE_BYTES && align_of::<P>() <= align_of::<Unit>();
        let size = usize::from(inline && size_of::<P>() > UNITS[0] * UNIT);
        if self.free[size].is_empty() && !self.grow(size) {
            return Err(plan);
        }
        let slot = self.free[size].pop().expect("grown");
        let address = if inline {
            let place = self.chunks[slot as usize / CHUNK].place(slot).cast::<P>();
            // SAFETY: the slab owns the place, which is large and aligned enough and empty (its activation is free);
            // it is emptied by `take` or `discard` only. Test: slab::tests.
            unsafe { place.write(plan) };
            place
        } else {
            Box::into_raw(Box::new(plan))
        };
        let activation = &mut self.activations[slot as usize];
        activation.phase = Phase::Lowering;
        activation.plan = address.cast();
        activation.boxed = !inline;
        activation.erased = Some(&ErasedOf::<P>::ERASED);
        activation.single = Single::default();
        Ok((Key { slot, generation: activation.generation }, address))
    }

    fn grow(&mut self, size: usize) -> bool {
        let len = self.activations.len();
        if len + CHUNK > ACTIVATIONS_MAX as usize {
            return false;
        }
        self.chunks.push(Chunk::new(size));
        self.activations.extend((0..CHUNK).map(|_| Activation {
            generation: 0,
            phase: Phase::Free,
            plan: std::ptr::null_mut(),
            boxed: false,
            erased: None,
            waker: None,
            table: None,
            single: Single::default(),
            shots: None,
        }));
        self.free[size].extend((len as u32..(len + CHUNK) as u32).rev());
        true
    }

    /// The activation that `key` names, unless its life is over.
    pub(crate) fn get(&mut self, key: Key) -> Option<&mut Activation> {
        let activation = self.activations.get_mut(key.slot as usize)?;
        (activation.generation == key.generation && activation.phase != Phase::Free).then_some(activation)
    }

    /// Takes the plan out and frees its slot. The activation must have ended, or never have been submitted.
    pub(crate) fn take<P: Plan>(&mut self, key: Key) -> P {
        let activation = self.get(key).expect("the key of a live activation");
        assert!(matches!(activation.phase, Phase::Ended | Phase::Lowering), "taken while {:?}", activation.phase);
        assert!(activation.erased.take().is_some_and(|erased| (erased.type_id)() == TypeId::of::<P>()));
        let (address, boxed) = (activation.plan.cast::<P>(), activation.boxed);
        self.release(key);
        // SAFETY: a `P` was written here by `insert` (type asserted) and not taken since (`erased` was still there);
        // nothing of it is in the kernel (phase asserted), so no SQE points into it any more. Test: slab::tests.
        unsafe { if boxed { *Box::from_raw(address) } else { address.read() } }
    }

    /// The means to drop a plan whose future is gone; its slot stays taken until [`Slab::release`].
    pub(crate) fn corpse(&mut self, key: Key) -> Corpse {
        let activation = self.get(key).expect("the key of a live activation");
        assert_eq!(activation.phase, Phase::Discarding);
        let erased = activation.erased.take().expect("not yet taken");
        Corpse {
            plan: activation.plan,
            boxed: activation.boxed,
            erased,
            table: activation.table.take(),
            single: activation.single,
            shots: activation.shots.take(),
        }
    }

    /// Frees an emptied slot: its next life has another generation.
    pub(crate) fn release(&mut self, key: Key) {
        let activation = self.get(key).expect("the key of a live activation");
        debug_assert!(activation.erased.is_none() && activation.table.is_none() && activation.shots.is_none());
        activation.generation = Key::next_generation(activation.generation);
        activation.phase = Phase::Free;
        self.free[self.chunks[key.slot as usize / CHUNK].size].push(key.slot);
    }

    /// Keys of all activations that are not free.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let live = self.activations.iter().enumerate().filter(|(_, activation)| activation.phase != Phase::Free);
        live.map(|(slot, activation)| Key { slot: slot as u32, generation: activation.generation }).collect()
    }

    /// Leaks the memory of all plans: the kernel may still use it.
    pub(crate) fn leak(&mut self) {
        std::mem::forget(std::mem::take(self));
    }
}

impl std::fmt::Debug for Slab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slab").field("len", &self.len()).finish()
    }
}

/// A plan that has ended with nobody to take its results.
pub(crate) struct Corpse {
    plan: *mut u8,
    boxed: bool,
    erased: &'static Erased,
    table: Option<Box<Table>>,
    single: Single,
    shots: Option<Box<Shots>>,
}

impl Corpse {
    /// Turns the results into objects and drops them, so that a descriptor among them is closed. Runs user code.
    pub(crate) fn discard(mut self) -> Option<Box<Table>> {
        let table = self.table.as_deref_mut();
        let results = match table {
            Some(table) => Results::of_table(table),
            None => Results::of_single(self.single, self.shots.take()),
        };
        // SAFETY: the plan lies where `insert` wrote it, its slot being held until `release`; nothing of it is in the
        // kernel (phase Discarding); `corpse` took `erased`, so this runs once. Test: drop_everywhere.
        unsafe { (self.erased.discard)(self.plan, self.boxed, results) };
        self.table
    }
}

/// Finishes a plan and drops what it gives.
///
/// # Safety
/// `plan` points to a `P` that nobody else owns, made by `Box` if `boxed`.
unsafe fn discard<P: Plan>(plan: *mut u8, boxed: bool, mut results: Results) {
    let plan = plan.cast::<P>();
    // SAFETY: by this function's contract. Test: drop_everywhere.
    let plan = unsafe { if boxed { *Box::from_raw(plan) } else { plan.read() } };
    drop(plan.finish(&mut results));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{op, plan::One};

    #[test]
    fn places_do_not_move_and_generations_differ() {
        let mut slab = Slab::default();
        let plan = || op::nop().into_plan();
        let first = slab.insert(plan()).unwrap();
        let others: Vec<_> = (0..3 * CHUNK).map(|_| slab.insert(plan()).unwrap()).collect();
        assert_eq!(slab.len(), 3 * CHUNK + 1);
        let (key, address) = slab.insert(plan()).unwrap();
        let _: One<op::Nop> = slab.take(key);
        assert!(slab.get(key).is_none());
        let (again, same_address) = slab.insert(plan()).unwrap();
        assert_eq!((again.slot, address), (key.slot, same_address));
        assert_ne!(again.generation, key.generation);
        for (key, _) in others.into_iter().chain([first, (again, address)]) {
            let _: One<op::Nop> = slab.take(key);
        }
        assert_eq!(slab.len(), 0);
    }

    #[test]
    fn large_plans_get_a_box() {
        let mut slab = Slab::default();
        let plan = crate::plan::join_all((0..1).map(|_| op::nop())).into_plan();
        let (key, _) = slab.insert(plan).unwrap();
        let _: crate::plan::JoinAll<One<op::Nop>> = slab.take(key);
        let nops = || crate::join!(op::nop(), op::nop(), op::nop(), op::nop(), op::nop(), op::nop());
        let large = crate::join!(nops(), nops(), nops(), nops()).into_plan();
        assert!(size_of_val(&large) > INLINE_BYTES);
        fn round_trip<P: Plan>(slab: &mut Slab, plan: P) {
            let (key, address) = slab.insert(plan).ok().unwrap();
            assert!(
                !slab.chunks.iter().any(|chunk| chunk.memory.as_ptr_range().contains(&address.cast_const().cast()))
            );
            drop(slab.take::<P>(key));
        }
        round_trip(&mut slab, large);
        assert_eq!(slab.len(), 0);
    }
}
