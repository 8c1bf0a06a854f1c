//! `select!`: what its branches say, and the code that does it.
//!
//! The expansion has two parts. In a block of its own the futures are made, pinned and polled; the block gives which one
//! was first, and its output. So all futures are gone when the handlers, the arms of the `match` behind it, have their
//! turn: these may borrow what the futures had borrowed, and `?`, `break`, `return` and `.await` are the caller's own.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{
    Error, Expr, Ident, Pat, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

use crate::pattern;

/// As many as there are bits in the set of disabled branches.
const MAX_BRANCHES: usize = 64;

const SHAPE: &str = "a branch of `select!` is `<pattern> = <future> => <handler>`, \
                     or `<pattern> = <future>, if <condition> => <handler>`";

/// The facade's path, as `$crate` of the macro that users call, and what they wrote.
pub(crate) struct Select {
    facade: TokenStream,
    biased: bool,
    branches: Vec<Branch>,
    otherwise: Option<TokenStream>,
}

struct Branch {
    pattern: Pat,
    future: Expr,
    condition: Option<Expr>,
    handler: TokenStream,
}

impl Parse for Select {
    fn parse(input: ParseStream) -> Result<Select> {
        let facade = parse_facade(input)?;
        let biased = parse_biased(input)?;
        let (mut branches, mut otherwise) = (Vec::new(), None);
        while !input.is_empty() {
            if input.peek(Token![else]) {
                otherwise = Some(parse_else(input)?);
                break;
            }
            if branches.len() == MAX_BRANCHES {
                return Err(input.error(format!("`select!` takes at most {MAX_BRANCHES} branches")));
            }
            branches.push(input.parse()?);
        }
        if branches.is_empty() && otherwise.is_none() {
            return Err(input.error(format!("`select!` needs at least one branch; {SHAPE}")));
        }
        Ok(Select { facade, biased, branches, otherwise })
    }
}

/// The `$crate` that the declarative macro puts in front, in parentheses.
pub(crate) fn parse_facade(input: ParseStream) -> Result<TokenStream> {
    let facade;
    parenthesized!(facade in input);
    facade.parse()
}

pub(crate) fn parse_biased(input: ParseStream) -> Result<bool> {
    mod keyword {
        syn::custom_keyword!(biased);
    }
    let biased = input.peek(keyword::biased) && input.peek2(Token![;]);
    if biased {
        input.parse::<keyword::biased>()?;
        input.parse::<Token![;]>()?;
    }
    Ok(biased)
}

fn parse_else(input: ParseStream) -> Result<TokenStream> {
    input.parse::<Token![else]>()?;
    if !input.peek(Token![=>]) {
        return Err(input.error("`else` of `select!` is written `else => <handler>`, and has no condition"));
    }
    input.parse::<Token![=>]>()?;
    let (handler, _) = parse_handler(input)?;
    input.parse::<Option<Token![,]>>()?;
    if !input.is_empty() {
        return Err(input.error("`else` must be the last branch of `select!`"));
    }
    Ok(handler)
}

impl Parse for Branch {
    fn parse(input: ParseStream) -> Result<Branch> {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        if !input.peek(Token![=]) || input.peek(Token![=>]) || input.peek(Token![==]) {
            return Err(input.error(format!("expected `=` behind the pattern: {SHAPE}")));
        }
        input.parse::<Token![=]>()?;
        let future = input.parse()?;
        let mut condition = None;
        if input.peek(Token![,]) {
            if !input.peek2(Token![if]) {
                return Err(input.error(format!("expected `=>`, or `, if` and a condition: {SHAPE}")));
            }
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            if input.peek(Token![let]) {
                return Err(input.error("a condition of `select!` is a `bool`: say `if matches!(value, pattern)`"));
            }
            condition = Some(input.parse()?);
        }
        if !input.peek(Token![=>]) {
            return Err(input.error(format!("expected `=>` and a handler: {SHAPE}")));
        }
        input.parse::<Token![=>]>()?;
        let (handler, is_block) = parse_handler(input)?;
        let comma = input.parse::<Option<Token![,]>>()?;
        if comma.is_none() && !is_block && !input.is_empty() {
            return Err(input.error("expected `,`: a handler that is not a block in braces ends with a comma"));
        }
        Ok(Branch { pattern, future, condition, handler })
    }
}

