//! The response types that are offered.

use serde::{Deserialize, Serialize};

use crate::response_mode::ResponseMode;

/// What the authorization endpoint is asked to answer with. Types that carry an access
/// token are not offered. [OIDCC-3] [RFC9700-2.1.2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResponseType {
    /// `code` [RFC6749-4.1.1]
    #[serde(rename = "code")]
    Code,
    /// `id_token` [OIDCC-3.2.2.1]
    #[serde(rename = "id_token")]
    IdToken,
    /// `code id_token` [OIDCC-3.3.2.1]
    #[serde(rename = "code id_token")]
    CodeIdToken,
}

impl ResponseType {
    /// Every response type that can be offered.
    pub const ALL: [Self; 3] = [Self::Code, Self::IdToken, Self::CodeIdToken];

    /// Reads a response type; the order of its words does not matter. [OAuth2-RT-3]
    pub fn parse(raw: &str) -> Option<Self> {
        let mut words: Vec<&str> = raw.split(' ').collect();
        words.sort_unstable();
        match words.as_slice() {
            ["code"] => Some(Self::Code),
            ["id_token"] => Some(Self::IdToken),
            ["code", "id_token"] => Some(Self::CodeIdToken),
            _ => None,
        }
    }

    /// As written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::CodeIdToken => "code id_token",
        }
    }

    /// Whether the answer carries a code.
    pub const fn has_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken)
    }

    /// Whether the answer carries an ID token.
    pub const fn has_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::CodeIdToken)
    }

    /// The mode of an answer to a request that names none. [OAuth2-RT-2.1] [OAuth2-RT-5]
    pub const fn default_mode(self) -> ResponseMode {
        if self.has_id_token() { ResponseMode::Fragment } else { ResponseMode::Query }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [OAuth2-RT-3]
    #[test]
    fn the_order_of_words_does_not_matter() {
        assert_eq!(ResponseType::parse("id_token code"), Some(ResponseType::CodeIdToken));
        assert_eq!(ResponseType::parse("code id_token"), Some(ResponseType::CodeIdToken));
    }

    #[test]
    fn az_05_types_with_access_tokens_and_near_misses_are_unknown() {
        let unknown =
            ["token", "code token", "none", "", "Code", "code  id_token", "code code", "code\t"];
        for raw in unknown {
            assert_eq!(ResponseType::parse(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for kind in ResponseType::ALL {
            assert_eq!(ResponseType::parse(kind.as_str()), Some(kind));
        }
    }
}
