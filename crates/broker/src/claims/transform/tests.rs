//! Tests of the transforms; the table in `docs/claims.md` says the same in words.

use std::time::Instant;

use serde_json::json;

use super::*;

fn transform(transforms: Value, value: Value) -> Result<Value, Failed> {
    let transforms: Vec<Transform> = serde_json::from_value(transforms).unwrap();
    apply(&compile(&transforms).unwrap(), value, &Budget::new())
}

#[expect(clippy::needless_pass_by_value, reason = "a `json!` reads better without a borrow")]
fn refused(transform: Value) -> String {
    let transforms: Vec<Transform> = serde_json::from_value(json!([transform])).unwrap();
    compile(&transforms).unwrap_err().join("; ")
}

#[test]
fn each_transform_does_what_the_documentation_says() {
    let regex = json!({ "regex": { "find": "^(.*)@.*$", "replace": "${1}" } });
    for (steps, from, to) in [
        (json!(["trim"]), json!(" a "), json!("a")),
        (json!(["lower"]), json!("ÄB"), json!("äb")),
        (json!(["upper"]), json!("äb"), json!("ÄB")),
        (json!(["upper"]), json!(["a", "", "b"]), json!(["A", "B"])),
        (json!(["first"]), json!(["", "a", "b"]), json!("a")),
        (json!(["first"]), json!("a"), json!("a")),
        (json!([{ "join": ", " }]), json!(["a", null, 1]), json!("a, 1")),
        (json!([{ "join": ", " }]), json!("a"), json!("a")),
        (json!([{ "split": ";" }]), json!("a;;b"), json!(["a", "b"])),
        (json!([{ "split": ";" }]), json!(["a;b", "c"]), json!(["a", "b", "c"])),
        (json!([regex.clone()]), json!("ann@b.example"), json!("ann")),
        (json!([regex]), json!("no address"), json!("no address")),
        (json!([{ "map": { "S": 1, "M": "member" } }]), json!("S"), json!(1)),
        (json!([{ "map": { "S": 1 } }]), json!("X"), json!(null)),
        (json!([{ "map": { "a": "A" } }]), json!(["a", "x"]), json!(["A"])),
        (json!([{ "map": { "true": "1" } }]), json!(true), json!("1")),
        (json!([{ "prefix": "okta-" }]), json!(7), json!("okta-7")),
        (json!([{ "suffix": "!" }]), json!(["a"]), json!(["a!"])),
        (json!([{ "split": "," }, "first", "trim", "lower"]), json!(" A ,b"), json!("a")),
    ] {
        assert_eq!(transform(steps.clone(), from.clone()), Ok(to), "{steps} on {from}");
    }
}

#[test]
fn an_object_is_a_wrong_type() {
    let error = transform(json!(["trim"]), json!({ "a": 1 })).unwrap_err();
    assert_eq!(error, Failed::WrongType(WrongType { expected: "string", found: "object" }));
}

#[test]
fn a_group_that_does_not_exist_is_found_when_saved() {
    for replace in ["$1_x", "${2}", "$name", "$", "a$ b"] {
        let error = refused(json!({ "regex": { "find": "(a)", "replace": replace } }));
        assert!(error.contains("group"), "{replace}: {error}");
    }
}

#[test]
fn groups_that_exist_and_dollar_signs_are_accepted() {
    let rule = json!([{ "regex": { "find": "(?P<n>a)(b)?", "replace": "${n}-$2-$$1" } }]);
    assert_eq!(transform(rule, json!("ab")), Ok(json!("a-b-$1")));
}

#[test]
fn what_cannot_work_is_refused_with_advice() {
    for (transform, advice) in [
        (json!({ "split": "" }), "split: \",\""),
        (json!({ "map": {} }), "1 to 500"),
        (json!({ "map": { "a": ["b"] } }), "string, a number or a bool"),
        (json!({ "prefix": "x".repeat(300) }), "at most 256"),
        (json!({ "regex": { "find": "(", "replace": "" } }), "cannot be read"),
        (json!({ "regex": { "find": "a".repeat(300), "replace": "" } }), "at most 256"),
    ] {
        let error = refused(transform.clone());
        assert!(error.contains(advice), "{transform}: {error}");
    }
}

/// THREATS CL-02: a huge regular expression.
#[test]
fn cl_02_a_regular_expression_with_a_large_automaton_is_refused() {
    for find in ["a{1000}{1000}", r"\pL{1000}", r"((a{100}){100}){100}", r"\w{200}"] {
        let error = refused(json!({ "regex": { "find": find, "replace": "" } }));
        assert!(error.contains("too large") || error.contains("cannot be read"), "{error}");
    }
    assert!(!refused(json!({ "regex": { "find": "(".repeat(200), "replace": "" } })).is_empty());
}

#[test]
fn cl_02_the_slowest_accepted_regular_expressions_end_in_time() {
    let started = Instant::now();
    for find in ["(a?){60}a{60}$", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)x", "(?:a|b|ab)*c", "(a*)*b"] {
        let rule = json!([{ "regex": { "find": find, "replace": "" } }]);
        let text = "a".repeat(MAX_HAYSTACK);
        let list = json!(vec![text; 16]);
        // Either it is done or the budget ended it.
        let _ = transform(rule, list);
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn cl_02_a_replacement_that_multiplies_the_text_is_ended_by_the_budget() {
    let rule =
        json!([{ "regex": { "find": "", "replace": "${0}".to_owned() + &"x".repeat(250) } }]);
    let result = transform(rule, json!(vec!["a".repeat(MAX_HAYSTACK); 2]));
    assert!(matches!(result, Err(Failed::Exhausted)));
    let rule = json!([{ "regex": { "find": ".+", "replace": "$0".repeat(100) } }]);
    assert!(transform(rule.clone(), json!("a".repeat(100))).is_ok());
    let again = json!(vec![rule[0].clone(); 8]);
    assert_eq!(transform(again, json!("a".repeat(100))), Err(Failed::Exhausted));
}

#[test]
fn cl_02_joining_with_a_long_separator_is_ended_by_the_budget() {
    let steps = json!([{ "join": "x".repeat(256) }, { "split": "x" }, { "join": "y".repeat(256) }]);
    let result = transform(steps, json!(vec!["axaxaxaxax"; 1000]));
    assert_eq!(result, Err(Failed::Exhausted));
}
