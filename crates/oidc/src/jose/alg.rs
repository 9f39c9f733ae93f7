//! The allow-list of signature algorithms.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// A signature algorithm that may be used at all; each directory and each application is
/// narrowed further. [RFC7518-3.1] [RFC8037-3.1] [RFC8725-3.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the one every client knows.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// The kind of key an algorithm works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Alg {
    /// The whole list.
    pub const ALL: [Self; 7] =
        [Self::RS256, Self::RS384, Self::RS512, Self::PS256, Self::ES256, Self::ES384, Self::EdDSA];

    /// Reads a name exactly; everything that is not on the list, `none` and the HMACs among
    /// them, is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == raw)
    }

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The hash function of the algorithm; Ed25519 signs over SHA-512. [OIDCC-3.1.3.6]
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::RS256 | Self::PS256 | Self::ES256 => &digest::SHA256,
            Self::RS384 | Self::ES384 => &digest::SHA384,
            Self::RS512 | Self::EdDSA => &digest::SHA512,
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::EdDSA => Family::Ed25519,
        }
    }

    pub(super) const fn jsonwebtoken(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm;
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

impl std::fmt::Display for Alg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jw_01_none_and_hmac_do_not_exist() {
        for raw in ["none", "nOnE", "NONE", "", "HS256", "HS512", "rs256", "RS256 ", "ES256K"] {
            assert_eq!(Alg::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn the_name_in_a_configuration_is_the_registered_one() {
        for alg in Alg::ALL {
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.as_str());
            assert_eq!(Alg::parse(alg.as_str()), Some(alg));
        }
    }
}
