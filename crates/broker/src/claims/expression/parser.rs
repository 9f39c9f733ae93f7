//! From tokens to a tree, by recursive descent with one level of precedence per function.
//!
//! The number of nodes and the nesting are counted while the tree is built, so that a hostile text
//! never becomes a large tree. Chains (`a + b + c`, `a.b.c`) are loops here, not recursion.

use super::lexer::{Spanned, Token, place};
use super::syntax::{Access, Expr, Function, Loop, LoopKind, Operator};
use super::{MAX_DEPTH, MAX_LOOPS, MAX_NODES};
use crate::claims::input::Layer;

type Parsed<T = Expr> = Result<T, String>;

/// Operators by how tightly they bind, the loosest first; `&&` and `||` are looser still.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

/// Reads all of the tokens as one expression.
pub(super) fn parse(layer: Layer, text: &str, tokens: Vec<Spanned>) -> Parsed {
    let mut parser =
        Parser { layer, text, tokens, at: 0, nodes: 0, nesting: 0, variables: Vec::new() };
    let expr = parser.expression()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.error("this does not belong to the expression before it")),
    }
}

struct Parser<'t> {
    layer: Layer,
    text: &'t str,
    tokens: Vec<Spanned>,
    at: usize,
    nodes: usize,
    nesting: usize,
    variables: Vec<String>,
}

