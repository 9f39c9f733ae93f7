//! From what a directory sends to the type an application expects.
//!
//! | to | from |
//! |---|---|
//! | `string` | a text as it is; a number in digits; a boolean as `true` or `false` |
//! | `number` | a number; a text that is a JSON number |
//! | `bool` | a boolean; the texts `true`, `false` (any case), `1`, `0`; the numbers 1 and 0 |
//! | `list` | a list without its empty elements; a single text, number or boolean as its only element |
//!
//! A list of one element becomes that element wherever one value is expected. Anything else is a
//! wrong type, because a guess would reach the application as a fact. No claim is an object.

use serde_json::{Number, Value};

use super::row::ValueType;

/// A value cannot become what is expected; neither field quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongType {
    pub(super) expected: &'static str,
    pub(super) found: &'static str,
}

/// Whether a value counts as none: `null`, an empty text, an empty list.
pub(crate) fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

/// Makes a value of a row's type, or one that a claim can have if the row names none.
///
/// The result may be missing, when a list had only empty elements.
pub(super) fn coerce(value: Value, to: Option<ValueType>) -> Result<Value, WrongType> {
    match to {
        None => as_it_comes(value),
        Some(ValueType::List) => to_list(value).map(Value::Array),
        Some(to) => {
            let value = only_element(value);
            let wrong = WrongType { expected: to.as_str(), found: kind(&value) };
            if is_missing(&value) {
                return Ok(Value::Null);
            }
            match to {
                ValueType::Number => to_number(&value).map(Value::Number),
                ValueType::Bool => to_bool(&value).map(Value::Bool),
                ValueType::String | ValueType::List => text_of(&value).map(Value::String),
            }
            .ok_or(wrong)
        }
    }
}

/// What a value is, in the words of the documentation.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// A text, number or boolean as text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(digits(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// JSON does not tell 7 from 7.0, so neither does the text.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if !number.is_i64() && !number.is_u64() => value.to_string(),
        _ => number.to_string(),
    }
}

fn only_element(value: Value) -> Value {
    match value {
        Value::Array(mut elements) => {
            elements.retain(|element| !is_missing(element));
            if elements.len() <= 1 {
                return elements.pop().unwrap_or(Value::Null);
            }
            Value::Array(elements)
        }
        value => value,
    }
}

fn as_it_comes(value: Value) -> Result<Value, WrongType> {
    match value {
        Value::Array(_) => to_list(value).map(Value::Array),
        Value::Object(_) => {
            Err(WrongType { expected: "string, number, bool or list", found: "object" })
        }
        value => Ok(value),
    }
}

fn to_list(value: Value) -> Result<Vec<Value>, WrongType> {
    let mut elements = match value {
        Value::Array(elements) => elements,
        value => vec![value],
    };
    elements.retain(|element| !is_missing(element));
    match elements.iter().find(|element| element.is_array() || element.is_object()) {
        Some(element) => Err(WrongType {
            expected: "list of strings, numbers and bools",
            found: if element.is_array() { "list in a list" } else { "object" },
        }),
        None => Ok(elements),
    }
}

fn to_number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => serde_json::from_str(text.trim()).ok(),
        _ => None,
    }
}

fn to_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_documented_coercion_holds() {
        use ValueType::{Bool, List, Number, String};
        for (from, to, result) in [
            (json!("a"), String, json!("a")),
            (json!(7), String, json!("7")),
            (json!(7.0), String, json!("7")),
            (json!(7.5), String, json!("7.5")),
            (json!(-3), String, json!("-3")),
            (json!(u64::MAX), String, json!("18446744073709551615")),
            (json!(true), String, json!("true")),
            (json!(["a"]), String, json!("a")),
            (json!(["", "a", null]), String, json!("a")),
            (json!(7), Number, json!(7)),
            (json!("7"), Number, json!(7)),
            (json!(" 7.5 "), Number, json!(7.5)),
            (json!(["7"]), Number, json!(7)),
            (json!(false), Bool, json!(false)),
            (json!("True"), Bool, json!(true)),
            (json!("0"), Bool, json!(false)),
            (json!(1), Bool, json!(true)),
            (json!(["false"]), Bool, json!(false)),
            (json!("a"), List, json!(["a"])),
            (json!(["a", "", null, 1, true]), List, json!(["a", 1, true])),
            (json!([]), String, json!(null)),
            (json!([""]), List, json!([])),
        ] {
            assert_eq!(coerce(from.clone(), Some(to)), Ok(result), "{from} to {to:?}");
        }
    }

    #[test]
    fn what_would_be_a_guess_is_a_wrong_type() {
        use ValueType::{Bool, List, Number, String};
        for (from, to) in [
            (json!(["a", "b"]), String),
            (json!({ "a": 1 }), String),
            (json!(true), Number),
            (json!("007"), Number),
            (json!("+1"), Number),
            (json!("1e999"), Number),
            (json!("yes"), Bool),
            (json!(2), Bool),
            (json!([["a"]]), List),
            (json!([{ "a": 1 }]), List),
            (json!({}), List),
        ] {
            assert!(coerce(from.clone(), Some(to)).is_err(), "{from} to {to:?}");
        }
    }

    #[test]
    fn without_a_type_a_value_stays_as_it_comes_but_no_claim_is_an_object() {
        assert_eq!(coerce(json!(7), None), Ok(json!(7)));
        assert_eq!(coerce(json!(["a"]), None), Ok(json!(["a"])));
        assert_eq!(coerce(json!({}), None).unwrap_err().found, "object");
        assert_eq!(coerce(json!([{}]), None).unwrap_err().found, "object");
    }

    #[test]
    fn null_empty_text_and_empty_list_are_missing_and_false_and_zero_are_not() {
        for value in [json!(null), json!(""), json!([])] {
            assert!(is_missing(&value), "{value}");
        }
        for value in [json!(false), json!(0), json!(" "), json!([""]), json!({})] {
            assert!(!is_missing(&value), "{value}");
        }
    }
}
