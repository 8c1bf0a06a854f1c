//! The ops that a file, a slot and a handle have alike.

use std::{io, ops::Range};

use runtime_core::{
    buf::{IoBuf, IoBufMut},
    future::Io,
    op::{
        self, Advice, Advise, Allocate, Allocation, Before, Exact, Read, ReadVectored, Sync, SyncRange, Truncate,
        Variable, Write, WriteVectored,
    },
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
            /// One SQE, no copy, no allocation. Awaited on its own, up to 64 KiB that are cached are read on the spot, by one
            /// system call and no SQE, from a [`File`](crate::File)'s second read on.
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

            /// Reads up to the size of all buffers together, one after the other, from `offset`.
            ///
            /// # Errors
            /// As for `read_at`; `InvalidInput` for more than 1024 buffers.
            ///
            /// # Cost
            /// One SQE, no copy, one allocation for the list of buffers.
            pub fn read_vectored_at<B: IoBufMut>(
                &self,
                bufs: Vec<B>,
                offset: u64,
            ) -> Io<One<ReadVectored<B, Variable>>> {
                op::read_vectored_at(self.target(), bufs, offset)
            }

            /// Fills all buffers, one after the other, from `offset`.
            ///
            /// # Errors
            /// As for `read_exact_at`; `InvalidInput` for more than 1024 buffers.
            ///
            /// # Cost
            /// As for `read_vectored_at`.
            pub fn read_exact_vectored_at<B: IoBufMut>(
                &self,
                bufs: Vec<B>,
                offset: u64,
            ) -> Io<One<ReadVectored<B, Exact>>> {
                op::read_exact_vectored_at(self.target(), bufs, offset)
            }

            /// Writes up to all of several buffers or loans, one after the other, from `offset`.
            ///
            /// # Errors
            /// As for `write_at`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cost
            /// One SQE, no copy, one allocation for the list of pieces.
            pub fn write_vectored_at<S: Source>(
                &self,
                sources: Vec<S>,
                offset: u64,
            ) -> Io<One<WriteVectored<S, Variable>>> {
                op::write_vectored_at(self.target(), sources, offset)
            }

            /// Writes all of several buffers or loans, one after the other, from `offset`: the 1 of N reads : 1 write.
            ///
            /// # Errors
            /// As for `write_all_at`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cost
            /// As for `write_vectored_at`.
            pub fn write_all_vectored_at<S: Source>(
                &self,
                sources: Vec<S>,
                offset: u64,
            ) -> Io<One<WriteVectored<S, Exact>>> {
                op::write_all_vectored_at(self.target(), sources, offset)
            }

            /// Writes up to all of `source`, a buffer or a loan, at the end of the file, wherever that is when the write
            /// begins: `(io::Result<usize>, source)`. The file's position stays.
            ///
            /// # Errors
            /// Those of pwritev2(2).
            ///
            /// # Cost
            /// As for `write_at`.
            pub fn append<S: Source>(&self, source: S) -> Io<One<Write<S, Variable>>> {
                op::append(self.target(), source)
            }

            /// Writes all of `source`, a buffer or a loan, at the end of the file, wherever that is when the write begins:
            /// `(io::Result<()>, source)`. The file's position stays.
            ///
            /// # Errors
            /// As for `append`; `WriteZero` if less was written, which then stands at the end.
            ///
            /// # Cost
            /// As for `write_all_at`.
            pub fn append_all<S: Source>(&self, source: S) -> Io<One<Write<S, Exact>>> {
                op::append_all(self.target(), source)
            }

            /// As `append_all`, of several buffers or loans, one after the other.
            ///
            /// # Errors
            /// As for `append_all`; `InvalidInput` for more than 1024 pieces.
            ///
            /// # Cost
            /// As for `write_vectored_at`.
            pub fn append_all_vectored<S: Source>(&self, sources: Vec<S>) -> Io<One<WriteVectored<S, Exact>>> {
                op::append_all_vectored(self.target(), sources)
            }

            /// Brings the pages of a part of the file, but no metadata, to the device: sync_file_range(2). **No
            /// durability**: the blocks may be unreachable after a crash, and the device's own cache is not emptied. It
            /// spreads the work of a sync to come. `start..u64::MAX` reaches to the end of the file.
            ///
            /// # Errors
            /// Those of sync_file_range(2); `InvalidInput` for an empty range and for one of 4 GiB or more.
            pub fn sync_range(&self, range: Range<u64>) -> Io<One<SyncRange>> {
                op::sync_range(self.target(), range)
            }

            /// Gives a part of the file space, or takes it: fallocate(2).
            ///
            /// # Errors
            /// Those of fallocate(2): `StorageFull`; EOPNOTSUPP where the file system does not have it. `InvalidInput` for
            /// an empty range.
            pub fn allocate(&self, range: Range<u64>, how: Allocation) -> Io<One<Allocate>> {
                op::allocate(self.target(), range, how)
            }

            /// Cuts the file to `size` bytes, or extends it with zeroes.
            ///
            /// # Errors
            /// Those of ftruncate(2); `Unsupported` before Linux 6.9, where [`File::set_len`] works.
            pub fn truncate(&self, size: u64) -> Io<One<Truncate>> {
                op::truncate(self.target(), size)
            }

            /// Says how a part of the file will be used: posix_fadvise(2). `start..u64::MAX` reaches to the end of the
            /// file.
            ///
            /// # Errors
            /// Those of posix_fadvise(2); `InvalidInput` for an empty range and for one of 4 GiB or more.
            pub fn fadvise(&self, range: Range<u64>, advice: Advice) -> Io<One<Advise>> {
                op::advise(self.target(), range, advice)
            }
        }
    )+ };
}

