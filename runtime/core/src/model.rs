//! The proof of the lowering: plans of any shape on the simulated kernel, against an interpreter that knows no io_uring.
//!
//! | module | what |
//! |---|---|
//! | `tree` | plans as data: any series-parallel shape, made at run time |
//! | `oracle` | what a plan means |
//! | `case` | one plan on one kernel: what was seen, and the invariants |
//! | `small` | M2: all plans of up to four ops |
//! | `random` | M1: random plans of up to 64 ops |
//! | `conformance` | the same shapes on the running kernel |

mod case;
mod conformance;
mod oracle;
mod random;
mod small;
mod tree;
