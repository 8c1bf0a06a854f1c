//! From settled rows to what users get: each op's result, and why an op was not run.

use std::{fmt, io};

use crate::{
    op::Completion,
    shots::Shots,
    slab::Single,
    table::{CANCELLED, Kind, Row, Table, Verdict},
};

/// The results of an ended plan, handed to its ops in the order written.
#[doc(hidden)]
#[derive(Debug)]
pub struct Results<'a>(Kinds<'a>);

#[derive(Debug)]
enum Kinds<'a> {
    Single(Single, Option<Box<Shots>>),
    Refused(Option<io::Error>),
    Table { table: &'a mut Table, next: usize },
}

impl<'a> Results<'a> {
    pub(crate) fn of_single(single: Single, shots: Option<Box<Shots>>) -> Results<'a> {
        Results(Kinds::Single(single, shots))
    }

    /// Of an op on its own that was refused when it was lowered.
    pub(crate) fn refused(error: io::Error) -> Results<'a> {
        Results(Kinds::Refused(Some(error)))
    }

    /// Of a plan that was cancelled before it was lowered.
    pub(crate) fn none() -> Results<'a> {
        Results(Kinds::Refused(None))
    }

    pub(crate) fn of_table(table: &'a mut Table) -> Results<'a> {
        Results(Kinds::Table { table, next: 0 })
    }

    /// The next op's completion. Where there is none, the plan was cancelled before it was lowered.
    pub(crate) fn next(&mut self) -> Completion {
        match &mut self.0 {
            Kinds::Single(single, shots) => {
                let completion = completion(single.res, single.timed_out, None);
                Completion { shots: shots.take(), ..completion }
            }
            Kinds::Refused(error) => Completion::never(error.take().unwrap_or_else(|| NotRun::cancelled().into())),
            Kinds::Table { table, next } => {
                while table.rows.get(*next).is_some_and(|row| row.kind != Kind::Op) {
                    *next += 1;
                }
                *next += 1;
                of_row(table, *next - 1)
            }
        }
    }
}

fn completion(res: i32, timed_out: bool, asked: Option<u32>) -> Completion {
    if timed_out && (res == -libc::ECANCELED || res == -libc::EINTR) {
        return Completion::never(io::Error::new(io::ErrorKind::TimedOut, "the op did not end within its time limit"));
    }
    Completion::from_res(res, asked)
}

fn of_row(table: &mut Table, index: usize) -> Completion {
    let Some(row) = table.rows.get(index).copied() else {
        return Completion::never(NotRun::cancelled().into());
    };
    match row.verdict {
        Verdict::Success | Verdict::EndOfFile | Verdict::Failed => {
            completion(row.res, row.timed_out, row.forwarded.then_some(row.sqe.len))
        }
        Verdict::NotRun => Completion::never(why_not(table, &row).into()),
        Verdict::Refused => {
            let refusal = table.refusal.as_mut().expect("a refused row has its reason");
            let (kind, text) = (refusal.1.kind(), format!("{}: {}", row.name, refusal.1));
            let error = std::mem::replace(&mut refusal.1, io::Error::new(kind, text));
            Completion::never(error)
        }
        Verdict::Open => unreachable!("the plan has not ended"),
    }
}

fn why_not(table: &Table, row: &Row) -> NotRun {
    match table.rows.get(row.cause as usize) {
        Some(cause) if row.cause != CANCELLED => {
            let how = match cause.verdict {
                Verdict::EndOfFile => "met the end of file".to_string(),
                Verdict::Refused => match &table.refusal {
                    Some((_, error)) => format!("was refused: {error}"),
                    None => "was refused".to_string(),
                },
                _ if cause.res < 0 => format!("failed: {}", io::Error::from_raw_os_error(-cause.res)),
                _ => format!("moved {} of {} bytes", cause.res, cause.min_res),
            };
            NotRun(Reason::Failed { op: cause.name, ordinal: cause.ordinal, how: how.into_boxed_str() })
        }
        _ => NotRun::cancelled(),
    }
}

/// Why an op of a plan was not run: the first failing op among those it depends on, or a cancel.
///
/// It is the inner error of the `io::Error` (kind `Other`) that such an op gives; [`is_not_run`] finds it.
#[derive(Debug)]
pub struct NotRun(Reason);

#[derive(Debug)]
enum Reason {
    Cancelled,
    Failed { op: &'static str, ordinal: u32, how: Box<str> },
}

impl NotRun {
    pub(crate) fn cancelled() -> NotRun {
        NotRun(Reason::Cancelled)
    }

    /// The failing op's position among the plan's ops, counted from 0 in the order written; `None` after a cancel.
    pub fn failed_op(&self) -> Option<usize> {
        match self.0 {
            Reason::Cancelled => None,
            Reason::Failed { ordinal, .. } => Some(ordinal as usize),
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Cancelled => write!(f, "not run: the plan was cancelled"),
            Reason::Failed { op, ordinal, how } => write!(f, "not run: {op} (op {ordinal} of the plan) {how}"),
        }
    }
}

impl std::error::Error for NotRun {}

impl From<NotRun> for io::Error {
    fn from(not_run: NotRun) -> io::Error {
        io::Error::other(not_run)
    }
}

/// True if the error says that an op of a plan was not run, because another failed or the plan was cancelled.
pub fn is_not_run(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotRun>())
}
