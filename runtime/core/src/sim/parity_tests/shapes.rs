//! All short chains, and random submissions with groups.

use super::*;
use crate::sim::script::Chance;

const KINDS: usize = 6;

/// An op of each way to end.
fn op(env: &Env, kind: usize, user_data: u64, flags: u8) -> Sqe {
    match kind {
        0 => nop(user_data, flags),
        1 => sqe(user_data, flags, env.read(env.file.as_raw_fd(), 10)),
        2 => sqe(user_data, flags, env.read(env.file.as_raw_fd(), 16)),
        3 => sqe(user_data, flags, env.read(-1, 4)),
        4 => malformed(user_data, flags),
        _ => sqe(user_data, flags, opcode::Timeout::new(env.time(0)).build()),
    }
}

/// Compares one list of SQEs after the other, on one ring.
fn compare_all(name: &str, submissions: impl Iterator<Item = Vec<(usize, u8)>>) -> usize {
    let path = scratch(name);
    let mut kernel = real();
    let features = kernel.features().clone();
    let mut emulated = Emulated::new(CONFIG).unwrap();
    // It has no groups, as no released kernel has.
    let emulates = features.groups.is_none();
    let env = Env::real(&path);
    let mut count = 0;
    for list in submissions {
        let make = |env: &Env| -> Vec<Phase> {
            let sqes = (0..).zip(&list).map(|(index, (kind, flags))| op(env, *kind, index, *flags));
            vec![(sqes.collect(), list.len() as u32)]
        };
        let real = run(&mut *kernel, &make(&env));
        if emulates {
            assert_eq!(run(&mut emulated, &make(&env)), real, "{list:?}: emulated left, real right");
        }
        let (mut sim, handle) = simulation(&features, count as u64);
        let simulated = run(&mut sim, &make(&Env::simulated(&handle, &path)));
        assert_eq!(simulated, real, "{list:?}: simulated left, real right\n{}", handle.dump());
        count += 1;
    }
    drop((kernel, emulated));
    let _ = std::fs::remove_file(&path);
    count
}

#[test]
fn all_chains_of_three() {
    let shapes = (0..KINDS.pow(3) * 4).map(|mut number| {
        let mut digit = |base: usize| {
            let digit = number % base;
            number /= base;
            digit
        };
        let links: Vec<u8> = (0..2).map(|_| [IO_LINK, IO_HARDLINK][digit(2)]).collect();
        (0..3).map(|index| (digit(KINDS), links.get(index).copied().unwrap_or(0))).collect()
    });
    assert_eq!(compare_all("chains", shapes), KINDS.pow(3) * 4);
}

/// Links, hard links and group bits anywhere. On a kernel without groups the bit is refused, which is compared as well.
#[test]
fn random_submissions() {
    let groups = real().features().groups;
    println!("groups of the running kernel: {groups:?}");
    let mut chance = Chance::new(11);
    let shapes = (0..600).map(|_| {
        let sqes = 2 + chance.below(7);
        let mut list: Vec<(usize, u8)> = (0..sqes)
            .map(|_| {
                let link = [0, IO_LINK, IO_LINK, IO_HARDLINK][chance.below(4)];
                let group = if chance.percent(35) { SQE_GROUP } else { 0 };
                // Refusals less often, or little else is left.
                let kind = if chance.percent(85) { [0, 1, 2, 3, 5][chance.below(5)] } else { 4 };
                (kind, link | group)
            })
            .collect();
        list[sqes - 1].1 = 0;
        list
    });
    compare_all("random", shapes);
}
