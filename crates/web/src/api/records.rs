//! What happened: logins, the audit log, and the signing keys.

use admin::{RotateError, Rotated};
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::attempt::Purpose;
use broker::audit::{ChainId, Entry};
use broker::authority::Need;
use broker::failure::FailureCode;
use broker::id::LoginId;
use broker::timeline::Event;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{KeyView, LoginLine, LoginQuery, LoginState, LoginUser, LoginView, WhichPerson};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Asked, AuditQuery, Body, LoginStanding, LoginsQuery, shaped};
use super::page::{self, Page};
use super::problem::{Problem, Refusals};
use super::refused_token_request::RefusedTokenRequest;

/// The longest name of an act, in bytes.
const MAX_ACT: usize = 100;

/// A login with its timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Login {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// The code that the person saw.
    pub(crate) support_code: String,
    /// What it is for: an application, a test of a directory, or the dashboard.
    pub(crate) purpose: Purpose,
    /// The application that asked; absent: it is gone, or the login is for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// The directory that it went to; absent: none was chosen, or it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    /// The user, once it was known who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserOfLogin>,
    /// When it began.
    pub(crate) started_at: DateTime<Utc>,
    /// When it ended, well or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub(crate) state: LoginStanding,
    /// Why it failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Why it was answered and not redeemed, most likely: the first request for tokens soon after it
    /// that the application made and that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused_token_request: Option<RefusedTokenRequest>,
    /// What happened, step by step.
    pub(crate) timeline: Vec<Step>,
}

/// The user of a login.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserOfLogin {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// The number that applications keep.
    pub(crate) external_id: String,
    /// The address that a directory vouched for, or an import stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
}

impl From<LoginUser> for UserOfLogin {
    fn from(user: LoginUser) -> Self {
        Self { id: user.id.0, external_id: user.external_id, email: user.email }
    }
}

/// Why a login failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failure {
    /// One out of the closed list.
    pub(crate) code: &'static str,
    /// What is wrong, in plain words.
    pub(crate) cause: &'static str,
    /// What to do about it, in the words of the dashboard.
    pub(crate) fix: &'static str,
    /// The same by the configuration file or the command line, where the fix does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by_hand: Option<&'static str>,
    /// Who can.
    pub(crate) fixer: &'static str,
}

/// A step of a login.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// Which: authorize, route, start, finish, profile, user, release, answer, token or userinfo.
    pub(crate) name: &'static str,
    /// What happened.
    pub(crate) text: String,
    /// The code of why the login ended here, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<&'static str>,
}

impl From<&Event> for Step {
    fn from(event: &Event) -> Self {
        Self {
            at: event.at,
            name: event.step.as_str(),
            text: event.text.clone(),
            failure: event.failure.map(FailureCode::as_str),
        }
    }
}

impl From<LoginView> for Login {
    fn from(view: LoginView) -> Self {
        let (state, failure) = standing(view.state);
        Self {
            id: view.login.0,
            support_code: view.login.support_code(),
            purpose: view.purpose,
            client_id: view.client_id,
            directory: view.directory_slug,
            user: view.user.map(UserOfLogin::from),
            started_at: view.started_at,
            finished_at: view.finished_at,
            state,
            failure,
            refused_token_request: None,
            timeline: view.timeline.events().iter().map(Step::from).collect(),
        }
    }
}

fn standing(state: LoginState) -> (LoginStanding, Option<Failure>) {
    match state {
        LoginState::Pending => (LoginStanding::Pending, None),
        LoginState::Completed => (LoginStanding::Completed, None),
        LoginState::Redeemed => (LoginStanding::Redeemed, None),
        LoginState::Failed(code) => {
            let failure = Failure {
                code: code.as_str(),
                cause: code.cause(),
                fix: code.fix(),
                by_hand: code.by_hand(),
                fixer: code.fixer().as_str(),
            };
            (LoginStanding::Failed, Some(failure))
        }
    }
}

/// A login in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoginItem {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// The code that the person saw.
    pub(crate) support_code: String,
    /// What it is for: an application, a test of a directory, or the dashboard.
    pub(crate) purpose: Purpose,
    /// The application that asked; absent: it is gone, or the login is for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// The directory that it went to; absent: none was chosen, or it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    /// The user, once it was known who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserOfLogin>,
    /// When it began.
    pub(crate) started_at: DateTime<Utc>,
    /// When it ended, well or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub(crate) state: LoginStanding,
    /// Why it failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
}

