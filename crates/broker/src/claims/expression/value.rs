//! The values of an expression: borrowed from the input or the expression where possible.
//!
//! A copy of a value is cheap whatever its size, so that only what makes new text or new lists has
//! to be paid for in memory.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map as Object, Number, Value as Json};

use super::Fault;
use crate::claims::budget::{self, Budget};

/// A value, which lives as long as the input and the expression (`'a`).
#[derive(Clone)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(Map<'a>),
    Optional(Option<Rc<Val<'a>>>),
}

/// A text that is part of the input or the expression, or one that was made.
#[derive(Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Made(Rc<str>),
}

/// A list that is part of the input, or one that was made.
#[derive(Clone)]
pub(super) enum List<'a> {
    Borrowed(&'a [Json]),
    Made(Rc<[Val<'a>]>),
}

/// A map that is part of the input, or one that was made.
#[derive(Clone)]
pub(super) enum Map<'a> {
    Borrowed(&'a Object<String, Json>),
    Made(Rc<[(Text<'a>, Val<'a>)]>),
}

impl<'a> Val<'a> {
    /// A value of the input.
    pub(super) fn from_json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) => Self::Double(value),
                (None, None) => Self::Null,
            },
            Json::String(text) => Self::Text(Text::Borrowed(text)),
            Json::Array(elements) => Self::List(List::Borrowed(elements)),
            Json::Object(members) => Self::Map(Map::Borrowed(members)),
        }
    }

    /// A text that was made, and has been paid for.
    pub(super) fn made(text: &str) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// A list that was made, and has been paid for.
    pub(super) fn list(elements: Vec<Self>) -> Self {
        Self::List(List::Made(elements.into()))
    }

    /// What the value is called in CEL.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional value",
        }
    }

    /// The result as JSON; an optional value that is empty is `null`.
    pub(super) fn into_json(self, budget: &Budget) -> Result<Json, Fault> {
        Ok(match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Int(value) => Json::from(value),
            Self::Double(value) => match Number::from_f64(value) {
                Some(number) => Json::Number(number),
                None => return Err(Fault::Wrong("the result is not a finite number".to_owned())),
            },
            Self::Text(text) => {
                budget.allocate(text.as_str().len())?;
                Json::from(text.as_str())
            }
            Self::List(list) => {
                budget.allocate(list.len().saturating_mul(size_of::<Json>()))?;
                let elements = list.iter().map(|element| element.into_json(budget));
                Json::Array(elements.collect::<Result<_, _>>()?)
            }
            Self::Map(Map::Borrowed(members)) => {
                budget.allocate(members.iter().map(|(k, v)| k.len() + budget::size_of(v)).sum())?;
                Json::Object(members.clone())
            }
            Self::Map(Map::Made(entries)) => {
                let entries = entries.iter().map(|(key, value)| {
                    budget.allocate(key.as_str().len() + size_of::<Json>())?;
                    Ok((key.as_str().to_owned(), value.clone().into_json(budget)?))
                });
                Json::Object(entries.collect::<Result<_, Fault>>()?)
            }
            Self::Optional(Some(value)) => value.as_ref().clone().into_json(budget)?,
        })
    }

    /// CEL's equality: numbers by value, different types are different.
    pub(super) fn equals(&self, other: &Self, budget: &Budget) -> Result<bool, Fault> {
        budget.spend(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) | (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => {
                budget.spend(a.as_str().len() / 16)?;
                a.as_str() == b.as_str()
            }
            (Self::List(a), Self::List(b)) => a.equals(b, budget)?,
            (Self::Map(a), Self::Map(b)) => a.equals(b, budget)?,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.equals(b, budget)?,
            _ => self.compare_numbers(other).is_some_and(Ordering::is_eq),
        })
    }

    /// The order of two numbers, of one type or of both.
    pub(super) fn compare_numbers(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Double(b)) => compare_mixed(*a, *b),
            (Self::Double(a), Self::Int(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
            _ => None,
        }
    }
}

/// Exact also where a double has no digits left for the integer.
fn compare_mixed(int: i64, double: f64) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "the fraction decides only within that loss")]
    let order = (int as f64).partial_cmp(&double)?;
    if order.is_ne() || !(-9.3e18..9.2e18).contains(&double) {
        return Some(order);
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range of an i64")]
    let truncated = double as i64;
    Some(int.cmp(&truncated))
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(elements) => elements.len(),
            Self::Made(elements) => elements.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Val<'a>> {
        match self {
            Self::Borrowed(elements) => elements.get(index).map(Val::from_json),
            Self::Made(elements) => elements.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Val<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    pub(super) fn contains(&self, wanted: &Val<'a>, budget: &Budget) -> Result<bool, Fault> {
        for element in self.iter() {
            if element.equals(wanted, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equals(&self, other: &Self, budget: &Budget) -> Result<bool, Fault> {
        if self.len() != other.len() {
            return Ok(false);
        }
        for (a, b) in self.iter().zip(other.iter()) {
            if !a.equals(&b, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(members) => members.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Val<'a>> {
        match self {
            Self::Borrowed(members) => members.get(key).map(Val::from_json),
            Self::Made(entries) => entries
                .iter()
                .find(|(known, _)| known.as_str() == key)
                .map(|(_, value)| value.clone()),
        }
    }

    pub(super) fn keys(&self) -> Vec<Val<'a>> {
        match self {
            Self::Borrowed(members) => {
                members.keys().map(|key| Val::Text(Text::Borrowed(key))).collect()
            }
            Self::Made(entries) => entries.iter().map(|(key, _)| Val::Text(key.clone())).collect(),
        }
    }

    fn equals(&self, other: &Self, budget: &Budget) -> Result<bool, Fault> {
        if self.len() != other.len() {
            return Ok(false);
        }
        for key in self.keys() {
            let Val::Text(name) = &key else { return Ok(false) };
            let (a, b) = (self.get(name.as_str()), other.get(name.as_str()));
            match (a, b) {
                (Some(a), Some(b)) if a.equals(&b, budget)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}
