//! What an application holds: how its tokens look, how they are found, and whether they still work.

use broker::gate::{self, Closed, Passage};
use chrono::{DateTime, TimeDelta, Utc};
use store::{IssuedGrant, PresentedToken, StoreError, TenantStore};

use super::answer::digest;
use crate::entropy::{self, NoEntropy};
use crate::tenants::Loaded;

/// How long an access token is valid. It opens userinfo and nothing else.
pub(super) const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How long a grant can be refreshed, however often it is.
pub(super) const FAMILY_LIFETIME: TimeDelta = TimeDelta::days(90);
/// Where scanners for leaked secrets recognise ours.
const ACCESS_TOKEN_PREFIX: &str = "vat_";
const REFRESH_TOKEN_PREFIX: &str = "vrt_";
/// The length of each of the two values of a refresh token.
const VALUE_LENGTH: usize = 43;

/// A fresh access token.
pub(super) fn access_token() -> Result<String, NoEntropy> {
    Ok(format!("{ACCESS_TOKEN_PREFIX}{}", entropy::token()?))
}

/// A refresh token: the name of its family and a value of its own, both random. The name is what a
/// token that was used is recognised by, however old it is (THREATS TK-09).
pub(super) struct RefreshToken {
    text: String,
    family: String,
}

impl RefreshToken {
    /// The first of a family.
    pub(super) fn first() -> Result<Self, NoEntropy> {
        Self::of(entropy::token()?)
    }

    /// The next of this one's family.
    pub(super) fn next(&self) -> Result<Self, NoEntropy> {
        Self::of(self.family.clone())
    }

    fn of(family: String) -> Result<Self, NoEntropy> {
        let text = format!("{REFRESH_TOKEN_PREFIX}{family}{}", entropy::token()?);
        Ok(Self { text, family })
    }

    /// Reads one. Only its shape is looked at.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let values = text.strip_prefix(REFRESH_TOKEN_PREFIX)?;
        let (family, own) = values.split_at_checked(VALUE_LENGTH)?;
        (own.len() == VALUE_LENGTH)
            .then(|| Self { text: text.to_owned(), family: family.to_owned() })
    }

    /// SHA-256 of the whole.
    pub(super) fn hash(&self) -> [u8; 32] {
        digest(&self.text)
    }

    /// SHA-256 of the family's name.
    pub(super) fn family_hash(&self) -> [u8; 32] {
        digest(&self.family)
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// What a token is looked up by; its prefix says which kind it is. `None`: it cannot be ours.
pub(super) fn presented(token: &str) -> Option<PresentedToken> {
    if let Some(token) = RefreshToken::parse(token) {
        return Some(PresentedToken::Refresh(token.family_hash()));
    }
    token.starts_with(ACCESS_TOKEN_PREFIX).then(|| PresentedToken::Access(digest(token)))
}

/// The grant of a token that works at this moment, as far as the database knows.
pub(super) async fn find(
    store: &TenantStore,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<IssuedGrant>, StoreError> {
    match presented(token) {
        Some(PresentedToken::Access(hash)) => store.grant_by_access_token(hash, now).await,
        Some(PresentedToken::Refresh(family)) => {
            let grant = store.grant_by_refresh_token(family).await?;
            let hash = digest(token);
            Ok(grant.filter(|grant| grant.has_refresh_at(&hash, now)))
        }
        None => Ok(None),
    }
}

/// Whether what the grant gave may be used, by the configuration of this moment.
pub(super) fn pass(loaded: &Loaded, grant: &IssuedGrant) -> Result<(), Closed> {
    let passage = Passage::Grant {
        application: grant.application,
        directory: grant.directory,
        user_blocked: grant.user_blocked,
    };
    gate::pass(&loaded.tenant, passage).inspect_err(|closed| {
        tracing::info!(tenant.id = %loaded.tenant.id, login.id = %grant.login, %closed, "a token was denied");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_token_is_a_family_and_a_value_and_nothing_else_reads_as_one() {
        let first = RefreshToken::first().unwrap();
        let next = first.next().unwrap();
        assert_eq!(first.family_hash(), next.family_hash());
        assert_ne!(first.hash(), next.hash());
        let text = next.into_text();
        let read = RefreshToken::parse(&text).unwrap();
        assert_eq!(read.family_hash(), first.family_hash());
        for other in [
            "",
            "vrt_",
            &text[..text.len() - 1],
            &format!("{text}A"),
            &text.replace("vrt_", "vat_"),
            &format!("vrt_{}", "é".repeat(43)),
            &format!("vrt_{}", "é".repeat(42)),
        ] {
            assert!(RefreshToken::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn kind_of_a_token_is_told_by_its_prefix() {
        assert!(matches!(presented(&access_token().unwrap()), Some(PresentedToken::Access(_))));
        let refresh = RefreshToken::first().unwrap().into_text();
        assert!(matches!(presented(&refresh), Some(PresentedToken::Refresh(_))));
        assert_eq!(presented("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"), None);
    }
}
