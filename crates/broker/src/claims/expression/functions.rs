//! The functions and the arithmetic of expressions.
//!
//! Each one computes how large its result will be and pays for it before making it: a `replace` of
//! one letter by a long text, or a `join` of a thousand elements, multiplies its input.

use super::Fault;
use super::syntax::{Function, Operator};
use super::value::{List, Val};
use crate::claims::budget::Budget;

type Outcome<'a> = Result<Val<'a>, Fault>;

/// Calls a function; a method's receiver is its first argument.
pub(super) fn call<'a>(function: Function, arguments: &[Val<'a>], budget: &Budget) -> Outcome<'a> {
    match (function, arguments) {
        (Function::Size, [of]) => size(of, budget),
        (Function::HasValue, [Val::Optional(inner)]) => Ok(Val::Bool(inner.is_some())),
        (Function::Join, [Val::List(list)]) => join(list, "", budget),
        (Function::Join, [Val::List(list), Val::Text(separator)]) => {
            join(list, separator.as_str(), budget)
        }
        (Function::ToText, [of]) => to_text(of, budget),
        (Function::ToInt, [of]) => to_int(of),
        (Function::ToDouble, [of]) => to_double(of),
        (_, [Val::Text(text)]) => on_text(function, text.as_str(), budget),
        (_, [Val::Text(text), Val::Text(other)]) => {
            on_two_texts(function, text.as_str(), other.as_str(), budget)
        }
        (Function::Replace, [Val::Text(text), Val::Text(from), Val::Text(to)]) => {
            replace(text.as_str(), from.as_str(), to.as_str(), budget)
        }
        _ => Err(unfit(function.as_str(), &arguments.iter().collect::<Vec<_>>())),
    }
}

/// `+ - * / %` on numbers of one type; `+` also on two texts or two lists.
pub(super) fn arithmetic<'a>(
    operator: Operator,
    a: &Val<'a>,
    b: &Val<'a>,
    budget: &Budget,
) -> Outcome<'a> {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => {
            let result = match operator {
                Operator::Add => a.checked_add(*b),
                Operator::Subtract => a.checked_sub(*b),
                Operator::Multiply => a.checked_mul(*b),
                Operator::Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Val::Int).ok_or_else(|| {
                let operator = operator.as_str();
                Fault::Wrong(format!("the result of `{operator}` is too large, or divides by zero"))
            })
        }
        (Val::Double(a), Val::Double(b)) if operator != Operator::Remainder => {
            Ok(Val::Double(match operator {
                Operator::Add => a + b,
                Operator::Subtract => a - b,
                Operator::Multiply => a * b,
                _ => a / b,
            }))
        }
        (Val::Text(a), Val::Text(b)) if operator == Operator::Add => {
            let (a, b) = (a.as_str(), b.as_str());
            budget.allocate(a.len() + b.len())?;
            Ok(Val::made(&[a, b].concat()))
        }
        (Val::List(a), Val::List(b)) if operator == Operator::Add => {
            budget.allocate((a.len() + b.len()).saturating_mul(size_of::<Val<'_>>()))?;
            Ok(Val::list(a.iter().chain(b.iter()).collect()))
        }
        _ => Err(unfit(operator.as_str(), &[a, b])),
    }
}

