//! What is asked of the directory once its answer is matched to an attempt, in this order: the
//! issuer of the answer, the exchange of its code, the ID token, userinfo. [`admit`] then holds what
//! it said against the directory's settings.

use std::sync::Arc;

use broker::attempt::Leg;
use broker::failure::FailureCode;
use broker::settings::{TokenEndpointAuthMethod, UserinfoUse};
use broker::tenant::{Directory, SecretSlot};
use broker::timeline::Step;
use broker::user::Identity;
use broker::{admission, forward, sso};
use chrono::{DateTime, TimeDelta, Utc};
use oidc::rp::callback::{self, CallbackAnswer};
use oidc::rp::id_token::VerifiedIdToken;
use oidc::rp::metadata::ProviderMetadata;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::Answered;
use crate::keyring;
use crate::login::{Trace, Why};
use crate::upstream::{Exchange, Tokens, UpstreamError, Verify, sent_back};

/// How far the directory's clock may be off. [OIDCC-3.1.3.7-9]
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// Redeems the directory's code and verifies what comes for it. `max_age` is how many seconds
/// before its start the authentication may have been, where somebody asked for a fresh one.
pub(crate) async fn ask(
    trace: &mut Trace,
    leg: &Leg,
    answer: CallbackAnswer,
    (directory, max_age): (Arc<Directory>, Option<u32>),
) -> Result<Answered, Why> {
    let step = Step::Finish;
    let app = Arc::clone(&trace.app);
    let tenant = trace.loaded.tenant.id;
    let metadata = discovered(trace, &directory).await?;
    let code = code(answer, &directory, &metadata)?;
    let redirect_uri = trace.loaded.callback(leg.callback_host.as_ref(), &directory.slug);
    let exchange = Exchange { code: &code, redirect_uri: &redirect_uri, verifier: &leg.verifier };
    let tokens = redeem(trace, &directory, &metadata, exchange).await?;
    trace.note(step, "The directory redeemed its code.");
    let access_token = tokens.access_token.as_ref();
    let verify =
        Verify { id_token: &tokens.id_token, access_token, code: &code, nonce: &leg.nonce };
    let now = app.clock.now();
    let verified = app.upstream.verify(tenant, &directory, &metadata, verify, now).await?;
    let auth_time = time(verified.claims().get("auth_time"), now);
    // A fresh sign-in was asked for: the directory has to say when it was, and it has to have been
    // since then (THREATS AZ-10). [OIDCC-3.1.3.7-13]
    let is_fresh = |max_age| sso::is_fresh(auth_time, max_age, leg.started_at - LEEWAY);
    if !max_age.is_none_or(is_fresh) {
        let detail = "auth_time is missing or older than the application allows";
        return Err((FailureCode::AuthenticationTooOld, detail.to_owned()));
    }
    trace.note(step, "The ID token is verified.");
    let subject = admission::subject(&directory, verified.claims())?;
    let userinfo = userinfo(trace, &directory, &metadata, access_token, &verified).await?;
    if userinfo.is_some() {
        trace.note(step, "Userinfo answered.");
    }
    let acr = text(verified.claims().get("acr"));
    Ok(Answered {
        identity: Identity {
            directory: directory.id,
            issuer: verified.issuer().to_owned(),
            subject,
        },
        acr: acr.and_then(|acr| forward::acr(&directory, &acr).map(str::to_owned)),
        amr: texts(verified.claims().get("amr")),
        id_token: verified.into_claims(),
        directory,
        userinfo,
        auth_time,
        replaces: None,
        spent: None,
    })
}

/// Whether the directory's settings let this person in.
pub(crate) fn admit(trace: &mut Trace, answered: &Answered) -> Result<(), Why> {
    admission::admit(&answered.directory, &answered.id_token)?;
    if let Some(note) = admission::groups(&answered.directory, &answered.id_token)? {
        trace.note(Step::Finish, note);
    }
    Ok(())
}

