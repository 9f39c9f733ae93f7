//! The `cel` crate runs beside this module on every expression: both give the same value, or both
//! fail. It runs on a large stack, and only on expressions that are harmless to it.

use std::collections::HashMap;
use std::sync::Arc;

use cel::{Context, Env, extensions};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Expression, Layer, claims, eval};

/// What the other implementation gives; `None` if it fails.
fn other(texts: Vec<String>) -> Vec<Option<Value>> {
    let run = move || {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings).unwrap();
        let env = Arc::new(env);
        let mut context = Context::with_env(Arc::clone(&env));
        context.add_variable_from_value("claims", value(&claims()));
        texts
            .iter()
            .map(|text| env.compile(text).ok()?.execute(&context).ok()?.json().ok())
            .collect()
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(run).unwrap().join().unwrap()
}

/// An input of it: its own conversion makes unsigned integers, which fit no other number.
fn value(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(value) => value.into(),
            None => number.as_f64().unwrap().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(elements) => elements.iter().map(value).collect::<Vec<_>>().into(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), value(member)))
            .collect::<HashMap<_, _>>()
            .into(),
    }
}

fn assert_agreement(texts: Vec<String>) {
    // Stricter here: a condition that can never be a boolean does not compile, where CEL goes on
    // if the other operand decides, and a variable cannot hide another one.
    let is_stricter = |text: &String| {
        Expression::compile(Layer::Profile, text).is_err_and(|error| {
            ["a condition is true or false", "is taken", "at most 2 loops"]
                .iter()
                .any(|rule| error.contains(rule))
        })
    };
    let texts: Vec<_> = texts.into_iter().filter(|text| !is_stricter(text)).collect();
    for (text, other) in texts.iter().zip(other(texts.clone())) {
        match (eval(text), &other) {
            // `json!(1) != json!(1.0)`, although CEL has them equal.
            (Ok(ours), Some(other)) => assert_eq!(&ours, other, "{text}"),
            (Err(_), None) => {}
            (ours, other) => panic!("{text}: {ours:?} here, {other:?} there"),
        }
    }
}

const CHOSEN: &[&str] = &[
    "1 + 2 * 3 - -4",
    "7 / 2",
    "-7 / 2",
    "-7 % 3",
    "1.5 * 2.0",
    "5 - 3 - 1",
    "2 == 2.0",
    "1 < 1.5",
    "'a' < 'b'",
    "'a' < 'B'",
    "false < true",
    "1 in [1.0]",
    "'a' in {'a': 1}",
    "'ab'.contains('')",
    "'a,b,,c'.split(',')",
    "'abc'.split('')",
    "''.split(',')",
    "'aaa'.replace('a', 'bb')",
    "'ab'.replace('', '-')",
    "['a', 'b'].join()",
    "['a', 'b'].join(', ')",
    "[].join(',')",
    "' a\\t'.trim()",
    "'ÀB'.lowerAscii()",
    "size('äöü')",
    "'äöü'.size()",
    "[1, 2].size()",
    "{'a': 1}.size()",
    "size({})",
    "string(1)",
    "string(1.5)",
    "string(true)",
    "string('a')",
    "int('7')",
    "int(1.9)",
    "int(-1.9)",
    "int('x')",
    "double('1.5')",
    "double(2)",
    "double('x')",
    "[1, 2, 3].map(x, x * 2)",
    "[1, 2, 3].map(x, x > 1, x * 2)",
    "[1, 2].filter(x, x > 1)",
    "[1, 2].all(x, x > 0)",
    "[].all(x, false)",
    "[].exists(x, true)",
    "[1, 1].exists_one(x, x == 1)",
    "{'a': 1}.all(k, k == 'a')",
    "{'b': 1}.map(k, k)",
    "[1, 'a'].exists(x, x < 2)",
    "['a', 1].exists(x, x < 2)",
    "['a', 1].all(x, x < 0)",
    "true || 1 / 0 == 1",
    "1 / 0 == 1 || true",
    "1 / 0 == 1 && false",
    "1 / 0 == 1 || false",
    "has(claims.email)",
    "has(claims.missing)",
    "has(claims.missing.x)",
    "claims.missing",
    "claims.address.country",
    "claims['email']",
    "claims.groups[1]",
    "claims.groups[-1]",
    "claims.groups[3]",
    "claims.none == null",
    "claims.?email.orValue('x')",
    "claims.?missing.orValue('x')",
    "claims.?address.country.orValue('x')",
    "claims.?address.city.orValue('x')",
    "claims[?'x'].orValue('y')",
    "claims.?missing.hasValue()",
    "claims.groups[?9].hasValue()",
    "claims.n == 7",
    "claims.d == 1.5",
    "claims.d + 1",
    "claims.n + claims.d",
    "[1, [2]] == [1, [2]]",
    "{'a': [1]} == {'a': [1]}",
    "[1] + ['a']",
    "'a' + 1",
    "1 == '1'",
    "!true",
    "!1",
    "-'a'",
    "-1.5",
    "--1",
    "true ? 1 : 2",
    "1 ? 1 : 2",
    "false ? 1 : true ? 2 : 3",
    "1 + 1 == 2 && 2 > 1 || false",
    "1 == 1 == true",
    "[1, 2,]",
    "{'a': 1,}",
    "[",
    "1 +",
    "'a",
    "a.b.c",
    "claims.groups.map(g, g.split(':')).map(p, p[0])",
    "r'a\\b'",
    "'a\\nb'",
    "\"it's\"",
    "1 // comment",
    "'\\u00e4'",
    "null == null",
    "null == 0",
    "size(1)",
    "'a'.size().size()",
    "9223372036854775807 + 1",
    "9223372036854775807",
    "{'a': 1, 'a': 2}",
    "claims.yes && 1 == 1",
];

