//! The tree of a compiled expression: every name in it has been resolved.

use crate::claims::input::Root;

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    /// An input of the layer.
    Root(Root),
    /// A variable of a loop around this.
    Variable(String),
    /// `of.field`, or `of.?field`.
    Select {
        of: Box<Expr>,
        field: String,
        access: Access,
    },
    /// `has(of.field)`
    Has {
        of: Box<Expr>,
        field: String,
    },
    /// `of[key]`, or `of[?key]`.
    Index {
        of: Box<Expr>,
        key: Box<Expr>,
        access: Access,
    },
    /// `!x`
    Not(Box<Expr>),
    /// `-x`
    Negate(Box<Expr>),
    /// `a && b && c`
    All(Vec<Expr>),
    /// `a || b || c`
    Any(Vec<Expr>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `test ? yes : no`
    Conditional {
        test: Box<Expr>,
        yes: Box<Expr>,
        no: Box<Expr>,
    },
    /// The receiver is the first argument.
    Call {
        function: Function,
        arguments: Vec<Expr>,
    },
    /// `optional.orValue(fallback)`
    OrValue {
        optional: Box<Expr>,
        fallback: Box<Expr>,
    },
    Loop(Box<Loop>),
}

/// Whether what is not there is a fault or an empty optional value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Required,
    Optional,
}

/// `over.exists(variable, body)` and its kin.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Expr,
    pub(super) variable: String,
    /// The condition of `map` with three arguments.
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

/// What a loop makes of its body's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

/// An operator with two operands that are both evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function that an expression can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Lower,
    Upper,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    Replace,
    ToText,
    ToInt,
    ToDouble,
    HasValue,
}

impl Expr {
    /// Whether a path from this node down has more nodes than `depth`.
    ///
    /// Recurses no further than that, so it is safe on any tree.
    pub(super) fn is_deeper_than(&self, depth: usize) -> bool {
        let Some(below) = depth.checked_sub(1) else { return true };
        self.children().into_iter().any(|child| child.is_deeper_than(below))
    }

    /// Refuses operands of `&&`, `||`, `!`, `?:` and loops that cannot be booleans.
    pub(super) fn check_types(&self) -> Result<(), String> {
        for condition in self.conditions() {
            if let Some(other) = condition.known_type().filter(|known| *known != "bool") {
                return Err(format!("a condition is true or false, but one here is a {other}"));
            }
        }
        self.children().into_iter().try_for_each(Self::check_types)
    }

    /// The type of the result, where it does not depend on the input.
    pub(super) fn known_type(&self) -> Option<&'static str> {
        match self {
            Self::Null => Some("null"),
            Self::Int(_) | Self::Double(_) | Self::Negate(_) => Some("number"),
            Self::Text(_) => Some("string"),
            Self::List(_) => Some("list"),
            Self::Map(_) => Some("map"),
            Self::Bool(_) | Self::Has { .. } | Self::Not(_) | Self::All(_) | Self::Any(_) => {
                Some("bool")
            }
            Self::Binary { operator, .. } => operator.result(),
            Self::Conditional { yes, no, .. } => {
                yes.known_type().filter(|known| no.known_type() == Some(known))
            }
            Self::Call { function, .. } => Some(function.result()),
            Self::Loop(inner) => Some(match inner.kind {
                LoopKind::Map | LoopKind::Filter => "list",
                LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => "bool",
            }),
            Self::Root(_)
            | Self::Variable(_)
            | Self::Select { .. }
            | Self::Index { .. }
            | Self::OrValue { .. } => None,
        }
    }

    fn conditions(&self) -> Vec<&Self> {
        match self {
            Self::All(operands) | Self::Any(operands) => operands.iter().collect(),
            Self::Not(operand) => vec![operand],
            Self::Conditional { test, .. } => vec![test],
            Self::Loop(inner) if inner.kind == LoopKind::Map => inner.filter.iter().collect(),
            Self::Loop(inner) => vec![&inner.body],
            _ => Vec::new(),
        }
    }

    fn children(&self) -> Vec<&Self> {
        match self {
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::Text(_)
            | Self::Root(_)
            | Self::Variable(_) => Vec::new(),
            Self::List(inner) | Self::All(inner) | Self::Any(inner) => inner.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Select { of, .. } | Self::Has { of, .. } => vec![of],
            Self::Not(operand) | Self::Negate(operand) => vec![operand],
            Self::Index { of, key, .. } => vec![of, key],
            Self::Binary { left, right, .. } => vec![left, right],
            Self::Conditional { test, yes, no } => vec![test, yes, no],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::OrValue { optional, fallback } => vec![optional, fallback],
            Self::Loop(inner) => {
                [&inner.over, &inner.body].into_iter().chain(&inner.filter).collect()
            }
        }
    }
}

impl Operator {
    /// As it is written.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    const fn result(self) -> Option<&'static str> {
        match self {
            // Adds numbers, texts and lists.
            Self::Add => None,
            Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder => Some("number"),
            _ => Some("bool"),
        }
    }
}

impl Function {
    /// The function of this name with a receiver (`x.f()`) or without one (`f(x)`), and how many
    /// arguments it takes, the receiver not counted.
    pub(super) fn find(name: &str, is_method: bool) -> Option<(Self, &'static [usize])> {
        Some(match (name, is_method) {
            ("size", false) => (Self::Size, &[1]),
            ("size", true) => (Self::Size, &[0]),
            ("contains", true) => (Self::Contains, &[1]),
            ("startsWith", true) => (Self::StartsWith, &[1]),
            ("endsWith", true) => (Self::EndsWith, &[1]),
            ("lower", true) => (Self::Lower, &[0]),
            ("upper", true) => (Self::Upper, &[0]),
            ("lowerAscii", true) => (Self::LowerAscii, &[0]),
            ("upperAscii", true) => (Self::UpperAscii, &[0]),
            ("trim", true) => (Self::Trim, &[0]),
            ("split", true) => (Self::Split, &[1]),
            ("join", true) => (Self::Join, &[0, 1]),
            ("replace", true) => (Self::Replace, &[2]),
            ("hasValue", true) => (Self::HasValue, &[0]),
            ("string", false) => (Self::ToText, &[1]),
            ("int", false) => (Self::ToInt, &[1]),
            ("double", false) => (Self::ToDouble, &[1]),
            _ => return None,
        })
    }

    /// As it is written.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::LowerAscii => "lowerAscii",
            Self::UpperAscii => "upperAscii",
            Self::Trim => "trim",
            Self::Split => "split",
            Self::Join => "join",
            Self::Replace => "replace",
            Self::ToText => "string",
            Self::ToInt => "int",
            Self::ToDouble => "double",
            Self::HasValue => "hasValue",
        }
    }

    const fn result(self) -> &'static str {
        match self {
            Self::Size | Self::ToInt | Self::ToDouble => "number",
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::HasValue => "bool",
            Self::Split => "list",
            Self::Lower
            | Self::Upper
            | Self::LowerAscii
            | Self::UpperAscii
            | Self::Trim
            | Self::Join
            | Self::Replace
            | Self::ToText => "string",
        }
    }
}
