//! What an application's tokens call a person: their `sub`. [OIDCC-8]
//!
//! A user has one `sub` of their own, random and the same for every application. An application
//! may be given something else in its place, by its setting `sub`:
//!
//! | policy | `sub` |
//! |---|---|
//! | `opaque` | the user's own |
//! | `pairwise` | made of the application's host and the user's own, under a key of the tenant, so that two applications cannot find out that they know the same person [OIDCC-8.1] |
//! | `external_id` | the user's `external_id` |
//!
//! It is made once, at step 7, and kept in the grant: the ID tokens and userinfo of one login
//! cannot disagree.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::redirect_uri::RedirectUri;
use url::Url;

use crate::settings::SubPolicy;
use crate::user::User;

/// The longest `sub`, in ASCII characters. [OIDCC-2]
pub(crate) const MAX_SUB: usize = 255;

/// How an application's `sub` is made: its policy, proven possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SubRule {
    /// The user's own.
    #[default]
    Opaque,
    /// One for this sector: the host of the application's redirect URIs. [OIDCC-8.1]
    Pairwise(String),
    /// The user's `external_id`.
    ExternalId,
}

/// The `external_id` cannot be a `sub`. [OIDCC-2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sub: the person's external_id is not 1 to 255 printable ASCII characters")]
pub struct UnusableExternalId;

impl SubRule {
    /// Proves a policy possible for an application that is answered at these addresses.
    ///
    /// # Errors
    /// What to change: a pairwise `sub` needs one host, since that is what it is made of.
    /// [OIDCC-8.1]
    pub fn compile(policy: SubPolicy, redirect_uris: &[RedirectUri]) -> Result<Self, &'static str> {
        match policy {
            SubPolicy::Opaque => Ok(Self::Opaque),
            SubPolicy::ExternalId => Ok(Self::ExternalId),
            SubPolicy::Pairwise => sector(redirect_uris).map(Self::Pairwise),
        }
    }

    /// The user's `sub` at this application.
    ///
    /// # Errors
    /// [`UnusableExternalId`]; the login then ends here.
    pub fn apply(&self, user: &User, key: &PairwiseKey) -> Result<String, UnusableExternalId> {
        match self {
            Self::Opaque => Ok(user.sub.clone()),
            Self::Pairwise(sector) => Ok(key.sub(sector, &user.sub)),
            Self::ExternalId => {
                let text = &user.external_id;
                let usable = (1..=MAX_SUB).contains(&text.len())
                    && text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
                usable.then(|| text.clone()).ok_or(UnusableExternalId)
            }
        }
    }

    /// What discovery calls it: `public` or `pairwise`. [OIDCC-8]
    pub const fn subject_type(&self) -> &'static str {
        match self {
            Self::Opaque | Self::ExternalId => "public",
            Self::Pairwise(_) => "pairwise",
        }
    }
}

fn sector(redirect_uris: &[RedirectUri]) -> Result<String, &'static str> {
    let host = |uri: &RedirectUri| Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned);
    let hosts: Option<Vec<String>> = redirect_uris.iter().map(host).collect();
    match hosts.as_deref() {
        Some([first, others @ ..]) if others.iter().all(|one| one == first) => Ok(first.clone()),
        _ => Err("`pairwise` needs redirect URIs that are all on one host; use `opaque`, or make \
                  an application of each host"),
    }
}

/// A tenant's key for pairwise identifiers, derived from its data key
/// ([`MasterKey::pairwise_key`](crate::seal::MasterKey::pairwise_key)); prints as its name only.
///
/// Applications keep what is made with it for ever: whoever replaces a tenant's data key has to
/// carry this key over, or every person becomes a stranger there.
#[derive(Clone)]
pub struct PairwiseKey(Arc<hmac::Key>);

impl PairwiseKey {
    /// A key of these 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// 43 characters of base64url. The sector ends at a character that no host has.
    fn sub(&self, sector: &str, sub: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{sector}/{sub}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref())
    }
}

impl fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn uris(texts: &[&str]) -> Vec<RedirectUri> {
        texts.iter().map(|text| RedirectUri::parse(text).unwrap()).collect()
    }

    fn user(sub: &str, external_id: &str) -> User {
        let id = UserId(uuid::Uuid::nil());
        User { id, sub: sub.to_owned(), external_id: external_id.to_owned() }
    }

    fn pairwise(uri: &str, key: u8, sub: &str) -> String {
        let rule = SubRule::compile(SubPolicy::Pairwise, &uris(&[uri])).unwrap();
        rule.apply(&user(sub, "E-1"), &PairwiseKey::new(&[key; 32])).unwrap()
    }

    #[test]
    fn opaque_is_the_users_own_and_external_id_is_that() {
        let (uris, key) = (uris(&["https://a.example/"]), PairwiseKey::new(&[7; 32]));
        let made = |policy| {
            let rule = SubRule::compile(policy, &uris).unwrap();
            rule.apply(&user("s-1", "E-1"), &key).unwrap()
        };
        assert_eq!(made(SubPolicy::Opaque), "s-1");
        assert_eq!(made(SubPolicy::ExternalId), "E-1");
    }

    /// [OIDCC-8.1]
    #[test]
    fn pairwise_is_stable_for_a_host_and_differs_by_host_person_and_tenant() {
        let sub = pairwise("https://a.example/cb", 7, "s-1");
        assert_eq!(sub.len(), 43);
        assert_eq!(sub, pairwise("https://a.example/another", 7, "s-1"));
        let others = [
            pairwise("https://b.example/cb", 7, "s-1"),
            pairwise("https://a.example/cb", 7, "s-2"),
            pairwise("https://a.example/cb", 8, "s-1"),
        ];
        assert!(!others.contains(&sub), "{others:?}");
        assert!(!sub.contains("s-1"));
    }

    /// A change of this value changes every pairwise `sub` that applications have stored.
    #[test]
    fn pairwise_is_what_it_has_always_been() {
        let sub = pairwise("https://a.example/cb", 7, "s-1");
        assert_eq!(sub, "3voltgCUIaIvBx9XZaZfR7qoDyBWi3p0Us0bMB0rlZQ");
    }

    /// [OIDCC-8.1]
    #[test]
    fn pairwise_needs_one_host() {
        let good = ["https://a.example/", "https://a.example:8443/cb"];
        assert!(SubRule::compile(SubPolicy::Pairwise, &uris(&good)).is_ok());
        for bad in [
            &["https://a.example/", "https://b.example/"][..],
            &["https://a.example/", "com.example.app:/cb"],
            &[],
        ] {
            let compiled = SubRule::compile(SubPolicy::Pairwise, &uris(bad));
            assert!(compiled.is_err_and(|error| error.contains("one host")), "{bad:?}");
            assert!(SubRule::compile(SubPolicy::Opaque, &uris(bad)).is_ok());
        }
    }

    /// [OIDCC-2]
    #[test]
    fn an_external_id_that_no_sub_may_be_is_refused() {
        let key = PairwiseKey::new(&[7; 32]);
        let apply = |text: &str| SubRule::ExternalId.apply(&user("s", text), &key);
        assert_eq!(apply(&"x".repeat(255)), Ok("x".repeat(255)));
        for bad in ["", &"x".repeat(256), "Zoë", "a\nb"] {
            assert_eq!(apply(bad), Err(UnusableExternalId), "{bad:?}");
        }
    }
}