impl From<LoginLine> for LoginItem {
    fn from(line: LoginLine) -> Self {
        let (state, failure) = standing(line.state);
        Self {
            id: line.login.0,
            support_code: line.login.support_code(),
            purpose: line.purpose,
            client_id: line.client_id,
            directory: line.directory_slug,
            user: line.user.map(UserOfLogin::from),
            started_at: line.started_at,
            finished_at: line.finished_at,
            state,
            failure,
        }
    }
}

/// A tenant's logins, newest first
#[utoipa::path(get, path = "/tenants/{tenant}/logins", tag = "Logins", operation_id = "listLogins",
    params(("tenant" = String, Path, description = "The tenant's slug"), LoginsQuery),
    responses((status = 200, body = Page<LoginItem>), Refusals))]
pub(crate) async fn list_logins(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(asked): Asked<LoginsQuery>,
) -> Result<Json<Page<LoginItem>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let limit = page::limit(asked.limit)?;
    for text in [&asked.application, &asked.directory, &asked.person] {
        page::after(text.as_deref())?;
    }
    let failure = match asked.failure.as_deref() {
        None => None,
        Some(code) => {
            let known = FailureCode::parse(code);
            Some(known.ok_or_else(|| Problem::malformed("failure: there is no such code"))?)
        }
    };
    let users = match &asked.person {
        None => None,
        Some(name) => Some(match caller.operator().find_person(record.id, name).await? {
            WhichPerson::Nobody => Vec::new(),
            WhichPerson::One(one) => vec![one.id],
            WhichPerson::Several(all) => all.into_iter().map(|one| one.id).collect(),
        }),
    };
    let query = LoginQuery {
        purpose: asked.purpose,
        client_id: asked.application.as_deref(),
        directory: asked.directory.as_deref(),
        outcome: asked.state.map(LoginStanding::as_str),
        failure,
        users: users.as_deref(),
        before: asked.after.map(LoginId),
        limit: i64::from(limit) + 1,
    };
    let found = caller.operator().logins(record.id, &query).await?;
    let items = found.into_iter().map(LoginItem::from).collect();
    Ok(Json(Page::of(items, limit, |login: &LoginItem| login.id.to_string())))
}

/// The logins with a support code, newest first: one, save by a chance of one in 10^15
#[utoipa::path(get, path = "/tenants/{tenant}/logins/{support_code}", tag = "Logins",
    operation_id = "getLogin",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("support_code" = String, Path, description = "As the person read it out")),
    responses((status = 200, body = Page<Login>), Refusals))]
pub(crate) async fn get_login(
    caller: Caller,
    Path((tenant, code)): Path<(String, String)>,
) -> Result<Json<Page<Login>>, Problem> {
    let items = logins_of_code(&caller, &tenant, &code).await?;
    Ok(Json(Page { items, next: None }))
}

/// The same, of whoever looks.
pub(crate) async fn logins_of_code(
    caller: &Caller,
    tenant: &str,
    code: &str,
) -> Result<Vec<Login>, Problem> {
    let record = caller.tenant_for(Need::Viewer, tenant).await?;
    let mut found = caller.operator().login_by_support_code(code).await?;
    found.retain(|login| login.tenant == record.id);
    if found.is_empty() {
        return Err(Problem::not_found());
    }
    let mut items = Vec::with_capacity(found.len());
    for login in found {
        let refused = caller.operator().token_refusal(&login).await?;
        let refused_token_request = refused.map(RefusedTokenRequest::from);
        items.push(Login { refused_token_request, ..Login::from(login) });
    }
    Ok(items)
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its number, from 1 without a gap.
    pub(crate) seq: i64,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// By whom.
    pub(crate) actor: String,
    /// What.
    #[schema(example = "directory.changed")]
    pub(crate) act: String,
    /// To whom or what, with what differs before and after.
    pub(crate) subject: Value,
    /// Its hash, over the one before, in base64url.
    pub(crate) hash: String,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            act: entry.act,
            subject: serde_json::from_str(&entry.subject).unwrap_or_default(),
            hash: URL_SAFE_NO_PAD.encode(entry.hash),
        }
    }
}

