//! Claim expressions and mappings: compiled, and run within their budget.

use std::collections::BTreeSet;

use broker::claims::{Evaluated, Inputs, Layer, Mapping, Row, Rows, Source, ValueType};
use oidc::claims::is_reserved;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest expression that is compiled.
const MAX_TEXT: usize = 2048;
/// What an evaluation may make, and some more for what holds it.
const MAX_RESULT: usize = 2 << 20;
/// In the input and in no message.
const CANARY: &str = "canary7f3a";

fn inputs(layer: Layer, claims: Value) -> Inputs {
    let slug = || json!({ "slug": "acme", "name": "Acme" });
    match layer {
        Layer::Profile => Inputs::profile(claims, json!({}), json!({}), slug(), slug()),
        Layer::Release => {
            let user = json!({ "sub": "u-1", "external_id": "E-7" });
            Inputs::release(claims, user, slug(), slug(), slug())
        }
    }
}

fn claims() -> Value {
    json!({
        "email": "Ann@Acme.example", "secret": CANARY, "groups": ["Staff", "app:imis", CANARY],
        "empty": [], "n": 7, "d": 1.5, "big": i64::MAX, "yes": true, "none": null,
        "address": { "country": "NZ" }, "cognito:groups": ["Staff"], "text": "é ß İ 𝔘"
    })
}

/// An expression and, the same text, a condition; on either layer.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for layer in [Layer::Profile, Layer::Release] {
        for value_type in [None, Some(ValueType::String), Some(ValueType::List)] {
            let row = Row { value_type, ..Row::new(Source::Expr(text.to_owned())) };
            run(layer, text, row);
        }
        let always = Row::new(Source::Value(json!(1)));
        run(layer, text, Row { when: Some(text.to_owned()), ..always });
    }
}

fn run(layer: Layer, text: &str, row: Row) {
    let rows = Rows::from([("x".to_owned(), row)]);
    let mapping = match Mapping::compile(layer, &Rows::new(), &rows) {
        Ok(mapping) => mapping,
        Err(errors) => {
            let longest = errors.iter().map(|error| error.to_string().len()).max();
            assert!(longest.unwrap_or(0) < 1024 + 2 * text.len());
            return;
        }
    };
    assert!(text.len() <= MAX_TEXT);
    let first = mapping.evaluate(&inputs(layer, claims()));
    let second = mapping.evaluate(&inputs(layer, claims()));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.claims, second.claims);
            bounded(&first, &rows);
        }
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            let message = first.to_string();
            assert!(!message.contains(CANARY) || text.contains(CANARY), "{message}");
            assert!(message.len() < 1024 + 2 * text.len());
        }
        _ => panic!("the same input gave another outcome"),
    }
}

/// What comes out is what some row names, of its type, and within bounds.
fn bounded(evaluated: &Evaluated, rows: &Rows) {
    assert!(serde_json::to_string(&evaluated.claims).unwrap().len() <= MAX_RESULT);
    for (name, value) in &evaluated.claims {
        assert!(!is_reserved(name), "{name}");
        let Some(row) = rows.get(name) else { panic!("no row is called {name}") };
        let fits = match row.value_type {
            None => true,
            Some(ValueType::String) => value.is_string(),
            Some(ValueType::Number) => value.is_number(),
            Some(ValueType::Bool) => value.is_boolean(),
            Some(ValueType::List) => value.is_array(),
        };
        assert!(fits, "{name}: {value}");
    }
    let traced: BTreeSet<&str> = evaluated.trace.iter().map(|row| row.row.as_str()).collect();
    assert_eq!(traced.len(), evaluated.trace.len());
    assert!(evaluated.claims.keys().all(|name| traced.contains(name.as_str())));
}

#[derive(Deserialize)]
struct Mapped {
    rows: Rows,
    #[serde(default)]
    claims: Map<String, Value>,
}

/// Rows as the configuration has them, and claims to run them on: `{"rows": …, "claims": …}`.
pub fn mapping(data: &[u8]) {
    let Ok(Mapped { rows, claims }) = serde_json::from_slice::<Mapped>(data) else { return };
    let printed = serde_json::to_value(&rows).unwrap();
    assert_eq!(serde_json::from_value::<Rows>(printed).unwrap(), rows);
    for layer in [Layer::Profile, Layer::Release] {
        let Ok(mapping) = Mapping::compile(layer, &Rows::new(), &rows) else { continue };
        assert!(rows.len() <= 200 && mapping.names().all(|name| rows.contains_key(name)));
        if let Ok(evaluated) = mapping.evaluate(&inputs(layer, Value::Object(claims.clone()))) {
            bounded(&evaluated, &rows);
        }
    }
}
