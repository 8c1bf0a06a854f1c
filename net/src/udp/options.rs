//! Options of the socket, each one system call.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::UdpSocket;

/// A getter and a setter of `socket2` under tokio's names.
macro_rules! option {
    ($get:ident, $set:ident, $type:ty, $inner_get:ident, $inner_set:ident, $what:literal) => {
        #[doc = concat!("Gives ", $what, ".")]
        ///
        /// # Errors
        /// Those of getsockopt(2).
        pub fn $get(&self) -> io::Result<$type> {
            self.socket.options().$inner_get()
        }

        #[doc = concat!("Sets ", $what, ".")]
        ///
        /// # Errors
        /// Those of setsockopt(2).
        pub fn $set(&self, value: $type) -> io::Result<()> {
            self.socket.options().$inner_set(value)
        }
    };
}

impl UdpSocket {
    option!(
        broadcast,
        set_broadcast,
        bool,
        broadcast,
        set_broadcast,
        "whether it may send to broadcast addresses (SO_BROADCAST)"
    );
    option!(
        multicast_loop_v4,
        set_multicast_loop_v4,
        bool,
        multicast_loop_v4,
        set_multicast_loop_v4,
        "whether its own host receives the multicasts that it sends (IP_MULTICAST_LOOP)"
    );
    option!(
        multicast_ttl_v4,
        set_multicast_ttl_v4,
        u32,
        multicast_ttl_v4,
        set_multicast_ttl_v4,
        "the time to live of the multicasts that it sends (IP_MULTICAST_TTL): 1 keeps them in the network, which is the default"
    );
    option!(
        multicast_loop_v6,
        set_multicast_loop_v6,
        bool,
        multicast_loop_v6,
        set_multicast_loop_v6,
        "whether its own host receives the multicasts that it sends (IPV6_MULTICAST_LOOP)"
    );
    option!(
        tclass_v6,
        set_tclass_v6,
        u32,
        tclass_v6,
        set_tclass_v6,
        "the traffic class of the packets that it sends (IPV6_TCLASS)"
    );
    option!(ttl, set_ttl, u32, ttl_v4, set_ttl_v4, "the time to live of the packets that it sends (IP_TTL)");
    option!(tos_v4, set_tos_v4, u32, tos_v4, set_tos_v4, "the type of service of the packets that it sends (IP_TOS)");

    /// As [`tos_v4`](UdpSocket::tos_v4), by its older name.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    #[deprecated = "it is for IPv4 only: use `tos_v4`"]
    #[doc(hidden)]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// As [`set_tos_v4`](UdpSocket::set_tos_v4), by its older name.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    #[deprecated = "it is for IPv4 only: use `set_tos_v4`"]
    #[doc(hidden)]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// The network interface that it is bound to (SO_BINDTODEVICE), by name.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.options().device()
    }

    /// Binds it to a network interface (SO_BINDTODEVICE), or to none: only that one's packets are received.
    ///
    /// # Errors
    /// Those of setsockopt(2): EPERM, ENODEV.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.options().bind_device(interface)
    }

    /// Joins a multicast group on the interface with that address; 0.0.0.0 lets the kernel choose (IP_ADD_MEMBERSHIP).
    ///
    /// # Errors
    /// Those of setsockopt(2): EADDRINUSE if it is a member already, ENODEV.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket.options().join_multicast_v4(&multiaddr, &interface)
    }

    /// Joins a multicast group on the interface of that index; 0 lets the kernel choose (IPV6_ADD_MEMBERSHIP).
    ///
    /// # Errors
    /// As for [`join_multicast_v4`](UdpSocket::join_multicast_v4).
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group that [`join_multicast_v4`](UdpSocket::join_multicast_v4) joined (IP_DROP_MEMBERSHIP).
    ///
    /// # Errors
    /// Those of setsockopt(2): EADDRNOTAVAIL if it is no member.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket.options().leave_multicast_v4(&multiaddr, &interface)
    }

    /// Leaves a group that [`join_multicast_v6`](UdpSocket::join_multicast_v6) joined (IPV6_DROP_MEMBERSHIP).
    ///
    /// # Errors
    /// As for [`leave_multicast_v4`](UdpSocket::leave_multicast_v4).
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().leave_multicast_v6(multiaddr, interface)
    }
}