#[test]
fn both_implementations_agree_on_chosen_expressions() {
    assert_agreement(CHOSEN.iter().map(|text| (*text).to_owned()).collect());
}

/// No map alone: there, `+` adds its keys to a list.
fn leaf() -> impl Strategy<Value = String> {
    let leaves = [
        "1",
        "0",
        "-2",
        "1.5",
        "'a'",
        "''",
        "'app:imis'",
        "true",
        "false",
        "null",
        "[]",
        "['a', 'b']",
        "[1, 2]",
        "claims.n",
        "claims.d",
        "claims.yes",
        "claims.email",
        "claims.groups",
        "claims.empty",
        "claims.address.country",
        "claims.missing",
        "claims.none",
        "claims.?email.orValue('')",
        "claims.?missing.orValue(1)",
    ];
    prop::sample::select(leaves.to_vec()).prop_map(str::to_owned)
}

/// Expressions without brackets around their parts, so that precedence is compared too.
fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 16, 3, |inner| {
        let operators =
            ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"];
        let methods = [
            "size()",
            "trim()",
            "lowerAscii()",
            "upperAscii()",
            "contains('a')",
            "startsWith('a')",
            "endsWith('a')",
            "split(':')",
            "join('-')",
            "replace('a', 'b')",
            "hasValue()",
        ];
        let loops = ["all", "exists", "exists_one", "filter", "map"];
        let bodies =
            ["x == 'a'", "x > 1", "x", "x + x", "size(x) > 1", "[x]", "x in claims.groups"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators.to_vec()), inner.clone())
                .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("{a} ? ({b}) : {c}")),
            (inner.clone(), prop::sample::select(methods.to_vec()))
                .prop_map(|(a, method)| format!("({a}).{method}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}).orValue({b})")),
            inner.clone().prop_map(|a| format!("({a}) in {{'a': 1, 'b': 2}}")),
            inner.clone().prop_map(|a| format!("{{'a': 1, 'true': [2]}}[{a}]")),
            inner.clone().prop_map(|a| format!("claims.address.map(k, [k, {a}])")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("size({a})")),
            inner.clone().prop_map(|a| format!("[{a}, {a}]")),
            (inner, prop::sample::select(loops.to_vec()), prop::sample::select(bodies.to_vec()))
                .prop_map(|(a, kind, body)| format!("({a}).{kind}(x, {body})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_implementations_agree_on_any_expression(
        texts in prop::collection::vec(expression(), 8)
    ) {
        assert_agreement(texts);
    }
}

#[test]
fn numbers_agree_in_type_as_well() {
    assert_eq!(other(vec!["1.5 + 0.5".into()]), [Some(json!(2.0))]);
    assert_eq!(eval("1.5 + 0.5"), Ok(json!(2.0)));
}
