//! Rows and claims that mean harm (THREATS CL-02): whatever is written, saving and running it ends
//! soon, in little memory, on a small stack, and without a reserved name.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// A debug build on a busy machine; a release build needs about a hundredth of it.
const SOON: Duration = Duration::from_secs(5);

/// The stack of this thread is a quarter of an ordinary one.
fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(512 << 10).spawn(run).unwrap().join().unwrap()
}

fn largest_claims() -> Value {
    let groups: Vec<_> = (0..1000).map(|n| format!("group-{n:040}")).collect();
    json!({ "groups": groups, "text": "ab".repeat(4000), "name": "Ann" })
}

/// Compiles and runs an expression; says how it ended.
fn run(text: &str) -> String {
    let text = text.to_owned();
    on_a_small_stack(move || {
        let started = Instant::now();
        let outcome = match compile(Layer::Profile, json!({ "x": { "expr": text } })) {
            Err(errors) => format!("refused: {}", errors[0].message),
            Ok(mapping) => match mapping.evaluate(&only_claims(largest_claims())) {
                Ok(_) => "done".to_owned(),
                Err(error) => format!("stopped: {:?}", error.kind),
            },
        };
        assert!(started.elapsed() < SOON, "{text}: {:?}", started.elapsed());
        outcome
    })
}

/// Texts of a hundred bytes that took the `cel` crate's parser gigabytes, and their like.
#[test]
fn cl_02_brackets_are_refused_before_they_cost_anything() {
    for text in [
        "[".repeat(125),
        "(".repeat(125),
        "{".repeat(125),
        "[(".repeat(62),
        "[?".repeat(62),
        "[[[[{".repeat(25),
        "{[(".repeat(41),
        "a[".repeat(62),
        "size(".repeat(25),
        "claims[".repeat(17),
        "[,".repeat(62),
        "{'':".repeat(31),
        "has(".repeat(31),
        "(((((((((([[[[[[[[[[{{{{{{{{{{((((((((((]]]]]]]]]]".to_owned(),
        "[".repeat(2048),
        "(((1)))".repeat(200),
    ] {
        let outcome = run(&text);
        assert!(outcome.starts_with("refused"), "{text}: {outcome}");
    }
}

#[test]
fn cl_02_chains_and_operators_are_refused_or_run_on_a_small_stack() {
    for text in [
        "1+".repeat(1023) + "1",
        "!".repeat(2000) + "true",
        "-".repeat(2000) + "1",
        "true?".repeat(400),
        "claims".to_owned() + &".a".repeat(1000),
        "claims".to_owned() + &"[0]".repeat(600),
        "true||".repeat(300) + "true",
        "'a'.trim()".to_owned() + &".trim()".repeat(200),
        "x".repeat(1 << 20),
        "'".to_owned() + &"\\u0041".repeat(300),
        "\u{0}\u{1}".repeat(100),
        "é".repeat(1000),
    ] {
        let outcome = run(&text);
        assert!(outcome.starts_with("refused"), "{}: {outcome}", &text[..10.min(text.len())]);
    }
}

#[test]
fn cl_02_the_deepest_expressions_that_compile_run_on_a_small_stack() {
    for text in [
        format!("{}1{}", "(".repeat(31), ")".repeat(31)),
        format!("{}1{}", "[".repeat(30), "]".repeat(30)),
        format!("{}'a'{}", "{'a':".repeat(15), "}".repeat(15)),
        format!("{}1{}", "size([".repeat(15), "])".repeat(15)),
        vec!["1"; 31].join("+"),
        format!("{}true", "!".repeat(30)),
        format!("{}1", "true?1:".repeat(14)),
        format!("'a'{}", ".trim()".repeat(30)),
        "claims.groups.all(a, claims.groups.exists(b, [[[[a]]]] == [[[[b]]]]))".to_owned(),
    ] {
        let outcome = run(&text);
        assert!(!outcome.starts_with("refused"), "{text}: {outcome}");
    }
}

