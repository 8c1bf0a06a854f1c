//! The attribute's arguments: one table says what is known, one parser serves every row of it.
//!
//! Every mistake in the list is reported, not only the first, each at the tokens that are wrong. What could be read
//! is kept, so that the function is still expanded and the rest of the user's program still resolves.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, LitBool, LitInt, LitStr, Path, Token, UnOp, parse_quote};

struct Known {
    name: &'static str,
    takes: Takes,
    /// Shown where the value is missing or of another type.
    example: &'static str,
    /// The builder's method that gets the value. None: the value is checked and has no effect on the builder.
    setter: Option<&'static str>,
}

/// What stands to the right of an option's `=`.
enum Takes {
    /// An integer literal from here to `u32::MAX`. Other upper limits are the builder's: they depend on the kernel.
    Integer { least: u32 },
    /// `true` or `false`.
    Boolean,
    /// One of these strings. No enum stands behind them.
    Word(&'static [&'static str]),
    /// Any string but the empty one.
    Text,
    /// One of these strings, each for a variant of the enum `of` at the crate's root.
    Variant { of: &'static str, choices: &'static [(&'static str, &'static str)] },
    /// An integer literal, or one of these strings.
    IntegerOrVariant { least: u32, of: &'static str, choices: &'static [(&'static str, &'static str)] },
    /// The path of the crate itself, bare or as a string.
    CratePath,
}

const KNOWN: &[Known] = &[
    Known {
        name: "sq_entries",
        takes: Takes::Integer { least: 1 },
        example: "sq_entries = 256",
        setter: Some("sq_entries"),
    },
    Known {
        name: "cq_entries",
        takes: Takes::Integer { least: 1 },
        example: "cq_entries = 1024",
        setter: Some("cq_entries"),
    },
    Known {
        name: "slots",
        // 0 is a request of its own: no table of direct descriptors.
        takes: Takes::Integer { least: 0 },
        example: "slots = 1024",
        setter: Some("slots"),
    },
    Known {
        name: "lowering",
        takes: Takes::Variant {
            of: "Lowering",
            choices: &[
                ("auto", "Auto"),
                ("chain", "Chain"),
                ("staged", "Staged"),
                ("groups", "Groups"),
                ("gate", "Gate"),
            ],
        },
        example: "lowering = \"staged\"",
        setter: Some("lowering"),
    },
    Known {
        name: "task_run",
        takes: Takes::Variant {
            of: "TaskRun",
            choices: &[("defer", "Defer"), ("coop", "Coop"), ("interrupt", "Interrupt")],
        },
        example: "task_run = \"coop\"",
        setter: Some("task_run"),
    },
    Known {
        name: "shards",
        takes: Takes::IntegerOrVariant { least: 1, of: "Shards", choices: &[("all", "All")] },
        example: "shards = 2",
        setter: Some("shards"),
    },
    Known { name: "pin", takes: Takes::Boolean, example: "pin = true", setter: Some("pin") },
    Known {
        name: "flavor",
        takes: Takes::Word(&["current_thread", "multi_thread", "local"]),
        example: "flavor = \"current_thread\"",
        // Tasks stay on their shard whatever the flavor; only `shards` and `worker_threads` ask for more than one.
        setter: None,
    },
    Known {
        name: "worker_threads",
        takes: Takes::Integer { least: 1 },
        example: "worker_threads = 2",
        setter: Some("worker_threads"),
    },
    Known { name: "start_paused", takes: Takes::Boolean, example: "start_paused = true", setter: Some("start_paused") },
    Known { name: "name", takes: Takes::Text, example: "name = \"storage\"", setter: Some("name") },
    Known { name: "crate", takes: Takes::CratePath, example: "crate = my_facade::runtime", setter: None },
];

/// What the attribute asked for, checked.
pub(crate) struct Options {
    /// Where `Builder` and `Runtime` are found.
    pub(crate) crate_path: Path,
    /// Calls on the builder, in the order written.
    pub(crate) setters: Vec<Setter>,
}

