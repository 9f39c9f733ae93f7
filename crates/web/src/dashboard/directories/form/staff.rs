//! *Who is staff?*: a list to choose from and a box for names, instead of a row.

use broker::claims::Row;
use broker::claims::staff::{StaffRule, told_apart_by};
use broker::settings::DirectorySettings;
use serde_json::{Map, Value};

use super::{Asked, Input, Values};
use crate::api::Problem;

const NOBODY: &str = "nobody";
const EVERYBODY: &str = "everybody";
const OWN_ROW: &str = "own";

/// Every member of a row: a change of one says of each whether it is there.
const MEMBERS: [&str; 8] =
    ["from", "value", "expr", "transform", "default", "type", "on_missing", "when"];

/// What stands in the list and in the box.
pub(super) fn typed(settings: &DirectorySettings) -> (String, String) {
    match StaffRule::of(&settings.preset.data().profile, &settings.profile) {
        StaffRule::Nobody => (NOBODY.to_owned(), String::new()),
        StaffRule::Everybody => (EVERYBODY.to_owned(), String::new()),
        StaffRule::Named { by, names } => (by.to_owned(), names.join(", ")),
        StaffRule::OwnRow => (OWN_ROW.to_owned(), String::new()),
    }
}

/// In words, for those who look.
pub(in crate::dashboard) fn said(settings: &DirectorySettings) -> String {
    match StaffRule::of(&settings.preset.data().profile, &settings.profile) {
        StaffRule::Nobody => "Nobody".to_owned(),
        StaffRule::Everybody => "Everybody".to_owned(),
        StaffRule::Named { by, names } => format!("{}: {}", of(by), names.join(", ")),
        StaffRule::OwnRow => "As a row of your own says".to_owned(),
    }
}

fn of(by: &str) -> &'static str {
    if by == "roles" { "Those with the role" } else { "Those in the group" }
}

impl Asked {
    fn rule(&self, values: &Values) -> StaffRule {
        match values.staff.as_str() {
            NOBODY => StaffRule::Nobody,
            EVERYBODY => StaffRule::Everybody,
            chosen => {
                let mut all = told_apart_by(&self.preset.data().profile);
                // A form without the list, from a page of another release, says nothing of it.
                all.find(|by| *by == chosen).map_or(StaffRule::OwnRow, |by| StaffRule::Named {
                    by,
                    names: names(&values.staff_names),
                })
            }
        }
    }

    /// The row that was chosen, as a change of whatever row there is; `None`: that one stays.
    pub(super) fn staff_row(&self, values: &Values) -> Option<Value> {
        let rule = self.rule(values);
        if rule == StaffRule::OwnRow {
            return None;
        }
        Some(rule.row(&self.preset.data().profile).map_or(Value::Null, whole))
    }

    /// Refuses a group without a name.
    pub(in crate::dashboard) fn check(&self, values: &Values) -> Result<(), Problem> {
        match self.rule(values) {
            StaffRule::Named { names, .. } if names.is_empty() => {
                Err(Problem::invalid("staff_names", "say which, as the directory writes it"))
            }
            _ => Ok(()),
        }
    }

    /// The list and the box.
    pub(super) fn staff_boxes(&self, values: &Values) -> [Option<Input>; 2] {
        let data = self.preset.data();
        let by: Vec<_> = told_apart_by(&data.profile).collect();
        let option = |value: &str, label: &str| (value.to_owned(), label.to_owned());
        let mut options = vec![
            option(NOBODY, "Nobody"),
            option(EVERYBODY, "Everybody who signs in through this directory"),
        ];
        options.extend(by.iter().map(|by| option(by, of(by))));
        if values.staff == OWN_ROW {
            options.push(option(OWN_ROW, "As a row of your own says, on the page Claims"));
        }
        let hints = by.iter().filter_map(|by| data.hints.get(*by));
        let hint = std::iter::once("Applications are told so; iMIS as the claim staff.")
            .chain(hints.map(String::as_str));
        [
            Some(Input {
                name: "staff",
                label: "Who is staff".to_owned(),
                hint: hint.take(2).collect::<Vec<_>>().join(" "),
                value: values.staff.clone(),
                options,
                ..Input::default()
            }),
            (!by.is_empty()).then(|| Input {
                name: "staff_names",
                label: "The group or role of staff".to_owned(),
                hint:
                    "To the letter, as the directory sends it. Several: with commas between them."
                        .to_owned(),
                example: "Staff".to_owned(),
                value: values.staff_names.clone(),
                kind: "text",
                ..Input::default()
            }),
        ]
    }
}

/// Names may have spaces in them.
fn names(text: &str) -> Vec<String> {
    let all = text.split([',', '\n']).map(str::trim);
    all.filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A row with `null` for what it has not, so that nothing of another row stays beside it.
fn whole(row: Row) -> Value {
    let mut members: Map<String, Value> =
        MEMBERS.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    if let Ok(Value::Object(said)) = serde_json::to_value(row) {
        members.extend(said);
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a row can have is taken away by another.
    #[test]
    fn another_row_leaves_nothing_behind() {
        let full = r#"{ "from": ["claims.a"], "transform": ["trim"], "default": "1", "type": "bool",
            "on_missing": "default", "when": "true" }"#;
        for text in [full, r#"{ "value": 1 }"#, r#"{ "expr": "true" }"#] {
            let row: Row = serde_json::from_str(text).unwrap();
            let Ok(Value::Object(said)) = serde_json::to_value(row) else { panic!("{text}") };
            for name in said.keys() {
                assert!(MEMBERS.contains(&name.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn names_are_told_apart_by_commas() {
        assert_eq!(names(" Board Members,, Staff ,"), ["Board Members", "Staff"]);
        assert_eq!(names(" , "), [""; 0]);
    }
}
