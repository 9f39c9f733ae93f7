//! Passkeys: making one, and signing in with one. [WebAuthn-3]
//!
//! A ceremony has two halves. What the second has to know of the first travels sealed through the
//! page's script, for five minutes, bound to what it is for and to whom; so it is there at whichever
//! node the second half arrives. Whoever signs in names no account: the passkey does, and nobody
//! learns which accounts there are (THREATS ID-11).

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::id::AccountId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::AccountRecord;
use url::Url;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::sign_in::onward;
use super::visitor::Proof;
use super::{Refused, visitor};
use crate::api::Problem;
use crate::api::input::{Body, shaped};
use crate::entropy;
use crate::front::peer::Client;
use crate::gateway::App;

/// How long a ceremony may take.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// The place that a ceremony's first half is sealed for; to it comes what it is for.
const PLACE: &str = "dashboard passkey";

/// The relying party that browsers know us as; `None` where there can be none, because the public URL
/// has an address instead of a name. [WebAuthn-3 5.1.2]
pub(crate) fn relying_party(public_url: &str) -> Option<Webauthn> {
    let url = Url::parse(public_url).ok()?;
    let builder = WebauthnBuilder::new(url.domain()?, &url).ok()?;
    builder.rp_name("Vestibule").build().ok()
}

/// The first half of a ceremony, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Begun<T> {
    until: DateTime<Utc>,
    state: T,
}

/// What a script sends for the second half.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer<T> {
    state: String,
    credential: T,
    /// How the passkey is to be called, when one is made.
    #[serde(default)]
    name: String,
    /// Where to go on to.
    #[serde(default)]
    next: String,
    /// The secret of a link, for pages that are opened by one.
    #[serde(default)]
    pub(super) token: String,
    /// The person's name, for the page that asks for it.
    #[serde(default)]
    pub(super) who: String,
}

/// A passkey that was just made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) credential_id: Vec<u8>,
    pub(super) name: String,
    pub(super) passkey: Value,
}

fn party(app: &App) -> Result<&Webauthn, Problem> {
    app.relying_party.as_ref().ok_or_else(|| {
        Problem::conflict("passkeys need a public URL with a name, such as https://sso.example.org")
    })
}

fn seal(app: &App, purpose: &str, whom: &str, state: &impl Serialize) -> Result<String, Problem> {
    let begun = Begun { until: app.clock.now() + LASTS, state };
    let failed = || Problem::internal("a ceremony cannot be sealed");
    let plain = serde_json::to_vec(&begun).map_err(|_| failed())?;
    let nonce = entropy::bytes().map_err(|_| failed())?;
    let sealed = app.master.browser_key().seal(&[PLACE, purpose, whom], nonce, &plain);
    Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(|_| failed())?))
}

fn open<T: DeserializeOwned>(
    app: &App,
    purpose: &str,
    whom: &str,
    sealed: &str,
) -> Result<T, Problem> {
    let stale = || Problem::conflict("this took too long, or was begun elsewhere; try again");
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| stale())?;
    let plain = app.master.browser_key().open(&[PLACE, purpose, whom], &sealed);
    let begun: Begun<T> =
        serde_json::from_slice(&plain.map_err(|_| stale())?).map_err(|_| stale())?;
    if begun.until < app.clock.now() { Err(stale()) } else { Ok(begun.state) }
}

/// The first half of making a passkey for an account.
pub(super) fn ask_for_new(app: &App, account: &AccountRecord) -> Result<Json<Value>, Problem> {
    let known = account.passkeys.iter().map(|one| one.credential_id.clone()).collect();
    let display = if account.name.is_empty() { &account.email } else { &account.name };
    let begun =
        party(app)?.start_passkey_registration(account.id.0, &account.email, display, Some(known));
    let (options, state) = begun.map_err(|_| Problem::internal("a passkey cannot be asked for"))?;
    let mut options = serde_json::to_value(options)
        .map_err(|_| Problem::internal("a challenge cannot be written"))?;
    // It has to name the account by itself when somebody signs in with it.
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
        merge(selection, json!({ "residentKey": "required", "requireResidentKey": true }));
    }
    let state = seal(app, "new", &account.id.to_string(), &state)?;
    Ok(Json(json!({ "options": options, "state": state })))
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// The second half: the passkey, if the browser answered what was asked.
pub(super) fn made(
    app: &App,
    account: AccountId,
    answer: &Answer<RegisterPublicKeyCredential>,
) -> Result<Made, Problem> {
    let state: PasskeyRegistration = open(app, "new", &account.to_string(), &answer.state)?;
    let passkey = party(app)?.finish_passkey_registration(&answer.credential, &state);
    let passkey = passkey
        .map_err(|error| Problem::invalid("credential", format!("no passkey was made: {error}")))?;
    let name: String =
        answer.name.trim().chars().filter(|one| !one.is_control()).take(100).collect();
    Ok(Made {
        credential_id: passkey.cred_id().clone(),
        name: if name.is_empty() { "Passkey".to_owned() } else { name },
        passkey: serde_json::to_value(&passkey)
            .map_err(|_| Problem::internal("a passkey cannot be written"))?,
    })
}