/// One call on the builder.
pub(crate) struct Setter {
    /// Spanned at the option's name, so that an error about the call is shown there.
    pub(crate) method: Ident,
    pub(crate) argument: Argument,
}

/// What a setter is called with. No path yet: `crate` may stand after the option.
pub(crate) enum Argument {
    Integer(Literal),
    Boolean(LitBool),
    Text(LitStr),
    /// Enum and variant, as in `Lowering`, `Staged`.
    Variant(Ident, Ident),
}

/// A value that its row of the table accepts.
enum Value {
    Argument(Argument),
    Word,
    CratePath(Path),
}

/// `name = value` as written; None where nothing stands to the right of the name.
struct Entry {
    name: Ident,
    value: Option<Expr>,
}

impl Options {
    /// Never fails as a whole: the second value holds every error, the first what could be read.
    pub(crate) fn parse(arguments: TokenStream) -> (Options, Option<Error>) {
        let mut options = Options { crate_path: parse_quote!(::runtime), setters: Vec::new() };
        let entries = match Punctuated::<Entry, Token![,]>::parse_terminated.parse2(arguments) {
            Ok(entries) => entries,
            Err(error) => return (options, Some(error)),
        };
        let mut seen = Vec::new();
        let mut errors: Option<Error> = None;
        for entry in entries {
            if let Err(error) = options.take(entry, &mut seen) {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
            }
        }
        (options, errors)
    }

    fn take(&mut self, entry: Entry, seen: &mut Vec<&'static str>) -> syn::Result<()> {
        let Entry { name, value } = entry;
        let text = name.unraw().to_string();
        let Some(known) = KNOWN.iter().find(|known| known.name == text) else {
            return Err(Error::new(name.span(), format!("unknown option `{text}`; {}", known_options())));
        };
        if seen.contains(&known.name) {
            return Err(Error::new(name.span(), format!("option `{text}` is given twice; remove one of the two")));
        }
        seen.push(known.name);
        let Some(value) = value else {
            return Err(Error::new(name.span(), format!("option `{text}` needs a value, as in `{}`", known.example)));
        };
        match (known.read(&value)?, known.setter) {
            (Value::Argument(argument), Some(setter)) => {
                self.setters.push(Setter { method: Ident::new(setter, name.span()), argument });
            }
            (Value::CratePath(path), _) => self.crate_path = path,
            (Value::Argument(_) | Value::Word, _) => {}
        }
        Ok(())
    }
}

impl Known {
    fn read(&self, value: &Expr) -> syn::Result<Value> {
        let value = ungrouped(value);
        match &self.takes {
            Takes::Integer { least } => match literal(value) {
                Some(Lit::Int(literal)) => self.read_integer(literal, *least),
                _ if is_negative_integer(value) => Err(self.out_of_range(value, *least)),
                _ => Err(self.other_type(value, "an integer")),
            },
            Takes::Boolean => match literal(value) {
                Some(Lit::Bool(literal)) => Ok(Value::Argument(Argument::Boolean(literal.clone()))),
                _ => Err(self.other_type(value, "true or false")),
            },
            Takes::Word(words) => {
                let string = self.read_string(value)?;
                if words.contains(&string.value().as_str()) {
                    Ok(Value::Word)
                } else {
                    Err(self.not_a_choice(string, words.iter().copied()))
                }
            }
            Takes::Text => {
                let string = self.read_string(value)?;
                if string.value().is_empty() {
                    return Err(self.other_type(value, "a string that is not empty"));
                }
                Ok(Value::Argument(Argument::Text(string.clone())))
            }
            Takes::Variant { of, choices } => self.read_variant(value, of, choices),
            Takes::IntegerOrVariant { least, of, choices } => match literal(value) {
                Some(Lit::Int(literal)) => self.read_integer(literal, *least),
                Some(Lit::Str(string)) if choices.iter().any(|(word, _)| *word == string.value()) => {
                    self.read_variant(value, of, choices)
                }
                _ if is_negative_integer(value) => Err(self.out_of_range(value, *least)),
                _ => {
                    let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                    Err(self.other_type(value, &format!("an integer or {}", words.join(", "))))
                }
            },
            Takes::CratePath => self.read_crate_path(value),
        }
    }

