//! What the servers among the programs have in common.

#![forbid(unsafe_code)]

pub mod serving;
