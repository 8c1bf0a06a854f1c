//! What this kernel can do that no feature bit tells, found out by behaviour.
//!
//! Messages to a ring from a thread without one: by sending one. SQE groups: neither `params.features` (bits 15 and 16 mean other things on mainline) nor a version tells. A throw-away ring does,
//! once per process:
//!
//! 1. `[NOP|group, NOP]`: without groups the first one gives EINVAL; with them its CQE, the leader's, comes second.
//! 2. `[READ of an empty pipe|group, NOP]`: the NOP completes before anything is written if members start with their
//!    leader. The read's one byte is then supplied and both are drained.

use std::{
    io::{self, Write},
    os::fd::AsRawFd,
    sync::OnceLock,
};

use io_uring::{opcode, types};

use crate::{
    features::Groups,
    kernel::{Cqe, Kernel},
    knock::knock,
    ring::{Ring, RingConfig, TaskRun},
    sqe::{SQE_GROUP, Sqe},
};

/// How SQE groups work here, and how many enters it took to find out (0 if it was known).
pub(crate) fn groups() -> (Option<Groups>, u32) {
    static KNOWN: OnceLock<Option<Groups>> = OnceLock::new();
    let mut enters = 0;
    // A kernel that cannot even be asked has none that could be used.
    let groups = *KNOWN.get_or_init(|| ask(&mut enters).unwrap_or(None));
    (groups, enters)
}

/// Whether any thread can post a CQE to a ring.
pub(crate) fn messages() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let ring = Ring::bare(RingConfig { sq_entries: 2, cq_entries: 4, task_run: TaskRun::Coop });
        ring.is_ok_and(|ring| knock(ring.fd()))
    })
}

fn ask(enters: &mut u32) -> io::Result<Option<Groups>> {
    let mut ring = Ring::bare(RingConfig { sq_entries: 2, cq_entries: 4, task_run: TaskRun::Coop })?;
    let nop = |user_data| Sqe { user_data, ..opcode::Nop::new().build().into() };
    let mut submit = |ring: &mut Ring, sqes: [Sqe; 2], want| -> io::Result<Vec<Cqe>> {
        for sqe in &sqes {
            // SAFETY: NOPs point to nothing; the read's byte is in a box that outlives its CQE, see below.
            // Test: tests::the_answer_is_that_of_the_kernel.
            unsafe { ring.push(sqe) };
        }
        *enters += 1;
        ring.enter(want, None)?;
        let mut cqes = Vec::new();
        ring.reap(&mut cqes);
        Ok(cqes)
    };
    let cqes = submit(&mut ring, [Sqe { flags: SQE_GROUP, ..nop(1) }, nop(2)], 2)?;
    if cqes.iter().map(|cqe| (cqe.user_data, cqe.res)).ne([(2, 0), (1, 0)]) {
        return Ok(None);
    }
    let (reader, mut writer) = io::pipe()?;
    // Leaked if the drain below fails: the kernel may still have it.
    let byte = Box::leak(Box::new(0u8));
    let read = Sqe::from(opcode::Read::new(types::Fd(reader.as_raw_fd()), byte, 1).build());
    let cqes = submit(&mut ring, [Sqe { flags: SQE_GROUP, user_data: 1, ..read }, nop(2)], 0)?;
    let with_leader = cqes.iter().any(|cqe| cqe.user_data == 2);
    writer.write_all(&[0])?;
    *enters += 1;
    ring.enter(2 - cqes.len() as u32, None)?;
    Ok(Some(if with_leader { Groups::WithLeader } else { Groups::AfterLeader }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring;

    #[test]
    fn the_answer_is_that_of_the_kernel() {
        if ring::for_test(RingConfig { sq_entries: 2, cq_entries: 4, task_run: TaskRun::Coop }).is_none() {
            return;
        }
        let mut enters = 0;
        let answer = ask(&mut enters).unwrap();
        println!("groups: {answer:?} in {enters} enters");
        assert_eq!(enters, if answer.is_some() { 3 } else { 1 });
        assert_eq!(groups().0, answer);
        assert_eq!(groups(), (answer, 0), "asked once");
    }
}