/// Values that something cannot be done with, by their types.
pub(super) fn unfit(what: &str, values: &[&Val<'_>]) -> Fault {
    let kinds: Vec<_> = values.iter().map(|value| value.kind()).collect();
    Fault::Wrong(format!("`{what}` does not work on {}", kinds.join(" and ")))
}

fn size<'a>(of: &Val<'a>, budget: &Budget) -> Outcome<'a> {
    let size = match of {
        Val::Text(text) => {
            budget.spend(text.as_str().len() / 16)?;
            text.as_str().chars().count()
        }
        Val::List(list) => list.len(),
        Val::Map(map) => map.len(),
        other => return Err(unfit("size", &[other])),
    };
    Ok(Val::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn on_text<'a>(function: Function, text: &str, budget: &Budget) -> Outcome<'a> {
    // A letter can have up to three in the other case.
    budget.allocate(text.len().saturating_mul(3))?;
    Ok(match function {
        Function::Lower => Val::made(&text.to_lowercase()),
        Function::Upper => Val::made(&text.to_uppercase()),
        Function::LowerAscii => Val::made(&text.to_ascii_lowercase()),
        Function::UpperAscii => Val::made(&text.to_ascii_uppercase()),
        Function::Trim => Val::made(text.trim()),
        other => return Err(unfit(other.as_str(), &[&Val::made("")])),
    })
}

fn on_two_texts<'a>(function: Function, text: &str, other: &str, budget: &Budget) -> Outcome<'a> {
    budget.spend((text.len() + other.len()) / 16)?;
    Ok(match function {
        Function::Contains => Val::Bool(text.contains(other)),
        Function::StartsWith => Val::Bool(text.starts_with(other)),
        Function::EndsWith => Val::Bool(text.ends_with(other)),
        Function::Split => return split(text, other, budget),
        function => return Err(unfit(function.as_str(), &[&Val::made(""), &Val::made("")])),
    })
}

fn split<'a>(text: &str, separator: &str, budget: &Budget) -> Outcome<'a> {
    let mut pieces = Vec::new();
    let mut add = |piece: &str| {
        budget.allocate(piece.len() + size_of::<Val<'_>>())?;
        pieces.push(Val::made(piece));
        Ok::<_, Fault>(())
    };
    if separator.is_empty() {
        for character in text.chars() {
            add(character.encode_utf8(&mut [0; 4]))?;
        }
    } else {
        text.split(separator).try_for_each(add)?;
    }
    Ok(Val::list(pieces))
}

fn join<'a>(list: &List<'a>, separator: &str, budget: &Budget) -> Outcome<'a> {
    let mut joined = String::new();
    for (index, element) in list.iter().enumerate() {
        let Val::Text(text) = &element else { return Err(unfit("join", &[&element])) };
        budget.allocate(text.as_str().len() + separator.len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text.as_str());
    }
    Ok(Val::made(&joined))
}

fn replace<'a>(text: &str, from: &str, to: &str, budget: &Budget) -> Outcome<'a> {
    budget.spend(text.len() / 4)?;
    let growth = text.matches(from).count().saturating_mul(to.len());
    budget.allocate(text.len().saturating_add(growth))?;
    Ok(Val::made(&text.replace(from, to)))
}

fn to_text<'a>(of: &Val<'a>, budget: &Budget) -> Outcome<'a> {
    budget.allocate(32)?;
    match of {
        Val::Text(_) => Ok(of.clone()),
        Val::Bool(value) => Ok(Val::made(&value.to_string())),
        Val::Int(value) => Ok(Val::made(&value.to_string())),
        // Up to 330 digits.
        Val::Double(value) => Ok(Val::made(&value.to_string())),
        other => Err(unfit("string", &[other])),
    }
}

fn to_int<'a>(of: &Val<'a>) -> Outcome<'a> {
    let int = match of {
        Val::Int(value) => Some(*value),
        Val::Text(text) => text.as_str().parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "within the range of an i64")]
        Val::Double(value) if (-9.2e18..9.2e18).contains(value) => Some(*value as i64),
        Val::Double(_) => None,
        other => return Err(unfit("int", &[other])),
    };
    int.map(Val::Int).ok_or_else(|| Fault::Wrong("int() needs a whole number".to_owned()))
}

fn to_double<'a>(of: &Val<'a>) -> Outcome<'a> {
    let double = match of {
        Val::Double(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "what a double is")]
        Val::Int(value) => Some(*value as f64),
        Val::Text(text) => text.as_str().parse().ok().filter(|value: &f64| value.is_finite()),
        other => return Err(unfit("double", &[other])),
    };
    double.map(Val::Double).ok_or_else(|| Fault::Wrong("double() needs a number".to_owned()))
}
