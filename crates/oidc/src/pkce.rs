//! Proof Key for Code Exchange, S256 only: `plain` proves nothing. [RFC7636-1] [RFC9700-2.1.1]

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::encoding::{base64url, base64url_decode};
use crate::secret::sha256;

/// The one `code_challenge_method`. [RFC7636-4.3]
pub const METHOD: &str = "S256";

/// A `code_challenge`: the SHA-256 of a verifier. [RFC7636-4.2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

/// The text is not 43 base64url characters that spell 32 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an S256 code challenge")]
pub struct InvalidCodeChallenge;

impl CodeChallenge {
    /// Reads a challenge.
    ///
    /// # Errors
    /// [`InvalidCodeChallenge`]; the client is told `invalid_request`. [RFC7636-4.4.1]
    pub fn parse(raw: &str) -> Result<Self, InvalidCodeChallenge> {
        base64url_decode(raw)
            .and_then(|octets| octets.try_into().ok())
            .map(Self)
            .ok_or(InvalidCodeChallenge)
    }

    /// The challenge as it travels: 43 base64url characters.
    pub fn to_text(&self) -> String {
        base64url(self.0)
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidCodeChallenge;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.to_text()
    }
}

/// A `code_verifier`: 43 to 128 unreserved characters. [RFC7636-4.1]
#[derive(Debug, Clone)]
pub struct CodeVerifier(SecretString);

/// The text is not 43 to 128 unreserved characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code verifier")]
pub struct InvalidCodeVerifier;

impl CodeVerifier {
    /// Reads a verifier.
    ///
    /// # Errors
    /// [`InvalidCodeVerifier`] for another length or character. [RFC7636-4.1]
    pub fn parse(raw: &str) -> Result<Self, InvalidCodeVerifier> {
        let unreserved = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
        if (43..=128).contains(&raw.len()) && raw.bytes().all(unreserved) {
            Ok(Self(SecretString::from(raw)))
        } else {
            Err(InvalidCodeVerifier)
        }
    }

    /// Makes the verifier of a request of ours from 32 random octets. [RFC7636-4.1]
    pub fn from_entropy(entropy: &[u8; 32]) -> Self {
        Self(SecretString::from(base64url(entropy)))
    }

    /// The S256 challenge of this verifier. [RFC7636-4.2]
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(sha256(self.expose().as_bytes()))
    }

    /// Whether this verifier is the one behind the challenge. [RFC7636-4.6]
    pub fn opens(&self, challenge: &CodeChallenge) -> bool {
        self.challenge().0.ct_eq(&challenge.0).into()
    }

    /// The text, for the token request.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// [RFC7636-B]
    #[test]
    fn the_example_of_rfc_7636_opens() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert_eq!(verifier.challenge().to_text(), CHALLENGE);
        assert!(verifier.opens(&challenge));
    }

    /// [RFC7636-A]
    #[test]
    fn a_verifier_is_the_base64url_of_its_entropy() {
        let entropy = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212,
            37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        assert_eq!(CodeVerifier::from_entropy(&entropy).expose(), VERIFIER);
    }

    #[test]
    fn tk_05_another_verifier_does_not_open() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert!(!CodeVerifier::parse(&"a".repeat(43)).unwrap().opens(&challenge));
    }

    #[test]
    fn az_07_challenges_of_other_lengths_or_alphabets_are_refused() {
        let refused = [
            CHALLENGE[..42].to_owned(),
            format!("{CHALLENGE}="),
            "a".repeat(129),
            CHALLENGE.replace('-', "+"),
            // The last character carries two bits that no 32 octets have.
            format!("{}N", &CHALLENGE[..42]),
        ];
        for raw in refused {
            assert_eq!(CodeChallenge::parse(&raw), Err(InvalidCodeChallenge), "{raw}");
        }
    }

    /// [RFC7636-4.1]
    #[test]
    fn tk_05_verifiers_of_other_lengths_or_characters_are_refused() {
        for raw in ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(42))] {
            assert!(CodeVerifier::parse(&raw).is_err(), "{raw}");
        }
        assert!(CodeVerifier::parse(&"~".repeat(128)).is_ok());
    }

    #[test]
    fn debug_shows_nothing_of_a_verifier() {
        let shown = format!("{:?}", CodeVerifier::parse(VERIFIER).unwrap());
        assert!(!shown.contains("dBjft"), "{shown}");
    }
}
