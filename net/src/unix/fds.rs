//! Descriptors and credentials that travel with bytes, as macros over types with a field `socket`.

/// Direct attempts, in the caller's buffers, and who sent what.
macro_rules! fd_methods {
    // `$stream`: without a byte nothing is sent at all.
    ($type:ty, $stream:literal, $of_bytes:literal) => {
        impl $type {
            /// Sends bytes, and duplicates of descriptors with the first of them: sendmsg(2) with SCM_RIGHTS.
            #[doc = $of_bytes]
            ///
            /// # Errors
            /// Those of sendmsg(2): ETOOMANYREFS if more descriptors are under way than the process may have open.
            /// `InvalidInput` for more than [`FDS_MAX`](crate::unix::FDS_MAX) of them.
            ///
            /// # Cancel safety
            /// Dropped while it waits, nothing was sent.
            ///
            /// # Cost
            /// One system call and one allocation; one call more and one SQE if there was no room.
            pub async fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
                self.socket.wait_for(Interest::WRITABLE, || self.try_send_fds(bytes, fds)).await
            }

            /// As `send_fds`, without waiting.
            ///
            /// # Errors
            /// As for `send_fds`; `WouldBlock` if there is no room.
            pub fn try_send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
                if $stream && bytes.is_empty() {
                    let text = "a stream carries descriptors with its bytes: send at least one byte";
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
                }
                send_fds(&self.socket, bytes, fds)
            }

            /// Receives bytes, and at most `fds` descriptors that came with them, which are closed on exec. They belong to
            /// the first of the bytes; one call never gives those of two sends.
            ///
            /// # Errors
            /// Those of recvmsg(2). `InvalidData` if more came than `fds`, or than the process can have open: then those
            /// that did come are closed, and the bytes are lost. But where `fds` is 0, what comes is closed without a word, as
            /// by every other way to receive. `InvalidInput` for more than [`FDS_MAX`](crate::unix::FDS_MAX).
            ///
            /// # Cancel safety
            /// Dropped while it waits, nothing was received.
            ///
            /// # Cost
            /// One system call and one allocation, one more if descriptors came; one call more and one SQE if nothing was
            /// there.
            pub async fn recv_fds(&self, buf: &mut [u8], fds: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
                self.socket.wait_for(Interest::READABLE, || self.try_recv_fds(buf, fds)).await
            }

            /// As `recv_fds`, without waiting.
            ///
            /// # Errors
            /// As for `recv_fds`; `WouldBlock` if nothing is there.
            pub fn try_recv_fds(&self, buf: &mut [u8], fds: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
                let received = recv_fds(&self.socket, &mut ReadBuf::new(buf), fds);
                self.socket.unless_ended(received, || Ok((0, Vec::new())))
            }

            /// Whether what is received comes with the sender's credentials (SO_PASSCRED): `recv_msg` gives them.
            ///
            /// # Errors
            /// Those of getsockopt(2).
            pub fn passcred(&self) -> io::Result<bool> {
                self.socket.options().passcred()
            }

            /// Sets whether what is received comes with the sender's credentials (SO_PASSCRED).
            ///
            /// # Errors
            /// Those of setsockopt(2).
            pub fn set_passcred(&self, on: bool) -> io::Result<()> {
                self.socket.options().set_passcred(on)
            }

            /// Receives what comes next as an op: `(io::Result<Received<SocketAddr>>, buffer)`, with at most `fds` descriptors,
            /// and the sender's credentials if the socket [asks for them](Self::set_passcred). In a plan, the loan of what is
            /// received is as long as that; nothing (an empty message, the end of a connection) does not end the plan.
            ///
            /// # Errors
            /// As for `recv_fds`.
            ///
            /// # Cancel safety
            /// What was received when the op is dropped is lost, and descriptors are closed; [`Io::cancel`] gives it back.
            ///
            /// # Cost
            /// One SQE, no copy, two allocations.
            pub fn recv_msg<B: IoBufMut>(&self, buf: B, fds: usize) -> Io<One<op::RecvMsg<B, SocketAddr>>> {
                op::recv_msg(self.socket.target(), buf, true, fds)
            }
        }
    };
}
pub(super) use fd_methods;

/// A send as an op, to the peer.
macro_rules! send_msg {
    ($type:ty) => {
        impl $type {
            /// Sends `source`, a buffer or a loan, and descriptors with its first byte, as an op: `(io::Result<usize>, source)`.
            /// This closes the descriptors when it has ended; what is under way stays open. On a stream an empty `source` sends
            /// nothing, no descriptors either.
            ///
            /// # Errors
            /// As for `send_fds`; with descriptors, `InvalidInput` for a loan of variable length.
            ///
            /// # Cancel safety
            /// It may have been sent when the op is dropped; [`Io::cancel`] says so.
            ///
            /// # Cost
            /// One SQE, no copy in user space, one allocation, one more with descriptors.
            pub fn send_msg<S: Source>(&self, source: S, fds: Vec<OwnedFd>) -> Io<One<op::SendMsg<S>>> {
                op::send_msg(self.socket.target(), source, Ok(None), fds)
            }
        }
    };
}
pub(super) use send_msg;
