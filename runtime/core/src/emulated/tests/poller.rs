//! Waits for readiness.

use super::*;

#[test]
fn a_number_that_means_another_file_is_waited_for_anew() {
    let mut kernel = kernel();
    let (source, mut sink) = std::io::pipe().unwrap();
    let number = source.as_raw_fd();
    let mut bytes = [0; 4];
    push(&mut kernel, &[read(1, 0, number, &mut bytes)]);
    assert!(now(&mut kernel).is_empty());
    sink.write_all(b"full").unwrap();
    assert_eq!(results(&mut kernel, 1), [(1, 4)]);
    let mut sinks = Vec::new();
    for round in 0..3 {
        // A wait that was given up, as the last thing that was heard of the old file.
        push(&mut kernel, &[read(2, 0, number, &mut bytes), cancel(3, 2)]);
        assert_eq!(results(&mut kernel, 2), [(2, CANCELED), (3, 0)]);
        // The old file is closed behind the kernel's back, and its number is another's at once.
        let (other, mut sink) = std::io::pipe().unwrap();
        // SAFETY: no memory is passed; `number` stays with `source`, which closes whatever it means then.
        assert_eq!(unsafe { libc::dup3(other.as_raw_fd(), number, libc::O_CLOEXEC) }, number);
        drop(other);
        push(&mut kernel, &[read(1, 0, number, &mut bytes)]);
        assert!(now(&mut kernel).is_empty(), "round {round}");
        sink.write_all(b"more").unwrap();
        assert_eq!(results(&mut kernel, 1), [(1, 4)], "round {round}");
        // Without it the next wait would see the end.
        sinks.push(sink);
    }
}

/// As above, with a CLOSE by SQE, and with a wait that was cancelled in between.
#[test]
fn a_cancelled_wait_leaves_nothing_to_the_next_file_of_its_number() {
    let mut kernel = kernel();
    let mut bytes = [0; 4];
    for round in 0..4 {
        let (source, mut sink) = std::io::pipe().unwrap();
        let number = source.into_raw_fd();
        push(&mut kernel, &[read(1, 0, number, &mut bytes)]);
        assert!(now(&mut kernel).is_empty());
        push(&mut kernel, &[cancel(2, 1)]);
        assert_eq!(results(&mut kernel, 2), [(1, CANCELED), (2, 0)]);
        push(&mut kernel, &[read(3, 0, number, &mut bytes)]);
        assert!(now(&mut kernel).is_empty());
        sink.write_all(b"full").unwrap();
        assert_eq!(results(&mut kernel, 1), [(3, 4)], "round {round}");
        push(&mut kernel, &[sqe(4, 0, opcode::Close::new(types::Fd(number)).build())]);
        assert_eq!(results(&mut kernel, 1), [(4, 0)]);
    }
    assert_eq!(kernel.poller.waiting(), 0);
}

#[test]
fn a_number_that_comes_back_to_a_file_that_lives_elsewhere_is_waited_for() {
    let mut kernel = kernel();
    let (source, mut sink) = std::io::pipe().unwrap();
    let mut bytes = [0; 4];
    let mut numbers = Vec::new();
    for round in 0..3 {
        // Above all that other tests are given meanwhile.
        // SAFETY: no memory is passed; the CLOSE below gives the number up.
        let number = unsafe { libc::fcntl(source.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 800) };
        numbers.push(number);
        push(&mut kernel, &[read(1, 0, number, &mut bytes)]);
        assert!(now(&mut kernel).is_empty(), "round {round}");
        sink.write_all(b"full").unwrap();
        assert_eq!(results(&mut kernel, 1), [(1, 4)]);
        push(&mut kernel, &[sqe(2, 0, opcode::Close::new(types::Fd(number)).build())]);
        assert_eq!(results(&mut kernel, 1), [(2, 0)]);
    }
    assert_eq!(numbers, [numbers[0]; 3]);
}

#[test]
fn all_who_wait_for_one_descriptor_get_their_turn() {
    let mut kernel = kernel();
    let (source, mut sink) = std::io::pipe().unwrap();
    let mut memory = [[0; 2]; 3];
    let mut sqes = Vec::new();
    for (number, bytes) in (0..).zip(&mut memory) {
        sqes.push(read(number, 0, source.as_raw_fd(), bytes));
    }
    let poll = opcode::PollAdd::new(types::Fd(source.as_raw_fd()), libc::POLLIN as u32).build();
    push(&mut kernel, &sqes);
    push(&mut kernel, &[sqe(9, 0, poll)]);
    assert!(now(&mut kernel).is_empty());
    sink.write_all(b"ab").unwrap();
    let mut done = results(&mut kernel, 2);
    assert_eq!(done[1], (9, libc::POLLIN.into()));
    for _ in 0..2 {
        sink.write_all(b"cd").unwrap();
        done.extend(results(&mut kernel, 1));
    }
    done.sort_unstable();
    assert_eq!(done, [(0, 2), (1, 2), (2, 2), (9, libc::POLLIN.into())]);
    // The other end's close reaches all.
    push(&mut kernel, &sqes);
    assert!(now(&mut kernel).is_empty());
    drop(sink);
    assert_eq!(results(&mut kernel, 3), [(0, 0), (1, 0), (2, 0)]);
}

#[test]
fn a_wait_has_the_length_that_is_asked_for() {
    let mut kernel = kernel();
    for wait in [Duration::from_micros(300), Duration::from_millis(12)] {
        let started = Instant::now();
        kernel.enter(1, Some(wait)).unwrap();
        assert!(started.elapsed() >= wait);
    }
    // Without epoll_pwait2(2), which came with Linux 5.11.
    kernel.poller.forget_pwait2();
    let started = Instant::now();
    kernel.enter(1, Some(Duration::from_millis(12))).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(12));
    let (source, mut sink) = std::io::pipe().unwrap();
    let mut bytes = [0; 4];
    push(&mut kernel, &[read(1, 0, source.as_raw_fd(), &mut bytes)]);
    assert!(now(&mut kernel).is_empty());
    sink.write_all(b"full").unwrap();
    assert_eq!(results(&mut kernel, 1), [(1, 4)]);
}
