//! Scope: a bounded list of words.

use serde::{Deserialize, Serialize};

/// The scopes that mean something here.
pub const SUPPORTED: [&str; 3] = ["openid", "profile", "email"];

/// The scope that asks for a refresh token. [OIDCC-11]
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The scopes that are announced: those that mean something, and the one that an application may
/// be allowed.
pub fn announced() -> Vec<&'static str> {
    SUPPORTED.into_iter().chain([OFFLINE_ACCESS]).collect()
}

/// The most words a scope may have.
pub const MAX_WORDS: usize = 50;

/// The longest text a scope may be; it has to fit the sealed cookie of a login.
pub const MAX_BYTES: usize = 1024;

/// A scope: distinct words in the order they were asked for. [RFC6749-3.3]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope(Vec<String>);

/// The text is not a scope, or an unreasonably large one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope of at most 50 words")]
pub struct InvalidScope;

impl Scope {
    /// Reads words divided by single or more spaces.
    ///
    /// # Errors
    /// [`InvalidScope`] for a character outside the grammar, or beyond the bounds.
    pub fn parse(raw: &str) -> Result<Self, InvalidScope> {
        if raw.len() > MAX_BYTES || !raw.bytes().all(is_allowed) {
            return Err(InvalidScope);
        }
        let mut words: Vec<String> = Vec::new();
        for word in raw.split(' ').filter(|word| !word.is_empty()) {
            if !words.iter().any(|seen| seen == word) {
                words.push(word.to_owned());
            }
            if words.len() > MAX_WORDS {
                return Err(InvalidScope);
            }
        }
        Ok(Self(words))
    }

    /// Whether the scope has this word.
    pub fn contains(&self, word: &str) -> bool {
        self.0.iter().any(|candidate| candidate == word)
    }

    /// The words of it that mean something here; others are ignored [RFC6749-3.3], and so is
    /// `offline_access` unless its owner allows it to the application [OIDCC-11].
    #[must_use]
    pub fn granted(&self, offline_access: bool) -> Self {
        let means =
            |word: &str| SUPPORTED.contains(&word) || (offline_access && word == OFFLINE_ACCESS);
        Self(self.0.iter().filter(|word| means(word)).cloned().collect())
    }

    /// The words, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Words joined by spaces, as on the wire.
impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The characters of a scope word, and the space. [RFC6749-A.4]
fn is_allowed(octet: u8) -> bool {
    matches!(octet, b' '..=b'~') && octet != b'"' && octet != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_keep_their_order() {
        let scope = Scope::parse("openid  email openid").unwrap();
        assert_eq!(scope.to_string(), "openid email");
        assert!(scope.contains("email") && !scope.contains("mail"));
    }

    /// [RFC6749-3.3]
    #[test]
    fn unknown_words_are_not_granted() {
        let scope = Scope::parse("openid groups profile").unwrap();
        assert_eq!(scope.granted(true).to_string(), "openid profile");
    }

    /// [OIDCC-11]
    #[test]
    fn offline_access_is_ignored_where_it_is_not_allowed() {
        let scope = Scope::parse("openid offline_access").unwrap();
        assert_eq!(scope.granted(false).to_string(), "openid");
        assert_eq!(scope.granted(true).to_string(), "openid offline_access");
    }

    /// [RFC6749-A.4]
    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for raw in ["openid\tx", "a\"b", "a\\b", "é", "a\n"] {
            assert_eq!(Scope::parse(raw), Err(InvalidScope), "{raw:?}");
        }
    }

    #[test]
    fn az_15_more_than_fifty_words_are_refused() {
        let words = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&words(MAX_WORDS)).is_ok());
        assert_eq!(Scope::parse(&words(MAX_WORDS + 1)), Err(InvalidScope));
        assert_eq!(Scope::parse(&"x".repeat(MAX_BYTES + 1)), Err(InvalidScope));
    }
}
