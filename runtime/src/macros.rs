//! The macros that are not in core: `select!`, `try_join!`, `pin!`, `task_local!`.

mod pin;
mod select;
#[doc(hidden)]
pub mod support;
mod task_local;
mod try_join;
