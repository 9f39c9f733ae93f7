//! Which issuers a directory may state: in its discovery document, and in its ID tokens.
//! [OIDCD-4.3] [OIDCC-3.1.3.7-2]
//!
//! | rule | the document states | an ID token states |
//! |---|---|---|
//! | [`IssuerRule::Exact`] | this text | the same |
//! | [`IssuerRule::Spellings`] | the first of them | any of them |
//! | [`IssuerRule::Tenants`] | the template | the template with its own `tid`, one of the allowed |
//! | [`IssuerRule::Domain`] | the template with some tenant id | what the document states |
//!
//! Nothing is normalised: a slash more or less is another issuer.

use super::id_token::IdTokenError;

/// Stands for a tenant id in Microsoft's templates.
pub const TENANT_ID: &str = "{tenantid}";

/// Which issuers are accepted of one directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IssuerRule {
    /// This text, octet for octet. [OIDCD-4.3]
    Exact(String),
    /// The discovery document states the first; ID tokens may state any of them (Google: with and
    /// without `https://`).
    Spellings(Vec<String>),
    /// Microsoft's shared endpoints: the document states this template with `{tenantid}`; a
    /// token's issuer is the template with the token's own `tid`, which has to be one of these.
    Tenants {
        /// The issuer, with [`TENANT_ID`] in it.
        template: String,
        /// The tenant ids that are let in; none lets nobody in.
        tenants: Vec<String>,
    },
    /// A Microsoft tenant addressed by a domain: the document states the template with some tenant
    /// id, which then is the issuer.
    Domain {
        /// The issuer, with [`TENANT_ID`] in it.
        template: String,
    },
}

impl IssuerRule {
    /// Whether a discovery document that states this issuer is the directory's.
    pub fn admits_metadata(&self, published: &str) -> bool {
        match self {
            Self::Exact(issuer) => issuer == published,
            Self::Spellings(all) => all.first().is_some_and(|first| first == published),
            Self::Tenants { template, .. } => template == published,
            Self::Domain { template } => tenant_in(template, published).is_some_and(is_tenant_id),
        }
    }

    /// Compares the issuer of a signed ID token with the rule and with what the directory's
    /// document states. `tid` is the token's claim of that name.
    ///
    /// # Errors
    /// [`IdTokenError::Issuer`] for another issuer, [`IdTokenError::TenantNotAllowed`] for a
    /// tenant of the shared endpoint that is not let in.
    pub fn check_token(
        &self,
        published: &str,
        iss: &str,
        tid: Option<&str>,
    ) -> Result<(), IdTokenError> {
        let stated = match self {
            Self::Exact(issuer) => iss == issuer,
            Self::Spellings(all) => all.iter().any(|one| one == iss),
            Self::Domain { .. } => iss == published,
            Self::Tenants { template, tenants } => {
                let own = tid.filter(|tid| is_tenant_id(tid)).ok_or(IdTokenError::Issuer)?;
                if template.replace(TENANT_ID, own) != iss {
                    return Err(IdTokenError::Issuer);
                }
                if !tenants.iter().any(|one| one.eq_ignore_ascii_case(own)) {
                    return Err(IdTokenError::TenantNotAllowed);
                }
                true
            }
        };
        if stated { Ok(()) } else { Err(IdTokenError::Issuer) }
    }

    /// The issuer under which a person is remembered: one, however the token spelled it.
    pub fn canonical<'a>(&'a self, iss: &'a str) -> &'a str {
        match self {
            Self::Spellings(all) => all.first().map_or(iss, String::as_str),
            _ => iss,
        }
    }

    /// The text that names it in settings and pages.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Tenants { template: text, .. } => text,
            Self::Domain { template } => template,
            Self::Spellings(all) => all.first().map_or("", String::as_str),
        }
    }
}

/// Whether this is a tenant id of Microsoft's: a GUID in its usual form.
pub fn is_tenant_id(text: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == GROUPS.len()
        && groups.iter().zip(GROUPS).all(|(group, length)| {
            group.len() == length && group.bytes().all(|octet| octet.is_ascii_hexdigit())
        })
}

