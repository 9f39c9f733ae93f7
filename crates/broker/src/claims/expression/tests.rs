//! Tests of the language: against its documentation, and against another implementation of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::claims::tests::only_claims;

mod oracle;

fn claims() -> Value {
    json!({
        "email": "Ann@Acme.example",
        "given_name": "Ann",
        "groups": ["Staff", "app:imis", "app:lms"],
        "empty": [],
        "n": 7,
        "d": 1.5,
        "yes": true,
        "none": null,
        "address": { "country": "NZ" },
        "cognito:groups": ["Staff"]
    })
}

fn eval(text: &str) -> Result<Value, Fault> {
    let compiled = Expression::compile(Layer::Profile, text).map_err(Fault::Wrong)?;
    compiled.evaluate(&only_claims(claims()), &Budget::new())
}

fn refused(text: &str) -> String {
    Expression::compile(Layer::Profile, text).map(|_| text.to_owned()).unwrap_err()
}

#[test]
fn expressions_give_what_cel_gives() {
    for (text, expected) in [
        ("1 + 2 * 3 - -4", json!(11)),
        ("(1 + 2) * 3 % 4 / 1", json!(1)),
        ("1.5 + 0.5", json!(2.0)),
        ("1 < 1.5 && 2.0 == 2", json!(true)),
        ("'a' + \"b\" + r'\\n' + '\\u0041\\x42\\n'", json!("ab\\nAB\n")),
        ("[1, 'a', null, true,]", json!([1, "a", null, true])),
        ("{'a': 1, 'b': [2]}.b[0]", json!(2)),
        ("{'S': 'staff'}[claims.groups[0].substring]", json!(null)),
        ("claims.n > 5 ? 'many' : 'few'", json!("many")),
        ("false ? 1 : true ? 2 : 3", json!(2)),
        ("claims['address'].country", json!("NZ")),
        ("'Staff' in claims['cognito:groups']", json!(true)),
        ("'email' in claims && !('x' in claims)", json!(true)),
        ("has(claims.email) && !has(claims.address.city)", json!(true)),
        ("claims.groups.exists(g, g.startsWith('app:'))", json!(true)),
        ("claims.groups.all(g, g.size() > 4)", json!(true)),
        ("claims.groups.exists_one(g, g == 'Staff')", json!(true)),
        (
            "claims.groups.filter(g, g.contains(':')).map(g, g.split(':')[1])",
            json!(["imis", "lms"]),
        ),
        (
            "claims.groups.map(g, g.startsWith('app:'), g.replace('app:', ''))",
            json!(["imis", "lms"]),
        ),
        ("claims.groups.map(g, claims.groups.filter(h, h == g).size())", json!([1, 1, 1])),
        ("claims.address.map(k, k)", json!(["country"])),
        ("claims.email.lowerAscii().endsWith('@acme.example')", json!(true)),
        ("'ÄÖ'.lower() + 'äö'.upper() + 'É'.lowerAscii()", json!("äöÄÖÉ")),
        ("' a '.trim() + ['b', 'c'].join('-') + ['d', 'e'].join()", json!("ab-cde")),
        ("'äöü'.size() + size(claims.groups) + size(claims.address)", json!(7)),
        ("string(7) + string(true) + string('x')", json!("7truex")),
        ("int('42') + int(1.9) + int(claims.n)", json!(50)),
        ("double('1.5') + double(1)", json!(2.5)),
        ("claims.?email.orValue('none')", json!("Ann@Acme.example")),
        ("claims.?missing.orValue('none')", json!("none")),
        ("claims.?missing.deeper.orValue('none')", json!("none")),
        ("claims[?'missing'].orValue(claims.?email.orValue(''))", json!("Ann@Acme.example")),
        ("claims.?missing.hasValue()", json!(false)),
        ("claims.?missing", json!(null)),
        ("claims.groups == ['Staff', 'app:imis', 'app:lms']", json!(true)),
        ("claims.address == {'country': 'NZ'} && claims != 1", json!(true)),
        ("claims.groups + ['x'] // with a comment\n", json!(["Staff", "app:imis", "app:lms", "x"])),
        ("directory.slug + '-' + string(claims.n)", json!("okta-7")),
    ] {
        let result = eval(text);
        // One line above is there to fail: there is no such member.
        if text.contains("substring") {
            assert!(matches!(result, Err(Fault::Wrong(_))), "{text}: {result:?}");
        } else {
            assert_eq!(result, Ok(expected), "{text}");
        }
    }
}

