//! What one evaluation of a mapping may cost, whatever its rows and its input are.
//!
//! A step is a node visited, an element looked at, or sixteen bytes of text compared; a byte is
//! memory that an evaluation makes. Both are counted before the work is done, so running out means
//! that the work did not happen. All rows of a mapping share one budget: many rows are not a way
//! around it (THREATS CL-02).

use std::cell::Cell;

use serde_json::Value;

/// Two nested loops over a hundred groups need about a quarter of this, which takes milliseconds.
const STEPS: usize = 200_000;

/// Sixteen times the largest input.
const BYTES: usize = 1 << 20;

/// The largest input, as JSON text, in bytes (about).
pub(super) const MAX_INPUT: usize = 64 * 1024;

/// The longest list in an input.
pub(super) const MAX_INPUT_LIST: usize = 1000;

/// How deep an input nests; comparing two values recurses this far.
const MAX_INPUT_DEPTH: usize = 16;

/// The evaluation has used up what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// What is left for this evaluation.
#[derive(Debug)]
pub(super) struct Budget {
    steps: Cell<usize>,
    bytes: Cell<usize>,
}

impl Budget {
    /// A full budget.
    pub(super) fn new() -> Self {
        Self { steps: Cell::new(STEPS), bytes: Cell::new(BYTES) }
    }

    /// Pays for work that is about to be done.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Exhausted> {
        take(&self.steps, steps)
    }

    /// Pays for memory that is about to be taken, and for the work of filling it.
    pub(super) fn allocate(&self, bytes: usize) -> Result<(), Exhausted> {
        take(&self.bytes, bytes)?;
        self.spend(bytes / 16)
    }
}

fn take(from: &Cell<usize>, amount: usize) -> Result<(), Exhausted> {
    // Nothing is left after running out, so that a fault that was caught cannot go on.
    let left = from.get().checked_sub(amount);
    from.set(left.unwrap_or(0));
    left.map(|_| ()).ok_or(Exhausted)
}

/// The size of a value as JSON text (about), without making the text.
pub(super) fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(elements) => {
            elements.iter().fold(2, |sum, element| sum + size_of(element) + 1)
        }
        Value::Object(members) => {
            members.iter().fold(2, |sum, (name, value)| sum + name.len() + 4 + size_of(value))
        }
    }
}

/// Whether a value keeps to the limits of an input.
pub(super) fn is_acceptable(value: &Value) -> bool {
    is_shallow(value, MAX_INPUT_DEPTH) && size_of(value) <= MAX_INPUT
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    let Some(inner) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(elements) => {
            elements.len() <= MAX_INPUT_LIST && elements.iter().all(|e| is_shallow(e, inner))
        }
        Value::Object(members) => members.values().all(|member| is_shallow(member, inner)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_budget_that_ran_out_stays_empty() {
        let budget = Budget::new();
        assert_eq!(budget.spend(STEPS + 1), Err(Exhausted));
        assert_eq!(budget.spend(1), Err(Exhausted));
    }

    #[test]
    fn memory_is_counted_apart_from_steps() {
        let budget = Budget::new();
        assert_eq!(budget.allocate(BYTES), Ok(()));
        assert_eq!(budget.allocate(1), Err(Exhausted));
        assert_eq!(budget.spend(1), Ok(()));
    }

    #[test]
    fn the_estimate_is_not_below_the_text() {
        let value = json!({ "a": ["b", 1, true, null], "c": { "d": "e" } });
        assert!(size_of(&value) >= value.to_string().len());
    }

    #[test]
    fn a_list_over_the_limit_is_not_acceptable() {
        assert!(is_acceptable(&json!(vec![1; MAX_INPUT_LIST])));
        assert!(!is_acceptable(&json!(vec![1; MAX_INPUT_LIST + 1])));
    }

    #[test]
    fn deep_nesting_is_not_acceptable() {
        let nested = |depth| (1..depth).fold(json!(1), |value, _| json!([value]));
        assert!(is_acceptable(&nested(MAX_INPUT_DEPTH)));
        assert!(!is_acceptable(&nested(MAX_INPUT_DEPTH + 1)));
    }
}