/// What stands in the place of the tenant id, if the rest is the template's.
fn tenant_in<'a>(template: &str, issuer: &'a str) -> Option<&'a str> {
    let (before, after) = template.split_once(TENANT_ID)?;
    issuer.strip_prefix(before)?.strip_suffix(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    const ACME: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";
    const EVIL: &str = "c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb";

    fn issuer_of(tenant: &str) -> String {
        TEMPLATE.replace(TENANT_ID, tenant)
    }

    fn tenants(allowed: &[&str]) -> IssuerRule {
        let tenants = allowed.iter().map(|one| (*one).to_owned()).collect();
        IssuerRule::Tenants { template: TEMPLATE.to_owned(), tenants }
    }

    fn google() -> IssuerRule {
        let both = ["https://accounts.google.com", "accounts.google.com"];
        IssuerRule::Spellings(both.map(str::to_owned).to_vec())
    }

    /// [OIDCD-4.3]
    #[test]
    fn up_07_an_exact_issuer_is_compared_to_the_last_octet() {
        let rule = IssuerRule::Exact("https://op.example".to_owned());
        assert!(rule.admits_metadata("https://op.example"));
        assert_eq!(rule.check_token("https://op.example", "https://op.example", None), Ok(()));
        for other in ["https://op.example/", "https://OP.example", "http://op.example", ""] {
            assert!(!rule.admits_metadata(other), "{other}");
            let outcome = rule.check_token("https://op.example", other, None);
            assert_eq!(outcome, Err(IdTokenError::Issuer), "{other}");
        }
    }

    #[test]
    fn jw_05_google_spells_its_issuer_in_two_ways_in_tokens_and_in_one_in_its_document() {
        let published = "https://accounts.google.com";
        assert!(google().admits_metadata(published));
        assert!(!google().admits_metadata("accounts.google.com"));
        for iss in ["https://accounts.google.com", "accounts.google.com"] {
            assert_eq!(google().check_token(published, iss, None), Ok(()), "{iss}");
            assert_eq!(google().canonical(iss), published);
        }
        for iss in ["http://accounts.google.com", "https://accounts.google.com/", "google.com"] {
            let outcome = google().check_token(published, iss, None);
            assert_eq!(outcome, Err(IdTokenError::Issuer), "{iss}");
        }
    }

    #[test]
    fn id_02_a_tenant_of_the_shared_endpoint_has_to_be_let_in() {
        let check = |rule: &IssuerRule| rule.check_token(TEMPLATE, &issuer_of(ACME), Some(ACME));
        assert!(tenants(&[ACME]).admits_metadata(TEMPLATE));
        assert!(!tenants(&[ACME]).admits_metadata(&issuer_of(ACME)));
        assert_eq!(check(&tenants(&[EVIL, ACME])), Ok(()));
        assert_eq!(check(&tenants(&[&ACME.to_ascii_uppercase()])), Ok(()));
        assert_eq!(check(&tenants(&[EVIL])), Err(IdTokenError::TenantNotAllowed));
        assert_eq!(check(&tenants(&[])), Err(IdTokenError::TenantNotAllowed));
    }

    #[test]
    fn jw_10_the_issuer_has_to_be_the_template_with_the_tokens_own_tenant() {
        let check = |tid| tenants(&[ACME, EVIL]).check_token(TEMPLATE, &issuer_of(ACME), tid);
        for tid in [None, Some(EVIL), Some(""), Some("{tenantid}"), Some("acme.example")] {
            assert_eq!(check(tid), Err(IdTokenError::Issuer), "{tid:?}");
        }
    }

    #[test]
    fn jw_10_a_tenant_id_is_a_guid_and_nothing_that_completes_a_path() {
        let tid = "x/../7d1c";
        let outcome = tenants(&[tid]).check_token(TEMPLATE, &issuer_of(tid), Some(tid));
        assert_eq!(outcome, Err(IdTokenError::Issuer));
    }

    #[test]
    fn a_tenant_addressed_by_domain_states_its_id_in_its_document_and_keeps_to_it() {
        let rule = IssuerRule::Domain { template: TEMPLATE.to_owned() };
        assert!(rule.admits_metadata(&issuer_of(ACME)));
        for other in [TEMPLATE, "https://login.microsoftonline.com/acme.example/v2.0"] {
            assert!(!rule.admits_metadata(other), "{other}");
        }
        let published = issuer_of(ACME);
        assert_eq!(rule.check_token(&published, &published, Some(ACME)), Ok(()));
        let foreign = rule.check_token(&published, &issuer_of(EVIL), Some(EVIL));
        assert_eq!(foreign, Err(IdTokenError::Issuer));
    }
}
