//! The ops: owned buffers, plannable.

/// The ops of types with a method `target`: streams, their slots and handles.
macro_rules! stream_ops {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => { $(
        impl<$($generics)*> $type {
            /// Receives up to the buffer's size: `(io::Result<usize>, buffer)`, 0 once the peer has shut down its side.
            /// In a plan, the loan of what is received is as long as the result, and 0 ends the plan.
            ///
            /// # Errors
            /// Those of recv(2).
            ///
            /// # Cancel safety
            /// What was received when the op is dropped is lost; [`Io::cancel`] gives it back.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation.
            pub fn recv<B: IoBufMut>(&self, buf: B) -> Io<One<op::Recv<B, op::Variable>>> {
                op::recv(self.target(), buf)
            }

            /// Fills the buffer: `(io::Result<()>, buffer)`.
            ///
            /// # Errors
            /// Those of recv(2); `UnexpectedEof` if the peer ends before the buffer is full, which holds what came.
            ///
            /// # Cancel safety
            /// As for `recv`.
            pub fn recv_exact<B: IoBufMut>(&self, buf: B) -> Io<One<op::Recv<B, op::Exact>>> {
                op::recv_exact(self.target(), buf)
            }

            /// Sends up to all of `source`, a buffer or a loan: `(io::Result<usize>, source)`.
            ///
            /// # Errors
            /// Those of send(2); EPIPE without a signal once the peer is gone.
            ///
            /// # Cancel safety
            /// A part may have been sent when the op is dropped; [`Io::cancel`] says how much.
            ///
            /// # Cost
            /// One SQE, no copy in user space, no allocation.
            pub fn send<S: Source>(&self, source: S) -> Io<One<op::Send<S, op::Variable>>> {
                op::send(self.target(), source)
            }

            /// Sends all of `source`, a buffer or a loan: `(io::Result<()>, source)`.
            ///
            /// # Errors
            /// As for `send`; `WriteZero` if the connection took less.
            ///
            /// # Cancel safety
            /// As for `send`.
            pub fn send_all<S: Source>(&self, source: S) -> Io<One<op::Send<S, op::Exact>>> {
                op::send_all(self.target(), source)
            }

            /// Sends up to all of `source` without a copy: the network card reads the buffer, which comes back once it has.
            /// What is planned behind it starts with the result. It pays from some ten kilobytes on; over loopback the
            /// kernel copies after all.
            ///
            /// What has been sent is read from the buffer again until the peer has acknowledged it. So the buffer of a
            /// peer that does not read stays away, also after a cancel or a time limit, and its descriptor stays open, until
            /// that connection ends.
            ///
            /// # Errors
            /// As for `send`; `Unsupported` for sockets that cannot do that: all but TCP and UDP.
            ///
            /// # Cancel safety
            /// As for `send`.
            ///
            /// # Cost
            /// One SQE, two CQEs, no allocation in user space.
            pub fn send_zc<S: Source>(&self, source: S) -> Io<One<op::SendZc<S, op::Variable>>> {
                op::send_zc(self.target(), source)
            }

            /// As `send_zc`, of all of `source`: `(io::Result<()>, source)`.
            ///
            /// # Errors
            /// As for `send_zc`; `WriteZero` if the connection took less.
            ///
            /// # Cancel safety
            /// As for `send`.
            ///
            /// # Cost
            /// As for `send_zc`.
            pub fn send_all_zc<S: Source>(&self, source: S) -> Io<One<op::SendZc<S, op::Exact>>> {
                op::send_all_zc(self.target(), source)
            }

            /// Receives into several buffers, one after the other: `(io::Result<usize>, buffers)`, the count for all of
            /// them together.
            ///
            /// # Errors
            /// As for `recv`; `InvalidInput` for more than 1024 buffers.
            ///
            /// # Cancel safety
            /// As for `recv`.
            ///
            /// # Cost
            /// One SQE, no copy, one allocation for the list of pieces.
            pub fn recv_vectored<B: IoBufMut>(&self, bufs: Vec<B>) -> Io<One<op::RecvVectored<B>>> {
                op::recv_vectored(self.target(), bufs)
            }

            /// Sends up to all of several buffers or loans, one after the other: `(io::Result<usize>, sources)`.
            ///
            /// # Errors
            /// As for `send`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cancel safety
            /// As for `send`.
            ///
            /// # Cost
            /// One SQE, no copy in user space, one allocation for the list of pieces.
            pub fn send_vectored<S: Source>(&self, sources: Vec<S>) -> Io<One<op::SendVectored<S, op::Variable>>> {
                op::send_vectored(self.target(), sources)
            }

            /// Sends all of several buffers or loans, one after the other: `(io::Result<()>, sources)`. The 1 of N reads : 1
            /// send.
            ///
            /// # Errors
            /// As for `send_all`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cancel safety
            /// As for `send`.
            ///
            /// # Cost
            /// As for `send_vectored`.
            pub fn send_all_vectored<S: Source>(&self, sources: Vec<S>) -> Io<One<op::SendVectored<S, op::Exact>>> {
                op::send_all_vectored(self.target(), sources)
            }

            /// Ends one direction of the connection or both: shutdown(2) as an op. `AsyncWriteExt::shutdown` does it on
            /// the spot for the direction of writes; this one can be planned behind a send.
            ///
            /// # Errors
            /// ENOTCONN if the connection has ended already.
            ///
            /// # Cost
            /// One SQE, which the kernel gives to a worker thread: some ten microseconds.
            pub fn shutdown_how(&self, how: Shutdown) -> Io<One<op::Shutdown>> {
                op::shutdown(self.target(), how)
            }
        }

        impl<$($generics)*> From<&$type> for Target {
            /// For ops that take any descriptor: `splice`, `poll`.
            fn from(stream: &$type) -> Target {
                stream.target()
            }
        }
    )+ };
}
pub(crate) use stream_ops;
