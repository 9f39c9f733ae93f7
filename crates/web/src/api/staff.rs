//! Who may do what at the dashboard: the staff of a tenant, and operators. Somebody is invited with
//! `POST`, also once more if they need a new link.

use std::sync::Arc;

use admin::{Invitation, InviteError, LinkKind};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::authority::{Need, Role};
use broker::id::{AccountId, DirectoryId, Slug, TenantId};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use store::{InviteScope, MemberOutcome, MemberView, OperatorView, TenantRecord};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Body, shaped};
use super::page::Page;
use super::problem::{Problem, Refusals};
use super::tokens::managed;
use crate::gateway::App;

/// One of a tenant's staff.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    #[serde(flatten)]
    account: Account,
    /// What they may do.
    role: Role,
    /// The directory of a directory manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Slug>,
    /// Whether there is a password with one-time codes to sign in with.
    has_password: bool,
    /// Whether they sign in through a directory of the tenant.
    has_directory: bool,
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Self {
        Self {
            account: Account {
                id: view.account.0,
                email: view.email,
                name: view.name,
                is_set_up: view.is_set_up,
                has_passkey: view.has_passkey,
                created_at: view.created_at,
                created_by: view.created_by,
                last_seen_at: view.last_seen_at,
            },
            role: view.role,
            directory: view.directory,
            has_password: view.has_password,
            has_directory: view.has_directory,
        }
    }
}

/// An account of the dashboard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Its identifier.
    id: Uuid,
    /// The address.
    email: String,
    /// What they are called; empty before they set the account up.
    name: String,
    /// Whether there is anything to sign in with.
    is_set_up: bool,
    /// Whether that is a passkey.
    has_passkey: bool,
    /// Since when they are one of these.
    created_at: DateTime<Utc>,
    /// By whom.
    created_by: String,
    /// When they were last there, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<DateTime<Utc>>,
}

impl From<OperatorView> for Account {
    fn from(view: OperatorView) -> Self {
        Self {
            id: view.account.0,
            email: view.email,
            name: view.name,
            is_set_up: view.is_set_up,
            has_passkey: view.has_passkey,
            created_at: view.created_at,
            created_by: view.created_by,
            last_seen_at: view.last_seen_at,
        }
    }
}

/// Whom to invite to a tenant's staff.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberOrder {
    /// Their e-mail address.
    #[schema(max_length = 254)]
    email: String,
    /// What they may do.
    role: Role,
    /// The directory of a directory manager.
    directory: Option<Slug>,
}

/// What somebody may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// The role.
    role: Role,
    /// The directory of a directory manager.
    directory: Option<Slug>,
}

/// Whom to invite to be an operator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorOrder {
    /// Their e-mail address.
    #[schema(max_length = 254)]
    email: String,
}

/// Somebody who was invited.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct Invited {
    /// Their account.
    account: Uuid,
    /// The link with which they set it up, shown this once: whoever opens it is them. Absent: they
    /// have what they sign in with, or somebody else's link.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Until when the link works.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// The staff of a tenant, by address
#[utoipa::path(get, path = "/tenants/{tenant}/staff", tag = "Staff", operation_id = "listStaff",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<Member>), Refusals))]
pub(crate) async fn list_staff(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<Member>>, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let members = caller.operator().members(record.id).await?;
    Ok(Json(Page { items: members.into_iter().map(Member::from).collect(), next: None }))
}

/// Invite somebody to a tenant's staff, or make them a new link
#[utoipa::path(post, path = "/tenants/{tenant}/staff", tag = "Staff",
    operation_id = "inviteStaff",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = MemberOrder,
    responses((status = 201, body = Invited), Refusals))]
pub(crate) async fn invite_staff(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let order: MemberOrder = shaped(body)?;
    let directory = managed(&record.directories, order.role, order.directory.as_ref())?;
    let scope = scope(&caller, record.id, (order.role, directory));
    invited(&app, &caller, &order.email, scope).await
}

/// One of a tenant's staff
#[utoipa::path(get, path = "/tenants/{tenant}/staff/{account}", tag = "Staff",
    operation_id = "getStaff",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("account" = Uuid, Path, description = "The account's id")),
    responses((status = 200, body = Member), Refusals))]
pub(crate) async fn get_staff(
    caller: Caller,
    Path((tenant, account)): Path<(String, String)>,
) -> Result<Json<Member>, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    one_of(&caller, &record, account_of(&account)?).await.map(Json)
}

/// Change what somebody may do in a tenant
#[utoipa::path(put, path = "/tenants/{tenant}/staff/{account}", tag = "Staff",
    operation_id = "assignStaff",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("account" = Uuid, Path, description = "The account's id")),
    request_body = Assignment,
    responses((status = 200, body = Member), Refusals))]
