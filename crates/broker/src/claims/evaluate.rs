//! A compiled mapping and one login's input to claims.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::budget::{self, Budget};
use super::coerce::{WrongType, coerce, is_missing};
use super::expression::Fault;
use super::input::{Inputs, Layer, Root};
use super::name::is_reserved;
use super::transform::{self, Failed};
use super::{Compiled, CompiledSource, Mapping, Missing};

/// What a mapping made of an input.
#[derive(Clone)]
pub struct Evaluated {
    /// The claims, ordered by name.
    pub claims: Map<String, Value>,
    /// What became of each row, ordered by name. Holds no value.
    pub trace: Vec<RowTrace>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowTrace {
    /// The row's name.
    pub row: String,
    /// Where its value came from, or why it has none.
    pub outcome: Outcome,
}

/// Where a row's value came from, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This path, such as `claims.email`.
    Source(String),
    /// The row's `default`.
    Default,
    /// The row's `value`.
    Constant,
    /// The row's `expr`.
    Expression,
    /// Left out: there was no value.
    DroppedMissing,
    /// Left out: the row's `when` is false.
    DroppedWhen,
    /// Left out: a row of this name must not set this value.
    DroppedReserved,
}

impl fmt::Display for RowTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.row)?;
        match &self.outcome {
            Outcome::Source(path) => write!(f, "from {path}"),
            Outcome::Default => f.write_str("by default"),
            Outcome::Constant => f.write_str("is constant"),
            Outcome::Expression => f.write_str("by expression"),
            Outcome::DroppedMissing => f.write_str("left out (no value)"),
            Outcome::DroppedWhen => f.write_str("left out (when)"),
            Outcome::DroppedReserved => f.write_str("left out (reserved)"),
        }
    }
}

/// Why a login cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", row.as_deref().map(|row| format!("{row}: ")).unwrap_or_default())]
pub struct EvaluateError {
    /// The row that failed; `None` if the input or the result as a whole is too large.
    pub row: Option<String>,
    /// What is wrong with it.
    pub kind: EvaluateErrorKind,
}

/// What is wrong with a row at a login. No message quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateErrorKind {
    /// There is no value, and the row says `on_missing: fail`.
    #[error("there is no value for it")]
    Missing,
    /// The expression or the condition failed, for this reason.
    #[error("{0}")]
    Expression(String),
    /// The value is of a type that the row's type cannot be made of.
    #[error("a {expected} is expected, but the value is a {found}")]
    WrongType {
        /// The type that is expected.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// The input, the work or the result is larger than allowed.
    #[error("there is too much data")]
    TooLarge,
}

impl From<WrongType> for EvaluateErrorKind {
    fn from(wrong: WrongType) -> Self {
        Self::WrongType { expected: wrong.expected, found: wrong.found }
    }
}

impl From<Failed> for EvaluateErrorKind {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::WrongType(wrong) => wrong.into(),
            Failed::Exhausted => Self::TooLarge,
        }
    }
}

impl From<Fault> for EvaluateErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Absent(name) => Self::Expression(format!(
                "{name} is missing; if it may be, test it with has() or give the row a `default`"
            )),
            Fault::Wrong(message) => Self::Expression(message),
            Fault::Exhausted => Self::TooLarge,
        }
    }
}

