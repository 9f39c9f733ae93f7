//! Claim mappings: from a directory's claims to the profile, and from the profile to an
//! application's claims.
//!
//! Both layers are the same machine with different inputs. A [`Mapping`] is compiled once, when a
//! configuration is saved or loaded, and evaluated at each login:
//!
//! 1. [`Row`]: what the configuration says of one claim; [`preset`] has the rows to begin with;
//! 2. [`Mapping::compile`]: every name, path, expression and type checked, all errors at once;
//! 3. [`Mapping::evaluate`]: [`Inputs`] to claims and a trace that says where each one came from;
//!    an expression that fails, a value of the wrong type or too much of anything fails the login
//!    closed (THREATS CL-03).
//!
//! [`staff`] is the one row that is also asked for in words. The limits are in [`budget`] and [`expression`], the names no row may set in [`name`], the types
//! in [`coerce`]. Nothing passes that no row names (THREATS CL-05). No error and no trace holds a
//! value, so both can be logged and shown. What is not here: who a person is (`user`), whether an
//! e-mail address counts as verified (`profile`), what an application requires (`release`).

mod budget;
pub(crate) mod coerce;
mod evaluate;
mod expression;
mod input;
mod name;
mod path;
mod preset;
pub(crate) mod row;
pub mod staff;
mod transform;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

pub use evaluate::{EvaluateError, EvaluateErrorKind, Evaluated, Outcome, RowTrace};
pub use input::{Inputs, Layer};
pub use preset::application_rows;
pub use row::{OnMissing, RawRow, RegexRule, Row, Rows, Source, Transform, ValueType};

use self::expression::Expression;
use self::path::Path;
use self::transform::Step;

/// The most rows of a mapping, the preset's included.
const MAX_ROWS: usize = 200;

/// The most paths of a row.
const MAX_PATHS: usize = 16;

/// The rows of one layer, compiled.
#[derive(Debug, Clone)]
pub struct Mapping {
    layer: Layer,
    rows: Vec<Compiled>,
}

/// What is wrong with a row, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{row}: {message}")]
pub struct RowError {
    /// The row's name; empty if the mapping as a whole is wrong.
    pub row: String,
    /// For the person who edits the row.
    pub message: String,
}

#[derive(Debug, Clone)]
struct Compiled {
    name: String,
    source: CompiledSource,
    steps: Vec<Step>,
    value_type: Option<ValueType>,
    missing: Missing,
    when: Option<Expression>,
}

#[derive(Debug, Clone)]
enum CompiledSource {
    From(Vec<Path>),
    Value(Value),
    /// `tolerant` if the row itself says what happens when a claim is not there.
    Expr {
        expression: Expression,
        tolerant: bool,
    },
}

#[derive(Debug, Clone)]
enum Missing {
    Drop,
    Default(Value),
    Fail,
}

impl Mapping {
    /// Compiles the preset's rows with a tenant's own over them; an own row replaces the preset's
    /// row of its name whole.
    ///
    /// # Errors
    /// Every error of every row, in the order of the names.
    pub fn compile(layer: Layer, preset: &Rows, own: &Rows) -> Result<Self, Vec<RowError>> {
        let mut merged: BTreeMap<&String, &Row> = preset.iter().collect();
        merged.extend(own);
        if merged.len() > MAX_ROWS {
            let message =
                format!("there are {} rows; at most {MAX_ROWS} are allowed", merged.len());
            return Err(vec![RowError { row: String::new(), message }]);
        }
        let mut rows = Vec::with_capacity(merged.len());
        let mut errors = Vec::new();
        for (name, row) in merged {
            match Compiler::new(layer).row(name, row) {
                Ok(row) => rows.push(row),
                Err(messages) => errors.extend(
                    messages.into_iter().map(|message| RowError { row: name.clone(), message }),
                ),
            }
        }
        if errors.is_empty() { Ok(Self { layer, rows }) } else { Err(errors) }
    }

    /// The paths that a row's source list names, in order; none for a row of another kind.
    pub fn paths(&self, name: &str) -> impl Iterator<Item = String> {
        let rows = self.rows.iter().filter(move |row| row.name == name);
        let lists = rows.filter_map(|row| match &row.source {
            CompiledSource::From(paths) => Some(paths),
            CompiledSource::Value(_) | CompiledSource::Expr { .. } => None,
        });
        lists.flatten().map(ToString::to_string)
    }

    /// The names the mapping can set, in order: not those whose row was emptied.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let emptied = |row: &&Compiled| {
            matches!(row.source, CompiledSource::Value(Value::Null))
                && !matches!(row.missing, Missing::Default(_))
        };
        self.rows.iter().filter(move |row| !emptied(row)).map(|row| row.name.as_str())
    }
}

