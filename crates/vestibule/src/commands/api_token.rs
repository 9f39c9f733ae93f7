//! `vestibule api-token`: tokens of the admin API, made, listed, ended.

use anyhow::{Context as _, bail};
use broker::authority::Role;
use broker::id::{ApiTokenId, DirectoryId, TenantId};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use serde_json::json;
use store::{ApiTokenView, NewApiToken, TenantRecord};

use super::Tool;
use crate::cli::{ApiTokenCommand, ApiTokenCreateArgs, ApiTokenListArgs, ApiTokenRevokeArgs};
use crate::output;

/// Runs a command about tokens of the admin API.
pub(super) async fn run(command: ApiTokenCommand) -> anyhow::Result<()> {
    match command {
        ApiTokenCommand::Create(args) => Box::pin(create(args)).await,
        ApiTokenCommand::List(args) => Box::pin(list(args)).await,
        ApiTokenCommand::Revoke(args) => Box::pin(revoke(args)).await,
    }
}

async fn create(args: ApiTokenCreateArgs) -> anyhow::Result<()> {
    let role: Role = args.role.parse()?;
    if !admin::is_token_name(&args.name) {
        bail!("a token's name has 1 to 100 characters");
    }
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(made(&tool, &args, role)).await;
    let (token, end) = tool.finish(outcome).await?;
    output::result(&token);
    output::notice(format_args!(
        "This is shown once; it works until {}.",
        end.format("%Y-%m-%d %H:%MZ")
    ));
    Ok(())
}

async fn made(
    tool: &Tool,
    args: &ApiTokenCreateArgs,
    role: Role,
) -> anyhow::Result<(String, DateTime<Utc>)> {
    let now = super::now();
    let tenant = tenant(tool, args.tenant.as_deref()).await?;
    let directory = directory(tenant.as_ref(), args.directory.as_deref(), role)?;
    let made = admin::token(Some(now + TimeDelta::days(args.days)), now)?;
    let new = NewApiToken {
        id: made.id,
        name: &args.name,
        tenant: tenant.as_ref().map(|tenant| tenant.id),
        role,
        directory,
        hash: made.hash,
        expires_at: made.expires_at,
    };
    let is_made = tool.store.operator().add_api_token(&new, now).await;
    if !is_made.context("no token was made")? {
        bail!("there are 200 tokens, those that have ended included; end some of them first");
    }
    Ok((made.secret.expose_secret().to_owned(), made.expires_at))
}

async fn tenant(tool: &Tool, slug: Option<&str>) -> anyhow::Result<Option<TenantRecord>> {
    match slug {
        Some(slug) => Ok(super::tenants(&tool.store.operator(), Some(slug)).await?.pop()),
        None => Ok(None),
    }
}

fn directory(
    tenant: Option<&TenantRecord>,
    slug: Option<&str>,
    role: Role,
) -> anyhow::Result<Option<DirectoryId>> {
    match (tenant, slug, role) {
        (Some(tenant), Some(slug), Role::DirectoryManager) => {
            let mut all = tenant.directories.iter();
            let found = all.find(|one| one.settings.slug.as_str() == slug);
            let found = found
                .with_context(|| format!("tenant {} has no directory `{slug}`", tenant.slug))?;
            Ok(Some(found.id))
        }
        (_, _, Role::DirectoryManager) => {
            bail!("a directory_manager has one directory: add --tenant and --directory")
        }
        (_, Some(_), _) => bail!("only a directory_manager has a directory"),
        (_, None, _) => Ok(None),
    }
}

async fn list(args: ApiTokenListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = listed(&tool, args.tenant.as_deref()).await;
    let tokens = tool.finish(outcome).await?;
    let now = super::now();
    for token in &tokens {
        if args.json {
            output::json(as_json(token));
        } else {
            output::result(line(token, now));
        }
    }
    if tokens.is_empty() {
        output::notice("There is no token; make one with: vestibule api-token create NAME");
    }
    Ok(())
}

async fn listed(tool: &Tool, tenant: Option<&str>) -> anyhow::Result<Vec<ApiTokenView>> {
    let tenant = id(tool, tenant).await?;
    Ok(tool.store.operator().api_tokens(tenant).await?)
}

async fn id(tool: &Tool, slug: Option<&str>) -> anyhow::Result<Option<TenantId>> {
    let Some(text) = slug else { return Ok(None) };
    let found = tool.store.operator().find_tenant(&super::slug(text)?).await?;
    let found = found
        .with_context(|| format!("there is no tenant `{text}`; `vestibule export` lists them"))?;
    Ok(Some(found.id))
}

fn as_json(token: &ApiTokenView) -> serde_json::Value {
    json!({
        "id": token.id.0, "name": token.name, "tenant": token.tenant, "role": token.role,
        "directory": token.directory, "created_at": token.created_at,
        "created_by": token.created_by, "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    })
}

/// `019a…  editor             until 2027-02-26  used 2026-11-28 06:00Z  website`.
fn line(token: &ApiTokenView, now: DateTime<Utc>) -> String {
    let role = match &token.directory {
        Some(directory) => format!("{} of {directory}", token.role),
        None => token.role.to_string(),
    };
    let end = if token.expires_at <= now { "ended" } else { "until" };
    let used = match token.last_used_at {
        Some(at) => format!("used {}", at.format("%Y-%m-%d %H:%MZ")),
        None => "never used".to_owned(),
    };
    let until = token.expires_at.format("%Y-%m-%d");
    format!("{}  {role:<20}  {end} {until}  {used:<22}  {}", token.id, token.name)
}

async fn revoke(args: ApiTokenRevokeArgs) -> anyhow::Result<()> {
    let token: ApiTokenId = args.id.parse().ok().with_context(|| {
        format!("`{}` is not the id of a token; see: vestibule api-token list", args.id)
    })?;
    let tool = Tool::open(&args.common).await?;
    let outcome = revoked(&tool, args.tenant.as_deref(), token).await;
    if !tool.finish(outcome).await? {
        bail!("there is no such token; those of a tenant need --tenant");
    }
    output::result("The token has ended.");
    Ok(())
}

async fn revoked(tool: &Tool, tenant: Option<&str>, token: ApiTokenId) -> anyhow::Result<bool> {
    let tenant = id(tool, tenant).await?;
    Ok(tool.store.operator().remove_api_token(tenant, token, super::now()).await?)
}