/// What was done to a tenant's configuration and people, oldest first unless said
#[utoipa::path(get, path = "/tenants/{tenant}/audit", tag = "Audit log", operation_id = "listAudit",
    params(("tenant" = String, Path, description = "The tenant's slug"), AuditQuery),
    responses((status = 200, body = Page<AuditEntry>), Refusals))]
pub(crate) async fn list_audit(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(asked): Asked<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let limit = page::limit(asked.limit)?;
    let (acts, after) = (asked.act.as_deref().unwrap_or_default(), asked.after.unwrap_or(0));
    if acts.len() > MAX_ACT || acts.contains('\0') || after < 0 {
        return Err(Problem::malformed("act: at most 100 bytes; after: the `next` of a page"));
    }
    let (operator, more) = (caller.operator(), i64::from(limit) + 1);
    let found = if asked.newest_first {
        operator.newest_audit_entries(record.id, asked.after, more, acts).await?
    } else {
        operator.audit_entries(ChainId::from(record.id), after, more, acts).await?
    };
    let items = found.into_iter().map(AuditEntry::from).collect();
    Ok(Json(Page::of(items, limit, |entry: &AuditEntry| entry.seq.to_string())))
}

/// A signing key, without its private part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its `kid`.
    pub(crate) kid: String,
    /// Its `alg`.
    pub(crate) alg: String,
    /// When it was published.
    pub(crate) created_at: DateTime<Utc>,
    /// From when it signs.
    pub(crate) active_from: DateTime<Utc>,
    /// Until when it signs; absent for the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retired_at: Option<DateTime<Utc>>,
    /// Until when it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl From<KeyView> for Key {
    fn from(view: KeyView) -> Self {
        Self {
            kid: view.kid,
            alg: view.alg,
            created_at: view.created_at,
            active_from: view.active_from,
            retired_at: view.retired_at,
            expires_at: view.expires_at,
        }
    }
}

/// A tenant's signing keys, by algorithm and age
#[utoipa::path(get, path = "/tenants/{tenant}/keys", tag = "Keys", operation_id = "listKeys",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<Key>), Refusals))]
pub(crate) async fn list_keys(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<Key>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let keys = caller.operator().signing_keys(Some(record.id)).await?;
    Ok(Json(Page { items: keys.into_iter().map(Key::from).collect(), next: None }))
}

/// Which keys are to be rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationOrder {
    /// Of which algorithm.
    alg: KeyAlg,
}

/// The algorithm of a signing key. [RFC7518-3.1] [RFC8037-3.1]
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub(crate) enum KeyAlg {
    /// RSA with PKCS #1 padding.
    RS256,
    /// RSA with PSS padding.
    PS256,
    /// The curve P-256.
    ES256,
    /// The curve Ed25519.
    EdDSA,
}

impl KeyAlg {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// What came of a rotation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rotation {
    /// The key that is published now; absent: it was another node's, or it was published before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    /// From when the successor signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) active_from: Option<DateTime<Utc>>,
    /// Until when the key before it stays published.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_until: Option<DateTime<Utc>>,
}

/// Publish the successor of a tenant's signing key: it signs two days later
#[utoipa::path(post, path = "/tenants/{tenant}/keys/rotate", tag = "Keys",
    operation_id = "rotateKeys",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = RotationOrder,
    responses((status = 200, body = Rotation, description = "There is a successor already"),
              (status = 201, body = Rotation), Refusals))]
pub(crate) async fn rotate_keys(
    caller: Caller,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Rotation>), Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let order: RotationOrder = shaped(body)?;
    let operator = caller.operator();
    let rotated =
        admin::rotate_keys(&caller.store, &operator, record.id, order.alg.as_str(), caller.now)
            .await;
    let rotated = rotated.map_err(|error| match error {
        RotateError::Alg => Problem::invalid("alg", error.to_string()),
        RotateError::Generate => Problem::internal("a key cannot be made"),
        RotateError::Store(error) => error.into(),
    })?;
    let nothing = Rotation { kid: None, active_from: None, published_until: None };
    Ok(match rotated {
        Rotated::AlreadyPublished => (StatusCode::OK, Json(nothing)),
        Rotated::First(_) => (StatusCode::CREATED, Json(nothing)),
        Rotated::Published { kid, active_from, published_until } => {
            let (active_from, published_until) = (Some(active_from), Some(published_until));
            let kid = Some(kid);
            (StatusCode::CREATED, Json(Rotation { kid, active_from, published_until }))
        }
    })
}