/// Compiles one row and collects what is wrong with it.
struct Compiler {
    layer: Layer,
    errors: Vec<String>,
}

impl Compiler {
    fn new(layer: Layer) -> Self {
        Self { layer, errors: Vec::new() }
    }

    fn row(mut self, name: &str, row: &Row) -> Result<Compiled, Vec<String>> {
        let named = name::check(self.layer, name);
        self.keep(named);
        if self.layer == Layer::Release && name == "email_verified" {
            self.email_verified(row);
        }
        let source = self.source(row);
        let steps = transform::compile(&row.transform).unwrap_or_else(|errors| {
            self.errors.extend(errors);
            Vec::new()
        });
        let missing = self.missing(row);
        let condition = row.when.as_deref().map(|text| {
            Expression::compile_condition(self.layer, text)
                .map_err(|error| format!("`when`: {error}"))
        });
        let when = condition.and_then(|condition| self.keep(condition));
        match source {
            Some(source) if self.errors.is_empty() => Ok(Compiled {
                name: name.to_owned(),
                source,
                steps,
                value_type: row.value_type,
                missing,
                when,
            }),
            _ => Err(self.errors),
        }
    }

    fn source(&mut self, row: &Row) -> Option<CompiledSource> {
        match &row.source {
            Source::From(paths) => self.paths(paths).map(CompiledSource::From),
            Source::Value(value) => {
                if !row.transform.is_empty() {
                    self.errors.push("a constant takes no `transform`; write the result".into());
                }
                let value = coerce::coerce(value.clone(), row.value_type).map_err(|wrong| {
                    format!("`value` is not a {}: {}", wrong.expected, wrong.found)
                });
                self.keep(value).map(CompiledSource::Value)
            }
            Source::Expr(text) => {
                let expression = Expression::compile(self.layer, text)
                    .map_err(|error| format!("`expr`: {error}"));
                let tolerant = row.default.is_some() || row.on_missing.is_some();
                self.keep(expression)
                    .map(|expression| CompiledSource::Expr { expression, tolerant })
            }
        }
    }

    fn paths(&mut self, paths: &[String]) -> Option<Vec<Path>> {
        if paths.is_empty() || paths.len() > MAX_PATHS {
            self.errors.push(format!("`from` has 1 to {MAX_PATHS} paths"));
            return None;
        }
        let parsed: Vec<_> = paths.iter().map(|path| Path::parse(self.layer, path)).collect();
        parsed.into_iter().map(|path| self.keep(path.map_err(|e| format!("`from`: {e}")))).collect()
    }

    fn missing(&mut self, row: &Row) -> Missing {
        let default = row.default.as_ref().map(|default| {
            match coerce::coerce(default.clone(), row.value_type) {
                Ok(value) if coerce::is_missing(&value) => Err("`default` is empty; to leave the \
                    claim out, remove it and write `on_missing: drop`"
                    .to_owned()),
                Ok(value) => Ok(value),
                Err(wrong) => {
                    Err(format!("`default` is not a {}: {}", wrong.expected, wrong.found))
                }
            }
        });
        match (default, row.on_missing) {
            (None, None | Some(OnMissing::Drop)) => Missing::Drop,
            (None, Some(OnMissing::Fail)) => Missing::Fail,
            (None, Some(OnMissing::Default)) => {
                self.errors.push("`on_missing: default` needs a `default`".to_owned());
                Missing::Fail
            }
            (Some(default), None | Some(OnMissing::Default)) => {
                self.keep(default).map_or(Missing::Fail, Missing::Default)
            }
            (Some(_), Some(OnMissing::Drop | OnMissing::Fail)) => {
                self.errors.push(
                    "`default` and this `on_missing` contradict each other; keep one".to_owned(),
                );
                Missing::Fail
            }
        }
    }

    /// An application must not be told that an address is verified by anything but the directory's
    /// `email_trust`, which is what `profile.email_verified` says (THREATS CL-05).
    fn email_verified(&mut self, row: &Row) {
        let is_direct = matches!(&row.source, Source::From(paths)
            if paths.iter().map(String::as_str).eq(["profile.email_verified"]));
        let is_empty = matches!(&row.source, Source::Value(Value::Null | Value::Bool(false)));
        let default_is_false = row.default.as_ref().is_none_or(|d| *d == Value::Bool(false));
        if !(is_direct || is_empty) || !row.transform.is_empty() || !default_is_false {
            self.errors.push(
                "`email_verified` is `from: [profile.email_verified]` without `transform`, or \
                 `value: null` to leave it out; who is trusted is the directory's `email_trust`"
                    .to_owned(),
            );
        }
    }

    fn keep<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.errors.push(message)).ok()
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Profile => "profile",
            Self::Release => "release",
        })
    }
}

#[cfg(test)]
mod tests;