/// A block is passed on unread, so that an error inside it is the compiler's, and an editor still sees the rest.
fn parse_handler(input: ParseStream) -> Result<(TokenStream, bool)> {
    if input.peek(syn::token::Brace) {
        return Ok((input.parse::<TokenTree>()?.into(), true));
    }
    if input.is_empty() || input.peek(Token![,]) {
        return Err(input.error("expected a handler behind `=>`; `{}` does nothing"));
    }
    let handler: Expr = input.parse()?;
    Ok((quote!(#handler), false))
}

impl Select {
    /// What the poll borrows must be gone before the futures go: so its outcome is bound, where it might be the value of
    /// the block. The last arm of the `match` is for patterns that can be refused, and are not here any more.
    fn expand(self) -> TokenStream {
        let facade = &self.facade;
        let support = quote!(#facade::__macros);
        let count = self.branches.len();
        if count == 0 {
            return self.otherwise.unwrap_or_default();
        }
        let futures: Vec<_> =
            self.branches.iter().enumerate().map(|(i, branch)| future_name(i, &branch.future)).collect();
        let types: Vec<_> = (0..count).map(|i| format_ident!("T{i}", span = Span::mixed_site())).collect();
        let variants: Vec<_> = (0..count).map(variant_name).collect();
        let making = self.making(&support, &futures);
        let polls = self.branches.iter().zip(&futures).enumerate();
        let polls = polls.map(|(i, (branch, future))| branch.poll(&support, i, future));
        let start = match (self.biased, count) {
            (true, _) | (_, 1) => quote!(0),
            _ => quote!(#support::random_below(#count)),
        };
        let arms = self
            .branches
            .iter()
            .zip(&variants)
            .map(|(Branch { pattern, handler, .. }, variant)| quote!(__Selected::#variant(#pattern) => #handler,));
        let otherwise = self.otherwise.unwrap_or_else(|| quote!(#support::all_disabled()));
        quote! {{
            #[allow(clippy::large_enum_variant, clippy::items_after_statements)]
            enum __Selected<#(#types),*> {
                #(#variants(#types),)*
                Disabled,
            }
            let selected = {
                #making
                #[allow(clippy::let_and_return)]
                let selected = #support::poll_fn(|cx| {
                    if #support::poll_budget(cx).is_pending() {
                        return #support::Poll::Pending;
                    }
                    let start: usize = #start;
                    let mut pending = false;
                    for step in 0..#count {
                        match #support::turn(start, step, #count) {
                            #(#polls)*
                            _ => {}
                        }
                    }
                    if pending {
                        #support::Poll::Pending
                    } else {
                        #support::Poll::Ready(__Selected::Disabled)
                    }
                })
                .await;
                selected
            };
            match selected {
                #(#arms)*
                __Selected::Disabled => #otherwise,
                #[allow(unreachable_patterns)]
                _ => #support::pattern_refused(),
            }
        }}
    }

    /// Conditions, then futures, in the order written; then the pins, so that the futures are dropped in that order too.
    ///
    /// The expressions are bound as they are first: so a temporary that is lent (`&mut f()`) lives on as in any `let`.
    fn making(&self, support: &TokenStream, futures: &[Ident]) -> TokenStream {
        let conditions = self.branches.iter().enumerate().filter_map(|(i, branch)| {
            let condition = branch.condition.as_ref()?;
            let bit = bit(i);
            Some(quote! {
                let enabled: bool = #condition;
                if !enabled {
                    disabled |= #bit;
                }
            })
        });
        let expressions = self.branches.iter().map(|branch| &branch.future);
        let pins = futures.iter().rev();
        quote! {
            let mut disabled: u64 = 0;
            #(#conditions)*
            let (#(#futures,)*) = (#(#expressions,)*);
            let (#(#futures,)*) = (#(#support::IntoFuture::into_future(#futures),)*);
            #(let mut #pins = #support::pin!(#pins);)*
        }
    }
}

impl Branch {
    /// The arm that polls this branch's future.
    fn poll(&self, support: &TokenStream, index: usize, future: &Ident) -> TokenStream {
        let (bit, variant) = (bit(index), variant_name(index));
        let select = |output| quote!(return #support::Poll::Ready(__Selected::#variant(#output)));
        let matched = if pattern::matches_everything(&self.pattern) {
            select(quote!(output))
        } else {
            let (accepted, select) = (pattern::accepted(&self.pattern, support), select(quote!(output.0)));
            quote! {
                let output = #support::Output(output);
                #[allow(unused_variables, non_snake_case, unreachable_patterns, clippy::all)]
                let matched = match &output {
                    #accepted => true,
                    _ => false,
                };
                if matched {
                    #select;
                }
            }
        };
        quote! {
            #index if disabled & #bit == 0 => match #support::Future::poll(#future.as_mut(), cx) {
                #support::Poll::Ready(output) => {
                    disabled |= #bit;
                    #matched
                }
                #support::Poll::Pending => pending = true,
            },
        }
    }
}

fn bit(index: usize) -> u64 {
    1 << index
}

fn variant_name(index: usize) -> Ident {
    format_ident!("Branch{index}", span = Span::mixed_site())
}

/// A variable that has the place of the expression: so errors about its type point there.
pub(crate) fn future_name(index: usize, expression: &Expr) -> Ident {
    format_ident!("__future{index}", span = expression.span())
}

impl From<Select> for TokenStream {
    fn from(select: Select) -> TokenStream {
        select.expand()
    }
}

/// What is written becomes what is run; or an error where it was written.
pub(crate) fn expand<T: Parse + Into<TokenStream>>(input: TokenStream) -> TokenStream {
    syn::parse2::<T>(input).map_or_else(Error::into_compile_error, T::into)
}
