//! Between steps 4 and 5 of a login: may this person come in, and under which name are they
//! remembered? The ID token is verified; what it says of the person is now held against the
//! directory's settings.
//!
//! | rule | function |
//! |---|---|
//! | Google: organisations whose people may sign in | [`admit`] |
//! | Microsoft: one tenant in `iss` and `tid`; whether guests may | [`admit`], [`is_guest`] |
//! | groups that were left out and that the mapping reads | [`groups`] |
//! | the claims that name a person for good | [`subject`] |
//!
//! Which Microsoft tenants may sign in is part of the verification itself
//! ([`oidc::rp::issuer::IssuerRule`]).

use serde_json::{Map, Value};

use crate::directory_preset::EmailEvidence;
use crate::failure::FailureCode;
use crate::settings::GroupsOverage;
use crate::tenant::Directory;

/// The most characters that name a person.
const MAX_SUBJECT: usize = 255;

/// The tenant of all private accounts at Microsoft.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Why somebody does not come in: the code, and more about it in our own words.
pub type Refused = (FailureCode, String);

/// Whether the directory's settings let this person in.
///
/// # Errors
/// [`FailureCode::HostedDomainNotAllowed`], [`FailureCode::IdTokenIssuer`] or
/// [`FailureCode::GuestNotAllowed`].
pub fn admit(directory: &Directory, id_token: &Map<String, Value>) -> Result<(), Refused> {
    let hosted_domain = id_token.get("hd").and_then(Value::as_str);
    let is_hosted = |domain: &String| {
        hosted_domain.is_some_and(|hosted_domain| hosted_domain.eq_ignore_ascii_case(domain))
    };
    // What the request said of `hd` only narrows the chooser; the claim is what counts.
    if !directory.hosted_domains.is_empty() && !directory.hosted_domains.iter().any(is_hosted) {
        let detail = "`hd` is missing or not one of `hosted_domains`";
        return Err((FailureCode::HostedDomainNotAllowed, detail.to_owned()));
    }
    if is_microsoft(directory) && !is_of_its_issuer(id_token) {
        let detail = "`tid` is not the tenant of the issuer";
        return Err((FailureCode::IdTokenIssuer, detail.to_owned()));
    }
    if !directory.allow_guests && is_microsoft(directory) && is_guest(id_token) {
        let detail = "`acct`, `idp` or the name says that the person is a guest";
        return Err((FailureCode::GuestNotAllowed, detail.to_owned()));
    }
    Ok(())
}

/// Whether the directory has tenants and guests that it tells apart.
fn is_microsoft(directory: &Directory) -> bool {
    directory.preset.data().email_evidence == EmailEvidence::Microsoft
}

/// Whether the tenant that the ID token names, which is part of the person's identity, is the one
/// that issued it: `iss` has it in its path. The shared endpoints make sure of that by themselves,
/// an issuer of one tenant does not (THREATS JW-10).
fn is_of_its_issuer(id_token: &Map<String, Value>) -> bool {
    let text = |name: &str| id_token.get(name).and_then(Value::as_str);
    let (Some(iss), Some(tid)) = (text("iss"), text("tid")) else { return true };
    iss.split('/').any(|part| part.eq_ignore_ascii_case(tid))
}

/// Whether a Microsoft ID token is about a private account, which belongs to no organisation.
pub fn is_consumer(id_token: &Map<String, Value>) -> bool {
    id_token.get("tid").and_then(Value::as_str) == Some(CONSUMERS)
}

/// Whether a Microsoft ID token is about a guest of the tenant: somebody whose account, and
/// therefore whose address, belongs to somebody else.
pub fn is_guest(id_token: &Map<String, Value>) -> bool {
    let text = |name: &str| id_token.get(name).and_then(Value::as_str);
    let is_marked = match id_token.get("acct") {
        Some(Value::Number(kind)) => kind.as_i64() != Some(0),
        Some(Value::String(kind)) => kind != "0",
        _ => false,
    };
    // The provider that the person signed in at is only named when it is not the tenant itself,
    // with some exceptions, in which it is named in either of the two forms.
    let is_home = |idp: &str| {
        let is_ours = |tid| idp == format!("https://sts.windows.net/{tid}/");
        text("iss") == Some(idp) || text("tid").is_some_and(is_ours)
    };
    let comes_from_elsewhere =
        id_token.get("idp").is_some_and(|idp| !idp.as_str().is_some_and(is_home));
    let is_external = ["upn", "preferred_username"]
        .iter()
        .any(|name| text(name).is_some_and(|name| name.to_ascii_uppercase().contains("#EXT#")));
    is_marked || comes_from_elsewhere || is_external
}

/// Whether all groups are there that the mapping reads. A directory may leave them out when there
/// are many and name an address instead, which is never fetched (THREATS UP-12); then nobody can
/// tell who is staff.
///
/// The answer is what to note in the timeline, if anything.
///
/// # Errors
/// [`FailureCode::GroupsIncomplete`], unless the settings let such people count as being in none.
pub fn groups(
    directory: &Directory,
    id_token: &Map<String, Value>,
) -> Result<Option<&'static str>, Refused> {
    if !are_groups_elsewhere(id_token) || !directory.wanted_claims.contains("groups") {
        return Ok(None);
    }
    match directory.groups_overage {
        GroupsOverage::Fail => {
            let detail = "the ID token names another place for `groups`, which the mapping reads";
            Err((FailureCode::GroupsIncomplete, detail.to_owned()))
        }
        GroupsOverage::Drop => Ok(Some("The directory left groups out; they count as missing.")),
    }
}

/// [OIDCC-5.6.2], and what Microsoft does where the token travels in a URL.
fn are_groups_elsewhere(id_token: &Map<String, Value>) -> bool {
    let is_named = id_token
        .get("_claim_names")
        .and_then(Value::as_object)
        .is_some_and(|names| names.contains_key("groups"));
    let is_hinted = match id_token.get("hasgroups") {
        Some(Value::Bool(hint)) => *hint,
        Some(Value::String(hint)) => hint.eq_ignore_ascii_case("true"),
        _ => false,
    };
    is_named || (is_hinted && !id_token.contains_key("groups"))
}

/// The subject that a person of this directory is remembered under: `sub`, or the claims that the
/// preset names, joined with dots.
///
/// # Errors
/// [`FailureCode::ClaimMissing`] names the claim.
pub fn subject(directory: &Directory, id_token: &Map<String, Value>) -> Result<String, Refused> {
    let mut parts = Vec::new();
    for name in &directory.preset.data().identity {
        let text = id_token.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(text) = text else {
            let detail = format!("the ID token has no `{name}`, by which people are told apart");
            return Err((FailureCode::ClaimMissing, detail));
        };
        parts.push(text);
    }
    let subject = parts.join(".");
    if subject.is_empty() || subject.chars().count() > MAX_SUBJECT {
        let detail = "the claims by which people are told apart are too long";
        return Err((FailureCode::IdTokenMalformed, detail.to_owned()));
    }
    Ok(subject)
}

#[cfg(test)]
mod tests;