pub(crate) async fn assign_staff(
    caller: Caller,
    Path((tenant, account)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Json<Member>, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let account = account_of(&account)?;
    let order: Assignment = shaped(body)?;
    let directory = managed(&record.directories, order.role, order.directory.as_ref())?;
    let operator = caller.operator();
    let outcome =
        operator.set_member(record.id, account, order.role, directory, caller.now).await?;
    done(outcome, "the last owner")?;
    one_of(&caller, &record, account).await.map(Json)
}

/// Remove somebody from a tenant's staff, and their account if that was all they had
#[utoipa::path(delete, path = "/tenants/{tenant}/staff/{account}", tag = "Staff",
    operation_id = "removeStaff",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("account" = Uuid, Path, description = "The account's id")),
    responses((status = 204), Refusals))]
pub(crate) async fn remove_staff(
    caller: Caller,
    Path((tenant, account)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let account = account_of(&account)?;
    let outcome = caller.operator().remove_member(record.id, account, caller.now).await?;
    done(outcome, "the last owner")?;
    Ok(StatusCode::NO_CONTENT)
}

/// The operators, by address
#[utoipa::path(get, path = "/operators", tag = "Staff", operation_id = "listOperators",
    responses((status = 200, body = Page<Account>), Refusals))]
pub(crate) async fn list_operators(caller: Caller) -> Result<Json<Page<Account>>, Problem> {
    caller.needs(Need::Operator)?;
    let all = caller.operator().operators().await?;
    Ok(Json(Page { items: all.into_iter().map(Account::from).collect(), next: None }))
}

/// Invite somebody to be an operator, or make them a new link
#[utoipa::path(post, path = "/operators", tag = "Staff", operation_id = "inviteOperator",
    request_body = OperatorOrder,
    responses((status = 201, body = Invited), Refusals))]
pub(crate) async fn invite_operator(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    caller.needs(Need::Operator)?;
    let order: OperatorOrder = shaped(body)?;
    invited(&app, &caller, &order.email, InviteScope::Operator).await
}

/// Make somebody an operator no more, and end their account if no tenant has them
#[utoipa::path(delete, path = "/operators/{account}", tag = "Staff",
    operation_id = "removeOperator",
    params(("account" = Uuid, Path, description = "The account's id")),
    responses((status = 204), Refusals))]
pub(crate) async fn remove_operator(
    caller: Caller,
    Path(account): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.needs(Need::Operator)?;
    let account = account_of(&account)?;
    let outcome = caller.operator().remove_operator(account, caller.now).await?;
    done(outcome, "the last operator who can sign in")?;
    Ok(StatusCode::NO_CONTENT)
}

fn account_of(text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

async fn one_of(
    caller: &Caller,
    record: &TenantRecord,
    account: AccountId,
) -> Result<Member, Problem> {
    let members = caller.operator().members(record.id).await?;
    let found = members.into_iter().find(|one| one.account == account);
    found.map(Member::from).ok_or_else(Problem::not_found)
}

fn done(outcome: MemberOutcome, last: &str) -> Result<(), Problem> {
    match outcome {
        MemberOutcome::Done => Ok(()),
        MemberOutcome::NotFound => Err(Problem::not_found()),
        MemberOutcome::LastOwner => {
            Err(Problem::conflict(format!("this is {last}; invite another one first")))
        }
    }
}

/// What somebody becomes of a tenant's staff: only what an operator hands out is proof between tenants.
pub(crate) fn scope(
    caller: &Caller,
    tenant: TenantId,
    (role, directory): (Role, Option<DirectoryId>),
) -> InviteScope {
    if caller.authority().has(Need::Operator) {
        InviteScope::Staff { tenant, role, directory }
    } else {
        InviteScope::Member { tenant, role, directory }
    }
}

/// Invites somebody, as whoever calls.
pub(crate) async fn invite(
    app: &App,
    caller: &Caller,
    email: &str,
    scope: InviteScope,
) -> Result<admin::Invited, InviteError> {
    let days = LinkKind::Welcome.usual_days();
    let invitation = Invitation { email, scope, days, public_url: &app.public_url };
    admin::invite(&caller.operator(), &invitation, caller.now).await
}

async fn invited(
    app: &App,
    caller: &Caller,
    email: &str,
    scope: InviteScope,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let invited = invite(app, caller, email, scope).await.map_err(|error| match error {
        InviteError::NoAddress => Problem::invalid("email", error.to_string()),
        InviteError::Elsewhere | InviteError::LastOwner => Problem::conflict(error.to_string()),
        InviteError::Act(error) => error.into(),
    })?;
    let (link, expires_at) = invited.link.unzip();
    let link = link.map(|link| link.expose_secret().to_owned());
    let body = Invited { account: invited.account.0, link, expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}
