//! The users of a tenant; [`sessions`] are where they are signed in, [`join`] makes two of them one.

pub(crate) mod join;
pub(crate) mod sessions;

use axum::Json;
use axum::extract::Path;
use broker::authority::Need;
use broker::id::{TenantId, UserId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{BlockChange, IdentityView, PersonDetail, PersonQuery, PersonView};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Asked, UserQuery};
use super::page::{self, Page};
use super::problem::{Problem, Refusals};

/// The longest text that is searched for, in bytes.
const LONGEST: usize = 254;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// What applications call them.
    pub(crate) sub: String,
    /// The number that applications keep.
    pub(crate) external_id: String,
    /// The address that a directory vouched for, or an import stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Since when they may not sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocked_at: Option<DateTime<Utc>>,
    /// The user as whom they arrive since somebody joined them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) joined_into: Option<Uuid>,
}

impl From<PersonView> for User {
    fn from(view: PersonView) -> Self {
        Self {
            id: view.id.0,
            sub: view.sub,
            external_id: view.external_id,
            email: view.email,
            blocked_at: view.blocked_at,
            joined_into: view.joined_into.map(|user| user.0),
        }
    }
}

/// A user with what there is of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserDetail {
    #[serde(flatten)]
    pub(crate) user: User,
    /// Since when they are known.
    pub(crate) created_at: DateTime<Utc>,
    /// When they were imported; absent: they arrived by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imported_at: Option<DateTime<Utc>>,
    /// As whom they arrive, by directory; 100 at most.
    pub(crate) identities: Vec<Identity>,
    /// In how many browsers they are signed in.
    pub(crate) sessions: u64,
}

impl From<PersonDetail> for UserDetail {
    fn from(detail: PersonDetail) -> Self {
        Self {
            user: detail.person.into(),
            created_at: detail.created_at,
            imported_at: detail.imported_at,
            identities: detail.identities.into_iter().map(Identity::from).collect(),
            sessions: detail.sessions,
        }
    }
}

/// As whom a user arrives from a directory.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserIdentity)]
pub(crate) struct Identity {
    /// The directory, by its slug.
    pub(crate) directory: String,
    /// Who vouches: the issuer of its ID tokens.
    pub(crate) issuer: String,
    /// What they are called there.
    pub(crate) subject: String,
    /// When they were first seen.
    pub(crate) first_seen_at: DateTime<Utc>,
    /// When they were last seen.
    pub(crate) last_seen_at: DateTime<Utc>,
}

impl From<IdentityView> for Identity {
    fn from(view: IdentityView) -> Self {
        Self {
            directory: view.directory,
            issuer: view.issuer,
            subject: view.subject,
            first_seen_at: view.first_seen_at,
            last_seen_at: view.last_seen_at,
        }
    }
}

/// What became of blocking or unblocking somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Blocked {
    /// Whether anything changed.
    pub(crate) changed: bool,
    /// How many sessions ended.
    pub(crate) sessions: u64,
    /// How many grants of applications were revoked.
    pub(crate) grants: u64,
}

impl From<BlockChange> for Blocked {
    fn from(change: BlockChange) -> Self {
        Self { changed: change.changed, sessions: change.sessions, grants: change.grants }
    }
}

/// The users of a tenant, by their external id
#[utoipa::path(get, path = "/tenants/{tenant}/users", tag = "Users", operation_id = "listUsers",
    params(("tenant" = String, Path, description = "The tenant's slug"), UserQuery),
    responses((status = 200, body = Page<User>), Refusals))]
pub(crate) async fn list_users(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(asked): Asked<UserQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let (limit, after) = (page::limit(asked.limit)?, page::after(asked.after.as_deref())?);
    let search = asked.search.as_deref();
    if search.is_some_and(|text| text.len() > LONGEST || text.contains('\0')) {
        return Err(Problem::malformed("search: at most 254 bytes"));
    }
    let query = PersonQuery { blocked: asked.blocked, search, after, limit: limit + 1 };
    let found = caller.operator().people(record.id, &query).await?;
    let items = found.into_iter().map(User::from).collect();
    Ok(Json(Page::of(items, limit, |user: &User| user.external_id.clone())))
}

/// A user, as whom they arrive, and where they are signed in
#[utoipa::path(get, path = "/tenants/{tenant}/users/{user}", tag = "Users",
    operation_id = "getUser",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id")),
    responses((status = 200, body = UserDetail), Refusals))]
pub(crate) async fn get_user(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<Json<UserDetail>, Problem> {
    Ok(Json(detail(&caller, &tenant, &user).await?))
}

/// A user, for whoever may look.
pub(crate) async fn detail(
    caller: &Caller,
    tenant: &str,
    user: &str,
) -> Result<UserDetail, Problem> {
    let record = caller.tenant_for(Need::Viewer, tenant).await?;
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    let found = caller.operator().person(record.id, user, caller.now).await?;
    Ok(found.ok_or_else(Problem::not_found)?.into())
}

/// Keep a user out: sessions end, and what applications hold is revoked
#[utoipa::path(post, path = "/tenants/{tenant}/users/{user}/block", tag = "Users",
    operation_id = "blockUser",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id")),
    responses((status = 200, body = Blocked), Refusals))]
pub(crate) async fn block_user(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<Json<Blocked>, Problem> {
    let (tenant, user) = named(&caller, Need::Editor, &tenant, &user).await?;
    let change = caller.operator().block_person(tenant, user, caller.now).await?;
    Ok(Json(change.into()))
}

/// Let a user in again, unless they were joined into another
#[utoipa::path(post, path = "/tenants/{tenant}/users/{user}/unblock", tag = "Users",
    operation_id = "unblockUser",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id")),
    responses((status = 200, body = Blocked), Refusals))]
pub(crate) async fn unblock_user(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<Json<Blocked>, Problem> {
    let (tenant, user) = named(&caller, Need::Editor, &tenant, &user).await?;
    let change = caller.operator().unblock_person(tenant, user, caller.now).await?;
    Ok(Json(change.into()))
}

/// A user of a tenant, for somebody who may do that.
async fn named(
    caller: &Caller,
    need: Need,
    tenant: &str,
    user: &str,
) -> Result<(TenantId, UserId), Problem> {
    let record = caller.tenant_for(need, tenant).await?;
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    if !caller.operator().has_person(record.id, user).await? {
        return Err(Problem::not_found());
    }
    Ok((record.id, user))
}
