//! Connections come and go, slow and fast, and every byte of every answer is right.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

/// Answers with the input itself, or with a copy that it owns.
struct Echo {
    copies: bool,
    copy: Vec<u8>,
}

impl raw_loops::Work for Echo {
    fn answer<'a>(&'a mut self, input: &'a [u8]) -> &'a [u8] {
        if !self.copies {
            return input;
        }
        self.copy = input.to_vec();
        &self.copy
    }
}

#[test]
fn every_byte_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It serves until the process ends.
    thread::spawn(move || {
        let mut number = 0;
        let work = || {
            number += 1;
            Echo { copies: number % 2 == 0, copy: Vec::new() }
        };
        raw_loops::serve(&listener, work).unwrap();
    });
    let clients: Vec<_> = (0..16).map(|seed| thread::spawn(move || client(address, seed))).collect();
    for client in clients {
        client.join().unwrap();
    }
}

fn client(address: std::net::SocketAddr, seed: usize) {
    for round in 0..20 {
        let mut stream = TcpStream::connect(address).unwrap();
        // More than sockets and all buffers hold, for some: the server waits in the middle of an answer.
        let len = if (seed + round).is_multiple_of(5) { 1 << 20 } else { 100 * (round + 1) };
        let sent: Vec<u8> = (0..len).map(|i| (i * 31 + seed * 7 + round) as u8).collect();
        let mut writer = stream.try_clone().unwrap();
        let message = sent.clone();
        let writes = thread::spawn(move || writer.write_all(&message));
        if round % 3 == 2 {
            // Gone with an answer under way: an end, or a reset where the answer lies unread.
            if len > 100_000 {
                stream.shutdown(Shutdown::Both).unwrap();
            }
            let _broken = writes.join().unwrap();
            continue;
        }
        let mut answer = vec![0; len];
        stream.read_exact(&mut answer).unwrap();
        assert!(answer == sent, "client {seed}, round {round}: a wrong answer");
        writes.join().unwrap().unwrap();
    }
}