#[test]
fn an_operand_that_decides_hides_the_fault_of_the_other() {
    assert_eq!(eval("claims.missing == 1 || true"), Ok(json!(true)));
    assert_eq!(eval("true || claims.missing == 1"), Ok(json!(true)));
    assert_eq!(eval("claims.missing == 1 && false"), Ok(json!(false)));
    assert!(eval("claims.missing == 1 || false").is_err());
    assert_eq!(eval("[1, 'a'].exists(x, x == 'a' || x < 0)"), Ok(json!(true)));
}

/// THREATS CL-03
#[test]
fn cl_03_what_does_not_fit_is_a_fault_and_names_no_value() {
    for (text, message) in [
        ("claims.email + 1", "`+` does not work on string and int"),
        ("claims.n < 'a'", "`<` does not work on int and string"),
        ("1 + 1.0", "`+` does not work on int and double"),
        ("claims.email.size", "a string has no member `size`"),
        ("claims.groups[9]", "no element of this number"),
        ("claims.groups['a']", "a list cannot be read with a string"),
        ("claims.n && true", "a condition gives a int"),
        ("1 / 0", "divides by zero"),
        ("9223372036854775807 + 1", "too large"),
        ("'a' in claims.email", "`in` does not work on string and string"),
        ("claims.n.contains('a')", "`contains` does not work on int and string"),
        ("claims.email.map(x, x)", "a loop needs a list, not a string"),
        ("[1].join(',')", "`join` does not work on int"),
        ("int('Ann')", "whole number"),
        ("1.0 / 0.0", "not a finite number"),
        ("{1: 2}", "key of a map"),
        ("{'a': 1, 'a': 2}", "same key twice"),
        ("claims.email.orValue('')", "follows an optional value"),
    ] {
        match eval(text) {
            Err(Fault::Wrong(found)) => assert!(found.contains(message), "{text}: {found}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_absent_is_named_as_the_expression_names_it() {
    for (text, name) in [
        ("claims.missing", "claims.missing"),
        ("claims.address.city", "claims.address.city"),
        ("claims['a:b']", "claims.a:b"),
        ("claims[claims.email]", "the key in brackets"),
        ("claims.none.x", "claims.none.x"),
        ("tenant.x", "tenant.x"),
    ] {
        assert_eq!(eval(text), Err(Fault::Absent(name.to_owned())), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_place_and_advice() {
    for (text, advice) in [
        ("", "ends too early"),
        ("claims.", "at the end: a name is missing"),
        ("claims.email ==\n  'a' 'b'", "line 2, column 7"),
        ("claims.email == Staff", "`Staff` is not known"),
        ("claims.cognito:groups", "does not belong"),
        ("'abc", "not closed"),
        ("'a\nb'", "not closed"),
        ("'a\\d'", "escape"),
        ("1u", "plain digits"),
        ("0x1F", "plain digits"),
        ("99999999999999999999", "too large"),
        ("a; b", "no meaning"),
        ("claims.email = 'a'", "no meaning"),
        ("(1", "`(` needs a `)`"),
        ("[1", "`]` is missing"),
        ("{'a' 1}", "needs a `:`"),
        ("true ? 1", "needs a `:`"),
        ("has(claims)", "has() takes one name"),
        ("has(claims['a'])", "\"a:b\" in claims"),
        ("claims.groups.exists(g)", "`,` after its variable"),
        ("claims.groups.exists('g', true)", "names its variable"),
        ("claims.groups.exists(claims, true)", "is taken"),
        ("claims.groups.map(g, claims.groups.map(g, g))", "is taken"),
        ("claims.email.lower(1)", "does not take 1 arguments"),
        ("1 && true", "a condition is true or false"),
        ("!'a'", "a condition is true or false"),
        ("claims.groups.filter(g, size(g))", "a condition is true or false"),
    ] {
        let error = refused(text);
        assert!(error.contains(advice), "{text}: {error}");
    }
}

/// THREATS CL-04: the whole list of what an expression can reach, each name tried.
#[test]
fn cl_04_nothing_but_the_inputs_and_pure_functions_can_be_reached() {
    for name in [
        "now",
        "env",
        "getenv",
        "timestamp",
        "duration",
        "type",
        "dyn",
        "matches",
        "uint",
        "bytes",
        "bool",
        "max",
        "min",
        "print",
        "read",
        "fetch",
        "secret",
        "import",
        "eval",
        "optional",
    ] {
        assert!(refused(&format!("{name}('x')")).contains("no function"), "{name}");
        assert!(refused(name).contains("is not known"), "{name}");
        let method = refused(&format!("claims.email.{name}('x')"));
        assert!(method.contains("no function") || method.contains("loop"), "{name}");
    }
    assert!(refused("claims.email.matches('a+')").contains("no function"));
    assert!(refused("Foo{a: 1}").contains("is not known"));
    assert!(refused("b'a'").contains("is not known"));
    assert!(refused(".claims").contains("a value is missing"));
}

/// Everything that an expression can name, per layer; a name that is added has to be added here.
#[test]
fn cl_04_each_layer_sees_these_names_and_no_others() {
    let names = [
        "claims",
        "id_token",
        "userinfo",
        "directory",
        "tenant",
        "profile",
        "user",
        "application",
        "tenants",
        "users",
        "session",
        "login",
        "request",
        "headers",
        "cookies",
        "access_token",
        "refresh_token",
        "code",
        "client_secret",
        "secrets",
        "env",
        "now",
        "this",
        "self",
    ];
    let seen = |layer| -> Vec<&str> {
        let known = |name: &&str| Expression::compile(layer, name).is_ok();
        names.into_iter().filter(known).collect()
    };
    let profile = ["claims", "id_token", "userinfo", "directory", "tenant"];
    assert_eq!(seen(Layer::Profile), profile);
    let release = ["directory", "tenant", "profile", "user", "application"];
    assert_eq!(seen(Layer::Release), release);
    for (layer, known) in [(Layer::Profile, profile), (Layer::Release, release)] {
        let roots: BTreeSet<_> = layer.root_names().split(", ").map(str::to_owned).collect();
        assert_eq!(roots, known.map(str::to_owned).into());
    }
}

#[test]
fn the_limits_hold_at_compile_time() {
    let chain = |count: usize| vec!["claims.yes"; count].join(" || ");
    assert!(Expression::compile(Layer::Profile, &chain(60)).is_ok());
    assert!(refused(&vec!["claims.yes"; 150].join("||")).contains("parts"));
    assert!(refused(&"1+".repeat(1500)).contains("at most 2048"));
    assert!(refused(&vec!["1"; 100].join("+")).contains("nests more than"));
    assert!(refused(&format!("claims{}", ".a".repeat(100))).contains("nests more than"));
    let loops = "claims.groups.all(a, claims.groups.all(b, claims.groups.all(c, true)))";
    assert!(refused(loops).contains("at most 2 loops"));
    for (open, close) in [("(", ")"), ("[", "]"), ("{'a':", "}"), ("claims[", "]"), ("size(", ")")]
    {
        let deep = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(refused(&deep(40)).contains("nest"), "{open}");
        assert!(Expression::compile(Layer::Profile, &deep(20)).is_ok(), "{open}");
    }
    assert!(refused(&("!".repeat(1000) + "true")).contains("nested more than"));
    assert!(refused(&("-".repeat(1000) + "1")).contains("nested more than"));
    assert!(refused(&"true?1:".repeat(290)).contains("nested more than"));
}
