//! Which CPUs a thread runs on.

use std::{io, mem::MaybeUninit};

/// A set of CPUs, as `sched_setaffinity(2)` takes it: up to 1024 of them.
#[derive(Clone, Copy)]
pub struct CpuSet(libc::cpu_set_t);

impl CpuSet {
    /// Those that the calling thread may run on.
    ///
    /// # Errors
    /// Those of `sched_getaffinity(2)`: EINVAL on machines with more than 1024 CPUs.
    pub fn of_this_thread() -> io::Result<CpuSet> {
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: a local that the kernel fills during the call. Test: a_thread_moves_and_comes_back.
        let done = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a plain array of bits, all of them zero or as the kernel wrote them.
        Ok(CpuSet(unsafe { set.assume_init() }))
    }

    /// The CPUs in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        // SAFETY: an index below CPU_SETSIZE, by the range.
        (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &self.0) })
    }

    /// This one alone. Panics above 1023.
    pub fn one(cpu: usize) -> CpuSet {
        assert!(cpu < libc::CPU_SETSIZE as usize, "CPU {cpu} is beyond {}", libc::CPU_SETSIZE);
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: zeroed it is the empty set; the index was checked.
        unsafe {
            libc::CPU_SET(cpu, set.assume_init_mut());
            CpuSet(set.assume_init())
        }
    }

    /// Lets the calling thread run on these only.
    ///
    /// # Errors
    /// Those of `sched_setaffinity(2)`: EINVAL if none of them is there, or allowed by the thread's cpuset.
    pub fn bind_this_thread(&self) -> io::Result<()> {
        // SAFETY: the kernel reads the set during the call.
        match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const self.0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl std::fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_moves_and_comes_back() {
        let before = CpuSet::of_this_thread().unwrap();
        for cpu in before.iter() {
            CpuSet::one(cpu).bind_this_thread().unwrap();
            assert_eq!(CpuSet::of_this_thread().unwrap().iter().collect::<Vec<_>>(), [cpu]);
        }
        before.bind_this_thread().unwrap();
        assert_eq!(format!("{:?}", CpuSet::of_this_thread().unwrap()), format!("{before:?}"));
    }
}
