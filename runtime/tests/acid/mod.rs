//! Programs written against tokio. `acid_tokio.rs` builds them with tokio and `acid_runtime.rs` with this crate under
//! tokio's name, so that every assertion here is one about both: what `sed 's/tokio::/runtime::/'` promises.
//!
//! They keep to what tokio documents, and to what holds whatever the machine's load. The stated exceptions do not
//! occur: `join!` (an `.await` more under this crate), a `Runtime` that moves to another thread, and tasks that need
//! another thread of the runtime to go on.

mod channels;
mod fs_dirs;
mod fs_file;
mod fs_paths;
mod io;
mod locks;
mod macros;
mod names;
mod net;
mod process;
mod runtime;
mod signal;
mod task;
mod task_sets;
mod time;
