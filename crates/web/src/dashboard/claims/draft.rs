//! A row as somebody edits it: a few boxes of text, read as the configuration file would have them.

use broker::claims::{OnMissing, Row, Source, Transform, ValueType};
use broker::settings::file;
use serde_json::Value;

use crate::api::problem::Mistake;
use crate::dashboard::choice::Choice;
use crate::dashboard::fields::Fields;

/// The longest text of a box, in bytes.
const LONGEST: usize = 8 * 1024;

/// What was typed into the boxes of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    /// `from`, `value`, `expr` or `nothing`.
    pub(super) kind: String,
    /// Paths, a value, or an expression.
    pub(super) source: String,
    /// A transform a line.
    pub(super) transform: String,
    pub(super) value_type: String,
    pub(super) on_missing: String,
    pub(super) default: String,
    pub(super) when: String,
}

/// The kinds of rows.
const KINDS: [(&str, &str); 4] = [
    ("from", "The first of these that has a value"),
    ("value", "Always this value"),
    ("expr", "The result of an expression"),
    ("nothing", "Nothing: it is left out"),
];
const TYPES: [(&str, &str); 5] = [
    ("", "As it comes"),
    ("string", "Text (string)"),
    ("number", "Number"),
    ("bool", "True or false (bool)"),
    ("list", "List"),
];
const MISSING: [(&str, &str); 4] = [
    ("", "The default, or left out"),
    ("drop", "It is left out"),
    ("default", "The default"),
    ("fail", "The sign-in stops"),
];

impl Draft {
    /// One that is to be filled in.
    pub(super) fn new() -> Self {
        Self { kind: "from".to_owned(), ..Self::default() }
    }

    /// A row, to be edited.
    pub(super) fn of(name: &str, row: &Row) -> Self {
        let (kind, source) = match &row.source {
            Source::From(paths) => ("from", paths.join("\n")),
            Source::Value(Value::Null) => ("nothing", String::new()),
            Source::Value(value) => ("value", written(value)),
            Source::Expr(text) => ("expr", text.clone()),
        };
        let steps: Vec<String> = row.transform.iter().map(step).collect();
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            source,
            transform: steps.join("\n"),
            value_type: row.value_type.map(ValueType::as_str).unwrap_or_default().to_owned(),
            on_missing: match row.on_missing {
                None => "",
                Some(OnMissing::Drop) => "drop",
                Some(OnMissing::Default) => "default",
                Some(OnMissing::Fail) => "fail",
            }
            .to_owned(),
            default: row.default.as_ref().map(written).unwrap_or_default(),
            when: row.when.clone().unwrap_or_default(),
        }
    }

    /// The row of this number, as a form sent it.
    pub(super) fn sent(fields: &Fields, number: usize) -> Self {
        let text = |part: &str| fields.text(&format!("row.{number}.{part}")).replace("\r\n", "\n");
        Self {
            name: text("name"),
            kind: text("kind"),
            source: text("source"),
            transform: text("transform"),
            value_type: text("type"),
            on_missing: text("on_missing"),
            default: text("default"),
            when: text("when"),
        }
    }

    /// Whether nothing was typed into it.
    pub(super) fn is_empty(&self) -> bool {
        let Self { name, kind: _, source, transform, value_type, on_missing, default, when } = self;
        [name, source, transform, value_type, on_missing, default, when]
            .into_iter()
            .all(String::is_empty)
    }

    /// The row that it says.
    ///
    /// # Errors
    /// What is wrong, by box.
    pub(super) fn row(&self) -> Result<Row, Vec<Mistake>> {
        let mut wrong = Vec::new();
        let mut no =
            |part: &str, message: String| wrong.push(Mistake { path: part.to_owned(), message });
        for (part, text) in
            [("source", &self.source), ("transform", &self.transform), ("when", &self.when)]
        {
            if text.len() > LONGEST {
                no(part, "write 8 KiB at most".to_owned());
            }
        }
        let source = match self.kind.as_str() {
            "nothing" => Some(Source::Value(Value::Null)),
            "from" => {
                let paths = self.source.lines().map(str::trim).filter(|line| !line.is_empty());
                let paths: Vec<String> = paths.map(str::to_owned).collect();
                if paths.is_empty() {
                    no("source", "write a path, such as claims.email".to_owned());
                }
                Some(Source::From(paths))
            }
            "expr" => Some(Source::Expr(self.source.clone())),
            "value" => match read(&self.source) {
                Ok(Some(value)) => Some(Source::Value(value)),
                Ok(None) => {
                    no("source", "write the value".to_owned());
                    None
                }
                Err(message) => {
                    no("source", message);
                    None
                }
            },
            _ => {
                no("kind", "choose where the value comes from".to_owned());
                None
            }
        };
        let default = read(&self.default).unwrap_or_else(|message| {
            no("default", message);
            None
        });
        let mut transform = Vec::new();
        for line in self.transform.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match file::value::<Transform>(line) {
                Ok(one) => transform.push(one),
                Err(error) => no("transform", format!("“{line}”: {error}")),
            }
        }
        let value_type = word(&self.value_type);
        let on_missing = word(&self.on_missing);
        let when = Some(self.when.clone()).filter(|text| !text.is_empty());
        match (source, value_type, on_missing) {
            (Some(source), Ok(value_type), Ok(on_missing)) if wrong.is_empty() => {
                Ok(Row { source, transform, default, value_type, on_missing, when })
            }
            (_, Err(()), _) | (_, _, Err(())) => {
                wrong.push(Mistake {
                    path: "kind".into(),
                    message: "the form did not arrive whole".into(),
                });
                Err(wrong)
            }
            _ => Err(wrong),
        }
    }

    pub(super) fn kinds(&self) -> Vec<Choice> {
        chosen(&KINDS, &self.kind)
    }

    pub(super) fn types(&self) -> Vec<Choice> {
        chosen(&TYPES, &self.value_type)
    }

    pub(super) fn missing(&self) -> Vec<Choice> {
        chosen(&MISSING, &self.on_missing)
    }

    /// Whether there is more to it than where it comes from.
    pub(super) fn has_more(&self) -> bool {
        let more = [&self.transform, &self.value_type, &self.on_missing, &self.default, &self.when];
        more.into_iter().any(|text| !text.is_empty())
    }
}

