//! From names to addresses.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use runtime_core::{blocking, task::JoinHandle};

/// What can be turned into addresses, names included: tokio's trait for arguments.
///
/// | type | how |
/// |---|---|
/// | `SocketAddr`, `SocketAddrV4`, `SocketAddrV6`, `&[SocketAddr]`, `(IpAddr, u16)` and its two kinds | as it is |
/// | `str`, `String` as `"host:port"`; `(&str, u16)`, `(String, u16)` | as it is if it is an address in text; else by `getaddrinfo(3)` on the blocking pool |
///
/// It cannot be implemented elsewhere, and is called by what takes addresses only.
pub trait ToSocketAddrs: sealed::Resolve {}

impl<T: sealed::Resolve + ?Sized> ToSocketAddrs for T {}

/// All addresses of a host: what `getaddrinfo(3)` says, in its order.
///
/// Text that is an address costs nothing; a name costs a job on the blocking pool.
///
/// # Errors
/// `InvalidInput` for text without a port or with a bad one; those of the resolver, with the name.
///
/// # Cancel safety
/// Dropped, the answer is thrown away; a query that has begun goes on.
///
/// # Panics
/// With a name, outside a runtime.
///
/// ```
/// # async fn example() -> std::io::Result<()> {
/// let first = runtime_net::lookup_host("127.0.0.1:80").await?.next();
/// assert_eq!(first, Some(([127, 0, 0, 1], 80).into()));
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>> {
    host.resolve().await
}

/// As [`lookup_host`], for what polls the answer itself.
pub(crate) fn look_up<T: ToSocketAddrs>(host: &T) -> Lookup {
    host.resolve()
}

/// What is said where every address has been tried and there was none.
pub(crate) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address")
}

/// Addresses, there already or on their way.
#[derive(Debug)]
pub struct Lookup(State);

#[derive(Debug)]
enum State {
    Known(Option<io::Result<Vec<SocketAddr>>>),
    Asked { name: String, answer: JoinHandle<io::Result<Vec<SocketAddr>>> },
}

impl Lookup {
    fn known(address: SocketAddr) -> Lookup {
        Lookup(State::Known(Some(Ok(vec![address]))))
    }

    fn failed(error: io::Error) -> Lookup {
        Lookup(State::Known(Some(Err(error))))
    }

    fn ask(host: &str, port: u16) -> Lookup {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Lookup::known((address, port).into());
        }
        let query = (host.to_owned(), port);
        let answer = blocking::spawn(move || {
            let (host, port) = query;
            Ok(std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port))?.collect())
        });
        Lookup(State::Asked { name: format!("{host}:{port}"), answer })
    }
}

impl Future for Lookup {
    type Output = io::Result<vec::IntoIter<SocketAddr>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addresses = match &mut self.0 {
            State::Known(addresses) => addresses.take().expect("a lookup was polled after it had given its result"),
            State::Asked { name, answer } => match Pin::new(answer).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(answer)) => {
                    answer.map_err(|error| io::Error::new(error.kind(), format!("cannot look up {name}: {error}")))
                }
                Poll::Ready(Err(error)) => Err(error.into()),
            },
        };
        Poll::Ready(addresses.map(Vec::into_iter))
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let State::Asked { answer, .. } = &self.0 {
            answer.abort();
        }
    }
}

mod sealed {
    /// Keeps the way of looking up free to change.
    pub trait Resolve {
        fn resolve(&self) -> super::Lookup;
    }
}
use sealed::Resolve;

impl Resolve for SocketAddr {
    fn resolve(&self) -> Lookup {
        Lookup::known(*self)
    }
}

macro_rules! addresses {
    ($($address:ty),+ $(,)?) => {$(
        impl Resolve for $address {
            fn resolve(&self) -> Lookup {
                Lookup::known(SocketAddr::from(*self))
            }
        }
    )+};
}

addresses!(SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl Resolve for [SocketAddr] {
    fn resolve(&self) -> Lookup {
        Lookup(State::Known(Some(Ok(self.to_vec()))))
    }
}

impl Resolve for (&str, u16) {
    fn resolve(&self) -> Lookup {
        Lookup::ask(self.0, self.1)
    }
}

impl Resolve for (String, u16) {
    fn resolve(&self) -> Lookup {
        Lookup::ask(&self.0, self.1)
    }
}

impl Resolve for str {
    fn resolve(&self) -> Lookup {
        if let Ok(address) = self.parse() {
            return Lookup::known(address);
        }
        let refused =
            |what| io::Error::new(io::ErrorKind::InvalidInput, format!("invalid socket address \"{self}\": {what}"));
        let Some((host, port)) = self.rsplit_once(':') else {
            return Lookup::failed(refused("it has no port; write \"host:port\""));
        };
        match port.parse() {
            Ok(port) => Lookup::ask(host, port),
            Err(_) => Lookup::failed(refused("the port is no number from 0 to 65535")),
        }
    }
}

impl Resolve for String {
    fn resolve(&self) -> Lookup {
        self.as_str().resolve()
    }
}

impl<T: Resolve + ?Sized> Resolve for &T {
    fn resolve(&self) -> Lookup {
        (**self).resolve()
    }
}
