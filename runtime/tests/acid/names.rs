//! Every public name of tokio 1.54 on Linux, with the features `full` and `test-util`, at its path.

#![allow(deprecated, unused_imports, reason = "being found is all that is asked of them")]

mod root {
    use tokio::{join, main, pin, select, spawn, task_local, test, try_join};
}

mod fs {
    use tokio::fs::{
        DirBuilder, DirEntry, File, FileTimes, OpenOptions, ReadDir, canonicalize, copy, create_dir, create_dir_all,
        hard_link, metadata, read, read_dir, read_link, read_to_string, remove_dir, remove_dir_all, remove_file,
        rename, set_permissions, symlink, symlink_metadata, try_exists, write,
    };
}

mod io {
    use tokio::io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
        BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty, Error, ErrorKind, Interest, Join, Lines, ReadBuf,
        ReadHalf, Ready, Repeat, Result, SeekFrom, SimplexStream, Sink, Split, Stderr, Stdin, Stdout, Take, WriteHalf,
        copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty, join, repeat, simplex, sink,
        split, stderr, stdin, stdout,
    };
}

mod io_unix {
    use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdRegisterError, TryIoError};
}

mod net {
    use tokio::net::{
        TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, UnixDatagram, UnixListener, UnixSocket,
        UnixStream, lookup_host,
    };
}

mod net_tcp {
    use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}

mod net_unix {
    use tokio::net::unix::{
        OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, SocketAddr, UCred, WriteHalf, gid_t, pid_t, uid_t,
    };
}

mod net_unix_pipe {
    use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender, pipe};
}

mod process {
    use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
}

mod runtime {
    use tokio::runtime::{
        Builder, EnterGuard, Handle, Id, LocalOptions, LocalRuntime, Runtime, RuntimeFlavor, RuntimeMetrics,
        TryCurrentError, is_rt_shutdown_err, worker_index,
    };
}

mod signal {
    use tokio::signal::ctrl_c;
}

mod signal_unix {
    use tokio::signal::unix::{Signal, SignalKind, signal};
}

mod sync {
    use tokio::sync::{
        AcquireError, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify, OnceCell,
        OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard,
        OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
        Semaphore, SemaphorePermit, SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError,
    };
}

mod sync_broadcast {
    use tokio::sync::broadcast::{Receiver, Sender, WeakSender, channel};
}

mod sync_broadcast_error {
    use tokio::sync::broadcast::error::{RecvError, SendError, TryRecvError};
}

mod sync_futures {
    use tokio::sync::futures::{Notified, OwnedNotified};
}

mod sync_mpsc {
    use tokio::sync::mpsc::{
        OwnedPermit, Permit, PermitIterator, Receiver, Sender, UnboundedReceiver, UnboundedSender, WeakSender,
        WeakUnboundedSender, channel, unbounded_channel,
    };
}

mod sync_mpsc_error {
    use tokio::sync::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
}

mod sync_oneshot {
    use tokio::sync::oneshot::{Receiver, Sender, channel};
}

mod sync_oneshot_error {
    use tokio::sync::oneshot::error::{RecvError, TryRecvError};
}

mod sync_watch {
    use tokio::sync::watch::{Receiver, Ref, Sender, channel};
}

mod sync_watch_error {
    use tokio::sync::watch::error::{RecvError, SendError};
}

mod task {
    use tokio::task::{
        AbortHandle, Id, JoinError, JoinHandle, JoinSet, LocalEnterGuard, LocalKey, LocalSet, block_in_place, id,
        spawn, spawn_blocking, spawn_local, try_id, yield_now,
    };
}

mod task_coop {
    use tokio::task::coop::{
        Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative, has_budget_remaining, poll_proceed,
        unconstrained,
    };
}

mod task_futures {
    use tokio::task::futures::TaskLocalFuture;
}

mod time {
    use tokio::time::{
        Duration, Instant, Interval, MissedTickBehavior, Sleep, Timeout, advance, interval, interval_at, pause, resume,
        sleep, sleep_until, timeout, timeout_at,
    };
}

mod time_error {
    use tokio::time::error::{Elapsed, Error};
}

/// At older paths, which tokio's documentation does not show any more.
mod hidden {
    use tokio::io::unix::AsyncFdTryNewError;
    use tokio::task::{Unconstrained, consume_budget, unconstrained};
}
