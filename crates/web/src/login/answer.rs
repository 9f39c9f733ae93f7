//! Step 8 of a login: one commit, then the answer in the application's own response mode.
//!
//! Everything that could still fail (claims, signature) is done before the commit, so that a
//! committed login is an answered one.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::failure::FailureCode;
use broker::id::{GrantId, SessionId};
use broker::profile::Profile;
use broker::tenant::Directory;
use broker::timeline::Step;
use broker::user::{Resolved, User};
use chrono::{DateTime, TimeDelta, Utc};
use oidc::op::answer::{self, AuthorizationResponse, Success};
use oidc::op::id_token::{self, IdTokenInput};
use oidc::pkce::CodeChallenge;
use serde_json::Map;
use store::{
    LoginCommit, LoginOutcome, NewGrant, NewSession, ReuseCommit, ReuseOutcome, SightingKind,
    SightingSubject,
};

use super::finish::Answered;
use super::release::{self, Released};
use super::{Login, user};
use crate::entropy::{self, NoEntropy};
use crate::keyring::{self, KeyError};
use crate::page::{self, Language};
use crate::refusal::Refused;

/// How long a code is valid. [RFC6749-4.1.2]
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// How often a lost race for a new user is run again. Once is enough; twice is generous.
const RACES: usize = 3;

/// Somebody who is signed in here, just now or by their session.
pub(crate) struct Authenticated {
    pub(crate) directory: Arc<Directory>,
    pub(crate) user: User,
    pub(crate) profile: Profile,
    pub(crate) session: SessionId,
    pub(crate) auth_time: Option<DateTime<Utc>>,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
}

/// The SHA-256 of a random value: what the database knows of it.
pub(crate) fn digest(value: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, value.as_bytes()).as_ref());
    hash
}

/// What the application gets.
struct Minted {
    code: Option<String>,
    id_token: Option<String>,
    grant: Option<NewGrant>,
}

/// Answers after the directory did: user, session and grant are committed together.
pub(crate) async fn from_directory(
    mut login: Login,
    answered: Answered,
    profile: Profile,
    mut resolved: Resolved,
) -> Result<Response, Refused> {
    let app = Arc::clone(&login.trace.app);
    let tenant = login.trace.loaded.tenant.id;
    let store = app.store.tenant(tenant);
    let session_value = entropy::token()?;
    for _ in 0..RACES {
        let authenticated = Authenticated {
            directory: Arc::clone(&answered.directory),
            user: resolved.user().clone(),
            profile: profile.clone(),
            session: SessionId::new(login.trace.now, entropy::bytes()?),
            auth_time: answered.auth_time,
            acr: answered.acr.clone(),
            amr: answered.amr.clone(),
        };
        let minted;
        (login, minted) = Box::pin(mint(login, &authenticated)).await?;
        if let Err(closed) = login.is_open(answered.directory.id).await? {
            let (directory, detail) = (Some(answered.directory.id), format!("meanwhile {closed}"));
            return Err(login.fail(directory, Step::Answer, closed.failure(), detail).into());
        }
        let now = app.clock.now();
        let commit = LoginCommit {
            login: login.trace.login,
            application: login.application.id,
            identity: answered.identity.clone(),
            email: broker::user::trusted_email(&profile),
            user: resolved.clone(),
            session: NewSession {
                id: authenticated.session,
                token_hash: digest(&session_value),
                replaces: answered.replaces,
                profile: authenticated.profile,
                auth_time: authenticated.auth_time,
                acr: authenticated.acr,
                amr: authenticated.amr,
                expires_at: now + login.trace.loaded.tenant.sessions.lifetime(),
            },
            grant: minted.grant.clone(),
            started_at: login.trace.started_at,
            now,
            timeline: login.trace.timeline.clone(),
        };
        let outcome = match store.commit_login(&commit).await {
            Ok(outcome) => outcome,
            // It may be written all the same; then its code went nowhere and expires.
            Err(error) => {
                return Err(login.interrupted(commit.identity.directory, Step::Answer, error));
            }
        };
        let failure = match outcome {
            LoginOutcome::Committed => {
                observed(&login, &answered, commit.user.user()).await;
                return signed_in(&login, &answered, &minted, &session_value);
            }
            LoginOutcome::IdentityAppeared => {
                (login, resolved) = user::resolve(login, &answered, &profile).await?;
                continue;
            }
            LoginOutcome::AlreadyUsed => FailureCode::AttemptUsed,
            LoginOutcome::ExternalIdTaken => FailureCode::ExternalIdTaken,
        };
        let directory = Some(answered.directory.id);
        return Err(login.fail(directory, Step::User, failure, failure.cause()).into());
    }
    tracing::error!(login.id = %login.trace.login, "an identity appeared again and again");
    Err(Refused::Internal)
}

/// What is known of a directory's people from now on; nobody waits for it to be written.
async fn observed(login: &Login, answered: &Answered, user: &User) {
    let (app, trace) = (&login.trace.app, &login.trace);
    let subject = SightingSubject::Directory(answered.directory.id);
    app.see(&trace.loaded, SightingKind::DirectorySignIn, subject, String::new()).await;
    app.claim_samples.keep(trace, answered, Some(user.id)).await;
}