/// The first half of signing in.
pub(super) async fn ask(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let begun = party(&app)?.start_discoverable_authentication();
    let (options, state) = begun.map_err(|_| Problem::internal("a passkey cannot be asked for"))?;
    let mut options = serde_json::to_value(options)
        .map_err(|_| Problem::internal("a challenge cannot be written"))?;
    // The person pressed a button: the browser is to ask at once.
    if let Some(members) = options.as_object_mut() {
        members.remove("mediation");
    }
    let state = seal(&app, "sign in", "", &state)?;
    Ok(Json(json!({ "options": options, "state": state })))
}

/// The second half of signing in.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Extension(Client(address)): Extension<Client>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let answer: Answer<PublicKeyCredential> = shaped(body)?;
    let state: DiscoverableAuthentication = open(&app, "sign in", "", &answer.state)?;
    let Some((account, credential)) = proven(&app, &answer.credential, state).await? else {
        // Only what fails counts: whoever has a passkey gets in.
        app.attempts.count(address, None)?;
        return Err(unknown());
    };
    let proof = Proof::Passkey(credential);
    let cookie = visitor::sign_in(&app, &headers, account, proof).await.map_err(problem)?;
    let next = onward(Some(&answer.next));
    Ok(cookie.on(Json(json!({ "next": next })).into_response()))
}

fn unknown() -> Problem {
    tracing::info!(event = "dashboard.sign_in_failed", "somebody did not get into the dashboard");
    Problem::conflict("this passkey is not known here; it may have been removed")
}

/// The account that a passkey of its own answered for, and which.
async fn proven(
    app: &App,
    credential: &PublicKeyCredential,
    state: DiscoverableAuthentication,
) -> Result<Option<(AccountId, Vec<u8>)>, Problem> {
    let party = party(app)?;
    let Ok((user, id)) = party.identify_discoverable_authentication(credential) else {
        return Ok(None);
    };
    let operator = app.operator.clone().acting_as("dashboard").operator();
    let Some(account) = operator.account_by_credential(id).await? else { return Ok(None) };
    let held = account.passkeys.iter().find(|one| one.credential_id == id);
    let Some(held) = held.filter(|_| account.id.0 == user) else { return Ok(None) };
    let mut passkey: Passkey = serde_json::from_value(held.passkey.clone())
        .map_err(|_| Problem::internal("a stored passkey cannot be read"))?;
    let key = DiscoverableKey::from(&passkey);
    let Ok(result) = party.finish_discoverable_authentication_v2(credential, state, &key) else {
        return Ok(None);
    };
    passkey.update_credential(&result);
    let passkey = serde_json::to_value(&passkey)
        .map_err(|_| Problem::internal("a passkey cannot be written"))?;
    operator.note_passkey_use(account.id, id, &passkey, app.clock.now()).await?;
    Ok(Some((account.id, id.to_vec())))
}

/// What a script is told when a page would have been refused.
pub(super) fn problem(refused: Refused) -> Problem {
    match refused {
        Refused::Problem(problem) => *problem,
        Refused::SignIn(_) => Problem::unauthenticated(),
        Refused::Stale(_) => Problem::conflict(
            "sign in again with a passkey or a password first; this takes a sign-in of the last 15 \
             minutes",
        ),
        Refused::NotFound => Problem::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name() {
        assert!(relying_party("https://sso.example.org").is_some());
        assert!(relying_party("http://localhost:8080").is_some());
        assert!(relying_party("http://127.0.0.1:8080").is_none());
        assert!(relying_party("http://[::1]:8080").is_none());
    }
}
