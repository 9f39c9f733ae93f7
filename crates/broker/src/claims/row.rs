//! A row as it is written in the configuration file, the admin API and the dashboard.
//!
//! What is read here is well-formed; whether it also makes sense (paths, expressions, types) is
//! decided for all rows at once by [`Mapping::compile`](super::Mapping::compile). A row serialises
//! to what it was read from, because an export must apply again without a change.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Rows by the name of the claim (or profile member) that each one sets.
pub type Rows = BTreeMap<String, Row>;

/// How one claim comes about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRow", into = "RawRow")]
pub struct Row {
    /// Where the value comes from.
    pub source: Source,
    /// What is done to a value that was found, in order.
    pub transform: Vec<Transform>,
    /// What stands in when there is no value.
    pub default: Option<Value>,
    /// The type the application sees; `None` leaves it as it comes.
    pub value_type: Option<ValueType>,
    /// What happens when there is no value; `None` is `default` if there is one, else `drop`.
    pub on_missing: Option<OnMissing>,
    /// A CEL condition; the row is left out when it is false.
    pub when: Option<String>,
}

impl Row {
    /// A row with this source and nothing else.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            transform: Vec::new(),
            default: None,
            value_type: None,
            on_missing: None,
            when: None,
        }
    }
}

/// Where a row's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The first of these paths that leads to a value, such as `claims.email`.
    From(Vec<String>),
    /// Always this value.
    Value(Value),
    /// The result of a CEL expression.
    Expr(String),
}

/// A change to a value that was found.
///
/// Numbers and booleans are read as text; a list is changed element by element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Without white space at both ends.
    Trim,
    /// In lower case.
    Lower,
    /// In upper case.
    Upper,
    /// The first element of a list that is not empty.
    First,
    /// The elements of a list as one text, with this between them.
    Join(String),
    /// The pieces of a text between the occurrences of this, without empty ones.
    Split(String),
    /// Every match of a regular expression replaced.
    Regex(RegexRule),
    /// The entry for the value; a value without an entry counts as missing.
    Map(BTreeMap<String, Value>),
    /// This before the text.
    Prefix(String),
    /// This after the text.
    Suffix(String),
}

/// What the `regex` transform looks for, and what it puts in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegexRule {
    /// A regular expression in the syntax of the `regex` crate.
    pub find: String,
    /// The replacement; `${1}` is the first group of the match.
    pub replace: String,
}

/// The type of a claim that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// A JSON string.
    String,
    /// A JSON number.
    Number,
    /// A JSON boolean.
    Bool,
    /// A JSON array of strings, numbers and booleans.
    List,
}

impl ValueType {
    /// The word the configuration file uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::List => "list",
        }
    }
}

/// What happens when a row has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// The claim is left out.
    Drop,
    /// The row's `default` stands in.
    Default,
    /// The login stops and names the row.
    Fail,
}

/// The keys as written; [`Row`] is what they mean.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Row)]
pub struct RawRow {
    /// The first of these paths that leads to a value, such as `claims.email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Vec<String>>,
    /// Always this value, of any type; `null` empties a preset's row.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    value: Option<Value>,
    /// The result of this CEL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expr: Option<String>,
    /// What is done to a value that was found, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    transform: Vec<Transform>,
    /// What stands in when there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    /// The type the application sees; left out: as it comes.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    value_type: Option<ValueType>,
    /// What happens when there is no value; left out: `default` if there is one, else `drop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_missing: Option<OnMissing>,
    /// A CEL condition; the row is left out when it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<String>,
}

/// Keeps a written `null` apart from a key that is not there: `value: null` empties a preset's row.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<RawRow> for Row {
    type Error = &'static str;

    fn try_from(raw: RawRow) -> Result<Self, Self::Error> {
        let source = match (raw.from, raw.value, raw.expr) {
            (Some(paths), None, None) => Source::From(paths),
            (None, Some(value), None) => Source::Value(value),
            (None, None, Some(text)) => Source::Expr(text),
            (None, None, None) => return Err("a row needs one of `from`, `value` or `expr`"),
            _ => return Err("a row takes only one of `from`, `value` and `expr`"),
        };
        Ok(Self {
            source,
            transform: raw.transform,
            default: raw.default,
            value_type: raw.value_type,
            on_missing: raw.on_missing,
            when: raw.when,
        })
    }
}

impl From<Row> for RawRow {
    fn from(row: Row) -> Self {
        let (from, value, expr) = match row.source {
            Source::From(paths) => (Some(paths), None, None),
            Source::Value(value) => (None, Some(value), None),
            Source::Expr(text) => (None, None, Some(text)),
        };
        Self {
            from,
            value,
            expr,
            transform: row.transform,
            default: row.default,
            value_type: row.value_type,
            on_missing: row.on_missing,
            when: row.when,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Row, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_row_serialises_to_what_was_read() {
        for written in [
            json!({ "from": ["claims.a", "claims.b"] }),
            json!({ "value": null }),
            json!({ "value": ["a", 1, true] }),
            json!({ "expr": "claims.a", "type": "bool", "default": false }),
            json!({
                "from": ["claims.a"],
                "transform": [
                    "trim", "lower", "upper", "first", { "join": "," }, { "split": ";" },
                    { "regex": { "find": "a", "replace": "b" } }, { "map": { "a": 1 } },
                    { "prefix": "x" }, { "suffix": "y" }
                ],
                "on_missing": "fail",
                "when": "true"
            }),
        ] {
            let row = read(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&row).unwrap(), written);
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(
            read(json!({ "from": ["claims.a"], "defualt": 1 })).unwrap_err().contains("defualt")
        );
    }

    #[test]
    fn two_sources_are_refused() {
        let error = read(json!({ "from": ["claims.a"], "expr": "claims.a" })).unwrap_err();
        assert!(error.contains("only one of"), "{error}");
    }

    #[test]
    fn no_source_is_refused() {
        assert!(read(json!({ "type": "bool" })).unwrap_err().contains("needs one of"));
    }

    #[test]
    fn an_unknown_transform_is_refused() {
        assert!(read(json!({ "from": ["claims.a"], "transform": ["titlecase"] })).is_err());
    }
}
