//! Level-triggered epoll by hand: many events per wait, one recv and one send per event.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, epoll, poll},
};

use super::work::{Answer, MESSAGE_MAX, Session, Work};

const EVENTS: usize = 256;
/// What events of the listener carry; those of connections carry their places.
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    session: Session,
}

pub fn serve(listener: TcpListener, work: Work) {
    Server::new(listener, work).and_then(|mut server| server.run()).expect("a loop");
}

struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    work: Work,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    input: [u8; MESSAGE_MAX],
    out: Vec<u8>,
}

impl Server {
    fn new(listener: TcpListener, work: Work) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        watch(&epoll, &listener, LISTENER)?;
        let (connections, free, out) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Server { epoll, listener, work, connections, free, input: [0; MESSAGE_MAX], out })
    }

    /// Until the process is ended.
    fn run(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    place => self.answer(place as usize)?,
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some((stream, _)) = unless_blocking(self.listener.accept())? {
            stream.set_nonblocking(true)?;
            let place = self.free.pop().unwrap_or(self.connections.len());
            if place == self.connections.len() {
                self.connections.push(None);
            }
            watch(&self.epoll, &stream, place as u64)?;
            self.connections[place] = Some(Connection { stream, session: self.work.session() });
        }
        Ok(())
    }

    fn answer(&mut self, place: usize) -> io::Result<()> {
        let Connection { stream, session } = self.connections[place].as_mut().expect("watched until it is dropped");
        match stream.read(&mut self.input) {
            Ok(count @ 1..) => match session.answer(&self.input[..count], &mut self.out) {
                Answer::Input => send(stream, &self.input[..count]),
                Answer::Out => send(stream, &self.out),
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Ok(0) | Err(_) => {
                // Its drop closes it, and epoll forgets it.
                self.connections[place] = None;
                self.free.push(place);
                Ok(())
            }
        }
    }
}

fn watch(epoll: &OwnedFd, source: impl AsFd, data: u64) -> io::Result<()> {
    Ok(epoll::add(epoll, source, epoll::EventData::new_u64(data), epoll::EventFlags::IN)?)
}

fn send(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match unless_blocking(stream.write(bytes)) {
            Ok(Some(count)) => bytes = &bytes[count..],
            Ok(None) => drop(poll(&mut [PollFd::new(stream, PollFlags::OUT)], None)?),
            // The next read tells that the connection is gone.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

fn unless_blocking<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