/// Each level multiplies a text; without a price on memory this takes 8 GB.
#[test]
fn cl_02_doubling_a_text_is_stopped() {
    let doubled = (0..10).fold("[claims.text]".to_owned(), |list, level| {
        format!("{list}.map(v{level}, v{level} + v{level} + v{level} + v{level})")
    });
    for text in [
        doubled.as_str(),
        "claims.text.replace('a', claims.text).replace('a', claims.text)",
        "claims.text.replace('', claims.text)",
        "claims.groups.join(claims.text)",
        "claims.groups.map(g, claims.groups.map(h, g + h))",
        "claims.groups.map(g, claims.text)",
        "claims.groups.map(g, claims.text.upper())",
        "claims.groups.map(g, claims.text.split(''))",
        "claims.groups.map(g, claims.groups + claims.groups)",
        "claims.groups.map(g, claims)",
    ] {
        assert_eq!(run(text), "stopped: TooLarge", "{text}");
    }
}

#[test]
fn cl_02_loops_over_long_lists_are_stopped() {
    for text in [
        "claims.groups.all(a, claims.groups.all(b, a != 'x'))",
        "claims.groups.all(a, claims.groups.exists(b, claims.groups == claims.groups))",
        "claims.groups.filter(a, !(claims.text.contains(a + claims.text)))",
        "claims.groups.all(a, claims.groups.filter(b, b in claims.groups).size() > 0)",
        "claims.groups.all(a, claims == claims)",
    ] {
        assert_eq!(run(text), "stopped: TooLarge", "{text}");
    }
}

#[test]
fn cl_02_a_fault_cannot_be_used_to_go_on_without_a_budget() {
    let outcome = run(
        "claims.groups.all(a, claims.groups.all(b, a != 'x')) || true ? 'got away' : 'stopped'",
    );
    assert_eq!(outcome, "stopped: TooLarge");
    let tolerant = json!({
        "x": { "expr": "claims.groups.map(g, claims.text.upper())", "default": "got away" }
    });
    let mapping = compile(Layer::Profile, tolerant).unwrap();
    let result = mapping.evaluate(&only_claims(largest_claims())).map(|done| done.claims);
    assert_eq!(result.unwrap_err().kind, EvaluateErrorKind::TooLarge);
}

#[test]
fn cl_02_many_rows_are_not_a_way_around_the_budget() {
    let row = json!({ "expr": "claims.groups.all(a, a.size() > 0 && a.contains('group'))" });
    let written: serde_json::Map<_, _> =
        (0..MAX_ROWS).map(|n| (format!("row{n}"), row.clone())).collect();
    let mapping = compile(Layer::Profile, Value::Object(written)).unwrap();
    let started = Instant::now();
    let result = mapping.evaluate(&only_claims(largest_claims())).map(|done| done.claims);
    assert_eq!(result.unwrap_err().kind, EvaluateErrorKind::TooLarge);
    assert!(started.elapsed() < SOON);
}

#[test]
fn cl_02_more_rows_than_allowed_are_refused() {
    let written: serde_json::Map<_, _> =
        (0..=MAX_ROWS).map(|n| (format!("row{n}"), json!({ "value": 1 }))).collect();
    let errors = compile(Layer::Profile, Value::Object(written)).unwrap_err();
    assert!(errors[0].message.contains("at most 200"), "{errors:?}");
}

#[test]
fn ordinary_work_on_the_largest_input_is_not_stopped() {
    for text in [
        "claims.groups.filter(g, g.endsWith('7')).map(g, g.replace('group-', ''))",
        "'group-1' in claims.groups || claims.groups.exists(g, g == 'x')",
        "claims.groups.exists(g, g in ['a', 'b', 'c', 'd'])",
    ] {
        assert_eq!(run(text), "done", "{text}");
    }
}

