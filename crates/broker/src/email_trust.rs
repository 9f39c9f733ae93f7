//! Whether a person's e-mail address is theirs: the one question on which accounts are taken over.
//! (THREATS ID-02, ID-03, ID-07)
//!
//! | the directory's `email_trust` | trusted when |
//! |---|---|
//! | `never` | never |
//! | `domain` | the domain is one of the directory's, and the account belongs to the organisation |
//! | `verified_claim` | the vendor's own evidence says so, about this very address |
//!
//! Whatever the setting, a directory does not answer for addresses of a domain that another
//! directory of the tenant has and it has not.
//!
//! | evidence | is |
//! |---|---|
//! | `claim` | `email_verified` is JSON `true` |
//! | `string_claim` | the same, or the text `true` |
//! | `cognito` | the same, or every provider behind the account is trusted |
//! | `google` | `email_verified`, and Google answers for the address: Gmail, or `hd` |
//! | `microsoft` | `xms_edov`; or a member of the one tenant, with a domain of the directory's |

use serde_json::{Map, Value};

use crate::admission::{is_consumer, is_guest};
use crate::directory_preset::EmailEvidence;
use crate::email::Email;
use crate::profile::Answer;
use crate::settings::EmailTrust;
use crate::tenant::{Directory, Tenant};
use oidc::rp::issuer::IssuerRule;

/// Whether `email`, which the mapping made, is proven to be the person's own.
pub fn is_trusted(tenant: &Tenant, directory: &Directory, email: &str, answer: Answer<'_>) -> bool {
    let Some(email) = Email::parse(email) else { return false };
    if !is_ours(directory, &email) && tenant.directories.iter().any(|one| is_ours(one, &email)) {
        return false;
    }
    match directory.email_trust {
        EmailTrust::Never => false,
        EmailTrust::Domain => {
            is_ours(directory, &email) && belongs(directory, answer)
                || is_owned(directory, &email, answer)
        }
        EmailTrust::VerifiedClaim => is_evident(directory, &email, answer),
    }
}

fn is_ours(directory: &Directory, email: &Email) -> bool {
    directory.rank(email.domain()).is_some()
}

/// Whether the account is one that the organisation itself gave: elsewhere its own people and
/// strangers who use one of its addresses look alike.
fn belongs(directory: &Directory, answer: Answer<'_>) -> bool {
    let preset = directory.preset.data();
    // Whoever makes an account of their own there may type any address.
    if preset.self_registration && is_denied(answer) {
        return false;
    }
    let id_token = answer.id_token;
    match preset.email_evidence {
        EmailEvidence::Microsoft => {
            is_one_tenant(directory) && !is_guest(id_token) && !is_consumer(id_token)
        }
        EmailEvidence::Google => has_text(id_token, "hd"),
        _ => true,
    }
}

/// Whether the directory itself says that the address is not verified.
fn is_denied(answer: Answer<'_>) -> bool {
    answer.claims().get("email_verified").is_some_and(|verified| !is_true(Some(verified)))
}

/// A domain of the directory's that Microsoft says its owner has proven, in whichever tenant.
fn is_owned(directory: &Directory, email: &Email, answer: Answer<'_>) -> bool {
    directory.preset.data().email_evidence == EmailEvidence::Microsoft
        && is_ours(directory, email)
        && says(email, answer).is_some_and(|claims| is_edov(&claims))
}

fn is_evident(directory: &Directory, email: &Email, answer: Answer<'_>) -> bool {
    let evidence = directory.preset.data().email_evidence;
    if evidence == EmailEvidence::Microsoft
        && is_ours(directory, email)
        && belongs(directory, answer)
    {
        return true;
    }
    let Some(claims) = says(email, answer) else { return false };
    let verified = claims.get("email_verified");
    match evidence {
        EmailEvidence::Claim => verified == Some(&Value::Bool(true)),
        EmailEvidence::StringClaim => is_true(verified),
        EmailEvidence::Cognito => is_true(verified) || is_vouched_for(directory, &claims),
        EmailEvidence::Google => {
            verified == Some(&Value::Bool(true))
                && (email.domain().as_str() == "gmail.com" || has_text(&claims, "hd"))
        }
        EmailEvidence::Microsoft => is_edov(&claims),
    }
}

/// The claims, if the address that they speak of is this one: what is said of one address proves
/// nothing about another, also where userinfo says it and the ID token names the other.
fn says(email: &Email, answer: Answer<'_>) -> Option<Map<String, Value>> {
    let sources = [Some(answer.id_token), answer.userinfo];
    let stated: Vec<&Value> =
        sources.into_iter().flatten().filter_map(|claims| claims.get("email")).collect();
    let is_this = |stated: &&Value| {
        let stated = stated.as_str().and_then(Email::parse);
        stated.is_some_and(|stated| stated.is_same_as(email))
    };
    (!stated.is_empty() && stated.iter().all(is_this)).then(|| answer.claims())
}

/// JSON `true`, or the text that Cognito's userinfo writes.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// "E-mail domain owner verified", seen as a boolean, a number and a text.
fn is_edov(claims: &Map<String, Value>) -> bool {
    match claims.get("xms_edov") {
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        Some(Value::String(text)) => text == "1" || text.eq_ignore_ascii_case("true"),
        other => other == Some(&Value::Bool(true)),
    }
}

/// Whether tokens of a single tenant are accepted: then its administrators alone say who has which
/// address.
fn is_one_tenant(directory: &Directory) -> bool {
    match &directory.issuer {
        IssuerRule::Exact(_) | IssuerRule::Domain { .. } => true,
        IssuerRule::Tenants { tenants, .. } => tenants.len() == 1,
        IssuerRule::Spellings(_) => false,
    }
}

/// Whether the account comes from providers that staff trust with addresses. The address may be any
/// of theirs, so all have to be.
fn is_vouched_for(directory: &Directory, claims: &Map<String, Value>) -> bool {
    let providers = match claims.get("identities") {
        Some(Value::Array(identities)) => identities.clone(),
        // As userinfo writes it.
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Vec::new(),
    };
    let is_trusted = |identity: &Value| {
        let name = identity.get("providerName").and_then(Value::as_str);
        name.is_some_and(|name| directory.trusted_providers.iter().any(|one| one == name))
    };
    !providers.is_empty() && providers.iter().all(is_trusted)
}

fn has_text(claims: &Map<String, Value>, name: &str) -> bool {
    claims.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
