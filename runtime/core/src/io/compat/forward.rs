//! What the wrappers have alike.

/// A wrapper's type, and the way in and out. `$field` are fields beside the stream, which start out as their default.
macro_rules! wrapper {
    ($(#[$doc:meta])* $wrapper:ident { $($field:ident: $kind:ty),* }) => {
        pin_project_lite::pin_project! {
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $wrapper<T> {
                #[pin]
                inner: T,
                $($field: $kind,)*
            }
        }

        impl<T> $wrapper<T> {
            /// Wraps a stream.
            pub fn new(inner: T) -> $wrapper<T> {
                $wrapper { inner, $($field: Default::default(),)* }
            }

            /// The stream within.
            pub fn get_ref(&self) -> &T {
                &self.inner
            }

            /// The stream within.
            pub fn get_mut(&mut self) -> &mut T {
                &mut self.inner
            }

            /// The stream within, pinned.
            pub fn get_pin_mut(self: std::pin::Pin<&mut Self>) -> std::pin::Pin<&mut T> {
                self.project().inner
            }

            /// The stream, without the wrapper.
            pub fn into_inner(self) -> T {
                self.inner
            }
        }
    };
}
pub(super) use wrapper;

/// The methods of this runtime's `AsyncWrite`, each the one of the same name that `$inner` has by its trait `$theirs`.
macro_rules! forward_write {
    ($inner:ident as $theirs:path) => {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            <$inner as $theirs>::poll_write(self.get_pin_mut(), cx, bytes)
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            <$inner as $theirs>::poll_write_vectored(self.get_pin_mut(), cx, pieces)
        }

        fn is_write_vectored(&self) -> bool {
            <$inner as $theirs>::is_write_vectored(self.get_ref())
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            <$inner as $theirs>::poll_flush(self.get_pin_mut(), cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            <$inner as $theirs>::poll_shutdown(self.get_pin_mut(), cx)
        }
    };
}
pub(super) use forward_write;

/// The methods of this runtime's `AsyncBufRead`, as [`forward_write`] has those of `AsyncWrite`.
macro_rules! forward_buf_read {
    ($inner:ident as $theirs:path) => {
        fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            <$inner as $theirs>::poll_fill_buf(self.get_pin_mut(), cx)
        }

        fn consume(self: Pin<&mut Self>, amt: usize) {
            <$inner as $theirs>::consume(self.get_pin_mut(), amt);
        }
    };
}
pub(super) use forward_buf_read;

/// The methods of this runtime's `AsyncSeek`, as [`forward_write`] has those of `AsyncWrite`.
macro_rules! forward_seek {
    ($inner:ident as $theirs:path) => {
        fn start_seek(self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
            <$inner as $theirs>::start_seek(self.get_pin_mut(), position)
        }

        fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            <$inner as $theirs>::poll_complete(self.get_pin_mut(), cx)
        }
    };
}
pub(super) use forward_seek;
