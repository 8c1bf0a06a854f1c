//! The ops that a file, a slot and a handle have alike.

use runtime_core::{
    buf::IoBufMut,
    future::Io,
    op::{self, Exact, Read, Sync, Variable, Write, WriteVectored},
    plan::One,
    source::Source,
};

use super::{File, FileHandle, SlotFile};

macro_rules! file_ops {
    ($($type:ty),+) => { $(
        impl $type {
            /// Reads up to the buffer's size at `offset`: `(io::Result<usize>, buffer)`, 0 at the end of the file. In a
            /// plan, the loan of what is read is as long as the result, and the end of the file ends the plan.
            ///
            /// # Errors
            /// Those of pread(2); `InvalidInput` for an offset above `i64::MAX`.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation.
            pub fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> Io<One<Read<B, Variable>>> {
                op::read_at(self.target(), buf, offset)
            }

            /// Fills the buffer from `offset`: `(io::Result<()>, buffer)`.
            ///
            /// # Errors
            /// As for `read_at`; `UnexpectedEof` if the file ends before the buffer is full, which holds what there
            /// was; `InvalidInput` for more than 2 GiB at once.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation. A short read is not continued.
            pub fn read_exact_at<B: IoBufMut>(&self, buf: B, offset: u64) -> Io<One<Read<B, Exact>>> {
                op::read_exact_at(self.target(), buf, offset)
            }

            /// Reads up to the buffer's size at the file's own position, which it moves.
            ///
            /// # Errors
            /// Those of read(2).
            ///
            /// # Cancel safety
            /// What was read when the op is dropped is lost, and the position moved; [`Io::cancel`] gives it back.
            pub fn read_next<B: IoBufMut>(&self, buf: B) -> Io<One<Read<B, Variable>>> {
                op::read_next(self.target(), buf)
            }

            /// Writes up to all of `source`, a buffer or a loan, at `offset`: `(io::Result<usize>, source)`.
            ///
            /// # Errors
            /// Those of pwrite(2); `InvalidInput` for an offset above `i64::MAX`.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation.
            pub fn write_at<S: Source>(&self, source: S, offset: u64) -> Io<One<Write<S, Variable>>> {
                op::write_at(self.target(), source, offset)
            }

            /// Writes up to all of `source`, a buffer or a loan, at the file's own position, which it moves.
            ///
            /// # Errors
            /// Those of write(2).
            ///
            /// # Cancel safety
            /// A part may have been written when the op is dropped; [`Io::cancel`] says how much.
            pub fn write_next<S: Source>(&self, source: S) -> Io<One<Write<S, Variable>>> {
                op::write_next(self.target(), source)
            }

            /// Writes all of `source`, a buffer or a loan, at `offset`: `(io::Result<()>, source)`.
            ///
            /// # Errors
            /// As for `write_at`; `WriteZero` if less was written; `InvalidInput` for more than 2 GiB at once.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation. A short write is not continued.
            pub fn write_all_at<S: Source>(&self, source: S, offset: u64) -> Io<One<Write<S, Exact>>> {
                op::write_all_at(self.target(), source, offset)
            }

            /// Writes all of several buffers or loans, one after the other, from `offset`: the 1 of N reads : 1 write.
            ///
            /// # Errors
            /// As for `write_all_at`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cost
            /// One SQE, no copy, one allocation for the list of pieces.
            pub fn write_all_vectored_at<S: Source>(&self, sources: Vec<S>, offset: u64) -> Io<One<WriteVectored<S>>> {
                op::write_all_vectored_at(self.target(), sources, offset)
            }

            /// Brings data and metadata to the device: fsync(2).
            ///
            /// # Errors
            /// Those of fsync(2); after EIO, what was written before may be lost for good.
            pub fn sync_all(&self) -> Io<One<Sync>> {
                op::sync_all(self.target())
            }

            /// Brings data, and the metadata needed to read it back, to the device: fdatasync(2).
            ///
            /// # Errors
            /// As for `sync_all`.
            pub fn sync_data(&self) -> Io<One<Sync>> {
                op::sync_data(self.target())
            }
        }
    )+ };
}

file_ops!(File, SlotFile, FileHandle);
