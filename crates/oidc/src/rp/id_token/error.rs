//! Why an ID token is refused: one variant and one stable code per reason.

/// Why an ID token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Longer than 16 KiB.
    #[error("the ID token is longer than 16 KiB")]
    TooLarge,
    /// Not three parts of canonical base64url around JSON objects without duplicates.
    #[error("the ID token is malformed")]
    Malformed,
    /// It is encrypted, which we do not ask for.
    #[error("the ID token is encrypted")]
    Encrypted,
    /// Its algorithm is not one of this directory's.
    #[error("the ID token is signed with an algorithm that is not allowed")]
    Algorithm,
    /// It has a critical extension. [RFC7515-4.1.11]
    #[error("the ID token has a critical extension")]
    Critical,
    /// It is another kind of token. [RFC8725-3.11]
    #[error("the token is not an ID token")]
    Type,
    /// It says that it is for another use, such as a directory's access token.
    #[error("the token says that it is not an ID token")]
    WrongUse,
    /// No key of the set fits; the set may be out of date, so fetching it again may help.
    #[error("the ID token is signed with an unknown key")]
    UnknownKey,
    /// It does not say which of several keys signed it.
    #[error("the ID token does not say which key signed it")]
    AmbiguousKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// A required claim is missing.
    #[error("the ID token has no {0}")]
    Missing(&'static str),
    /// A claim has a type or size it cannot have.
    #[error("{0} in the ID token has the wrong type")]
    ClaimType(&'static str),
    /// Another issuer. [OIDCC-3.1.3.7-2]
    #[error("the ID token comes from another issuer")]
    Issuer,
    /// It comes from a tenant of a shared endpoint that is not let in.
    #[error("the ID token comes from a tenant that is not allowed")]
    TenantNotAllowed,
    /// The key belongs to another issuer of a shared set.
    #[error("the key of the ID token belongs to another issuer")]
    KeyIssuer,
    /// It is not for us. [OIDCC-3.1.3.7-3]
    #[error("the ID token is for another client")]
    Audience,
    /// It was issued to another client, or does not say to which. [OIDCC-3.1.3.7-5]
    #[error("the ID token was issued to another client")]
    AuthorizedParty,
    /// It has expired. [OIDCC-3.1.3.7-9]
    #[error("the ID token has expired")]
    Expired,
    /// It is not valid yet. [RFC7519-4.1.5]
    #[error("the ID token is not valid yet")]
    NotYetValid,
    /// It was issued, or the user authenticated, in the future. [OIDCC-3.1.3.7-10]
    #[error("the ID token was issued in the future")]
    IssuedInFuture,
    /// The nonce is missing or another's. [OIDCC-3.1.3.7-11]
    #[error("the ID token belongs to another login")]
    Nonce,
    /// A fresh authentication was asked for and the token does not say when it was.
    /// [OIDCC-3.1.3.7-13]
    #[error("the ID token does not say when the user authenticated")]
    AuthTimeMissing,
    /// The authentication is older than asked for. [OIDCC-3.1.3.7-13]
    #[error("the user authenticated too long ago")]
    AuthTimeTooOld,
    /// It belongs to another access token. [OIDCC-3.1.3.8]
    #[error("the ID token belongs to another access token")]
    AccessTokenHash,
    /// It belongs to another code. [OIDCC-3.3.2.10]
    #[error("the ID token belongs to another code")]
    CodeHash,
}

impl IdTokenError {
    /// A stable code, for timelines and for the explanation of failures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "id_token_too_large",
            Self::Malformed => "id_token_malformed",
            Self::Encrypted => "id_token_encrypted",
            Self::Algorithm => "id_token_algorithm",
            Self::Critical => "id_token_critical",
            Self::Type => "id_token_type",
            Self::WrongUse => "id_token_use",
            Self::UnknownKey => "id_token_unknown_key",
            Self::AmbiguousKey => "id_token_ambiguous_key",
            Self::Signature => "id_token_signature",
            Self::Missing(_) => "id_token_claim_missing",
            Self::ClaimType(_) => "id_token_claim_type",
            Self::Issuer => "id_token_issuer",
            Self::TenantNotAllowed => "id_token_tenant",
            Self::KeyIssuer => "id_token_key_issuer",
            Self::Audience => "id_token_audience",
            Self::AuthorizedParty => "id_token_azp",
            Self::Expired => "id_token_expired",
            Self::NotYetValid => "id_token_not_yet_valid",
            Self::IssuedInFuture => "id_token_issued_in_future",
            Self::Nonce => "id_token_nonce",
            Self::AuthTimeMissing => "id_token_auth_time_missing",
            Self::AuthTimeTooOld => "id_token_auth_time_too_old",
            Self::AccessTokenHash => "id_token_at_hash",
            Self::CodeHash => "id_token_c_hash",
        }
    }
}