impl Mapping {
    /// Evaluates every row.
    ///
    /// # Errors
    /// The first row that fails, in the order of names; the login then stops (THREATS CL-03).
    pub fn evaluate(&self, inputs: &Inputs) -> Result<Evaluated, EvaluateError> {
        let too_large = || EvaluateError { row: None, kind: EvaluateErrorKind::TooLarge };
        if !inputs.are_acceptable() {
            return Err(too_large());
        }
        let budget = Budget::new();
        let (max_size, max_list) = largest_result(self.layer);
        let mut size = 0;
        let mut claims = Map::new();
        let mut trace = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let fail = |kind| EvaluateError { row: Some(row.name.clone()), kind };
            let (value, mut outcome) = row.evaluate(inputs, &budget).map_err(fail)?;
            if value.as_array().is_some_and(|list| list.len() > max_list) {
                return Err(fail(EvaluateErrorKind::TooLarge));
            }
            if !is_missing(&value) {
                if is_reserved(&row.name) {
                    outcome = Outcome::DroppedReserved;
                } else {
                    size += row.name.len() + budget::size_of(&value);
                    claims.insert(row.name.clone(), value);
                }
            }
            trace.push(RowTrace { row: row.name.clone(), outcome });
        }
        if size > max_size {
            return Err(too_large());
        }
        if self.layer == Layer::Release {
            drop_unproven_email_verified(&mut claims, &mut trace, inputs.get(Root::Profile));
        }
        Ok(Evaluated { claims, trace })
    }
}

/// The largest result in bytes, and its longest list. A profile may hold what no application is
/// sent, such as all groups; a token has to fit into headers and form posts.
const fn largest_result(layer: Layer) -> (usize, usize) {
    match layer {
        Layer::Profile => (32 * 1024, budget::MAX_INPUT_LIST),
        Layer::Release => (8 * 1024, 200),
    }
}

/// `email_verified` speaks of the profile's address: next to another address it would vouch for
/// what nobody verified (THREATS CL-05).
fn drop_unproven_email_verified(
    claims: &mut Map<String, Value>,
    trace: &mut [RowTrace],
    profile: &Value,
) {
    let folded = |value: Option<&Value>| {
        value.and_then(Value::as_str).map(|email| email.trim().to_lowercase())
    };
    let is_same = match claims.get("email") {
        None => true,
        email => folded(email).is_some_and(|email| Some(email) == folded(profile.get("email"))),
    };
    if is_same || claims.remove("email_verified").is_none() {
        return;
    }
    for row in trace.iter_mut().filter(|row| row.row == "email_verified") {
        row.outcome = Outcome::DroppedReserved;
    }
}

impl Compiled {
    fn evaluate(
        &self,
        inputs: &Inputs,
        budget: &Budget,
    ) -> Result<(Value, Outcome), EvaluateErrorKind> {
        if let Some(when) = &self.when
            && !when.holds(inputs, budget)?
        {
            return Ok((Value::Null, Outcome::DroppedWhen));
        }
        let (value, outcome) = self.source(inputs, budget)?;
        if !is_missing(&value) {
            return Ok((value, outcome));
        }
        match &self.missing {
            Missing::Drop => Ok((Value::Null, Outcome::DroppedMissing)),
            Missing::Default(value) => Ok((value.clone(), Outcome::Default)),
            Missing::Fail => Err(EvaluateErrorKind::Missing),
        }
    }

    fn source(
        &self,
        inputs: &Inputs,
        budget: &Budget,
    ) -> Result<(Value, Outcome), EvaluateErrorKind> {
        match &self.source {
            CompiledSource::Value(value) => Ok((value.clone(), Outcome::Constant)),
            CompiledSource::Expr { expression, tolerant } => {
                let value = match expression.evaluate(inputs, budget) {
                    Err(Fault::Absent(_)) if *tolerant => Value::Null,
                    result => result?,
                };
                Ok((self.finish(value, budget)?, Outcome::Expression))
            }
            CompiledSource::From(paths) => {
                for path in paths {
                    let Some(found) = path.resolve(inputs).filter(|value| !is_missing(value))
                    else {
                        continue;
                    };
                    budget.allocate(budget::size_of(found)).map_err(Failed::from)?;
                    let value = self.finish(found.clone(), budget)?;
                    if !is_missing(&value) {
                        return Ok((value, Outcome::Source(path.to_string())));
                    }
                }
                Ok((Value::Null, Outcome::DroppedMissing))
            }
        }
    }

    fn finish(&self, value: Value, budget: &Budget) -> Result<Value, EvaluateErrorKind> {
        let value = transform::apply(&self.steps, value, budget)?;
        Ok(coerce(value, self.value_type)?)
    }
}
