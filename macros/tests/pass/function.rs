//! What is written around the body is kept.
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::fmt::Display;
use std::io;
use std::process::{ExitCode, Termination};

mod inner {
    #[runtime_macros::main(crate = crate::stand_in)]
    pub(crate) async fn visible() -> u8 {
        7
    }
}

#[runtime_macros::main(crate = stand_in)]
async fn parameters(mut a: u32, (b, _): (u32, u32), _: &str) -> u32 {
    a += b;
    a
}

#[runtime_macros::main(crate = stand_in)]
async fn generics<'a, T: Default, const N: usize>(text: &'a str, shown: impl Display) -> (&'a str, [T; N], String)
where
    T: Copy,
{
    (text, [T::default(); N], shown.to_string())
}

#[runtime_macros::main(crate = stand_in)]
async fn elided(text: &mut String) -> &str {
    text.push('!');
    text
}

#[runtime_macros::main(crate = stand_in)]
async fn opaque() -> impl Termination {
    ExitCode::SUCCESS
}

#[runtime_macros::main(crate = stand_in)]
async fn never() -> ! {
    std::process::exit(0)
}

/// Documented.
#[must_use]
#[allow(unused_variables)]
#[runtime_macros::main(crate = stand_in)]
#[inline(never)]
#[deny(warnings)]
async fn attributes() -> u8 {
    #![allow(unused_mut)]
    let mut unused = 1;
    return 5;
}

trait Trait {
    fn associated() -> u8;
}

impl Trait for u8 {
    #[runtime_macros::main(crate = stand_in)]
    async fn associated() -> u8 {
        9
    }
}

#[runtime_macros::main(crate = stand_in)]
async fn r#main() -> io::Result<()> {
    assert_eq!(inner::visible(), 7);
    assert_eq!(parameters(1, (2, 3), ""), 3);
    assert_eq!(generics("a", 1), ("a", [0u8; 2], "1".to_owned()));
    assert_eq!(elided(&mut "a".to_owned()), "a!");
    assert_eq!(attributes(), 5);
    assert_eq!(u8::associated(), 9);
    opaque();
    let text = String::from_utf8(vec![b'a']).map_err(io::Error::other)?;
    assert_eq!(text, "a");
    never()
}
