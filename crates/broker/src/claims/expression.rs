//! CEL expressions over the claims of one login, with a price on every step.
//!
//! Why not the interpreter of a crate: none that is published bounds what an expression costs. A
//! hundred bytes full of brackets take gigabytes in the parser of one, a chain of additions ends
//! the process with a stack overflow, a repeated `x + x` takes all memory, and its errors quote the
//! values they are about. A tenant writes these expressions, and all tenants share the process
//! (THREATS CL-02, CL-04). So this module reads and runs the part of the language that claims need,
//! and its tests run the `cel` crate beside it, to assert that both give the same result.
//!
//! 1. [`lexer`]: text of at most 2 KiB into tokens;
//! 2. [`parser`]: tokens into a [`syntax`] tree of at most 300 nodes, with every name resolved: a
//!    name that is not an input of the layer, a loop's variable or a function does not compile;
//! 3. [`eval`] and [`functions`]: the tree to a [`value`], within the mapping's
//!    [`Budget`](super::budget::Budget).
//!
//! There are integers, doubles, strings, booleans, `null`, lists, maps with string keys and
//! optional values (`claims.?x.orValue("")`). There is no clock, no regular expression, no bytes,
//! no unsigned integer and no type value.

mod eval;
mod functions;
mod lexer;
mod parser;
mod syntax;
mod value;

use serde_json::Value;

use self::eval::Evaluator;
use super::budget::{Budget, Exhausted};
use super::input::{Inputs, Layer};

/// The longest expression, in bytes.
const MAX_TEXT: usize = 2048;

/// The most nodes of an expression.
const MAX_NODES: usize = 300;

/// How deep an expression nests. With the largest frame of a debug build this stays far below the
/// 2 MiB of a thread's stack; a test runs it on a quarter of that.
const MAX_DEPTH: usize = 32;

/// How many loops stand inside each other.
const MAX_LOOPS: usize = 2;

/// An expression that is ready to run.
#[derive(Debug, Clone)]
pub(super) struct Expression(syntax::Expr);

/// Why an expression gave no value. No message quotes a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The input has no such member; named as the expression names it.
    Absent(String),
    /// The values do not fit what the expression does with them.
    Wrong(String),
    /// The budget is used up. Nothing in an expression can catch this.
    Exhausted,
}

impl From<Exhausted> for Fault {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl Expression {
    /// Compiles an expression; otherwise says what to do.
    pub(super) fn compile(layer: Layer, text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!(
                "the expression has {} bytes; at most {MAX_TEXT} are allowed",
                text.len()
            ));
        }
        let tokens = lexer::tokens(text)?;
        let expr = parser::parse(layer, text, tokens)?;
        if expr.is_deeper_than(MAX_DEPTH) {
            return Err(format!(
                "the expression nests more than {MAX_DEPTH} deep; split it over several rows"
            ));
        }
        expr.check_types()?;
        Ok(Self(expr))
    }

    /// Compiles a condition, whose result is a boolean.
    pub(super) fn compile_condition(layer: Layer, text: &str) -> Result<Self, String> {
        let compiled = Self::compile(layer, text)?;
        match compiled.0.known_type() {
            None | Some("bool") => Ok(compiled),
            Some(other) => Err(format!("a condition is true or false, but this is a {other}")),
        }
    }

    /// The value of the expression; `null` for an optional value that is empty.
    pub(super) fn evaluate(&self, inputs: &Inputs, budget: &Budget) -> Result<Value, Fault> {
        let result = Evaluator { inputs, budget }.eval(&self.0, None)?;
        result.into_json(budget)
    }

    /// Whether the condition holds.
    pub(super) fn holds(&self, inputs: &Inputs, budget: &Budget) -> Result<bool, Fault> {
        match self.evaluate(inputs, budget)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(Fault::Wrong(format!(
                "the condition gives a {} instead of true or false",
                super::coerce::kind(&other)
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
