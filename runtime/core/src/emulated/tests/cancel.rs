//! Cancels, and time limits, which are cancels that nobody asked for.

use super::*;

#[test]
fn a_cancel_has_three_answers() {
    let mut kernel = kernel();
    let fifo = Fifo::new("answers");
    let (name, (source, _sink)) = (fifo.name(), std::io::pipe().unwrap());
    let mut bytes = [0; 4];
    let waits = read(1, IO_LINK, source.as_raw_fd(), &mut bytes);
    push(&mut kernel, &[waits, nop(2, 0), fifo.open(3, IO_LINK, &name), nop(4, 0), nop(5, 0)]);
    assert_eq!(results(&mut kernel, 1), [(5, 0)]);
    begun(&kernel);
    // Linked behind others; with a thread; ended; never there.
    push(&mut kernel, &[cancel(12, 2), cancel(13, 3), cancel(14, 4), cancel(15, 5), cancel(16, 6)]);
    let (none, already) = (-libc::ENOENT, -libc::EALREADY);
    assert_eq!(results(&mut kernel, 5), [(12, none), (13, already), (14, none), (15, none), (16, none)]);
    // It waits for a peer: it ends, and severs.
    push(&mut kernel, &[cancel(11, 1)]);
    assert_eq!(results(&mut kernel, 3), [(1, CANCELED), (2, CANCELED), (11, 0)]);
    let _writer = fifo.release();
    let ended = results(&mut kernel, 2);
    assert_eq!((ended[0].0, ended[1]), (3, (4, 0)));
    close(ended[0].1);
}

/// Paths of a job's later steps are read when the first one has ended, long after a cancel of all of it.
#[test]
fn what_a_job_points_to_is_used_after_a_cancel_and_not_after_its_cqe() {
    let mut kernel = kernel();
    let fifo = Fifo::new("memory");
    let target = std::env::temp_dir().join(format!("emulated-{}-target", std::process::id()));
    let (name, mut path) = (fifo.name(), target.as_os_str().as_bytes().to_vec());
    path.push(0);
    let second = opcode::MkDirAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr().cast()).mode(0o700).build();
    push(&mut kernel, &[fifo.open(1, IO_LINK, &name), sqe(2, 0, second)]);
    assert!(now(&mut kernel).is_empty());
    begun(&kernel);
    push(&mut kernel, &[cancel(3, 1), cancel(4, 2)]);
    assert_eq!(results(&mut kernel, 2), [(3, -libc::EALREADY), (4, -libc::ENOENT)]);
    assert!(now(&mut kernel).is_empty(), "a CQE gives up memory that a thread works on");
    let writer = fifo.release();
    let ended = results(&mut kernel, 2);
    assert_eq!((ended[0].0, ended[1]), (1, (2, 0)));
    // The memory is the caller's again.
    path.fill(b'x');
    std::fs::remove_dir(target).unwrap();
    drop(writer);
    close(ended[0].1);
}

#[test]
fn a_job_that_no_thread_has_begun_is_taken_back() {
    let mut kernel = kernel();
    let fifo = Fifo::new("queue");
    let name = fifo.name();
    let threads = THREADS_MAX as u64;
    let sqes: Vec<Sqe> = (0..threads).map(|number| fifo.open(number, 0, &name)).collect();
    push(&mut kernel, &sqes);
    assert!(now(&mut kernel).is_empty());
    begun(&kernel);
    // All threads hang, so this one lies in the queue.
    push(&mut kernel, &[fifo.open(1000, IO_LINK, &name), nop(1001, 0)]);
    assert!(now(&mut kernel).is_empty());
    push(&mut kernel, &[cancel(1002, 1000)]);
    assert_eq!(results(&mut kernel, 3), [(1000, CANCELED), (1001, CANCELED), (1002, 0)]);
    let _writer = fifo.release();
    let opened = results(&mut kernel, THREADS_MAX);
    opened.into_iter().for_each(|(_, fd)| close(fd));
    assert_eq!(kernel.pool.out(), 0);
}

#[test]
fn a_time_limit_ends_what_waits_and_not_what_a_thread_does() {
    let mut kernel = kernel();
    let fifo = Fifo::new("limit");
    let (name, (source, _sink), soon) = (fifo.name(), std::io::pipe().unwrap(), time(5));
    let mut bytes = [0; 4];
    let waits = read(1, IO_LINK, source.as_raw_fd(), &mut bytes);
    push(&mut kernel, &[waits, limit(2, IO_LINK, &soon), nop(3, 0)]);
    assert_eq!(results(&mut kernel, 3), [(1, CANCELED), (2, -libc::ETIME), (3, CANCELED)]);
    // Of a hard link what is behind runs.
    let waits = read(1, IO_HARDLINK, source.as_raw_fd(), &mut bytes);
    push(&mut kernel, &[waits, limit(2, IO_HARDLINK, &soon), nop(3, 0)]);
    assert_eq!(results(&mut kernel, 3), [(1, CANCELED), (2, -libc::ETIME), (3, 0)]);
    push(&mut kernel, &[fifo.open(4, IO_LINK, &name), limit(5, IO_LINK, &soon), nop(6, 0)]);
    assert!(now(&mut kernel).is_empty());
    begun(&kernel);
    assert_eq!(results(&mut kernel, 1), [(5, -libc::EALREADY)]);
    let _writer = fifo.release();
    let ended = results(&mut kernel, 2);
    assert_eq!((ended[0].0, ended[1]), (4, (6, 0)));
    close(ended[0].1);
}

#[test]
fn a_time_limit_begins_with_its_op_and_ends_with_it() {
    let mut kernel = kernel();
    let (mut bytes, hour) = ([0; 4], types::Timespec::new().sec(3600));
    let (source, mut sink) = std::io::pipe().unwrap();
    let (first, soon) = (read(1, IO_LINK, source.as_raw_fd(), &mut bytes), time(1));
    let mut others = [0; 4];
    let second = read(2, IO_LINK, source.as_raw_fd(), &mut others);
    push(&mut kernel, &[first, second, limit(3, 0, &soon)]);
    // The limit's time is not up: its op has not begun.
    kernel.enter(1, Some(Duration::from_millis(20))).unwrap();
    assert!(now(&mut kernel).is_empty());
    sink.write_all(b"full").unwrap();
    assert_eq!(results(&mut kernel, 3), [(1, 4), (2, CANCELED), (3, -libc::ETIME)]);
    sink.write_all(b"full").unwrap();
    push(&mut kernel, &[read(4, IO_LINK, source.as_raw_fd(), &mut others), limit(5, 0, &hour)]);
    assert_eq!(results(&mut kernel, 2), [(4, 4), (5, CANCELED)]);
    assert!(kernel.timeouts.is_empty() && kernel.requests.is_empty() && kernel.known.is_empty(), "{kernel:#?}");
}

#[test]
fn timeouts_fire_in_their_order_and_can_be_cancelled() {
    let mut kernel = kernel();
    let times = [time(9), time(3), time(6), types::Timespec::new().sec(3600)];
    let sqes: Vec<Sqe> = (0..).zip(&times).map(|(n, time)| sqe(n, 0, opcode::Timeout::new(time).build())).collect();
    push(&mut kernel, &sqes);
    let mut order = Vec::new();
    while order.len() < 3 {
        order.extend(results(&mut kernel, 1));
    }
    let late = -libc::ETIME;
    assert_eq!(order, [(1, late), (2, late), (0, late)]);
    push(&mut kernel, &[cancel(4, 3)]);
    assert_eq!(results(&mut kernel, 2), [(3, CANCELED), (4, 0)]);
    assert!(kernel.timeouts.is_empty());
}
