//! The transforms of a row, compiled and applied.
//!
//! They cannot fail on an ordinary value: a transform for text reads numbers and booleans as text
//! and works on a list element by element, and one for lists leaves a single value as it is. Only an
//! object is a wrong type. Regular expressions run in time linear in the text, on texts of at most
//! 4 KiB, with a small automaton (THREATS CL-02).

use std::collections::BTreeMap;

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use super::budget::{self, Budget, Exhausted};
use super::coerce::{WrongType, is_missing, kind, text_of};
use super::row::{RegexRule, Transform};

/// The longest argument of a transform, in bytes.
const MAX_ARGUMENT: usize = 256;

/// The most entries of a `map`.
const MAX_ENTRIES: usize = 500;

/// The most transforms of a row.
const MAX_TRANSFORMS: usize = 16;

/// The compiled size of a regular expression, in bytes; what is larger is refused.
const MAX_AUTOMATON: usize = 128 * 1024;

/// The longest text a regular expression looks at, in bytes.
const MAX_HAYSTACK: usize = 4096;

/// Steps per byte of text that a regular expression looks at.
const STEPS_PER_BYTE: usize = 4;

/// A transform that is ready to run.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Trim,
    Lower,
    Upper,
    First,
    Join(String),
    Split(String),
    Regex { find: Regex, replace: String },
    Map(BTreeMap<String, Value>),
    Prefix(String),
    Suffix(String),
}

/// Why a transform gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    WrongType(WrongType),
    Exhausted,
}

impl From<Exhausted> for Failed {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// Compiles a row's transforms; otherwise says for each one that is wrong what to do.
pub(super) fn compile(transforms: &[Transform]) -> Result<Vec<Step>, Vec<String>> {
    if transforms.len() > MAX_TRANSFORMS {
        return Err(vec![format!("a row has at most {MAX_TRANSFORMS} transforms")]);
    }
    let mut steps = Vec::new();
    let mut errors = Vec::new();
    for transform in transforms {
        match step(transform) {
            Ok(step) => steps.push(step),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(steps) } else { Err(errors) }
}

/// Applies the steps in order; the result may be missing.
pub(super) fn apply(steps: &[Step], value: Value, budget: &Budget) -> Result<Value, Failed> {
    steps.iter().try_fold(value, |value, step| {
        if is_missing(&value) { Ok(value) } else { run(step, value, budget) }
    })
}

fn step(transform: &Transform) -> Result<Step, String> {
    Ok(match transform {
        Transform::Trim => Step::Trim,
        Transform::Lower => Step::Lower,
        Transform::Upper => Step::Upper,
        Transform::First => Step::First,
        Transform::Join(text) => Step::Join(argument("join", text)?),
        Transform::Split(text) if text.is_empty() => {
            return Err("`split` needs the text between the pieces, such as `split: \",\"`".into());
        }
        Transform::Split(text) => Step::Split(argument("split", text)?),
        Transform::Regex(rule) => regex(rule)?,
        Transform::Map(entries) => Step::Map(map(entries)?),
        Transform::Prefix(text) => Step::Prefix(argument("prefix", text)?),
        Transform::Suffix(text) => Step::Suffix(argument("suffix", text)?),
    })
}

fn argument(name: &str, text: &str) -> Result<String, String> {
    if text.len() > MAX_ARGUMENT {
        return Err(format!("the text of `{name}` has at most {MAX_ARGUMENT} bytes"));
    }
    Ok(text.to_owned())
}

fn map(entries: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, String> {
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        return Err(format!("`map` has 1 to {MAX_ENTRIES} entries"));
    }
    for (from, to) in entries {
        argument("map", from)?;
        match to {
            Value::String(text) => {
                argument("map", text)?;
            }
            Value::Number(_) | Value::Bool(_) => {}
            _ => return Err(format!("`map` entry `{from}` needs a string, a number or a bool")),
        }
    }
    Ok(entries.clone())
}

fn regex(rule: &RegexRule) -> Result<Step, String> {
    let pattern = argument("regex find", &rule.find)?;
    let replace = argument("regex replace", &rule.replace)?;
    let find = RegexBuilder::new(&pattern)
        .size_limit(MAX_AUTOMATON)
        .dfa_size_limit(MAX_AUTOMATON)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "the regular expression is too large; use fewer or smaller repetitions".to_owned()
            }
            error => format!("the regular expression cannot be read: {error}"),
        })?;
    check_groups(&find, &replace)?;
    Ok(Step::Regex { find, replace })
}

