//! `task_local!`.

/// Declares values that belong to a task, or to a part of one: each is a [`LocalKey`](crate::task::LocalKey).
///
/// Written as `thread_local!` is, but without a value: that is given to [`scope`](crate::task::LocalKey::scope) or
/// [`sync_scope`](crate::task::LocalKey::sync_scope), and is there while these run.
///
/// ```
/// runtime::task_local! {
///     /// The request that this task serves.
///     pub static REQUEST: u32;
///     static TRACE: bool
/// }
///
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// REQUEST.scope(7, async { assert_eq!(REQUEST.get(), 7) }).await;
/// assert!(TRACE.try_with(|trace| *trace).is_err());
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local! { $(#[$attribute])* $visibility static $name: $type }
        $crate::task_local! { $($rest)* }
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static VALUE: ::std::cell::RefCell<::std::option::Option<$type>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }
            $crate::task::LocalKey::__new(VALUE)
        };
    };
}