    fn read_integer(&self, literal: &LitInt, least: u32) -> syn::Result<Value> {
        match literal.base10_parse::<u32>() {
            Ok(value) if value >= least => {
                // Without a suffix, so that the builder's signature decides the type.
                let mut value = Literal::u32_unsuffixed(value);
                value.set_span(literal.span());
                Ok(Value::Argument(Argument::Integer(value)))
            }
            _ => Err(self.out_of_range(literal, least)),
        }
    }

    fn read_variant(
        &self,
        value: &Expr,
        of: &str,
        choices: &'static [(&'static str, &'static str)],
    ) -> syn::Result<Value> {
        let string = self.read_string(value)?;
        match choices.iter().find(|(word, _)| *word == string.value()) {
            Some((_, variant)) => {
                // The string's place, but the macro's identifiers: the user has not written these names.
                let span = Span::mixed_site().located_at(string.span());
                Ok(Value::Argument(Argument::Variant(Ident::new(of, span), Ident::new(variant, span))))
            }
            None => Err(self.not_a_choice(string, choices.iter().map(|(word, _)| *word))),
        }
    }

    fn read_string<'a>(&self, value: &'a Expr) -> syn::Result<&'a LitStr> {
        match literal(value) {
            Some(Lit::Str(string)) => Ok(string),
            _ => Err(self.other_type(value, "a string in quotes")),
        }
    }

    fn read_crate_path(&self, value: &Expr) -> syn::Result<Value> {
        match value {
            Expr::Path(path) if path.qself.is_none() => Ok(Value::CratePath(path.path.clone())),
            _ => match literal(value) {
                Some(Lit::Str(string)) => match string.parse_with(Path::parse_mod_style) {
                    Ok(path) => Ok(Value::CratePath(path)),
                    Err(_) => Err(self.other_type(value, "a path")),
                },
                _ => Err(self.other_type(value, "a path")),
            },
        }
    }

    fn other_type(&self, value: &Expr, expected: &str) -> Error {
        let Known { name, example, .. } = self;
        Error::new_spanned(value, format!("option `{name}` takes {expected}, as in `{example}`"))
    }

    fn out_of_range(&self, value: impl ToTokens, least: u32) -> Error {
        let Known { name, .. } = self;
        Error::new_spanned(value, format!("option `{name}` takes an integer from {least} to {}", u32::MAX))
    }

    fn not_a_choice(&self, string: &LitStr, words: impl Iterator<Item = &'static str>) -> Error {
        let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
        let message =
            format!("option `{}` is not \"{}\"; it is one of {}", self.name, string.value(), words.join(", "));
        Error::new(string.span(), message)
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        // Any identifier, since `crate` is a keyword.
        let Ok(name) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("expected an option as `name = value`; {}", known_options())));
        };
        if ends(input) {
            return Ok(Entry { name, value: None });
        }
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(input.error(format!("expected `=` after `{name}`: an option is written `name = value`")));
        }
        input.parse::<Token![=]>()?;
        let value = if ends(input) { None } else { Some(input.parse()?) };
        Ok(Entry { name, value })
    }
}

fn ends(input: ParseStream) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// A value that came through a `macro_rules!` variable stands in a group without delimiters.
fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { attrs, lit }) if attrs.is_empty() => Some(lit),
        _ => None,
    }
}

fn is_negative_integer(value: &Expr) -> bool {
    match value {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => matches!(literal(expr), Some(Lit::Int(_))),
        _ => false,
    }
}

fn known_options() -> String {
    let names: Vec<String> = KNOWN.iter().map(|known| format!("`{}`", known.name)).collect();
    format!("known options: {}", names.join(", "))
}

#[cfg(test)]
mod tests;
