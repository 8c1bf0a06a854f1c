//! Plans as data. Users' plans are types; these are values, so that a test can make any shape.

use std::{fmt, io};

use io_uring::{opcode, types};

use crate::{
    fd::Target,
    lower::{Builder, Scope},
    op::{Completion, Op, Request, Success, plain_op},
    plan::Plan,
    results::{NotRun, Results, is_not_run},
    sealed::Sealed,
    sqe::Sqe,
};

/// A series-parallel plan; leaves are ops, numbered in the order written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Op,
    Join(Vec<Shape>),
    /// Each part after those before it; `true`: by `finally`.
    Seq(Vec<(Shape, bool)>),
}

impl Shape {
    /// How many ops it has.
    pub(super) fn ops(&self) -> usize {
        match self {
            Shape::Op => 1,
            Shape::Join(parts) => parts.iter().map(Shape::ops).sum(),
            Shape::Seq(parts) => parts.iter().map(|(part, _)| part.ops()).sum(),
        }
    }
}

/// `a` for an op, `(a | b)` for a join, `a > b` for a sequence, `a >> b` for a cleanup.
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Op => write!(f, "a"),
            Shape::Join(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{part:?}", if index == 0 { "(" } else { " | " })?;
                }
                write!(f, ")")
            }
            Shape::Seq(parts) => {
                for (index, (part, cleanup)) in parts.iter().enumerate() {
                    let sign = if *cleanup { " >> " } else { " > " };
                    write!(f, "{}{part:?}", if index == 0 { "[" } else { sign })?;
                }
                write!(f, "]")
            }
        }
    }
}

/// Bytes that every op moves.
pub(super) const BYTES: usize = 8;
/// The op of a model is told by the offset that it reads at.
pub(super) const STRIDE: u64 = 64;

/// What an op gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// This many bytes, as many as its success asks for.
    Done(usize),
    /// Too few.
    Short(usize),
    Failed(i32),
    /// Not run; because of which op, or `None` for a cancel.
    NotRun(Option<usize>),
    /// An error of the library's own.
    Refused(String),
}

/// What an op of the model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// READ at the op's own offset.
    Read,
    /// READ where the pipe is.
    ReadNext,
    /// RECV, all of it.
    Recv,
    /// NOP with this result.
    Nop(i32),
}

/// An op of the model.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) verb: Verb,
    pub(super) target: Target,
    /// Whether less than all is a success.
    pub(super) variable: bool,
}

/// An op of the model in its plan.
#[derive(Debug)]
pub(super) struct ModelOp {
    number: u64,
    verb: Verb,
    target: Target,
    variable: bool,
    buf: Box<[u8]>,
}

/// `IORING_NOP_INJECT_RESULT`.
const INJECT_RESULT: u32 = 1;

impl Sealed for ModelOp {}

impl Op for ModelOp {
    const NAME: &'static str = "model";
    type Output = Seen;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let (ptr, len) = (self.buf.as_mut_ptr(), self.buf.len());
        let read = opcode::Read::new(types::Fd(-1), ptr, len as u32);
        let mut sqe: Sqe = match self.verb {
            Verb::Read => read.offset(self.number * STRIDE).build().into(),
            Verb::ReadNext => read.offset(u64::MAX).build().into(),
            Verb::Recv => opcode::Recv::new(types::Fd(-1), ptr, len as u32).flags(libc::MSG_WAITALL).build().into(),
            Verb::Nop(res) => Sqe { len: res as u32, op_flags: INJECT_RESULT, ..opcode::Nop::new().build().into() },
        };
        if let Verb::Nop(_) = self.verb {
            let success = Success::Exact(len);
            return Ok(Request { sqe, success, lossless: true });
        }
        scope.target(&mut self.target, &mut sqe)?;
        let success = if self.variable { Success::Variable { asked: len } } else { Success::Exact(len) };
        Ok(Request { sqe, success, lossless: true })
    }

    fn finish(self, completion: Completion) -> Seen {
        match completion.result {
            Ok(moved) if moved as usize == BYTES || self.variable => Seen::Done(moved as usize),
            Ok(moved) => Seen::Short(moved as usize),
            Err(error) if is_not_run(&error) => {
                let not_run = error.get_ref().and_then(|inner| inner.downcast_ref::<NotRun>());
                Seen::NotRun(not_run.and_then(NotRun::failed_op))
            }
            Err(error) => error.raw_os_error().map_or_else(|| Seen::Refused(error.to_string()), Seen::Failed),
        }
    }
}

/// A plan made of a shape.
#[derive(Debug)]
pub(super) enum Tree {
    Op(ModelOp),
    Join(Vec<Tree>),
    Seq(Vec<(Tree, bool)>),
}

impl Tree {
    /// The plan; its ops are `leaves`, in the order written.
    pub(super) fn new(shape: &Shape, leaves: &[Leaf]) -> Tree {
        fn build(shape: &Shape, leaves: &[Leaf], next: &mut usize) -> Tree {
            match shape {
                Shape::Op => {
                    let number = *next;
                    *next += 1;
                    let Leaf { verb, target, variable } = leaves[number].clone();
                    let buf = vec![0; BYTES].into_boxed_slice();
                    Tree::Op(ModelOp { number: number as u64, verb, target, variable, buf })
                }
                Shape::Join(parts) => Tree::Join(parts.iter().map(|part| build(part, leaves, next)).collect()),
                Shape::Seq(parts) => {
                    let parts = parts.iter().map(|(part, cleanup)| (build(part, leaves, next), *cleanup));
                    Tree::Seq(parts.collect())
                }
            }
        }
        build(shape, leaves, &mut 0)
    }

    fn finish_into(self, results: &mut Results<'_>, seen: &mut Vec<Seen>) {
        match self {
            Tree::Op(op) => seen.push(op.finish(results.next())),
            Tree::Join(parts) => parts.into_iter().for_each(|part| part.finish_into(results, seen)),
            Tree::Seq(parts) => parts.into_iter().for_each(|(part, _)| part.finish_into(results, seen)),
        }
    }
}

impl Sealed for Tree {}

impl Plan for Tree {
    type Output = Vec<Seen>;
    type Handle = ();
    type Planned = Tree;

    fn planned(self) -> Tree {
        self
    }

    fn handle(&mut self) {}

    fn lower(&mut self, builder: &mut Builder) {
        match self {
            Tree::Op(op) => builder.op(op, None, None),
            Tree::Join(parts) => parts.iter_mut().for_each(|part| part.lower(builder)),
            Tree::Seq(parts) => {
                let mut sequence = builder.begin_sequence();
                for (part, cleanup) in parts {
                    builder.next_part(&mut sequence, *cleanup);
                    part.lower(builder);
                }
                builder.end_sequence(sequence);
            }
        }
    }

    fn finish(self, results: &mut Results<'_>) -> Vec<Seen> {
        let mut seen = Vec::new();
        self.finish_into(results, &mut seen);
        seen
    }
}