impl Parser<'_> {
    /// `a ? b : c`, and everything that binds tighter.
    fn expression(&mut self) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(self.error(&format!("nested more than {MAX_DEPTH} deep")));
        }
        let test = self.either()?;
        let result = if self.accept("?") {
            let yes = self.either()?;
            self.demand(":", "`?` needs a `:` and what to take otherwise")?;
            let no = self.expression()?;
            let [test, yes, no] = [test, yes, no].map(Box::new);
            self.node(Expr::Conditional { test, yes, no })
        } else {
            Ok(test)
        };
        self.nesting -= 1;
        result
    }

    fn either(&mut self) -> Parsed {
        let first = self.both()?;
        self.chain("||", first, Self::both, Expr::Any)
    }

    fn both(&mut self) -> Parsed {
        let first = self.binary(0)?;
        self.chain("&&", first, |parser| parser.binary(0), Expr::All)
    }

    /// A chain of `&&` or `||` is one node: thirty groups in a row are not thirty deep.
    fn chain(
        &mut self,
        symbol: &str,
        first: Expr,
        operand: fn(&mut Self) -> Parsed,
        make: fn(Vec<Expr>) -> Expr,
    ) -> Parsed {
        let mut operands = vec![first];
        while self.accept(symbol) {
            operands.push(operand(self)?);
        }
        if operands.len() == 1 {
            return operands.pop().ok_or_else(|| self.error("an expression is missing"));
        }
        self.node(make(operands))
    }

    fn binary(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            let [a, b] = [left, right].map(Box::new);
            left = self.node(Expr::Binary { operator, left: a, right: b })?;
        }
        Ok(left)
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let written = match self.peek()? {
            Token::Symbol(symbol) => symbol,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        operators.iter().find(|(symbol, _)| *symbol == written).map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Parsed {
        let is_negation = match self.peek() {
            Some(Token::Symbol("-")) => true,
            Some(Token::Symbol("!")) => false,
            _ => return self.member(),
        };
        self.at += 1;
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(self.error(&format!("nested more than {MAX_DEPTH} deep")));
        }
        let operand = self.unary()?;
        self.nesting -= 1;
        match operand {
            // A number that was read has no sign, and minus that is always an integer.
            Expr::Int(value) if is_negation => Ok(Expr::Int(value.saturating_neg())),
            operand if is_negation => self.node(Expr::Negate(Box::new(operand))),
            operand => self.node(Expr::Not(Box::new(operand))),
        }
    }

    /// `a.b`, `a[b]`, `a.f(b)`, in any number.
    fn member(&mut self) -> Parsed {
        let mut of = self.primary()?;
        loop {
            if self.accept(".") {
                of = self.after_dot(of)?;
            } else if self.accept("[") {
                let access = self.access();
                let key = self.expression()?;
                self.demand("]", "`[` needs a `]`")?;
                let [of_, key] = [of, key].map(Box::new);
                of = self.node(Expr::Index { of: of_, key, access })?;
            } else {
                return Ok(of);
            }
        }
    }

    fn after_dot(&mut self, of: Expr) -> Parsed {
        let access = self.access();
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(self.error(
                "a name is missing after `.`; other names go in brackets, such as claims[\"a:b\"]",
            ));
        };
        self.at += 1;
        if access == Access::Required && self.accept("(") {
            return self.method(of, &name);
        }
        self.node(Expr::Select { of: Box::new(of), field: name, access })
    }

    fn method(&mut self, of: Expr, name: &str) -> Parsed {
        if let Some(kind) = loop_kind(name) {
            return self.iteration(of, kind);
        }
        let mut arguments = self.arguments(")")?;
        if name == "orValue" && arguments.len() == 1 {
            let fallback = arguments.pop().ok_or_else(|| self.error("an argument is missing"))?;
            let [optional, fallback] = [of, fallback].map(Box::new);
            return self.node(Expr::OrValue { optional, fallback });
        }
        let (function, takes) = Function::find(name, true).ok_or_else(|| self.unknown(name))?;
        self.check_count(name, takes, arguments.len())?;
        arguments.insert(0, of);
        self.node(Expr::Call { function, arguments })
    }

    /// `over.exists(variable, body)`
    fn iteration(&mut self, over: Expr, kind: LoopKind) -> Parsed {
        let Some(Token::Name(variable)) = self.peek().cloned() else {
            return Err(self.error("a loop names its variable first, such as exists(g, g == 'a')"));
        };
        if self.variables.contains(&variable)
            || self.layer.root(&variable).is_some()
            || is_word(&variable)
        {
            return Err(self.error(&format!("`{variable}` is taken; call the variable otherwise")));
        }
        self.at += 1;
        self.demand(",", "a loop needs a `,` after its variable")?;
        if self.variables.len() == MAX_LOOPS {
            return Err(self.error(&format!("at most {MAX_LOOPS} loops stand inside each other")));
        }
        self.variables.push(variable.clone());
        let mut bodies = self.arguments(")")?.into_iter();
        self.variables.pop();
        let (filter, body) = match (bodies.next(), bodies.next(), bodies.next()) {
            (Some(body), None, _) => (None, body),
            (Some(filter), Some(body), None) if kind == LoopKind::Map => (Some(filter), body),
            _ => return Err(self.error("a loop takes a variable and one expression")),
        };
        self.node(Expr::Loop(Box::new(Loop { kind, over, variable, filter, body })))
    }

    fn primary(&mut self) -> Parsed {
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err("the expression ends too early".to_owned());
        };
        self.at += 1;
        let expr = match token {
            Token::Int(value) => Expr::Int(value),
            Token::Double(value) => Expr::Double(value),
            Token::Text(text) => Expr::Text(text),
            Token::Name(name) => return self.name(&name),
            Token::Symbol("(") => {
                let inner = self.expression()?;
                self.demand(")", "`(` needs a `)`")?;
                return Ok(inner);
            }
            Token::Symbol("[") => Expr::List(self.arguments("]")?),
            Token::Symbol("{") => Expr::Map(self.entries()?),
            Token::Symbol(_) => {
                self.at -= 1;
                return Err(self.error("a value is missing here"));
            }
        };
        self.node(expr)
    }

    fn name(&mut self, name: &str) -> Parsed {
        let expr = match name {
            "true" => Expr::Bool(true),
            "false" => Expr::Bool(false),
            "null" => Expr::Null,
            _ if self.accept("(") => return self.call(name),
            _ if self.variables.iter().any(|known| known == name) => {
                Expr::Variable(name.to_owned())
            }
            _ => Expr::Root(self.layer.root(name).ok_or_else(|| {
                self.error_at(
                    self.at.saturating_sub(1),
                    &format!(
                        "`{name}` is not known; an expression begins with one of: {}; a text \
                         stands in quotes",
                        self.layer.root_names()
                    ),
                )
            })?),
        };
        self.node(expr)
    }

    fn call(&mut self, name: &str) -> Parsed {
        let mut arguments = self.arguments(")")?;
        if name == "has" {
            return match (arguments.pop(), arguments.is_empty()) {
                (Some(Expr::Select { of, field, access: Access::Required }), true) => {
                    self.node(Expr::Has { of, field })
                }
                _ => Err(self.error(
                    "has() takes one name, such as has(claims.email); for other names write \
                     \"a:b\" in claims",
                )),
            };
        }
        let (function, takes) = Function::find(name, false).ok_or_else(|| self.unknown(name))?;
        self.check_count(name, takes, arguments.len())?;
        self.node(Expr::Call { function, arguments })
    }

    /// Expressions with commas between them, up to and with the closing symbol.
    fn arguments(&mut self, close: &'static str) -> Parsed<Vec<Expr>> {
        let mut arguments = Vec::new();
        while !self.accept(close) {
            if !arguments.is_empty() {
                self.demand(",", &format!("a `,` or `{close}` is missing"))?;
                // A list may end with a comma.
                if close == "]" && self.accept(close) {
                    break;
                }
            }
            arguments.push(self.expression()?);
        }
        Ok(arguments)
    }

    fn entries(&mut self) -> Parsed<Vec<(Expr, Expr)>> {
        let mut entries = Vec::new();
        while !self.accept("}") {
            if !entries.is_empty() {
                self.demand(",", "a `,` or `}` is missing")?;
                if self.accept("}") {
                    break;
                }
            }
            let key = self.expression()?;
            self.demand(":", "a map needs a `:` between a key and its value")?;
            entries.push((key, self.expression()?));
        }
        Ok(entries)
    }

    fn access(&mut self) -> Access {
        if self.accept("?") { Access::Optional } else { Access::Required }
    }

    fn node(&mut self, expr: Expr) -> Parsed {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!(
                "the expression has more than {MAX_NODES} parts; split it over several rows"
            ));
        }
        Ok(expr)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let accepted = matches!(self.peek(), Some(Token::Symbol(next)) if *next == symbol);
        self.at += usize::from(accepted);
        accepted
    }

    fn demand(&mut self, symbol: &str, otherwise: &str) -> Parsed<()> {
        if self.accept(symbol) { Ok(()) } else { Err(self.error(otherwise)) }
    }

    fn check_count(&self, name: &str, takes: &[usize], given: usize) -> Parsed<()> {
        if takes.contains(&given) {
            return Ok(());
        }
        Err(self.error(&format!("`{name}` does not take {given} arguments")))
    }

    fn unknown(&self, name: &str) -> String {
        self.error(&format!("there is no function `{name}` here"))
    }

    fn error(&self, message: &str) -> String {
        self.error_at(self.at, message)
    }

    fn error_at(&self, token: usize, message: &str) -> String {
        match self.tokens.get(token) {
            Some((_, at)) => format!("{}: {message}", place(self.text, *at)),
            None => format!("at the end: {message}"),
        }
    }
}

fn loop_kind(name: &str) -> Option<LoopKind> {
    Some(match name {
        "all" => LoopKind::All,
        "exists" => LoopKind::Exists,
        "exists_one" => LoopKind::ExistsOne,
        "map" => LoopKind::Map,
        "filter" => LoopKind::Filter,
        _ => return None,
    })
}

fn is_word(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in")
}
