//! The way to a value: `claims.employee_number`, `claims.address.country`,
//! `claims["https://ns.example/member"]`.
//!
//! A name after a dot has letters, digits, `_` and `-`; any other name stands in brackets and
//! quotes. Names are exact: no case folding, no wildcard. A list has no path into it; the
//! transforms `first` and `join`, or an expression, take what is needed of it.

use std::fmt;

use serde_json::Value;

use super::input::{Inputs, Layer, Root};

/// The longest path, in bytes.
const MAX_PATH: usize = 512;

/// The most names in a path.
const MAX_SEGMENTS: usize = 8;

/// A path that begins at a root its layer sees.
#[derive(Debug, Clone)]
pub(super) struct Path {
    text: String,
    root: Root,
    segments: Vec<String>,
}

impl Path {
    /// Reads a path; otherwise says what to do.
    pub(super) fn parse(layer: Layer, text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATH {
            return Err(format!("a path has at most {MAX_PATH} characters"));
        }
        let (name, mut rest) = plain_name(text);
        let root = layer.root(name).ok_or_else(|| {
            format!("`{text}` does not begin with one of: {}", layer.root_names())
        })?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let (segment, after) = segment(rest).ok_or_else(|| cannot_read(text))?;
            segments.push(segment);
            rest = after;
        }
        if segments.is_empty() {
            return Err(format!("`{text}` is not one value; add a name, such as `{text}.email`"));
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("a path has at most {MAX_SEGMENTS} names"));
        }
        Ok(Self { text: text.to_owned(), root, segments })
    }

    /// The value the path leads to.
    pub(super) fn resolve<'a>(&self, inputs: &'a Inputs) -> Option<&'a Value> {
        self.segments
            .iter()
            .try_fold(inputs.get(self.root), |value, segment| value.as_object()?.get(segment))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn cannot_read(text: &str) -> String {
    format!(
        "`{text}` is not a path; a name with characters other than letters, digits, `_` and `-` \
         goes in brackets, such as claims[\"cognito:groups\"]"
    )
}

/// The next name and what comes after it.
fn segment(text: &str) -> Option<(String, &str)> {
    if let Some(after_dot) = text.strip_prefix('.') {
        let (name, rest) = plain_name(after_dot);
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    }
    let quoted = text.strip_prefix('[')?;
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut name = String::new();
    let mut characters = quoted.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let rest = quoted.get(at + 1..)?.strip_prefix(']')?;
            return (!name.is_empty()).then_some((name, rest));
        }
        // A backslash keeps the next character as it is.
        name.push(if character == '\\' { characters.next()?.1 } else { character });
    }
    None
}

fn plain_name(text: &str) -> (&str, &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.split_at(text.find(|c| !is_plain(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::claims::tests::only_claims;

    fn resolve(path: &str) -> Option<Value> {
        let inputs = only_claims(json!({
            "email": "a@b.example",
            "address": { "country": "NZ" },
            "https://ns.example/member": 7,
            "cognito:groups": ["a"],
            "two words": 1,
            "a.b": 2,
            "say \"x\"": 3,
            "employee-number": 4
        }));
        Path::parse(Layer::Profile, path).unwrap().resolve(&inputs).cloned()
    }

    #[test]
    fn a_path_goes_through_objects() {
        assert_eq!(resolve("claims.email"), Some(json!("a@b.example")));
        assert_eq!(resolve("claims.address.country"), Some(json!("NZ")));
        assert_eq!(resolve("claims.employee-number"), Some(json!(4)));
        assert_eq!(resolve("claims.address.city"), None);
        assert_eq!(resolve("claims.email.x"), None);
    }

    /// THREATS CL-05: names are matched exactly.
    #[test]
    fn cl_05_names_with_dots_addresses_colons_and_spaces_go_in_brackets() {
        assert_eq!(resolve(r#"claims["https://ns.example/member"]"#), Some(json!(7)));
        assert_eq!(resolve("claims['cognito:groups']"), Some(json!(["a"])));
        assert_eq!(resolve("claims['two words']"), Some(json!(1)));
        assert_eq!(resolve("claims['a.b']"), Some(json!(2)));
        assert_eq!(resolve(r#"claims["say \"x\""]"#), Some(json!(3)));
        assert_eq!(resolve("claims['address'].country"), Some(json!("NZ")));
        assert_eq!(resolve("claims.Email"), None);
        assert_eq!(resolve("claims.a.b"), None);
    }

    #[test]
    fn what_is_not_a_path_is_refused_with_advice() {
        for (path, advice) in [
            ("claims.cognito:groups", "brackets"),
            ("claims", "add a name"),
            ("claims.", "brackets"),
            ("claims..a", "brackets"),
            ("claims[0]", "brackets"),
            ("claims['a'", "brackets"),
            ("claims['']", "brackets"),
            ("claims['a\\", "brackets"),
            ("email", "does not begin"),
            ("", "does not begin"),
            ("profile.email", "does not begin"),
            ("Claims.email", "does not begin"),
        ] {
            let error = Path::parse(Layer::Profile, path).unwrap_err();
            assert!(error.contains(advice), "{path}: {error}");
        }
    }

    #[test]
    fn a_long_path_is_refused() {
        assert!(Path::parse(Layer::Profile, &format!("claims{}", ".a".repeat(9))).is_err());
        assert!(Path::parse(Layer::Profile, &format!("claims.{}", "a".repeat(600))).is_err());
    }
}
