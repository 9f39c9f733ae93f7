//! Claim names that belong to the protocol.

/// Names that no rewriting may set: they say who speaks, to whom, when and how strongly.
pub const RESERVED: [&str; 17] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "auth_time",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    // It would turn an ID token into a logout token for a careless reader. [OIDCBCL-2.4]
    "events",
];

/// Whether a claim name belongs to the protocol.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}
