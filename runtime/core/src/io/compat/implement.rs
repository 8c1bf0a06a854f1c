//! Macros that give a type with this runtime's traits those of others, as far as the features ask for them.
//!
//! The features are those of this crate wherever a macro is used, so no crate can disagree with another about them. A type
//! is named with its generics before it: `foreign_read!([R: AsyncRead] BufReader<R>)`.

/// What stands within, with the feature `tokio-io`; nothing without it.
#[cfg(feature = "tokio-io")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_tokio_io {
    ($($item:item)*) => { $($item)* };
}

/// What stands within, with the feature `tokio-io`; nothing without it.
#[cfg(not(feature = "tokio-io"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_tokio_io {
    ($($any:tt)*) => {};
}

/// What stands within, with the feature `futures-io`; nothing without it.
#[cfg(feature = "futures-io")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_futures_io {
    ($($item:item)*) => { $($item)* };
}

/// What stands within, with the feature `futures-io`; nothing without it.
#[cfg(not(feature = "futures-io"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_futures_io {
    ($($any:tt)*) => {};
}

/// What stands within, with the feature `hyper`; nothing without it.
#[cfg(feature = "hyper")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_hyper {
    ($($item:item)*) => { $($item)* };
}

/// What stands within, with the feature `hyper`; nothing without it.
#[cfg(not(feature = "hyper"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_hyper {
    ($($any:tt)*) => {};
}

/// Types with this runtime's `AsyncRead` get that of tokio and of futures-io, and hyper's `Read`.
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_read {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        $crate::with_tokio_io! {
            impl<$($generics)*> $crate::io::compat::tokio::AsyncRead for $type {
                fn poll_read(
                    self: ::std::pin::Pin<&mut Self>,
                    cx: &mut ::std::task::Context<'_>,
                    buf: &mut $crate::io::compat::tokio::ReadBuf<'_>,
                ) -> ::std::task::Poll<::std::io::Result<()>> {
                    $crate::io::compat::tokio::poll_read(self, cx, buf)
                }
            }
        }
        $crate::with_futures_io! {
            impl<$($generics)*> $crate::io::compat::futures::AsyncRead for $type {
                fn poll_read(
                    self: ::std::pin::Pin<&mut Self>,
                    cx: &mut ::std::task::Context<'_>,
                    buf: &mut [u8],
                ) -> ::std::task::Poll<::std::io::Result<usize>> {
                    $crate::io::compat::futures::poll_read(self, cx, buf)
                }
            }
        }
        $crate::with_hyper! {
            impl<$($generics)*> $crate::io::compat::hyper::Read for $type {
                fn poll_read(
                    self: ::std::pin::Pin<&mut Self>,
                    cx: &mut ::std::task::Context<'_>,
                    buf: $crate::io::compat::hyper::ReadBufCursor<'_>,
                ) -> ::std::task::Poll<::std::io::Result<()>> {
                    $crate::io::compat::hyper::poll_read(self, cx, buf)
                }
            }
        }
    )+};
}

/// Types with this runtime's `AsyncWrite` get that of tokio and of futures-io, and hyper's `Write`.
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_write {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        $crate::with_tokio_io! {
            impl<$($generics)*> $crate::io::compat::tokio::AsyncWrite for $type {
                $crate::native_writes!();
                $crate::native_shutdown!(poll_shutdown);
            }
        }
        $crate::with_futures_io! {
            impl<$($generics)*> $crate::io::compat::futures::AsyncWrite for $type {
                $crate::native_writes!(without is_write_vectored);
                $crate::native_shutdown!(poll_close);
            }
        }
        $crate::with_hyper! {
            impl<$($generics)*> $crate::io::compat::hyper::Write for $type {
                $crate::native_writes!();
                $crate::native_shutdown!(poll_shutdown);
            }
        }
    )+};
}

/// Types with this runtime's `AsyncBufRead` get that of tokio and of futures-io.
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_buf_read {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        $crate::with_tokio_io! {
            impl<$($generics)*> $crate::io::compat::tokio::AsyncBufRead for $type {
                $crate::native_buf_read!();
            }
        }
        $crate::with_futures_io! {
            impl<$($generics)*> $crate::io::compat::futures::AsyncBufRead for $type {
                $crate::native_buf_read!();
            }
        }
    )+};
}

/// Types with this runtime's `AsyncSeek` get tokio's. That of futures-io has no step of its own for the start of a seek, so
/// it needs a place to remember one, which `Native` has.
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_seek {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        $crate::with_tokio_io! {
            impl<$($generics)*> $crate::io::compat::tokio::AsyncSeek for $type {
                fn start_seek(
                    self: ::std::pin::Pin<&mut Self>,
                    position: ::std::io::SeekFrom,
                ) -> ::std::io::Result<()> {
                    $crate::io::AsyncSeek::start_seek(self, position)
                }

                fn poll_complete(
                    self: ::std::pin::Pin<&mut Self>,
                    cx: &mut ::std::task::Context<'_>,
                ) -> ::std::task::Poll<::std::io::Result<u64>> {
                    $crate::io::AsyncSeek::poll_complete(self, cx)
                }
            }
        }
    )+};
}

/// The methods that every trait of writers has, each that of this runtime's.
#[doc(hidden)]
#[macro_export]
macro_rules! native_writes {
    () => {
        $crate::native_writes!(without is_write_vectored);

        fn is_write_vectored(&self) -> bool {
            $crate::io::AsyncWrite::is_write_vectored(self)
        }
    };
    (without is_write_vectored) => {
        fn poll_write(
            self: ::std::pin::Pin<&mut Self>,
            cx: &mut ::std::task::Context<'_>,
            bytes: &[u8],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            $crate::io::AsyncWrite::poll_write(self, cx, bytes)
        }

        fn poll_write_vectored(
            self: ::std::pin::Pin<&mut Self>,
            cx: &mut ::std::task::Context<'_>,
            pieces: &[::std::io::IoSlice<'_>],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            $crate::io::AsyncWrite::poll_write_vectored(self, cx, pieces)
        }

        fn poll_flush(
            self: ::std::pin::Pin<&mut Self>,
            cx: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            $crate::io::AsyncWrite::poll_flush(self, cx)
        }
    };
}

/// The method that ends a writer, under the name that others have for it.
#[doc(hidden)]
#[macro_export]
macro_rules! native_shutdown {
    ($name:ident) => {
        fn $name(
            self: ::std::pin::Pin<&mut Self>,
            cx: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            $crate::io::AsyncWrite::poll_shutdown(self, cx)
        }
    };
}

/// The methods of buffered readers, each that of this runtime's.
#[doc(hidden)]
#[macro_export]
macro_rules! native_buf_read {
    () => {
        fn poll_fill_buf(
            self: ::std::pin::Pin<&mut Self>,
            cx: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<&[u8]>> {
            $crate::io::AsyncBufRead::poll_fill_buf(self, cx)
        }

        fn consume(self: ::std::pin::Pin<&mut Self>, amt: usize) {
            $crate::io::AsyncBufRead::consume(self, amt);
        }
    };
}