/// The code, if the answer has one and is from the directory that was asked.
fn code(
    answer: CallbackAnswer,
    directory: &Directory,
    metadata: &ProviderMetadata,
) -> Result<String, Why> {
    // Before the code leaves us: is it from the one that was asked? [RFC9207-2.4]
    let announced = metadata.authorization_response_iss_parameter_supported;
    if callback::check_issuer(answer.iss(), &metadata.issuer, announced).is_err() {
        let issuer = &metadata.issuer;
        let detail = match answer.iss() {
            None => format!("the answer has no iss, and {issuer} announces one"),
            Some(_) => format!("iss in the answer is not {issuer}"),
        };
        return Err((FailureCode::CallbackIssuerMismatch, detail));
    }
    match answer {
        CallbackAnswer::Code { code, .. } => Ok(code),
        CallbackAnswer::Error { error, error_description, .. } => {
            let (failure, said) = sent_back(&error, error_description.as_deref());
            Err((failure, with_scopes(failure, said, directory)))
        }
    }
}

/// Exchanges the code, and remembers what the directory says of our secrets on the way.
async fn redeem(
    trace: &mut Trace,
    directory: &Directory,
    metadata: &ProviderMetadata,
    exchange: Exchange<'_>,
) -> Result<Tokens, Why> {
    let app = Arc::clone(&trace.app);
    let tenant = trace.loaded.tenant.id;
    let key = keyring::assertion_key(&app, &trace.loaded, directory, app.clock.now()).await;
    let key = key.map_err(|error| (FailureCode::Internal, error.to_string()))?;
    let exchanged =
        app.upstream.exchange(tenant, directory, metadata, exchange, key.as_deref()).await;
    for (slot, failure) in exchanged.refused {
        let name = match slot {
            SecretSlot::Current => "client_secret",
            SecretSlot::Next => "next_client_secret",
        };
        trace.note(Step::Finish, format!("The directory refused {name}."));
        if failure == FailureCode::DirectorySecretExpired {
            learn(trace, directory, slot).await;
        }
    }
    match exchanged.tokens {
        Ok(tokens) => Ok(tokens),
        Err(error) => {
            Err(understood(trace, directory, metadata, exchange.redirect_uri, error).await)
        }
    }
}

/// What a directory means that does not accept who asks. It has one word for a wrong secret, one
/// that has expired, a right one that is sent in another way than it expects, and a key that it
/// does not know; each is mended otherwise.
async fn understood(
    trace: &Trace,
    directory: &Directory,
    metadata: &ProviderMetadata,
    redirect_uri: &str,
    error: UpstreamError,
) -> Why {
    let (failure, said) = Why::from(error);
    if failure != FailureCode::DirectoryCredentialsWrong {
        return (failure, with_scopes(failure, said, directory));
    }
    let method = directory.auth_method(metadata);
    if method == TokenEndpointAuthMethod::PrivateKeyJwt {
        let keys = format!("{said}; the tenant's key set is at {}/jwks", trace.loaded.issuer);
        return (FailureCode::DirectoryKeyUnknown, keys);
    }
    // Dates are written by people, but this one and the directory say the same.
    let now = trace.app.clock.now();
    let ends = directory.secrets.iter().map(|one| one.expires_at.filter(|end| *end <= now));
    if let Some(end) = ends.collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max()) {
        let detail = format!("{said}; the secret was entered as good until {}", end.date_naive());
        return (FailureCode::DirectorySecretExpired, detail);
    }
    let (upstream, tenant) = (&trace.app.upstream, trace.loaded.tenant.id);
    match upstream.accepts_otherwise(tenant, directory, metadata, redirect_uri).await {
        Some(other) => {
            let (other, method) = (other.as_str(), method.as_str());
            let detail = format!("{said} to {method}, and it accepts {other}");
            (FailureCode::DirectoryCredentialsMethod, detail)
        }
        None => (failure, format!("{said}; we are `{}`", directory.client_id)),
    }
}

/// Which scopes it was, where one of them was refused.
fn with_scopes(failure: FailureCode, said: String, directory: &Directory) -> String {
    if failure == FailureCode::DirectoryScopeRefused {
        return format!("{said}; asked for is {}", directory.scopes.join(" "));
    }
    said
}

