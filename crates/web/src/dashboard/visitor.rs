//! Who is signed in to the dashboard.
//!
//! A session is a random value in a cookie of which the database keeps the hash; it ends twelve
//! hours after its start, or one hour after it was last used, and a new one is made at every sign-in
//! (THREATS BR-01). One that a directory made reaches its tenant alone and changes nothing about the
//! account; the store says both. Whoever opened a setup link has one as well, for one directory and
//! without an account.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use broker::authority::{Authority, Role};
use broker::cookie::Received;
use broker::id::{AccountId, AccountSessionId, Slug};
use broker::staff_sign_in::StaffIdentity;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::secret::sha256;
use store::{AccountRecord, HeldSession, HeldSetup, Membership, SignInMethod};
use uuid::Uuid;

use super::Refused;
use super::shell::Place;
use crate::api::Problem;
use crate::entropy;
use crate::gateway::App;

/// How long a session lasts, however much it is used.
const LONGEST: TimeDelta = TimeDelta::hours(12);
/// How long it lasts unused.
const IDLE: TimeDelta = TimeDelta::hours(1);
/// How long after signing in somebody may change what they sign in with.
const FRESH: TimeDelta = TimeDelta::minutes(15);
/// The longest part of a link's note in the audit log, in characters.
const NAMED: usize = 60;
/// The length of a cookie's value.
const VALUE: usize = 43;
/// What stands before it in a session that a directory made. The release before this knows no bounds
/// of such a session; it takes no value of another length for one of its own.
const THROUGH: &str = "d.";

/// Whoever is signed in.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    /// Somebody with an account.
    Account(HeldSession),
    /// Somebody who opened a setup link.
    Setup(HeldSetup),
}

/// Somebody with an account, and nobody else.
#[derive(Debug, Clone)]
pub(crate) struct Signed(pub(crate) HeldSession);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        if let Some(visitor) = visitor(app, &parts.headers).await? {
            return Ok(visitor);
        }
        // What was sent is not sent again by signing in.
        let next =
            if parts.method.is_safe() { parts.uri.to_string() } else { "/dashboard".to_owned() };
        Err(Refused::SignIn(next))
    }
}

impl FromRequestParts<Arc<App>> for Signed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        match Visitor::from_request_parts(parts, app).await? {
            Visitor::Account(held) => Ok(Self(held)),
            Visitor::Setup(_) => Err(Refused::NotFound),
        }
    }
}

/// Whoever the cookie names.
pub(super) async fn visitor(app: &App, headers: &HeaderMap) -> Result<Option<Visitor>, Refused> {
    let Some(hash) = presented(app, headers) else { return Ok(None) };
    let (operator, now) = (app.api_tokens.operator(), app.clock.now());
    if let Some(held) = operator.held_session(hash, IDLE, now).await? {
        return Ok(Some(Visitor::Account(held)));
    }
    Ok(operator.held_setup(hash, now).await?.map(Visitor::Setup))
}

fn presented(app: &App, headers: &HeaderMap) -> Option<[u8; 32]> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = Received::read(values).only(name(app))?;
    let random = value.strip_prefix(THROUGH).unwrap_or(value);
    (random.len() == VALUE).then(|| sha256(value.as_bytes()))
}

fn name(app: &App) -> &'static str {
    if app.secure { "__Host-vestibule-dashboard" } else { "vestibule-dashboard" }
}

/// The session of a browser, to be set with the answer.
#[derive(Debug)]
pub(crate) struct Cookie {
    name: &'static str,
    secure: bool,
    value: String,
    lifetime: TimeDelta,
}

impl Cookie {
    /// A fresh one.
    pub(crate) fn fresh(app: &App, lifetime: TimeDelta) -> Result<Self, Refused> {
        let value = entropy::token()?;
        Ok(Self { name: name(app), secure: app.secure, value, lifetime })
    }

    /// A fresh one of a session that a directory makes.
    fn through(app: &App, lifetime: TimeDelta) -> Result<Self, Refused> {
        let fresh = Self::fresh(app, lifetime)?;
        Ok(Self { value: format!("{THROUGH}{}", fresh.value), ..fresh })
    }

    /// None any more.
    pub(crate) fn none(app: &App) -> Self {
        let lifetime = TimeDelta::zero();
        Self { name: name(app), secure: app.secure, value: String::new(), lifetime }
    }

    /// What the database keeps of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(self.value.as_bytes())
    }

    /// The answer with it. `Lax`, so that a link in a mail leads to where somebody is signed in.
    pub(crate) fn on(&self, mut response: Response) -> Response {
        let Self { name, value, .. } = self;
        let secure = if self.secure { "; Secure" } else { "" };
        let age = self.lifetime.num_seconds();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
        if let Ok(text) = HeaderValue::try_from(text) {
            response.headers_mut().append(header::SET_COOKIE, text);
        }
        response
    }
}

/// What somebody signed in with.
#[derive(Debug)]
pub(super) enum Proof {
    /// A passkey, by its identifier.
    Passkey(Vec<u8>),
    /// A password, by its hash, and a one-time code.
    Password(String),
    /// A one-time link that has just been used.
    Link,
    /// Who they are at a directory.
    Directory(StaffIdentity),
}

impl Proof {
    fn method(&self) -> SignInMethod {
        match self {
            Self::Passkey(_) => SignInMethod::Passkey,
            Self::Password(_) => SignInMethod::Password,
            Self::Link => SignInMethod::Link,
            Self::Directory(_) => SignInMethod::Directory,
        }
    }

