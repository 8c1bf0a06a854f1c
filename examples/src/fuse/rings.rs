//! Whether the kernel puts requests into rings, and how many queues it has for them.

use std::fs;

/// Of the kernel's module `fuse`, from Linux 6.14 on. It stands for all file systems that are mounted from then on.
const SWITCH: &str = "/sys/module/fuse/parameters/enable_uring";

/// Whether rings are allowed; allows them if it may, and else says why there are none.
pub fn are_enabled() -> bool {
    match fs::read_to_string(SWITCH) {
        Ok(text) if text.starts_with('Y') => true,
        Ok(_) => match fs::write(SWITCH, "Y") {
            Ok(()) => {
                eprintln!("fuse: {SWITCH} is now Y");
                true
            }
            Err(error) => {
                eprintln!("fuse: no rings, but /dev/fuse: {SWITCH} is N, and cannot be set: {error}");
                false
            }
        },
        Err(error) => {
            eprintln!("fuse: no rings, but /dev/fuse: {SWITCH}: {error}");
            false
        }
    }
}

/// One queue for each CPU that there may ever be, as the kernel counts them: it waits until all have entries.
pub fn count() -> usize {
    let possible = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    count_in(possible.trim()).unwrap_or(1)
}

/// Of a list such as `0-3,8`.
fn count_in(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(last.parse::<usize>().ok()? - first.parse::<usize>().ok()? + 1)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_is_counted() {
        assert_eq!([count_in("0"), count_in("0-1"), count_in("0-3,8,10-11")], [Some(1), Some(2), Some(7)]);
        assert_eq!(count_in(""), None);
        assert!(count() > 0);
    }
}
