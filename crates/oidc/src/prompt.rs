//! `prompt`: what the client wants the user to be shown. [OIDCC-3.1.2.1]

use serde::{Deserialize, Serialize};

/// One value of `prompt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptValue {
    /// No page may be shown.
    None,
    /// The user authenticates again.
    Login,
    /// The user is asked for consent.
    Consent,
    /// The user chooses an account.
    SelectAccount,
}

impl PromptValue {
    /// As written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        [Self::None, Self::Login, Self::Consent, Self::SelectAccount]
            .into_iter()
            .find(|value| value.as_str() == raw)
    }
}

/// The values of `prompt`; empty when the parameter was not sent. `none` is alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prompt(Vec<PromptValue>);

/// A value is unknown, or `none` is not alone. [OIDCC-3.1.2.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a supported prompt")]
pub struct InvalidPrompt;

impl Prompt {
    /// Reads values divided by spaces.
    ///
    /// # Errors
    /// [`InvalidPrompt`]; the client is told `invalid_request`.
    pub fn parse(raw: &str) -> Result<Self, InvalidPrompt> {
        let mut values = Vec::new();
        for word in raw.split(' ').filter(|word| !word.is_empty()) {
            let value = PromptValue::parse(word).ok_or(InvalidPrompt)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.len() > 1 && values.contains(&PromptValue::None) {
            return Err(InvalidPrompt);
        }
        Ok(Self(values))
    }

    /// Whether this value was asked for.
    pub fn contains(&self, value: PromptValue) -> bool {
        self.0.contains(&value)
    }

    /// Whether no page may be shown.
    pub fn is_none(&self) -> bool {
        self.contains(PromptValue::None)
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in the order they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = PromptValue> {
        self.0.iter().copied()
    }
}

/// Values joined by spaces, as on the wire.
impl std::fmt::Display for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|value| value.as_str()).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [OIDCC-3.1.2.1]
    #[test]
    fn az_08_none_is_alone() {
        assert_eq!(Prompt::parse("none login"), Err(InvalidPrompt));
        assert!(Prompt::parse("none").unwrap().is_none());
        assert!(Prompt::parse("none none").unwrap().is_none());
    }

    #[test]
    fn values_are_kept_in_order_and_unknown_ones_refused() {
        assert_eq!(
            Prompt::parse("login select_account").unwrap().to_string(),
            "login select_account"
        );
        assert_eq!(Prompt::parse("enroll_authenticator"), Err(InvalidPrompt));
    }
}
