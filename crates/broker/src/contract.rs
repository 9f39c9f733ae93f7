//! What an application requires: claims without which a login stops here, with their types.
//!
//! An application that gets an account without a name, or a number where it expects a text, makes
//! a broken account and says nothing. Its contract is checked on the released claims at step 7,
//! before anything is stored or issued. Where the rows of the mapping say where a value comes from,
//! the contract says what has to have come: it holds whoever edits the rows.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::claims::ValueType;
use crate::claims::coerce::{is_missing, kind};

/// A claim that is required and that a login does not have. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The claim.
    pub claim: String,
    /// The type it has to have.
    pub expected: ValueType,
    /// What is there instead.
    pub found: Found,
}

/// What was found in place of a required claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// Nothing, because the application did not ask for this scope.
    NotAsked(&'static str),
    /// A value of another type.
    Type(&'static str),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claim, expected) = (&self.claim, self.expected.as_str());
        match self.found {
            Found::Missing => write!(f, "{claim} is missing"),
            Found::NotAsked(scope) => {
                write!(f, "{claim} is missing, since the scope {scope} was not asked for")
            }
            Found::Type(kind) => write!(f, "{claim} is a {kind} instead of a {expected}"),
        }
    }
}

/// What is required and not there, or of another type, by name; nothing if a contract is met.
pub fn check(required: &BTreeMap<String, ValueType>, claims: &Map<String, Value>) -> Vec<Unmet> {
    let unmet = required.iter().filter_map(|(claim, expected)| {
        let found = match claims.get(claim).filter(|value| !is_missing(value)) {
            None => Found::Missing,
            Some(value) if kind(value) == expected.as_str() => return None,
            Some(value) => Found::Type(kind(value)),
        };
        Some(Unmet { claim: claim.clone(), expected: *expected, found })
    });
    unmet.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(claims: &Value) -> Vec<String> {
        let required = [
            ("external_id", ValueType::String),
            ("given_name", ValueType::String),
            ("groups", ValueType::List),
            ("staff", ValueType::Bool),
        ];
        let required = required.map(|(name, kind)| (name.to_owned(), kind)).into();
        let unmet = super::check(&required, claims.as_object().unwrap());
        unmet.iter().map(ToString::to_string).collect()
    }

    fn ann() -> Value {
        json!({ "external_id": "E-1", "given_name": "Ann", "groups": ["a"], "staff": false, "n": 1 })
    }

    #[test]
    fn claims_with_everything_required_meet_the_contract() {
        assert_eq!(check(&ann()), [""; 0]);
    }

    #[test]
    fn every_missing_or_empty_claim_is_named() {
        let mut claims = ann();
        claims["given_name"] = json!("");
        assert_eq!(check(&claims), ["given_name is missing"]);
        claims["external_id"] = json!(null);
        claims.as_object_mut().unwrap().remove("staff");
        assert_eq!(
            check(&claims),
            ["external_id is missing", "given_name is missing", "staff is missing"]
        );
    }

    #[test]
    fn a_claim_of_another_type_is_named_with_both_types_and_without_its_value() {
        for (name, value, told) in [
            ("external_id", json!(4711), "external_id is a number instead of a string"),
            ("groups", json!("4711"), "groups is a string instead of a list"),
            ("staff", json!("4711"), "staff is a string instead of a bool"),
        ] {
            let mut claims = ann();
            claims[name] = value;
            assert_eq!(check(&claims), [told]);
        }
    }
}