    /// Whether the account still has it.
    fn holds(&self, account: &AccountRecord) -> bool {
        match self {
            Self::Passkey(id) => account.passkeys.iter().any(|one| one.credential_id == *id),
            Self::Password(hash) => account.password_hash.as_ref() == Some(hash),
            // That a connection is there is part of the statement that begins the session.
            Self::Link | Self::Directory(_) => true,
        }
    }
}

/// Signs somebody in: the session that was there in this browser ends. A setup link is not ended by what
/// a directory says of somebody.
pub(super) async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    account: AccountId,
    proof: Proof,
) -> Result<Cookie, Refused> {
    let before = visitor(app, headers).await?;
    let is_kept = matches!((&before, &proof), (Some(Visitor::Setup(_)), Proof::Directory(_)));
    if !is_kept {
        end(app, before).await?;
    }
    let now = app.clock.now();
    let id = AccountSessionId::new(now, entropy::bytes()?);
    let operator = app.operator.clone().acting_as("dashboard").operator();
    let end = now + LONGEST;
    let (cookie, is_begun) = if let Proof::Directory(identity) = &proof {
        let cookie = Cookie::through(app, LONGEST)?;
        let (who, hash) = ((account, id), cookie.hash());
        let begun = operator.start_session_through(who, hash, identity, end, now).await?;
        (cookie, begun)
    } else {
        let cookie = Cookie::fresh(app, LONGEST)?;
        let (hash, method) = (cookie.hash(), proof.method());
        (cookie, operator.start_session(account, id, hash, method, end, now).await?)
    };
    if is_begun {
        // Whoever replaces what was proven ends all sessions; one that began just after is ended
        // here.
        let record = operator.account(account).await?;
        if record.is_some_and(|record| proof.holds(&record)) {
            return Ok(cookie);
        }
        operator.end_session(account, id, now).await?;
    }
    Err(Problem::conflict("what you sign in with was changed just now; sign in again").into())
}

/// Whether somebody has proven just now who they are, by something of their own: what a directory says
/// does not change what an account signs in with.
pub(super) fn is_fresh(held: &HeldSession, now: DateTime<Utc>) -> bool {
    held.through.is_none() && now < held.created_at + FRESH
}

/// Ends the session of this browser, if it has one. That of a setup link ends with the link.
pub(super) async fn sign_out(app: &App, headers: &HeaderMap) -> Result<(), Refused> {
    let before = visitor(app, headers).await?;
    end(app, before).await
}

async fn end(app: &App, before: Option<Visitor>) -> Result<(), Refused> {
    let (operator, now) = (app.operator.clone().acting_as("dashboard").operator(), app.clock.now());
    match before {
        Some(Visitor::Account(held)) => {
            operator.end_session(held.account, held.id, now).await?;
        }
        Some(Visitor::Setup(held)) => {
            operator.remove_setup_link(held.tenant, held.link, now).await?;
        }
        None => {}
    }
    Ok(())
}

impl Visitor {
    /// An identifier with a random part, by which requests are counted.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Account(held) => held.account.0,
            Self::Setup(held) => held.link.0,
        }
    }

    /// What they are called in the audit log.
    pub(crate) fn actor(&self) -> String {
        match self {
            Self::Account(held) => format!("account {}", held.email),
            Self::Setup(held) => {
                let note: String = held.note.chars().take(NAMED).collect();
                format!("setup link {} {note}", held.link)
            }
        }
    }

    /// What they are called on pages.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Account(held) if held.name.is_empty() => held.email.clone(),
            Self::Account(held) => held.name.clone(),
            Self::Setup(held) if held.note.is_empty() => "Setup link".to_owned(),
            Self::Setup(held) => held.note.clone(),
        }
    }

    pub(crate) fn is_operator(&self) -> bool {
        matches!(self, Self::Account(held) if held.is_operator)
    }

    /// What they may do in a tenant of that name; `None`: to them it is not there.
    pub(crate) fn authority(&self, slug: &str) -> Option<Authority> {
        if self.is_operator() {
            return Some(Authority::OPERATOR);
        }
        match self {
            Self::Account(held) => {
                let membership = held.memberships.iter().find(|one| one.slug.as_str() == slug)?;
                Some(of_member(membership))
            }
            Self::Setup(held) => (held.slug.as_str() == slug).then(|| Authority {
                tenant: Some(held.tenant),
                role: Role::DirectoryManager,
                directory: Some(held.directory.clone()),
            }),
        }
    }

    /// Whether a tenant that they belong to is suspended: its pages are not for its own staff then.
    pub(crate) fn is_suspended(&self, slug: &Slug) -> bool {
        let Self::Account(held) = self else { return false };
        held.memberships.iter().any(|one| one.suspended && one.slug == *slug)
    }

    /// The tenants that they belong to.
    pub(crate) fn places(&self) -> Vec<Place> {
        match self {
            Self::Account(held) => held
                .memberships
                .iter()
                .map(|one| Place { slug: one.slug.clone(), name: one.tenant_name.clone() })
                .collect(),
            Self::Setup(held) => {
                vec![Place { slug: held.slug.clone(), name: held.tenant_name.clone() }]
            }
        }
    }
}

fn of_member(membership: &Membership) -> Authority {
    Authority {
        tenant: Some(membership.tenant),
        role: membership.role,
        directory: membership.directory.clone(),
    }
}