/// Answers from a live session: only the login and the grant are committed.
pub(crate) async fn from_session(
    login: Login,
    authenticated: Authenticated,
) -> Result<Response, Refused> {
    let (login, minted) = Box::pin(mint(login, &authenticated)).await?;
    let app = &login.trace.app;
    let commit = ReuseCommit {
        login: login.trace.login,
        application: login.application.id,
        session: authenticated.session,
        grant: minted.grant.clone(),
        started_at: login.trace.started_at,
        now: app.clock.now(),
        timeline: login.trace.timeline.clone(),
    };
    match app.store.tenant(login.trace.loaded.tenant.id).commit_reuse(&commit).await? {
        ReuseOutcome::Committed => respond(&login, &minted),
        // It ended while we looked; the next request goes to the directory.
        ReuseOutcome::SessionEnded | ReuseOutcome::AlreadyUsed => {
            let failure = FailureCode::AttemptUsed;
            let detail = "the session ended at this very moment";
            Err(login.fail(Some(authenticated.directory.id), Step::Answer, failure, detail).into())
        }
    }
}

/// Step 7, then code and ID token as the response type says.
async fn mint(login: Login, authenticated: &Authenticated) -> Result<(Login, Minted), Refused> {
    let (mut login, released) = release::release(login, authenticated)?;
    if login.request.expected_sub.as_ref().is_some_and(|expected| *expected != released.sub) {
        let (directory, failure) = (Some(authenticated.directory.id), FailureCode::OtherPerson);
        return Err(login.fail(directory, Step::Answer, failure, failure.cause()).into());
    }
    let response_type = login.request.response_type;
    let code = if response_type.has_code() { Some(entropy::token()?) } else { None };
    let id_token = if response_type.has_id_token() {
        Some(front_channel_id_token(&login, authenticated, &released, code.as_deref()).await?)
    } else {
        None
    };
    login.trace.note(
        Step::Answer,
        format!("{} by {}.", response_type.as_str(), login.request.redirect.mode().as_str()),
    );
    let offline_access = login.application.refresh_token_lifetime.is_some();
    let grant = match &code {
        Some(code) => Some(NewGrant {
            id: GrantId::new(login.trace.now, entropy::bytes()?),
            code_hash: digest(code),
            code_expires_at: login.trace.app.clock.now() + CODE_LIFETIME,
            redirect_uri: login.request.redirect.uri().as_str().to_owned(),
            code_challenge: login.request.code_challenge.as_ref().map(CodeChallenge::to_text),
            nonce: login.request.nonce.clone(),
            scope: login.request.scope.granted(offline_access).iter().map(str::to_owned).collect(),
            claims: released.claims,
            sub: released.sub,
        }),
        None => None,
    };
    Ok((login, Minted { code, id_token, grant }))
}

/// The ID token of the authorization response. Without a code there is no userinfo to ask, so the
/// claims are in it then [OIDCC-5.4]; beside a code they are if the application always gets them.
async fn front_channel_id_token(
    login: &Login,
    authenticated: &Authenticated,
    released: &Released,
    code: Option<&str>,
) -> Result<String, KeyError> {
    let application = &login.application;
    let none = Map::new();
    let all = code.is_none() || application.always_include_claims;
    let now = login.trace.app.clock.now();
    let input = IdTokenInput {
        issuer: &login.trace.loaded.issuer,
        subject: &released.sub,
        client_id: &application.client.client_id,
        issued_at: now,
        lifetime: application.id_token_lifetime,
        auth_time: authenticated.auth_time,
        nonce: login.request.nonce.as_deref(),
        sid: Some(&authenticated.session.to_string()),
        acr: authenticated.acr.as_deref(),
        amr: &authenticated.amr,
        access_token: None,
        code,
        alg: application.id_token_alg,
        released: if all { &released.claims } else { &none },
    };
    sign(login.trace.app.as_ref(), &login.trace.loaded, &input).await
}

/// Signs an ID token with the tenant's key. [OIDCC-2]
pub(super) async fn sign(
    app: &crate::gateway::App,
    loaded: &crate::tenants::Loaded,
    input: &IdTokenInput<'_>,
) -> Result<String, KeyError> {
    let key = keyring::signing_key(app, loaded, input.alg, input.issued_at).await?;
    key.sign(&id_token::claims(input), "JWT").map_err(|_| KeyError::Sign)
}

fn signed_in(
    login: &Login,
    answered: &Answered,
    minted: &Minted,
    session_value: &str,
) -> Result<Response, Refused> {
    let trace = &login.trace;
    let names = crate::cookie::Names::new(&trace.loaded.tenant.slug, trace.app.secure);
    let mut response = respond(login, minted)?;
    let cookies = [
        names.set_session(session_value, trace.loaded.tenant.sessions.lifetime()),
        names.set_directory(&answered.directory.slug),
        answered.spent.clone(),
    ];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn respond(login: &Login, minted: &Minted) -> Result<Response, Refused> {
    let success = Success { code: minted.code.as_deref(), id_token: minted.id_token.as_deref() };
    let answer = answer::success(&login.request.redirect, success, login.iss());
    Ok(deliver(&answer, login.trace.language)?)
}

/// An authorization response on the wire: a redirect, 303 and never 307, or a self-posting form.
/// [OAuth2-RT-2.1] [OAuth2-FPRM-2]
pub(crate) fn deliver(
    response: &AuthorizationResponse,
    language: Language,
) -> Result<Response, NoEntropy> {
    match response {
        AuthorizationResponse::Redirect(url) => {
            let Ok(location) = HeaderValue::try_from(url.as_str()) else {
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
        }
        AuthorizationResponse::FormPost { action, fields } => {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Ok(page::form_post(entropy::bytes()?, language, action, &fields))
        }
    }
}
