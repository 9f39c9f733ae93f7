//! Who calls, and what they reach: a token of the API, or somebody at the dashboard.

use std::sync::{Arc, Mutex, PoisonError};

use admin::{TOKEN_LENGTH, TOKEN_PREFIX, token_hash};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::{Extension, Json};
use broker::authority::{Authority, Need, Role};
use broker::id::Slug;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{HeldApiToken, Operator, Store, TenantRecord};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Problem, Refusals};
use crate::gateway::App;

/// The longest part of a token's name in the audit log, in characters.
const NAMED: usize = 60;

/// Who calls, with the database in whose audit log their name stands.
pub(crate) struct Caller {
    authority: Authority,
    pub(crate) store: Store,
    pub(crate) now: DateTime<Utc>,
    /// Held until the request is answered, or what takes long begins.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let token = if let Some(Recognised(token)) = parts.extensions.remove() {
            token
        } else {
            let token = presented(app, &parts.headers).await?;
            app.api.request(token.id.0).map_err(Problem::too_many)?;
            token
        };
        let name: String = token.name.chars().take(NAMED).collect();
        let actor = format!("token {} {name}", token.id);
        parts.extensions.insert(token.clone());
        Self::counted(app, token.authority, &actor).await
    }
}

/// A token that was looked up already for this request, which is counted.
#[derive(Debug, Clone)]
pub(super) struct Recognised(pub(super) HeldApiToken);

/// The token that a request presents, if it works.
pub(super) async fn presented(app: &App, headers: &HeaderMap) -> Result<HeldApiToken, Problem> {
    let presented = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = presented.and_then(bearer).ok_or_else(Problem::unauthenticated)?;
    let now = app.clock.now();
    let held = app.api_tokens.operator().api_token(token_hash(token), now).await?;
    held.ok_or_else(Problem::unauthenticated)
}

/// The token of `Authorization: Bearer`, if it can be one of ours. [RFC6750-2.1]
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("Bearer")
        && token.len() == TOKEN_LENGTH
        && token.starts_with(TOKEN_PREFIX);
    fits.then_some(token)
}

impl Caller {
    /// Whoever was recognised by an identifier with a random part; `actor` is their name in the audit
    /// log.
    pub(crate) async fn acting(
        app: &App,
        (id, authority): (Uuid, Authority),
        actor: &str,
    ) -> Result<Self, Problem> {
        app.api.request(id).map_err(Problem::too_many)?;
        Self::counted(app, authority, actor).await
    }

    async fn counted(app: &App, authority: Authority, actor: &str) -> Result<Self, Problem> {
        let turn = app.api.turn(authority.tenant).await.map_err(Problem::too_many)?;
        let store = app.operator.clone().acting_as(actor);
        Ok(Self { authority, store, now: app.clock.now(), turn: Mutex::new(Some(turn)) })
    }

    /// Lets another request of the tenant run, while this one waits for somebody else's server.
    pub(crate) fn give_back_turn(&self) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What it may do.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The database across tenants.
    pub(crate) fn operator(&self) -> Operator {
        self.store.operator()
    }

    /// Whether the role is enough.
    pub(crate) fn needs(&self, need: Need) -> Result<(), Problem> {
        if self.authority().has(need) { Ok(()) } else { Err(Problem::forbidden(need)) }
    }

    /// The tenant of that slug, if the token reaches it: another's is answered like one that is not
    /// there (THREATS TN-01).
    pub(crate) async fn tenant(&self, slug: &str) -> Result<TenantRecord, Problem> {
        let slug: Slug = slug.parse().map_err(|_| Problem::not_found())?;
        let found = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::not_found)?;
        if !self.authority().reaches(found.id) {
            return Err(Problem::of_another_tenant());
        }
        // Whoever acts for the tenant stops with it, until the operator lets it go on.
        if found.policy.suspended && self.authority().tenant.is_some() {
            return Err(Problem::forbidden(Need::Operator));
        }
        Ok(found)
    }

    /// The same, for an act that needs this.
    pub(crate) async fn tenant_for(&self, need: Need, slug: &str) -> Result<TenantRecord, Problem> {
        let tenant = self.tenant(slug).await?;
        self.needs(need)?;
        Ok(tenant)
    }
}

/// What a token is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Identity {
    /// Its identifier.
    id: Uuid,
    /// What people call it.
    name: String,
    /// The tenant it is for; absent: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Slug>,
    /// What it may do there.
    role: Role,
    /// The directory of a directory manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Slug>,
    /// Until when it works.
    expires_at: DateTime<Utc>,
}

/// What the token of this request is
#[utoipa::path(get, path = "/self", tag = "Tokens", operation_id = "getSelf",
    responses((status = 200, body = Identity), Refusals))]
pub(crate) async fn show(
    caller: Caller,
    Extension(token): Extension<HeldApiToken>,
) -> Result<Json<Identity>, Problem> {
    let tenant = match caller.authority().tenant {
        Some(id) => caller.operator().slug_of(id).await?,
        None => None,
    };
    Ok(Json(Identity {
        id: token.id.0,
        name: token.name,
        tenant,
        role: caller.authority().role,
        directory: caller.authority().directory.clone(),
        expires_at: token.expires_at,
    }))
}