fn chosen(offered: &[(&'static str, &'static str)], chosen: &str) -> Vec<Choice> {
    Choice::all(offered.iter().map(|(value, label)| (*value, (*label).to_owned())), Some(chosen))
}

/// A word of a list, or none.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<Option<T>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_value(Value::String(text.to_owned())).map(Some).map_err(|_| ())
}

/// A value as the file would have it; `None`: nothing was written.
fn read(text: &str) -> Result<Option<Value>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST {
        return Err("write 8 KiB at most".to_owned());
    }
    file::value(text).map(Some).map_err(|error| error.to_string())
}

/// A value so that [`read`] has the same of it: a plain text without quotes, if it stays one.
fn written(value: &Value) -> String {
    if let Value::String(text) = value {
        let is_plain =
            text.trim() == text && read(text).is_ok_and(|read| read.as_ref() == Some(value));
        if is_plain {
            return text.clone();
        }
    }
    value.to_string()
}

fn step(step: &Transform) -> String {
    match serde_json::to_value(step) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(members)) => {
            let mut all = members.iter().map(|(name, value)| format!("{name}: {value}"));
            all.next().unwrap_or_default()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is shown of a row is read as the row that it was.
    #[test]
    fn every_row_is_read_as_it_is_shown() {
        for written in [
            json!({ "from": ["claims.a", "claims[\"b:c\"]"] }),
            json!({ "value": null }),
            json!({ "value": "NZ" }),
            json!({ "value": "1" }),
            json!({ "value": 1 }),
            json!({ "value": "true", "type": "string" }),
            json!({ "value": true }),
            json!({ "value": "no: text" }),
            json!({ "value": " spaced " }),
            json!({ "value": "null" }),
            json!({ "value": ["a", 1, true] }),
            json!({ "value": "# no comment" }),
            json!({ "value": "- a" }),
            json!({ "expr": "'Staff' in claims.groups", "type": "bool", "default": false }),
            json!({
                "from": ["claims.a"],
                "transform": [
                    "trim", "lower", "upper", "first", { "join": ", " }, { "split": ";" },
                    { "regex": { "find": "@.*$", "replace": "" } },
                    { "map": { "active": "M", "yes": 1 } }, { "prefix": "x: " }, { "suffix": "#" }
                ],
                "on_missing": "fail",
                "when": "directory.slug == 'okta'"
            }),
        ] {
            let row: Row = serde_json::from_value(written.clone()).unwrap();
            let draft = Draft::of("x", &row);
            assert_eq!(draft.row().ok(), Some(row), "{written} is {draft:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_of_the_box() {
        let draft = Draft { name: "x".into(), ..Draft::new() };
        let of = |draft: &Draft| {
            let wrong = draft.row().err().unwrap_or_default();
            wrong.into_iter().map(|one| one.path).collect::<Vec<_>>()
        };
        assert!(!draft.is_empty() && Draft::new().is_empty());
        assert_eq!(of(&draft), ["source"]);
        let value = Draft { kind: "value".into(), source: "[a".into(), ..draft.clone() };
        assert_eq!(of(&value), ["source"]);
        let steps = Draft { source: "claims.a".into(), transform: "trim\nshout".into(), ..draft };
        assert_eq!(of(&steps), ["transform"]);
        assert_eq!(
            of(&Draft { default: "{".into(), transform: String::new(), ..steps.clone() }),
            ["default"]
        );
        assert_eq!(
            of(&Draft { kind: "?".into(), transform: String::new(), ..steps.clone() }),
            ["kind"]
        );
        assert_eq!(
            of(&Draft { value_type: "?".into(), transform: String::new(), ..steps }),
            ["kind"]
        );
    }
}
