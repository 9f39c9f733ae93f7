//! From the text of an expression to its tokens.

use std::iter::Peekable;
use std::str::CharIndices;

/// The smallest parts of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Double(f64),
    Text(String),
    Symbol(&'static str),
}

/// A token and where it begins, in bytes.
pub(super) type Spanned = (Token, usize);

/// The longer ones first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// The tokens of a text; otherwise what cannot be read, and where.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, String> {
    let mut lexer = Lexer { text, rest: text.char_indices().peekable() };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// A place in the text, for people.
pub(super) fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}")
}

struct Lexer<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Result<Option<Spanned>, String> {
        self.skip_space();
        let Some(&(at, first)) = self.rest.peek() else { return Ok(None) };
        let after = self.text.get(at..).unwrap_or_default();
        let token = if let Some(quote) = raw_quote(after) {
            self.rest.next();
            self.string(at, quote, Escapes::Kept)?
        } else if first == '"' || first == '\'' {
            self.string(at, first, Escapes::Read)?
        } else if first.is_ascii_digit() {
            self.number(at)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| after.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| {
                format!("{}: `{first}` has no meaning in CEL", place(self.text, at))
            })?;
            for _ in symbol.chars() {
                self.rest.next();
            }
            Token::Symbol(symbol)
        };
        Ok(Some((token, at)))
    }

    /// White space, and comments up to the end of their line.
    fn skip_space(&mut self) {
        while let Some(&(at, character)) = self.rest.peek() {
            if self.text.get(at..).is_some_and(|rest| rest.starts_with("//")) {
                while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
            } else if character.is_whitespace() {
                self.rest.next();
            } else {
                return;
            }
        }
    }

    fn take_while(&mut self, matches: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some((_, character)) = self.rest.next_if(|(_, c)| matches(*c)) {
            taken.push(character);
        }
        taken
    }

    fn number(&mut self, at: usize) -> Result<Token, String> {
        let mut digits = self.take_while(|c| c.is_ascii_digit());
        let follows = |text: &str, at: usize| {
            text.get(at..).and_then(|rest| rest.chars().nth(1)).is_some_and(|c| c.is_ascii_digit())
        };
        if let Some(&(dot, '.')) = self.rest.peek()
            && follows(self.text, dot)
        {
            self.rest.next();
            digits.push('.');
            digits.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        let next = self.rest.peek().map(|(_, c)| *c);
        if next.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return Err(format!(
                "{}: numbers are written in plain digits, such as 42 or 1.5",
                place(self.text, at)
            ));
        }
        let number = if digits.contains('.') {
            digits.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Double)
        } else {
            digits.parse().ok().map(Token::Int)
        };
        number.ok_or_else(|| format!("{}: the number is too large", place(self.text, at)))
    }

    fn string(&mut self, at: usize, quote: char, escapes: Escapes) -> Result<Token, String> {
        self.rest.next();
        let mut text = String::new();
        while let Some((here, character)) = self.rest.next() {
            match character {
                _ if character == quote => return Ok(Token::Text(text)),
                '\n' => break,
                '\\' if escapes == Escapes::Read => {
                    let character = self.escape().ok_or_else(|| {
                        format!(
                            "{}: not an escape; write \\\\ for a backslash",
                            place(self.text, here)
                        )
                    })?;
                    text.push(character);
                }
                _ => text.push(character),
            }
        }
        Err(format!("{}: the text is not closed with {quote}", place(self.text, at)))
    }

    fn escape(&mut self) -> Option<char> {
        let (_, character) = self.rest.next()?;
        match character {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            '\\' | '\'' | '"' | '`' | '?' => Some(character),
            'x' | 'X' => self.code_point(2),
            'u' => self.code_point(4),
            'U' => self.code_point(8),
            _ => None,
        }
    }

    fn code_point(&mut self, digits: usize) -> Option<char> {
        let mut code = 0_u32;
        for _ in 0..digits {
            let digit = self.rest.next()?.1.to_digit(16)?;
            code = code.checked_mul(16)?.checked_add(digit)?;
        }
        char::from_u32(code)
    }
}

/// Whether a backslash means something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Read,
    Kept,
}

/// The quote of a raw string: `r"..."`.
fn raw_quote(text: &str) -> Option<char> {
    let after = text.strip_prefix(['r', 'R'])?;
    after.chars().next().filter(|c| matches!(c, '"' | '\''))
}