/// The directory's metadata; where it is missing, the address that it was looked for at.
pub(crate) async fn discovered(
    trace: &Trace,
    directory: &Directory,
) -> Result<Arc<ProviderMetadata>, Why> {
    let metadata = trace.app.upstream.metadata(trace.loaded.tenant.id, directory).await;
    metadata.map_err(|error| {
        let (failure, said) = Why::from(error);
        match failure {
            FailureCode::IssuerMismatch | FailureCode::DirectoryMoved => (failure, said),
            _ => (failure, format!("{said} ({})", directory.discovery_url)),
        }
    })
}

/// Writes down that a secret has expired, once; the login does not depend on it.
async fn learn(trace: &Trace, directory: &Directory, slot: SecretSlot) {
    let is_known = |one: &broker::tenant::DirectorySecret| one.slot == slot && one.is_expired;
    if directory.secrets.iter().any(is_known) {
        return;
    }
    let store = trace.app.store.tenant(trace.loaded.tenant.id);
    let noted = store.note_expired_secret(directory.id, slot, trace.loaded.version()).await;
    match noted {
        Ok(true) => tracing::warn!(
            tenant.id = %trace.loaded.tenant.id,
            directory.id = %directory.id,
            "directory.secret_expired: the directory called a client secret expired"
        ),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "an expired secret was not written down"),
    }
}

async fn userinfo(
    trace: &Trace,
    directory: &Directory,
    metadata: &ProviderMetadata,
    access_token: Option<&SecretString>,
    verified: &VerifiedIdToken,
) -> Result<Option<Map<String, Value>>, Why> {
    let Some(access_token) = access_token else { return Ok(None) };
    if metadata.userinfo_endpoint.is_none() || !is_userinfo_wanted(directory, verified.claims()) {
        return Ok(None);
    }
    let (upstream, tenant) = (&trace.app.upstream, trace.loaded.tenant.id);
    let subject = verified.subject();
    Ok(Some(upstream.userinfo(tenant, directory, metadata, access_token, subject).await?))
}

fn is_userinfo_wanted(directory: &Directory, id_token: &Map<String, Value>) -> bool {
    match directory.userinfo {
        UserinfoUse::Always => true,
        UserinfoUse::WhenNeeded => {
            directory.userinfo_claims.iter().any(|name| !id_token.contains_key(name))
        }
        UserinfoUse::Never => false,
    }
}

/// A time of zero, which some directories send, is none; so is one to come, by which a session
/// would be fresh for ever (THREATS AZ-10).
fn time(value: Option<&Value>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let seconds = value.and_then(Value::as_i64).filter(|seconds| *seconds > 0)?;
    DateTime::from_timestamp(seconds, 0).filter(|time| *time <= now + LEEWAY)
}

/// What `acr` or `amr` says; one that nobody means is nothing (THREATS JW-04).
fn text(value: Option<&Value>) -> Option<String> {
    let plain =
        |text: &&str| (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
    value.and_then(Value::as_str).filter(plain).map(str::to_owned)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let all = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|one| text(Some(one))).take(20).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jw_04_rx_06_acr_and_amr_are_plain_text_or_nothing() {
        let read = |value: Value| text(Some(&value));
        assert_eq!(read(json!("urn:okta:loa:2fa:any")).as_deref(), Some("urn:okta:loa:2fa:any"));
        for odd in
            [json!("a\u{0}b"), json!("a\r\nX: y"), json!(""), json!("a".repeat(256)), json!(1)]
        {
            assert_eq!(read(odd.clone()), None, "{odd}");
        }
        assert_eq!(texts(Some(&json!(["pwd", "x\u{0}", 7, "otp"]))), ["pwd", "otp"]);
    }

    #[test]
    fn az_10_time_of_authentication_is_in_the_past() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let read = |seconds: i64| time(Some(&json!(seconds)), now).map(|time| time.timestamp());
        assert_eq!((read(999_999), read(1_000_060)), (Some(999_999), Some(1_000_060)));
        assert_eq!((read(0), read(-1), read(1_000_061)), (None, None, None));
    }
}
