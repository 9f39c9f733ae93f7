//! Runs a tree over the inputs of one login.
//!
//! The recursion is as deep as the tree, which the parser bounds; the work is bounded by the
//! budget, which is asked before anything is done.

use std::cmp::Ordering;
use std::rc::Rc;

use super::Fault;
use super::functions;
use super::syntax::{Access, Expr, Loop, LoopKind, Operator};
use super::value::{List, Map, Text, Val};
use crate::claims::budget::Budget;
use crate::claims::input::Inputs;

type Outcome<'a> = Result<Val<'a>, Fault>;

/// What an evaluation needs everywhere.
pub(super) struct Evaluator<'a, 'b> {
    pub(super) inputs: &'a Inputs,
    pub(super) budget: &'b Budget,
}

/// The variable of a loop, inside of the loops around it.
pub(super) struct Scope<'s, 'a> {
    name: &'a str,
    value: Val<'a>,
    outer: Option<&'s Scope<'s, 'a>>,
}

type In<'s, 'a> = Option<&'s Scope<'s, 'a>>;

impl<'a> Evaluator<'a, '_> {
    /// The value of an expression.
    pub(super) fn eval(&self, expr: &'a Expr, scope: In<'_, 'a>) -> Outcome<'a> {
        self.budget.spend(1)?;
        match expr {
            Expr::Null => Ok(Val::Null),
            Expr::Bool(value) => Ok(Val::Bool(*value)),
            Expr::Int(value) => Ok(Val::Int(*value)),
            Expr::Double(value) => Ok(Val::Double(*value)),
            Expr::Text(text) => Ok(Val::Text(Text::Borrowed(text))),
            Expr::List(elements) => self.list(elements, scope),
            Expr::Map(entries) => self.map(entries, scope),
            Expr::Root(root) => Ok(Val::from_json(self.inputs.get(*root))),
            Expr::Variable(name) => Ok(variable(name, scope)),
            Expr::Select { of, field, access } => self.select(of, field, *access, scope),
            Expr::Has { of, field } => self.has(of, field, scope),
            Expr::Index { of, key, access } => self.index((of, key), *access, scope),
            Expr::Not(operand) => self.condition(operand, scope).map(|holds| Val::Bool(!holds)),
            Expr::Negate(operand) => negate(&self.eval(operand, scope)?),
            Expr::All(operands) => self.until(false, operands, scope),
            Expr::Any(operands) => self.until(true, operands, scope),
            Expr::Binary { operator, left, right } => self.binary(*operator, left, right, scope),
            Expr::Conditional { test, yes, no } => {
                let taken = if self.condition(test, scope)? { yes } else { no };
                self.eval(taken, scope)
            }
            Expr::Call { function, arguments } => {
                let arguments = self.all(arguments, scope)?;
                functions::call(*function, &arguments, self.budget)
            }
            Expr::OrValue { optional, fallback } => self.or_value(optional, fallback, scope),
            Expr::Loop(inner) => self.iterate(inner, scope),
        }
    }

    fn all(&self, exprs: &'a [Expr], scope: In<'_, 'a>) -> Result<Vec<Val<'a>>, Fault> {
        self.budget.allocate(exprs.len().saturating_mul(size_of::<Val<'_>>()))?;
        exprs.iter().map(|expr| self.eval(expr, scope)).collect()
    }

    fn list(&self, elements: &'a [Expr], scope: In<'_, 'a>) -> Outcome<'a> {
        self.all(elements, scope).map(Val::list)
    }

    fn map(&self, entries: &'a [(Expr, Expr)], scope: In<'_, 'a>) -> Outcome<'a> {
        self.budget.allocate(entries.len().saturating_mul(2 * size_of::<Val<'_>>()))?;
        let mut made: Vec<(Text<'a>, Val<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Val::Text(key) = self.eval(key, scope)? else {
                return Err(Fault::Wrong("the key of a map is not a string".to_owned()));
            };
            if made.iter().any(|(known, _)| known.as_str() == key.as_str()) {
                return Err(Fault::Wrong("a map has the same key twice".to_owned()));
            }
            made.push((key, self.eval(value, scope)?));
        }
        Ok(Val::Map(Map::Made(made.into())))
    }

    fn select(
        &self,
        of: &'a Expr,
        field: &'a str,
        access: Access,
        scope: In<'_, 'a>,
    ) -> Outcome<'a> {
        let (value, access) = match self.eval(of, scope)? {
            Val::Optional(None) => return Ok(Val::Optional(None)),
            Val::Optional(Some(inner)) => (inner.as_ref().clone(), Access::Optional),
            value => (value, access),
        };
        let Val::Map(map) = &value else { return Err(no_member(of, field, &value)) };
        found(map.get(field), access, || named(of, field))
    }

    fn has(&self, of: &'a Expr, field: &'a str, scope: In<'_, 'a>) -> Outcome<'a> {
        match self.eval(of, scope)? {
            Val::Map(map) => Ok(Val::Bool(map.get(field).is_some())),
            Val::Optional(inner) => {
                Ok(Val::Bool(inner.as_deref().is_some_and(
                    |inner| matches!(inner, Val::Map(map) if map.get(field).is_some()),
                )))
            }
            other => Err(no_member(of, field, &other)),
        }
    }

    fn index(
        &self,
        (of, key): (&'a Expr, &'a Expr),
        access: Access,
        scope: In<'_, 'a>,
    ) -> Outcome<'a> {
        let (value, access) = match self.eval(of, scope)? {
            Val::Optional(None) => return Ok(Val::Optional(None)),
            Val::Optional(Some(inner)) => (inner.as_ref().clone(), Access::Optional),
            value => (value, access),
        };
        match (&value, self.eval(key, scope)?) {
            (Val::Map(map), Val::Text(key_)) => {
                self.budget.spend(map.len() / 16)?;
                found(map.get(key_.as_str()), access, || match key {
                    Expr::Text(name) => named(of, name),
                    // A computed key is a value, and values are not for messages.
                    _ => "the key in brackets".to_owned(),
                })
            }
            (Val::List(list), Val::Int(index)) => {
                let element = usize::try_from(index).ok().and_then(|index| list.get(index));
                match element {
                    None if access == Access::Required => {
                        Err(Fault::Wrong("the list has no element of this number".to_owned()))
                    }
                    element => found(element, access, String::new),
                }
            }
            (_, key) => Err(Fault::Wrong(format!(
                "a {} cannot be read with a {} in brackets",
                value.kind(),
                key.kind()
            ))),
        }
    }

    fn condition(&self, expr: &'a Expr, scope: In<'_, 'a>) -> Result<bool, Fault> {
        match self.eval(expr, scope)? {
            Val::Bool(holds) => Ok(holds),
            other => Err(Fault::Wrong(format!("a condition gives a {}", other.kind()))),
        }
    }

    /// `||` (until one is true) and `&&` (until one is false). As CEL has it, an operand that
    /// decides hides the fault of another one, in either order.
    fn until(&self, wanted: bool, operands: &'a [Expr], scope: In<'_, 'a>) -> Outcome<'a> {
        let results = operands.iter().map(|operand| self.condition(operand, scope));
        decide(wanted, results).map(Val::Bool)
    }

    fn or_value(&self, optional: &'a Expr, fallback: &'a Expr, scope: In<'_, 'a>) -> Outcome<'a> {
        match self.eval(optional, scope)? {
            Val::Optional(Some(inner)) => Ok(inner.as_ref().clone()),
            Val::Optional(None) => self.eval(fallback, scope),
            other => Err(Fault::Wrong(format!(
                "orValue() follows an optional value such as claims.?email, not a {}",
                other.kind()
            ))),
        }
    }

    fn binary(
        &self,
        operator: Operator,
        left: &'a Expr,
        right: &'a Expr,
        scope: In<'_, 'a>,
    ) -> Outcome<'a> {
        let (a, b) = (self.eval(left, scope)?, self.eval(right, scope)?);
        match operator {
            Operator::Equal => a.equals(&b, self.budget).map(Val::Bool),
            Operator::NotEqual => a.equals(&b, self.budget).map(|equal| Val::Bool(!equal)),
            Operator::Less => self.order(operator, &a, &b).map(|o| Val::Bool(o.is_lt())),
            Operator::LessOrEqual => self.order(operator, &a, &b).map(|o| Val::Bool(o.is_le())),
            Operator::Greater => self.order(operator, &a, &b).map(|o| Val::Bool(o.is_gt())),
            Operator::GreaterOrEqual => self.order(operator, &a, &b).map(|o| Val::Bool(o.is_ge())),
            Operator::In => self.is_in(&a, &b).map(Val::Bool),
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => functions::arithmetic(operator, &a, &b, self.budget),
        }
    }

    fn order(&self, operator: Operator, a: &Val<'a>, b: &Val<'a>) -> Result<Ordering, Fault> {
        match (a, b) {
            (Val::Text(a), Val::Text(b)) => {
                self.budget.spend(a.as_str().len() / 16)?;
                Ok(a.as_str().cmp(b.as_str()))
            }
            (Val::Bool(a), Val::Bool(b)) => Ok(a.cmp(b)),
            _ => a.compare_numbers(b).ok_or_else(|| functions::unfit(operator.as_str(), &[a, b])),
        }
    }

    fn is_in(&self, wanted: &Val<'a>, all: &Val<'a>) -> Result<bool, Fault> {
        match (all, wanted) {
            (Val::List(list), _) => list.contains(wanted, self.budget),
            (Val::Map(map), Val::Text(key)) => {
                self.budget.spend(map.len() / 16)?;
                Ok(map.get(key.as_str()).is_some())
            }
            // These can be keys in CEL, though not of the maps here.
            (Val::Map(_), Val::Int(_) | Val::Double(_) | Val::Bool(_)) => Ok(false),
            _ => Err(functions::unfit("in", &[wanted, all])),
        }
    }

    fn iterate(&self, inner: &'a Loop, scope: In<'_, 'a>) -> Outcome<'a> {
        let list = match self.eval(&inner.over, scope)? {
            Val::List(list) => list,
            Val::Map(map) => {
                self.budget.allocate(map.len().saturating_mul(size_of::<Val<'_>>()))?;
                List::Made(map.keys().into())
            }
            other => {
                return Err(Fault::Wrong(format!("a loop needs a list, not a {}", other.kind())));
            }
        };
        let scopes = list.iter().map(|value| Scope { name: &inner.variable, value, outer: scope });
        if inner.kind == LoopKind::Map {
            return self.collect(scopes.filter_map(|scope| self.mapped(inner, &scope).transpose()));
        }
        let mut tested = scopes.map(|scope| {
            self.condition(&inner.body, Some(&scope)).map(|holds| (holds, scope.value))
        });
        match inner.kind {
            LoopKind::All => decide(false, tested.map(|r| r.map(|(holds, _)| holds))),
            LoopKind::Exists => decide(true, tested.map(|r| r.map(|(holds, _)| holds))),
            LoopKind::ExistsOne => tested
                .try_fold(0, |count, tested| tested.map(|(holds, _)| count + usize::from(holds)))
                .map(|count| count == 1),
            LoopKind::Filter | LoopKind::Map => {
                return self.collect(tested.filter_map(|tested| {
                    tested.map(|(holds, value)| holds.then_some(value)).transpose()
                }));
            }
        }
        .map(Val::Bool)
    }

    fn mapped(&self, inner: &'a Loop, scope: &Scope<'_, 'a>) -> Result<Option<Val<'a>>, Fault> {
        match &inner.filter {
            Some(filter) if !self.condition(filter, Some(scope))? => Ok(None),
            _ => self.eval(&inner.body, Some(scope)).map(Some),
        }
    }

    fn collect(&self, values: impl Iterator<Item = Outcome<'a>>) -> Outcome<'a> {
        let mut collected = Vec::new();
        for value in values {
            self.budget.allocate(size_of::<Val<'_>>())?;
            collected.push(value?);
        }
        Ok(Val::list(collected))
    }
}

/// `wanted` if one result is that, else the first fault, else the opposite.
fn decide(wanted: bool, results: impl Iterator<Item = Result<bool, Fault>>) -> Result<bool, Fault> {
    let mut fault = None;
    for result in results {
        match result {
            Ok(holds) if holds == wanted => return Ok(wanted),
            Ok(_) => {}
            Err(Fault::Exhausted) => return Err(Fault::Exhausted),
            Err(other) => fault = fault.or(Some(other)),
        }
    }
    fault.map_or(Ok(!wanted), Err)
}

fn variable<'a>(name: &str, scope: In<'_, 'a>) -> Val<'a> {
    let mut scope = scope;
    while let Some(inner) = scope {
        if inner.name == name {
            return inner.value.clone();
        }
        scope = inner.outer;
    }
    // The parser knows every variable, so none is looked up that is not there.
    Val::Null
}

fn negate<'a>(value: &Val<'a>) -> Outcome<'a> {
    match value {
        Val::Int(value) => value
            .checked_neg()
            .map(Val::Int)
            .ok_or_else(|| Fault::Wrong("the result of `-` is too large".to_owned())),
        Val::Double(value) => Ok(Val::Double(-value)),
        other => Err(functions::unfit("-", &[other])),
    }
}

fn found(value: Option<Val<'_>>, access: Access, name: impl FnOnce() -> String) -> Outcome<'_> {
    match (value, access) {
        (value, Access::Optional) => Ok(Val::Optional(value.map(Rc::new))),
        (Some(value), Access::Required) => Ok(value),
        (None, Access::Required) => Err(Fault::Absent(name())),
    }
}

/// A member of something that has none. What is not there at all, such as an input that the login
/// did not bring, has no members either: that is absent, not wrong.
fn no_member(of: &Expr, field: &str, value: &Val<'_>) -> Fault {
    match value {
        Val::Null => Fault::Absent(named(of, field)),
        other => Fault::Wrong(format!("a {} has no member `{field}`", other.kind())),
    }
}

/// A member as the expression names it.
fn named(of: &Expr, field: &str) -> String {
    match of {
        Expr::Root(root) => format!("{}.{field}", root.as_str()),
        Expr::Select { of, field: outer, .. } => format!("{}.{field}", named(of, outer)),
        _ => format!("a member `{field}`"),
    }
}
