//! Who is staff, in words instead of a row: nobody, everybody, or those whom a claim of the preset
//! names. A row that says it otherwise is left alone.

use serde_json::{Value, json};

use super::row::{Row, Rows, Source, Transform, ValueType};

/// The member of the profile that says whether somebody is staff.
pub const STAFF: &str = "staff";

/// The members of a preset's profile by which people are told apart, as far as it has them.
const TOLD_APART: [&str; 2] = ["groups", "roles"];

/// Who of a directory's people is staff.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StaffRule {
    /// Nobody: what presets say.
    #[default]
    Nobody,
    /// Everybody who signs in through the directory.
    Everybody,
    /// Those for whom one of these names is among what the preset's row of that name reads.
    Named {
        /// The member of the profile, such as `groups`.
        by: &'static str,
        /// The names of groups or roles, to the letter.
        names: Vec<String>,
    },
    /// Those for whom a row of another form says so.
    OwnRow,
}

/// By what people can be told apart with a preset's rows.
pub fn told_apart_by(preset: &Rows) -> impl Iterator<Item = &'static str> {
    TOLD_APART.into_iter().filter(|name| preset.contains_key(*name))
}

impl StaffRule {
    /// The rule that a directory's own rows are, beside those of its preset.
    pub fn of(preset: &Rows, own: &Rows) -> Self {
        let Some(row) = own.get(STAFF) else { return Self::Nobody };
        let named = || {
            told_apart_by(preset).find_map(|by| {
                let rule = Self::Named { by, names: names(row)? };
                (rule.row(preset).as_ref() == Some(row)).then_some(rule)
            })
        };
        let plain = [Self::Nobody, Self::Everybody].into_iter().find(|rule| match &row.source {
            Source::Value(value) => *value == json!(*rule == Self::Everybody) && row.when.is_none(),
            _ => false,
        });
        plain.or_else(named).unwrap_or(Self::OwnRow)
    }

    /// The row that says so; `None`: the preset's does, or nothing can be told apart by that.
    pub fn row(&self, preset: &Rows) -> Option<Row> {
        match self {
            Self::Nobody | Self::OwnRow => None,
            Self::Everybody => Some(Row {
                value_type: Some(ValueType::Bool),
                ..Row::new(Source::Value(true.into()))
            }),
            Self::Named { by, names } => {
                let read = preset.get(*by)?;
                let entries = names.iter().map(|name| (name.clone(), Value::from("true")));
                let mut transform = read.transform.clone();
                // A list is looked up one by one, and what is not there counts as missing.
                transform.extend([Transform::Map(entries.collect()), Transform::First]);
                Some(Row {
                    transform,
                    default: Some(false.into()),
                    value_type: Some(ValueType::Bool),
                    ..Row::new(read.source.clone())
                })
            }
        }
    }
}

/// The names that a row looks up.
fn names(row: &Row) -> Option<Vec<String>> {
    row.transform.iter().rev().find_map(|one| match one {
        Transform::Map(entries) => Some(entries.keys().cloned().collect()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{Inputs, Layer, Mapping};
    use crate::directory_preset::DirectoryPreset;

    fn named(by: &'static str, names: &[&str]) -> StaffRule {
        StaffRule::Named { by, names: names.iter().map(|one| (*one).to_owned()).collect() }
    }

    fn own(preset: DirectoryPreset, rule: &StaffRule) -> Rows {
        let row = rule.row(&preset.data().profile);
        row.into_iter().map(|row| (STAFF.to_owned(), row)).collect()
    }

    /// Every rule that every preset can have comes back from its row.
    #[test]
    fn rule_is_read_back_from_its_row() {
        for preset in DirectoryPreset::all() {
            let rows = &preset.data().profile;
            let mut rules = vec![StaffRule::Nobody, StaffRule::Everybody];
            rules.extend(told_apart_by(rows).map(|by| named(by, &["Board", "Staff"])));
            for rule in rules {
                let own = own(preset, &rule);
                assert_eq!(StaffRule::of(rows, &own), rule, "{}", preset.key());
                let compiled = Mapping::compile(Layer::Profile, rows, &own);
                assert!(compiled.is_ok(), "{}: {rule:?}: {compiled:?}", preset.key());
            }
        }
        let google = DirectoryPreset::parse("google").unwrap();
        assert_eq!(told_apart_by(&google.data().profile).count(), 0);
    }

    #[test]
    fn row_of_another_form_is_left_alone() {
        let rows = &DirectoryPreset::parse("okta").unwrap().data().profile;
        for text in [
            r#"{ "expr": "'Staff' in claims.groups", "type": "bool", "default": false }"#,
            r#"{ "value": true, "when": "has(claims.staff)" }"#,
            r#"{ "from": ["claims.staff"], "type": "bool" }"#,
            r#"{ "from": ["claims.groups"], "transform": [{ "map": { "Staff": "true" } }] }"#,
        ] {
            let row: Row = serde_json::from_str(text).unwrap();
            let own = Rows::from([(STAFF.to_owned(), row)]);
            assert_eq!(StaffRule::of(rows, &own), StaffRule::OwnRow, "{text}");
        }
    }

    /// What directories send for groups: a list, one text, nothing at all.
    #[test]
    fn staff_is_who_is_in_one_of_the_groups() {
        for (preset, by, claims, is_staff) in [
            ("okta", "groups", json!({ "groups": ["Everyone", "Staff"] }), true),
            ("okta", "groups", json!({ "groups": ["Everyone", "staff"] }), false),
            ("okta", "groups", json!({ "groups": "Staff" }), true),
            ("okta", "groups", json!({ "groups": [] }), false),
            ("okta", "groups", json!({}), false),
            ("entra", "roles", json!({ "roles": ["Staff"] }), true),
            ("entra", "roles", json!({ "groups": ["Staff"] }), false),
            ("cognito", "groups", json!({ "cognito:groups": ["Staff"] }), true),
            ("onelogin", "groups", json!({ "groups": "Everyone; Staff" }), true),
            ("adfs", "groups", json!({ "role": "Staff" }), true),
        ] {
            let preset = DirectoryPreset::parse(preset).unwrap();
            let own = own(preset, &named(by, &["Board", "Staff"]));
            // The rule alone: the other rows of a preset want claims of their own.
            let mapping = Mapping::compile(Layer::Profile, &Rows::new(), &own).unwrap();
            let said = claims.to_string();
            let inputs = Inputs::profile(claims, json!({}), json!({}), json!({}), json!({}));
            let evaluated = mapping.evaluate(&inputs).unwrap();
            assert_eq!(
                evaluated.claims.get(STAFF),
                Some(&json!(is_staff)),
                "{} {said}",
                preset.key()
            );
        }
    }
}
