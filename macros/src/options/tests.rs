use super::{Argument, KNOWN, Options};
use quote::{ToTokens, quote};

/// The crate's path, each setter as a call, and the errors, all as text.
fn read(arguments: &str) -> (String, Vec<String>, Vec<String>) {
    let (options, errors) = Options::parse(arguments.parse().expect("the test's arguments are tokens"));
    let setters = options.setters.iter().map(|setter| {
        let argument = match &setter.argument {
            Argument::Integer(value) => value.to_string(),
            Argument::Boolean(value) => value.value.to_string(),
            Argument::Variant(of, variant) => format!("{of}::{variant}"),
            Argument::Text(text) => format!("{:?}", text.value()),
        };
        format!("{}({argument})", setter.method)
    });
    (
        options.crate_path.to_token_stream().to_string().replace(' ', ""),
        setters.collect(),
        errors.into_iter().flatten().map(|error| error.to_string()).collect(),
    )
}

fn setters(arguments: &str) -> Vec<String> {
    let (_, setters, errors) = read(arguments);
    assert_eq!(errors, [""; 0], "{arguments}");
    setters
}

fn errors(arguments: &str) -> Vec<String> {
    read(arguments).2
}

#[test]
fn nothing_asked_is_the_default() {
    assert_eq!(read(""), ("::runtime".into(), vec![], vec![]));
}

#[test]
fn setters_keep_the_order_written() {
    assert_eq!(
        setters("slots = 0, lowering = \"gate\", cq_entries = 1_024, sq_entries = 0x100, task_run = \"interrupt\","),
        ["slots(0)", "lowering(Lowering::Gate)", "cq_entries(1024)", "sq_entries(256)", "task_run(TaskRun::Interrupt)"],
    );
}

#[test]
fn every_choice_has_its_variant() {
    for (word, variant) in
        [("auto", "Auto"), ("chain", "Chain"), ("staged", "Staged"), ("groups", "Groups"), ("gate", "Gate")]
    {
        assert_eq!(setters(&format!("lowering = \"{word}\"")), [format!("lowering(Lowering::{variant})")]);
    }
    for (word, variant) in [("defer", "Defer"), ("coop", "Coop"), ("interrupt", "Interrupt")] {
        assert_eq!(setters(&format!("task_run = \"{word}\"")), [format!("task_run(TaskRun::{variant})")]);
    }
}

#[test]
fn time_can_stand_still_from_the_start() {
    assert_eq!(setters("start_paused = true"), ["start_paused(true)"]);
    assert_eq!(setters("start_paused = false"), ["start_paused(false)"]);
    for arguments in ["start_paused = 1", "start_paused = \"true\"", "start_paused = yes"] {
        assert_eq!(
            errors(arguments),
            ["option `start_paused` takes true or false, as in `start_paused = true`"],
            "{arguments}"
        );
    }
}

#[test]
fn tokio_flavors_are_accepted_and_set_nothing() {
    for arguments in ["flavor = \"current_thread\"", "flavor = \"multi_thread\"", "flavor = \"local\""] {
        assert_eq!(setters(arguments), [""; 0]);
    }
}

#[test]
fn a_name_is_any_string_but_the_empty_one() {
    assert_eq!(setters("name = \"storage\""), ["name(\"storage\")"]);
    assert_eq!(errors("name = \"\""), ["option `name` takes a string that is not empty, as in `name = \"storage\"`"]);
    assert_eq!(errors("name = 1"), ["option `name` takes a string in quotes, as in `name = \"storage\"`"]);
}

#[test]
fn the_suffix_of_an_integer_is_dropped() {
    assert_eq!(setters("sq_entries = 256u16"), ["sq_entries(256)"]);
}

#[test]
fn the_crate_is_a_path_or_a_string() {
    for (arguments, path) in [
        ("crate = facade", "facade"),
        ("crate = ::a::b", "::a::b"),
        ("crate = crate", "crate"),
        ("crate = \"a::b\"", "a::b"),
        ("crate = \"::a\"", "::a"),
        ("crate = \"crate::a\"", "crate::a"),
    ] {
        assert_eq!(read(arguments), (path.into(), vec![], vec![]), "{arguments}");
    }
    for arguments in ["crate = 1", "crate = \"\"", "crate = \"a b\"", "crate = <A as B>::c", "crate = a()"] {
        assert_eq!(errors(arguments), ["option `crate` takes a path, as in `crate = my_facade::runtime`"]);
    }
}

#[test]
fn integers_have_limits() {
    let range = |name, least| format!("option `{name}` takes an integer from {least} to 4294967295");
    for name in ["sq_entries", "cq_entries", "worker_threads"] {
        assert_eq!(errors(&format!("{name} = 1")), [""; 0]);
        assert_eq!(errors(&format!("{name} = 0")), [range(name, 1)]);
        assert_eq!(errors(&format!("{name} = -1")), [range(name, 1)]);
    }
    assert_eq!(setters("slots = 4294967295"), ["slots(4294967295)"]);
    assert_eq!(errors("slots = 4294967296"), [range("slots", 0)]);
    assert_eq!(errors("slots = -1"), [range("slots", 0)]);
}

#[test]
fn a_value_of_another_type_is_refused() {
    for value in ["\"256\"", "2.0", "true", "SIZE", "2 * 128", "-x"] {
        assert_eq!(
            errors(&format!("sq_entries = {value}")),
            ["option `sq_entries` takes an integer, as in `sq_entries = 256`"],
        );
    }
    for value in ["staged", "1", "b\"staged\"", "Lowering::Staged"] {
        assert_eq!(
            errors(&format!("lowering = {value}")),
            ["option `lowering` takes a string in quotes, as in `lowering = \"staged\"`"],
        );
    }
}

#[test]
fn every_error_is_reported_and_the_rest_is_kept() {
    let (path, setters, errors) = read("sq_entries = 0, threads = 2, cq_entries = 8, cq_entries = 9, crate = facade");
    assert_eq!(path, "facade");
    assert_eq!(setters, ["cq_entries(8)"]);
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn an_entry_is_a_name_and_a_value() {
    for arguments in ["slots", "slots =", "slots, cq_entries = 1", "slots = , cq_entries = 1"] {
        assert_eq!(errors(arguments), ["option `slots` needs a value, as in `slots = 1024`"], "{arguments}");
    }
    for arguments in ["slots: 1", "slots(1)", "slots == 1"] {
        assert_eq!(
            errors(arguments),
            ["expected `=` after `slots`: an option is written `name = value`"],
            "{arguments}",
        );
    }
    assert_eq!(errors("slots = 1 cq_entries = 1"), ["expected `,`"]);
    assert!(errors("\"slots\"")[0].starts_with("expected an option as `name = value`; known options: `sq_entries`"));
}

#[test]
fn a_value_may_come_through_a_macro_variable() {
    let value = proc_macro2::Group::new(proc_macro2::Delimiter::None, quote!(64));
    let (options, errors) = Options::parse(quote!(sq_entries = #value));
    assert!(errors.is_none());
    assert_eq!(options.setters.len(), 1);
}

/// The table's own promise: what an error message shows as an example is accepted.
#[test]
fn every_example_is_valid() {
    for known in KNOWN {
        assert_eq!(errors(known.example), [""; 0]);
        assert!(known.example.starts_with(known.name));
    }
}

#[test]
fn every_option_is_documented() {
    for known in KNOWN {
        assert!(include_str!("../lib.rs").contains(&format!("//! | `{}` |", known.name)), "{}", known.name);
    }
}
