//! From outputs to `io::Result`, for `?`.

use std::io;

use crate::{buf::IoBuf, handle::Loan, op::Received, results::is_not_run};

/// Turns a plan's output into the first failure, or every value.
///
/// Of an exact op (`(io::Result<()>, B)`) the value is the buffer, of one of variable length
/// (`(io::Result<usize>, B)`) the count and the buffer, of an op without a buffer what its result holds. Tuples and
/// `Vec`s nest as the output does. The failure is that of the first op that itself failed, in the order written, not
/// that of an op that was not run because of it; buffers are dropped with it.
///
/// `Shape` is inferred; it only tells an op's output from a pair of outputs.
///
/// ```
/// use runtime_core::into_result::IntoResult;
/// let output: ((std::io::Result<()>, Vec<u8>), std::io::Result<()>) = ((Ok(()), vec![1, 2]), Ok(()));
/// let (bytes, ()) = output.into_result()?;
/// assert_eq!(bytes, [1, 2]);
/// # std::io::Result::Ok(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the output of an op or plan",
    note = "`.into_result()` goes behind `.await`: `plan.await.into_result()?`"
)]
pub trait IntoResult<Shape> {
    /// What all ops give when they succeed.
    type Value;

    /// The first failure, or every value.
    ///
    /// # Errors
    /// That of the first op that failed.
    fn into_result(self) -> io::Result<Self::Value>;
}

/// Shape of an op without a buffer.
#[derive(Debug)]
pub struct Plain;

/// Shape of an op with a buffer.
#[derive(Debug)]
pub struct WithBuffer;

/// What an op gives back beside its result.
pub trait Buffer {}

impl<B: IoBuf> Buffer for B {}
impl Buffer for Loan {}
impl<S: Buffer> Buffer for Vec<S> {}

impl<T> IntoResult<Plain> for io::Result<T> {
    type Value = T;

    fn into_result(self) -> io::Result<T> {
        self
    }
}

impl<B: Buffer> IntoResult<WithBuffer> for (io::Result<()>, B) {
    type Value = B;

    fn into_result(self) -> io::Result<B> {
        self.0.map(|()| self.1)
    }
}

impl<B: Buffer> IntoResult<WithBuffer> for (io::Result<usize>, B) {
    type Value = (usize, B);

    fn into_result(self) -> io::Result<(usize, B)> {
        self.0.map(|count| (count, self.1))
    }
}

impl<A, B: Buffer> IntoResult<WithBuffer> for (io::Result<Received<A>>, B) {
    type Value = (Received<A>, B);

    fn into_result(self) -> io::Result<(Received<A>, B)> {
        self.0.map(|received| (received, self.1))
    }
}

impl<T: IntoResult<S>, S> IntoResult<Vec<S>> for Vec<T> {
    type Value = Vec<T::Value>;

    fn into_result(self) -> io::Result<Vec<T::Value>> {
        let mut failure = None;
        let values: Vec<_> = self.into_iter().filter_map(|output| note(output.into_result(), &mut failure)).collect();
        failure.map_or(Ok(values), Err)
    }
}

/// Keeps the first error that is a failure of its own, or else the first.
fn note<T>(result: io::Result<T>, failure: &mut Option<io::Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            if failure.as_ref().is_none_or(|kept| is_not_run(kept) && !is_not_run(&error)) {
                *failure = Some(error);
            }
            None
        }
    }
}

macro_rules! tuples {
    ($($type:ident $shape:ident $value:ident),+) => {
        impl<$($type: IntoResult<$shape>, $shape),+> IntoResult<($($shape,)+)> for ($($type,)+) {
            type Value = ($($type::Value,)+);

            #[allow(non_snake_case, reason = "the type parameters' names serve as the parts' names")]
            fn into_result(self) -> io::Result<Self::Value> {
                let ($($type,)+) = self;
                let mut failure = None;
                $(let $value = note($type.into_result(), &mut failure);)+
                match ($($value,)+) {
                    ($(Some($value),)+) => Ok(($($value,)+)),
                    _ => Err(failure.expect("a part without a value has failed")),
                }
            }
        }
    };
}

tuples!(A SA a);
tuples!(A SA a, B SB b);
tuples!(A SA a, B SB b, C SC c);
tuples!(A SA a, B SB b, C SC c, D SD d);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g, H SH h);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g, H SH h, I SI i);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g, H SH h, I SI i, J SJ j);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g, H SH h, I SI i, J SJ j, K SK k);
tuples!(A SA a, B SB b, C SC c, D SD d, E SE e, F SF f, G SG g, H SH h, I SI i, J SJ j, K SK k, L SL l);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::NotRun;

    type Read = (io::Result<()>, Vec<u8>);

    fn failed(errno: i32) -> Read {
        (Err(io::Error::from_raw_os_error(errno)), Vec::new())
    }

    fn not_run() -> Read {
        (Err(NotRun::cancelled().into()), Vec::new())
    }

    #[test]
    fn every_value_keeps_its_place() {
        type Write = (io::Result<usize>, &'static str);
        let output: ((Read, Write), io::Result<u8>, Vec<Read>) =
            (((Ok(()), vec![1]), (Ok(3), "abc")), Ok(7), vec![(Ok(()), vec![2])]);
        assert_eq!(output.into_result().unwrap(), ((vec![1], (3, "abc")), 7, vec![vec![2]]));
        let pair: (io::Result<()>, io::Result<()>) = (Ok(()), Ok(()));
        assert_eq!(pair.into_result().unwrap(), ((), ()));
        let vectored: (io::Result<()>, Vec<Vec<u8>>) = (Ok(()), vec![vec![1]]);
        assert_eq!(vectored.into_result().unwrap(), [[1]]);
    }

    #[test]
    fn the_first_failure_counts_and_not_what_it_kept_from_running() {
        let errno = |result: io::Result<_>| result.map(drop).unwrap_err().raw_os_error();
        assert_eq!(
            errno((not_run(), failed(libc::EIO), failed(libc::ENOSPC)).into_result().map(drop)),
            Some(libc::EIO)
        );
        assert_eq!(errno(vec![not_run(), failed(libc::EIO)].into_result().map(drop)), Some(libc::EIO));
        assert!(is_not_run(&(not_run(), not_run()).into_result().unwrap_err()));
    }
}
