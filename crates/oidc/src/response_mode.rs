//! The ways an authorization response travels.

use serde::{Deserialize, Serialize};

/// How the answer of the authorization endpoint reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI; never for an ID token. [OAuth2-RT-2.1]
    Query,
    /// In the fragment of the redirect URI. [OAuth2-RT-2.1]
    Fragment,
    /// As a form that the browser posts. [OAuth2-FPRM-2]
    FormPost,
}

impl ResponseMode {
    /// Every mode that can be offered.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// Reads a mode; case matters.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == raw)
    }

    /// As written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_06_other_spellings_and_extensions_are_unknown() {
        for raw in ["FORM_POST", "Query", "web_message", "form_post.jwt", "jwt", ""] {
            assert_eq!(ResponseMode::parse(raw), None, "{raw}");
        }
        assert_eq!(ResponseMode::parse("form_post"), Some(ResponseMode::FormPost));
    }
}