/// `$1_x` asks for a group named `1_x`, and a group that does not exist is replaced by nothing:
/// both are found when the row is saved, not when a name arrives empty.
fn check_groups(find: &Regex, replace: &str) -> Result<(), String> {
    let mut rest = replace;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = match after.strip_prefix('{') {
            Some(braced) => braced.split('}').next().unwrap_or(braced),
            None => after.split(|c| !is_name(c)).next().unwrap_or(after),
        };
        let exists = match name.parse::<usize>() {
            Ok(number) => number < find.captures_len(),
            Err(_) => find.capture_names().flatten().any(|group| group == name),
        };
        if !exists {
            return Err(format!(
                "the replacement uses the group `{name}`, which the regular expression does not \
                 have; write `${{1}}` for the first group, and `$$` for a dollar sign"
            ));
        }
        rest = after;
    }
    Ok(())
}

fn run(step: &Step, value: Value, budget: &Budget) -> Result<Value, Failed> {
    budget.allocate(budget::size_of(&value))?;
    match step {
        Step::Trim => each(value, &mut |text| Ok(Some(text.trim().into()))),
        Step::Lower => each(value, &mut |text| Ok(Some(text.to_lowercase().into()))),
        Step::Upper => each(value, &mut |text| Ok(Some(text.to_uppercase().into()))),
        Step::Prefix(prefix) => each(value, &mut |text| {
            budget.allocate(prefix.len())?;
            Ok(Some(format!("{prefix}{text}").into()))
        }),
        Step::Suffix(suffix) => each(value, &mut |text| {
            budget.allocate(suffix.len())?;
            Ok(Some(format!("{text}{suffix}").into()))
        }),
        Step::Map(entries) => each(value, &mut |text| Ok(entries.get(&text).cloned())),
        Step::Regex { find, replace } => {
            each(value, &mut |text| substitute(find, replace, &text, budget).map(Some))
        }
        Step::First => Ok(first(value)),
        Step::Join(separator) => join(value, separator, budget),
        Step::Split(separator) => split(value, separator, budget),
    }
}

/// Changes a text, or each text of a list; what comes back as `None` is missing.
fn each(
    value: Value,
    change: &mut dyn FnMut(String) -> Result<Option<Value>, Failed>,
) -> Result<Value, Failed> {
    let Value::Array(elements) = value else {
        return Ok(change(text(&value)?)?.unwrap_or(Value::Null));
    };
    let mut changed = Vec::with_capacity(elements.len());
    for element in elements.iter().filter(|element| !is_missing(element)) {
        changed.extend(change(text(element)?)?.filter(|value| !is_missing(value)));
    }
    Ok(Value::Array(changed))
}

fn text(value: &Value) -> Result<String, Failed> {
    text_of(value).ok_or(Failed::WrongType(WrongType { expected: "string", found: kind(value) }))
}

fn substitute(find: &Regex, replace: &str, text: &str, budget: &Budget) -> Result<Value, Failed> {
    if text.len() > MAX_HAYSTACK {
        return Err(Failed::Exhausted);
    }
    budget.spend(text.len().saturating_mul(STEPS_PER_BYTE))?;
    let mut overrun = Ok(());
    // Each replacement is paid for as it is made: one match per byte, each with a long
    // replacement, is a thousand times the text.
    let result = find.replace_all(text, |captures: &Captures<'_>| {
        let mut replacement = String::new();
        if overrun.is_ok() {
            captures.expand(replace, &mut replacement);
            overrun = budget.allocate(replacement.len());
        }
        replacement
    });
    overrun?;
    Ok(result.into_owned().into())
}

fn first(value: Value) -> Value {
    match value {
        Value::Array(elements) => {
            elements.into_iter().find(|element| !is_missing(element)).unwrap_or(Value::Null)
        }
        value => value,
    }
}

fn join(value: Value, separator: &str, budget: &Budget) -> Result<Value, Failed> {
    let Value::Array(elements) = value else { return Ok(value) };
    budget.allocate(elements.len().saturating_mul(separator.len()))?;
    let present = elements.iter().filter(|element| !is_missing(element));
    let texts = present.map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.join(separator).into())
}

fn split(value: Value, separator: &str, budget: &Budget) -> Result<Value, Failed> {
    let elements = match value {
        Value::Array(elements) => elements,
        value => vec![value],
    };
    let mut pieces = Vec::new();
    for element in &elements {
        for piece in text(element)?.split(separator).filter(|piece| !piece.is_empty()) {
            budget.allocate(piece.len() + size_of::<Value>())?;
            pieces.push(Value::from(piece));
        }
    }
    Ok(Value::Array(pieces))
}

#[cfg(test)]
mod tests;
