//! The tokens that the API is called with: listed, made, ended.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use broker::authority::{Need, Role};
use broker::id::{ApiTokenId, DirectoryId, Slug, TenantId};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use store::{ApiTokenView, DirectoryRecord, NewApiToken};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Body, shaped};
use super::page::Page;
use super::problem::{Problem, Refusals};

/// A token, apart from itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// What people call it.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role: Role,
    /// The directory of a directory manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<Slug>,
    /// When it was made.
    pub(crate) created_at: DateTime<Utc>,
    /// By whom.
    pub(crate) created_by: String,
    /// Until when it works.
    pub(crate) expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiTokenView> for Token {
    fn from(view: ApiTokenView) -> Self {
        Self {
            id: view.id.0,
            name: view.name,
            role: view.role,
            directory: view.directory,
            created_at: view.created_at,
            created_by: view.created_by,
            expires_at: view.expires_at,
            last_used_at: view.last_used_at,
        }
    }
}

/// A token that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenOrder {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do: not more than who makes it.
    role: Role,
    /// The directory of a directory manager.
    directory: Option<Slug>,
    /// Until when it works: 400 days at most; 90 unless said.
    expires_at: Option<DateTime<Utc>>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewToken {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// The token, shown this once.
    pub(crate) token: String,
    /// Until when it works.
    pub(crate) expires_at: DateTime<Utc>,
}

/// The tokens of a tenant, oldest first, those that have ended included
#[utoipa::path(get, path = "/tenants/{tenant}/tokens", tag = "Tokens", operation_id = "listTokens",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<Token>), Refusals))]
pub(crate) async fn list_tokens(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<Token>>, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    list(&caller, Some(record.id)).await
}

/// Make a token of a tenant
#[utoipa::path(post, path = "/tenants/{tenant}/tokens", tag = "Tokens",
    operation_id = "createToken",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = TokenOrder,
    responses((status = 201, body = NewToken), Refusals))]
pub(crate) async fn create_token(
    caller: Caller,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let order: TokenOrder = shaped(body)?;
    create(&caller, Some(record.id), &record.directories, &order).await
}

/// End a token of a tenant
#[utoipa::path(delete, path = "/tenants/{tenant}/tokens/{token_id}", tag = "Tokens",
    operation_id = "revokeToken",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("token_id" = Uuid, Path, description = "The token's id")),
    responses((status = 204), Refusals))]
pub(crate) async fn revoke_token(
    caller: Caller,
    Path((tenant, token)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    revoke(&caller, Some(record.id), &token).await
}

/// The tokens for all tenants, oldest first, those that have ended included
#[utoipa::path(get, path = "/tokens", tag = "Tokens", operation_id = "listInstallationTokens",
    responses((status = 200, body = Page<Token>), Refusals))]
pub(crate) async fn list_installation_tokens(caller: Caller) -> Result<Json<Page<Token>>, Problem> {
    caller.needs(Need::Operator)?;
    list(&caller, None).await
}

/// Make a token for all tenants
#[utoipa::path(post, path = "/tokens", tag = "Tokens", operation_id = "createInstallationToken",
    request_body = TokenOrder,
    responses((status = 201, body = NewToken), Refusals))]
pub(crate) async fn create_installation_token(
    caller: Caller,
    Body(body): Body,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    caller.needs(Need::Operator)?;
    let order: TokenOrder = shaped(body)?;
    create(&caller, None, &[], &order).await
}

/// End a token for all tenants
#[utoipa::path(delete, path = "/tokens/{token_id}", tag = "Tokens",
    operation_id = "revokeInstallationToken",
    params(("token_id" = Uuid, Path, description = "The token's id")),
    responses((status = 204), Refusals))]
pub(crate) async fn revoke_installation_token(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.needs(Need::Operator)?;
    revoke(&caller, None, &token).await
}

async fn list(caller: &Caller, tenant: Option<TenantId>) -> Result<Json<Page<Token>>, Problem> {
    let found = caller.operator().api_tokens(tenant).await?;
    Ok(Json(Page { items: found.into_iter().map(Token::from).collect(), next: None }))
}

async fn create(
    caller: &Caller,
    tenant: Option<TenantId>,
    directories: &[DirectoryRecord],
    order: &TokenOrder,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    let directory = managed(directories, order.role, order.directory.as_ref())?;
    let made = admin::token(order.expires_at, caller.now)?;
    let new = NewApiToken {
        id: made.id,
        name: &order.name,
        tenant,
        role: order.role,
        directory,
        hash: made.hash,
        expires_at: made.expires_at,
    };
    if !admin::is_token_name(&order.name) {
        return Err(Problem::invalid("name", "1 to 100 characters"));
    }
    if !caller.operator().add_api_token(&new, caller.now).await? {
        return Err(Problem::conflict(
            "there are 200 tokens, those that have ended included; end some",
        ));
    }
    let token = made.secret.expose_secret().to_owned();
    let body = NewToken { id: made.id.0, token, expires_at: made.expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}

/// The one directory of a directory manager, out of those that there are; nobody else has one.
pub(crate) fn managed(
    directories: &[DirectoryRecord],
    role: Role,
    slug: Option<&Slug>,
) -> Result<Option<DirectoryId>, Problem> {
    match (slug, role) {
        (Some(slug), Role::DirectoryManager) => {
            let found = directories.iter().find(|one| one.settings.slug == *slug);
            let missing = || Problem::invalid("directory", "there is no such directory");
            Ok(Some(found.ok_or_else(missing)?.id))
        }
        (None, Role::DirectoryManager) => {
            Err(Problem::invalid("directory", "name the one that it manages"))
        }
        (Some(_), _) => Err(Problem::invalid("directory", "only a directory_manager has one")),
        (None, _) => Ok(None),
    }
}

async fn revoke(
    caller: &Caller,
    tenant: Option<TenantId>,
    token: &str,
) -> Result<StatusCode, Problem> {
    let token: ApiTokenId = token.parse().map_err(|_| Problem::not_found())?;
    let gone = caller.operator().remove_api_token(tenant, token, caller.now).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
