//! From the `async fn` as written to the function that runs it.
//!
//! The user's function is kept whole, signature and all, inside the one that replaces it. So the compiler checks the
//! body against the return type that the user wrote, with its usual messages at the user's lines, and nothing that
//! the body declares can meet a name of ours. In the other direction every path of ours is absolute, and our few
//! bindings carry two underscores: hygiene does not keep a pattern from meeting a constant or unit struct of its name.

use crate::function::{Entrance, Function};
use crate::options::{Argument, Options};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Error, FnArg, GenericParam, Path, parse_quote};

pub(crate) fn expand(entrance: Entrance, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (options, option_errors) = Options::parse(arguments);
    let option_errors = option_errors.map(Error::into_compile_error);
    let function = match (|input: ParseStream| Function::parse(entrance, input)).parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#option_errors #error #item);
        }
    };
    let rest = match function.check(entrance) {
        Ok(()) => running(entrance, &options, function),
        Err(error) => {
            let error = error.into_compile_error();
            let stand_in = stand_in(entrance, function);
            quote!(#error #stand_in)
        }
    };
    quote!(#option_errors #rest)
}

/// The function that builds the runtime and blocks on the user's.
fn running(entrance: Entrance, options: &Options, function: Function) -> TokenStream {
    let Function { attributes, visibility, signature, body } = function;
    let name = &signature.ident;
    let root = &options.crate_path;
    let builder = builder(options);

    // Parameters are patterns; the outer function takes each under a name of its own and hands it on.
    let mut outer = signature.clone();
    outer.asyncness = None;
    let mut handed_on: Vec<Ident> = Vec::new();
    for (index, parameter) in outer.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(parameter) = parameter {
            let argument = format_ident!("__argument_{index}", span = Span::mixed_site());
            parameter.attrs.clear();
            *parameter.pat = parse_quote!(#argument);
            handed_on.push(argument);
        }
    }
    // Lifetimes are left to inference: late-bound ones cannot be named in a call.
    let generics = signature.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        GenericParam::Const(parameter) => Some(&parameter.ident),
        GenericParam::Lifetime(_) => None,
    });

    let test = (entrance == Entrance::Test).then(|| quote!(#[::core::prelude::v1::test]));
    let on_error = on_error(entrance);
    let blocking = quote_spanned! {Span::mixed_site()=>
        match #builder.build() {
            ::core::result::Result::Ok(mut __runtime) =>
                #root::Runtime::block_on(&mut __runtime, #name::<#(#generics),*>(#(#handed_on),*)),
            ::core::result::Result::Err(__error) => #on_error,
        }
    };
    let statements = quote! {
        #[allow(clippy::unused_async, reason = "a test without an await is common, and not a mistake")]
        #signature #body

        #blocking
    };
    // Braces in the place of the user's make it the user's function in the compiler's eyes: lints such as dead code
    // pass over what lies in a macro of another crate.
    let mut statements = Group::new(Delimiter::Brace, statements);
    statements.set_span(body.span());
    quote! {
        #test
        #(#attributes)*
        #visibility #outer #statements
    }
}

/// `::runtime::Builder::new().sq_entries(256)`: one chain, so that no binding of ours exists.
fn builder(options: &Options) -> TokenStream {
    let root = &options.crate_path;
    let calls = options.setters.iter().map(|setter| {
        let method = &setter.method;
        let argument = argument(root, &setter.argument);
        quote!(.#method(#argument))
    });
    quote!(#root::Builder::new() #(#calls)*)
}

fn argument(root: &Path, argument: &Argument) -> TokenStream {
    match argument {
        Argument::Integer(value) => quote!(#value),
        Argument::Boolean(value) => quote!(#value),
        Argument::Text(value) => quote!(#value),
        Argument::Variant(of, variant) => quote!(#root::#of::#variant),
    }
}

/// Diverges, so that it fits every return type.
fn on_error(entrance: Entrance) -> TokenStream {
    match entrance {
        // The cause is the machine's or the administrator's to mend: no backtrace, and a status that scripts can test.
        Entrance::Main => quote_spanned! {Span::mixed_site()=> {
            ::std::eprintln!("error: cannot start the runtime: {}", __error);
            ::std::process::exit(1)
        }},
        Entrance::Test => quote_spanned! {Span::mixed_site()=>
            ::core::panic!("cannot start the runtime: {}", __error)
        },
    }
}

/// What stands in for a refused function, so that our error is not followed by others about its absence.
fn stand_in(entrance: Entrance, function: Function) -> TokenStream {
    if entrance == Entrance::Main && function.is_main() {
        // As written it would draw the compiler's own error, that `main` cannot be async.
        return quote!(
            fn main() {}
        );
    }
    let Function { attributes, visibility, signature, body } = function;
    let attributes = attributes.iter().filter(|attribute| !entrance.is_repeated_by(attribute));
    quote!(#[allow(unused)] #(#attributes)* #visibility #signature #body)
}