file_ops!(File, SlotFile, FileHandle);

macro_rules! syncs {
    ($($type:ty: $file:ident => $before:expr),+ $(,)?) => { $(
        impl $type {
            /// Brings data and metadata to the device: fsync(2). Of a [`File`], after the write of its cursor that is
            /// under way.
            ///
            /// # Errors
            /// Those of fsync(2); after EIO, what was written before may be lost for good.
            pub fn sync_all(&self) -> Io<One<Sync>> {
                let $file = self;
                op::sync_after(self.target(), false, $before)
            }

            /// Brings data, and the metadata needed to read it back, to the device: fdatasync(2). Of a [`File`], after the
            /// write of its cursor that is under way.
            ///
            /// # Errors
            /// As for `sync_all`.
            pub fn sync_data(&self) -> Io<One<Sync>> {
                let $file = self;
                op::sync_after(self.target(), true, $before)
            }
        }
    )+ };
}

syncs!(
    File: file => file.before(),
    SlotFile: _file => Before::default(),
    FileHandle: _file => Before::default(),
);

impl File {
    /// Writes all of `source` at the end of the file, and brings it to the device: `append_all`, then `sync_data`, and
    /// `(io::Result<()>, source)`. Of records that are read back after a crash [`Log`](crate::Log) takes care.
    ///
    /// # Errors
    /// Those of pwritev2(2) and fdatasync(2); `WriteZero` if less was written, which then stands at the end: a file system
    /// that was almost full, say. After any error nothing is known of what the device has.
    ///
    /// # Cancel safety
    /// Dropped, it may have written all of `source`, a part or nothing, and no sync is promised. Nothing of it is written
    /// once the op that was in flight has ended.
    ///
    /// # Cost
    /// A write on the spot, one system call, or one SQE if it is longer than those are; then one SQE for the sync, and one
    /// enter. Syncs of one file that wait on a shard are done by one. No copy, no allocation.
    pub async fn append_durable<S: IoBuf>(&self, source: S) -> (io::Result<()>, S) {
        let (written, source) = self.append_all(source).await;
        let done = match written {
            Ok(()) => self.sync_data().await,
            Err(error) => Err(error),
        };
        (done, source)
    }
}