/// All tests of this file once more, in a process that may use 256 MiB, code and stacks included.
#[cfg(target_os = "linux")]
#[test]
fn cl_02_all_of_this_fits_into_little_memory() {
    let script = "ulimit -v 262144 && exec \"$0\" claims::tests::hostile --test-threads=1 \
                  --skip fits_into_little_memory";
    let child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && !said.contains(" 0 passed"), "{said}");
}

/// THREATS CL-03
#[test]
fn cl_03_too_large_an_input_or_a_result_fails_closed() {
    let groups = |count: usize| json!({ "groups": vec!["g"; count] });
    let row = json!({ "from": ["claims.groups"] });
    assert!(profile_row(row.clone(), groups(1000)).is_ok());
    assert_eq!(profile_row(row, groups(1001)), Err(EvaluateErrorKind::TooLarge));

    let release = |profile: Value| {
        let written = json!({ "x": { "from": ["profile.x"] }, "y": { "from": ["profile.y"] } });
        let done = compile(Layer::Release, written).unwrap().evaluate(&only_profile(profile));
        done.map(|_| ()).map_err(|error| (error.row, error.kind))
    };
    let too_large = |row: Option<&str>| Err((row.map(str::to_owned), EvaluateErrorKind::TooLarge));
    assert_eq!(release(json!({ "x": vec![1; 200] })), Ok(()));
    assert_eq!(release(json!({ "x": vec![1; 201] })), too_large(Some("x")));
    assert_eq!(release(json!({ "x": "a".repeat(8000) })), Ok(()));
    assert_eq!(release(json!({ "x": "a".repeat(5000), "y": "b".repeat(5000) })), too_large(None));
    assert_eq!(release(json!({ "z": "a".repeat(70_000) })), too_large(None));
}

/// Pieces of expressions, so that random texts get beyond the first token.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "?",
        ":",
        "!",
        "-",
        "+",
        "*",
        "==",
        "&&",
        "||",
        "in",
        "claims",
        "groups",
        "text",
        "has(",
        "map(x,",
        "all(y,",
        "filter(z,",
        "x",
        "'a'",
        "1",
        "1.5",
        "true",
        "null",
        "size",
        "join",
        "split",
        "replace",
        "orValue",
        "\\",
        "\"",
        "//",
        "\n",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60)
        .prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn cl_02_no_text_panics_or_takes_long(text in prop_oneof![".{0,300}", pieces()]) {
        run(&text);
        for row in [
            json!({ "from": [text] }),
            json!({ "value": 1, "when": text }),
            json!({ "from": ["claims.text"], "transform": [{ "split": text }] }),
            json!({
                "from": ["claims.name"],
                "transform": [{ "regex": { "find": text, "replace": text } }]
            }),
        ] {
            if let Ok(mapping) = compile(Layer::Profile, json!({ "x": row })) {
                let _ = mapping.evaluate(&only_claims(largest_claims()));
            }
        }
    }

    #[test]
    fn cl_01_no_mapping_gives_a_reserved_name(
        name in prop_oneof![
            prop::sample::select(name::reserved()).prop_map(str::to_owned),
            "[ _a-zA-Z]{1,6}",
            ".{1,8}",
            "_[cC]laim_.{0,4}",
        ],
        is_upper in any::<bool>(),
    ) {
        let name = if is_upper { name.to_uppercase() } else { name };
        for layer in [Layer::Profile, Layer::Release] {
            let Ok(mapping) = compile(layer, json!({ name.as_str(): { "value": "x" } })) else {
                continue;
            };
            let inputs = match layer {
                Layer::Profile => only_claims(json!({})),
                Layer::Release => only_profile(json!({})),
            };
            for given in mapping.evaluate(&inputs).unwrap().claims.keys() {
                let folded = given.trim().to_lowercase();
                prop_assert!(!name::reserved().contains(&folded.as_str()), "{}", given);
                prop_assert!(!folded.starts_with("_claim_"), "{}", given);
            }
        }
    }
}
