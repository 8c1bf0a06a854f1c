//! The function under the attribute: what is read of it, and which functions are refused.

use proc_macro2::{Group, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Error, FnArg, LitStr, Signature, Token, Visibility};

/// Which of the two attributes is expanded.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Entrance {
    Main,
    Test,
}

impl Entrance {
    fn name(self) -> &'static str {
        match self {
            Entrance::Main => "main",
            Entrance::Test => "test",
        }
    }

    /// Whether this is a second entrance to the same function: `#[test]` or another crate's attribute of our name.
    pub(crate) fn is_repeated_by(self, attribute: &Attribute) -> bool {
        attribute.path().segments.last().is_some_and(|last| last.ident == self.name())
    }
}

/// A function with its body unread: nothing changes there, and its spans stay the user's.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Function {
    pub(crate) fn parse(entrance: Entrance, input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name = entrance.name();
        if !is_function(input) {
            return Err(input.error(format!("`#[runtime::{name}]` goes on an `async fn`, and this is not a function")));
        }
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let message = format!("`#[runtime::{name}]` goes on an `async fn` with a body");
            return Err(Error::new_spanned(&signature, message));
        }
        Ok(Function { attributes, visibility, signature, body: input.parse()? })
    }

    /// Whether the compiler sees it as the program's entry, with rules of its own. One in a module it does not, but
    /// that cannot be told from here.
    pub(crate) fn is_main(&self) -> bool {
        self.signature.ident.unraw() == "main"
    }

    /// All that is wrong with it, not only the first.
    pub(crate) fn check(&self, entrance: Entrance) -> syn::Result<()> {
        let mut errors: Option<Error> = None;
        let mut refuse = |at: &dyn ToTokens, message: String| {
            let error = Error::new_spanned(at.to_token_stream(), message);
            match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            }
        };
        let attribute = format!("`#[runtime::{}]`", entrance.name());
        let Signature { constness, asyncness, unsafety, abi, fn_token, generics, inputs, .. } = &self.signature;

        for second in self.attributes.iter().filter(|attribute| entrance.is_repeated_by(attribute)) {
            let message = match entrance {
                Entrance::Main => format!("a second runtime: {attribute} already starts one; remove this attribute"),
                Entrance::Test => {
                    format!("a second test attribute: {attribute} already adds `#[test]`; remove this one")
                }
            };
            refuse(second, message);
        }
        if let Some(constness) = constness {
            refuse(constness, format!("a function under {attribute} cannot be `const`; remove `const`"));
        }
        if asyncness.is_none() {
            refuse(fn_token, format!("{attribute} runs an `async fn`; write `async` before `fn`"));
        }
        if let Some(unsafety) = unsafety {
            let message = "cannot be `unsafe`; remove `unsafe`, and put `unsafe { .. }` where the body needs it";
            refuse(unsafety, format!("a function under {attribute} {message}"));
        }
        if let Some(abi) = abi {
            refuse(abi, format!("a function under {attribute} cannot be `extern`; remove `extern`"));
        }

        let lone = match entrance {
            Entrance::Main if !self.is_main() => None,
            Entrance::Main => Some(("`main`", "; the command line is in `std::env::args()`")),
            Entrance::Test => Some(("a test", ": the test harness has nothing to pass")),
        };
        if let Some((who, why)) = lone {
            if !inputs.is_empty() {
                refuse(inputs, format!("{who} has no parameters{why}"));
            }
            if !generics.params.is_empty() {
                refuse(generics, format!("{who} cannot be generic"));
            }
            if let Some(clause) = &generics.where_clause {
                refuse(clause, format!("{who} cannot have a `where` clause"));
            }
        } else if let Some(FnArg::Receiver(receiver)) = inputs.first() {
            let message = "cannot take `self`: its body moves into a function of its own, outside the `impl`";
            refuse(receiver, format!("a function under {attribute} {message}; pass the value as a parameter"));
        }
        errors.map_or(Ok(()), Err)
    }
}

/// Looks past what may stand before `fn`. Each of those words, but `async`, also begins items that are no functions.
fn is_function(input: ParseStream) -> bool {
    let ahead = input.fork();
    loop {
        if ahead.peek(Token![fn]) {
            return true;
        }
        let is_qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(LitStr);
        if !is_qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
}
