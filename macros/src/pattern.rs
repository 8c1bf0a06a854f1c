//! Patterns of `select!` branches: does an output match? That is asked before the output is moved into the pattern's
//! bindings, so it is asked of a reference, by a copy of the pattern whose bindings bind nothing but references.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Pat, PatIdent, Token};

/// True for `_`, `mut x` and `ref x`. A plain name may be a constant's or a unit variant's: only the compiler knows.
pub(crate) fn matches_everything(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Ident(PatIdent { by_ref, mutability, subpat: None, .. }) => by_ref.is_some() || mutability.is_some(),
        _ => false,
    }
}

/// The pattern that a `&Output(output)` matches if the output matches `pattern`.
///
/// As a rule the compiler makes the bindings references by itself, once `mut` and `ref` are taken away. Below a `&` it
/// does not, nor is one allowed where it does (edition 2024). So a pattern with a `&` says `ref` at each binding, and
/// what is a binding is then known by its small letter.
pub(crate) fn accepted(pattern: &Pat, support: &TokenStream) -> TokenStream {
    let mut pattern = pattern.clone();
    let bindings = if has_reference(&mut pattern) { Bindings::Explicit } else { Bindings::Default };
    bindings.rewrite(&mut pattern);
    match bindings {
        Bindings::Default => quote!(#support::Output(#pattern)),
        Bindings::Explicit => quote!(&#support::Output(#pattern)),
    }
}

/// How the bindings of a pattern become references.
#[derive(Clone, Copy)]
enum Bindings {
    Default,
    Explicit,
}

impl Bindings {
    fn rewrite(self, pattern: &mut Pat) {
        match pattern {
            Pat::Ident(name) => self.rewrite_name(name),
            Pat::Struct(pattern) => {
                for field in &mut pattern.fields {
                    match (&mut *field.pat, field.colon_token) {
                        (Pat::Ident(name), None) => self.rewrite_binding(name),
                        (pattern, _) => self.rewrite(pattern),
                    }
                }
            }
            other => parts(other).into_iter().for_each(|part| self.rewrite(part)),
        }
    }

    fn rewrite_name(self, name: &mut PatIdent) {
        let plain = name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none();
        let is_constant = plain && name.ident.to_string().starts_with(char::is_uppercase);
        if !is_constant {
            self.rewrite_binding(name);
        }
    }

    fn rewrite_binding(self, name: &mut PatIdent) {
        name.mutability = None;
        name.by_ref = match self {
            Bindings::Default => None,
            Bindings::Explicit => Some(<Token![ref]>::default()),
        };
        if let Some((_, pattern)) = &mut name.subpat {
            self.rewrite(pattern);
        }
    }
}

fn has_reference(pattern: &mut Pat) -> bool {
    matches!(pattern, Pat::Reference(_)) || parts(pattern).into_iter().any(has_reference)
}

/// The patterns that a pattern is made of.
fn parts(pattern: &mut Pat) -> Vec<&mut Pat> {
    match pattern {
        Pat::Ident(pattern) => pattern.subpat.iter_mut().map(|(_, pattern)| &mut **pattern).collect(),
        Pat::Or(pattern) => pattern.cases.iter_mut().collect(),
        Pat::Paren(pattern) => vec![&mut pattern.pat],
        Pat::Reference(pattern) => vec![&mut pattern.pat],
        Pat::Slice(pattern) => pattern.elems.iter_mut().collect(),
        Pat::Struct(pattern) => pattern.fields.iter_mut().map(|field| &mut *field.pat).collect(),
        Pat::Tuple(pattern) => pattern.elems.iter_mut().collect(),
        Pat::TupleStruct(pattern) => pattern.elems.iter_mut().collect(),
        Pat::Type(pattern) => vec![&mut pattern.pat],
        _ => Vec::new(),
    }
}
