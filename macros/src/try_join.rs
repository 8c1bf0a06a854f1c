//! `try_join!`: all futures, or the first error.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Expr, Result, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::select::{future_name, parse_biased, parse_facade};

/// The facade's path, as `$crate` of the macro that users call, and what they wrote.
pub(crate) struct TryJoin {
    facade: TokenStream,
    biased: bool,
    parts: Punctuated<Expr, Token![,]>,
}

impl Parse for TryJoin {
    fn parse(input: ParseStream) -> Result<TryJoin> {
        let facade = parse_facade(input)?;
        let biased = parse_biased(input)?;
        Ok(TryJoin { facade, biased, parts: Punctuated::parse_terminated(input)? })
    }
}

impl From<TryJoin> for TokenStream {
    fn from(TryJoin { facade, biased, parts }: TryJoin) -> TokenStream {
        let support = quote!(#facade::__macros);
        let count = parts.len();
        if count == 0 {
            return quote!(async { ::core::result::Result::Ok(()) }.await);
        }
        let futures: Vec<_> = parts.iter().enumerate().map(|(i, part)| future_name(i, part)).collect();
        let expressions = parts.iter();
        let pins = futures.iter().rev();
        let polls =
            futures.iter().enumerate().map(|(i, future)| quote!(#i => #support::TryPart::poll(#future.as_mut(), cx),));
        let next = if biased { quote!(0) } else { quote!(#support::turn(start, 1, #count)) };
        quote! {{
            let (#(#futures,)*) = (#(#expressions,)*);
            let (#(#futures,)*) = (#(#support::TryPart::new(#support::IntoFuture::into_future(#futures)),)*);
            #(let mut #pins = #support::pin!(#pins);)*
            let mut start: usize = 0;
            let joined = #support::poll_fn(|cx| {
                let mut pending = false;
                for step in 0..#count {
                    let polled = match #support::turn(start, step, #count) {
                        #(#polls)*
                        _ => #support::Poll::Pending,
                    };
                    match polled {
                        #support::Poll::Ready(::core::result::Result::Ok(())) => {}
                        #support::Poll::Ready(::core::result::Result::Err(error)) => {
                            return #support::Poll::Ready(::core::result::Result::Err(error));
                        }
                        #support::Poll::Pending => pending = true,
                    }
                }
                start = #next;
                if pending {
                    return #support::Poll::Pending;
                }
                #support::Poll::Ready(::core::result::Result::Ok((#(#support::TryPart::take(#futures.as_mut()),)*)))
            })
            .await;
            joined
        }}
    }
}
