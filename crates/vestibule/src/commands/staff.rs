//! `vestibule staff`: who may do what in a tenant at the dashboard.

use anyhow::{Context as _, bail};
use broker::authority::Role;
use broker::id::{DirectoryId, TenantId};
use serde_json::json;
use store::{InviteScope, MemberView, TenantRecord};

use super::{Tool, accounts};
use crate::cli::{StaffChangeArgs, StaffCommand, StaffInviteArgs, StaffListArgs, StaffRemoveArgs};
use crate::output;

/// Runs a command about the staff of a tenant.
pub(super) async fn run(command: StaffCommand) -> anyhow::Result<()> {
    match command {
        StaffCommand::Invite(args) => Box::pin(invite(args)).await,
        StaffCommand::List(args) => Box::pin(list(args)).await,
        StaffCommand::Change(args) => Box::pin(change(args)).await,
        StaffCommand::Remove(args) => Box::pin(remove(args)).await,
    }
}

async fn invite(args: StaffInviteArgs) -> anyhow::Result<()> {
    let email = accounts::address(&args.email)?;
    let role: Role = args.role.parse()?;
    let public_url = super::public_url(&args.common, args.link.public_url.as_deref())?;
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(invited(&tool, (&email, role), &args, &public_url)).await;
    tool.finish(outcome).await?.print(&email);
    Ok(())
}

async fn invited(
    tool: &Tool,
    (email, role): (&str, Role),
    args: &StaffInviteArgs,
    public_url: &str,
) -> anyhow::Result<accounts::Invited> {
    let all = super::tenants(&tool.store.operator(), Some(&args.tenant)).await?.pop();
    let tenant = all.context("there is no such tenant")?;
    let directory = directory(&tenant, args.directory.as_deref(), role)?;
    let scope = InviteScope::Staff { tenant: tenant.id, role, directory };
    accounts::invited(tool, (email, scope), args.link.days, public_url).await
}

fn directory(
    tenant: &TenantRecord,
    slug: Option<&str>,
    role: Role,
) -> anyhow::Result<Option<DirectoryId>> {
    match (slug, role) {
        (Some(slug), Role::DirectoryManager) => {
            Ok(Some(super::directory::directory(tenant, slug)?.id))
        }
        (None, Role::DirectoryManager) => {
            bail!("a directory_manager has one directory: add --directory")
        }
        (Some(_), _) => bail!("only a directory_manager has a directory"),
        (None, _) => Ok(None),
    }
}

async fn list(args: StaffListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = listed(&tool, &args.tenant).await;
    let (_, members) = tool.finish(outcome).await?;
    for one in &members {
        if args.json {
            output::json(as_json(one));
        } else {
            output::result(line(one));
        }
    }
    if members.is_empty() {
        output::notice(format_args!(
            "Nobody; invite somebody with: vestibule staff invite EMAIL --tenant {}",
            args.tenant
        ));
    }
    Ok(())
}

async fn listed(tool: &Tool, slug: &str) -> anyhow::Result<(TenantId, Vec<MemberView>)> {
    let operator = tool.store.operator();
    let tenant = operator.find_tenant(&super::slug(slug)?).await?;
    let tenant = tenant
        .with_context(|| format!("there is no tenant `{slug}`; `vestibule export` lists them"))?;
    Ok((tenant.id, operator.members(tenant.id).await?))
}

fn as_json(one: &MemberView) -> serde_json::Value {
    json!({
        "account": one.account.0, "email": one.email, "name": one.name,
        "role": one.role, "directory": one.directory,
        "is_set_up": one.is_set_up, "has_passkey": one.has_passkey,
        "has_password": one.has_password, "has_directory": one.has_directory,
        "created_at": one.created_at, "created_by": one.created_by,
        "last_seen_at": one.last_seen_at,
    })
}

/// `kim@acme.example                 owner                 passkey     never seen  Kim`.
fn line(one: &MemberView) -> String {
    let role = match &one.directory {
        Some(directory) => format!("{} of {directory}", one.role),
        None => one.role.to_string(),
    };
    let own = one.has_passkey || one.has_password;
    let credentials = if own || !one.has_directory {
        accounts::credentials(own, one.has_passkey)
    } else {
        "directory"
    };
    let seen = accounts::seen(one.last_seen_at);
    format!("{:<32} {role:<20}  {credentials:<10}  {seen:<22}  {}", one.email, one.name)
        .trim_end()
        .to_owned()
}

async fn change(args: StaffChangeArgs) -> anyhow::Result<()> {
    let email = accounts::address(&args.email)?;
    let role: Role = args.role.parse()?;
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(changed(&tool, (&email, role), &args)).await;
    tool.finish(outcome).await?;
    output::result(format_args!("{email} is {role} in {} now.", args.tenant));
    Ok(())
}

async fn changed(
    tool: &Tool,
    (email, role): (&str, Role),
    args: &StaffChangeArgs,
) -> anyhow::Result<()> {
    let operator = tool.store.operator();
    let tenant = super::tenants(&operator, Some(&args.tenant)).await?.pop();
    let tenant = tenant.context("there is no such tenant")?;
    let directory = directory(&tenant, args.directory.as_deref(), role)?;
    let (_, members) = listed(tool, &args.tenant).await?;
    let not_found = || {
        format!("{email} is not of its staff; see: vestibule staff list --tenant {}", args.tenant)
    };
    let found = members.into_iter().find(|one| one.email == email).with_context(not_found)?;
    let outcome =
        operator.set_member(tenant.id, found.account, role, directory, super::now()).await?;
    accounts::removed(outcome, not_found, || {
        format!("{email} is the only owner and stays one; invite another owner first")
    })
}

async fn remove(args: StaffRemoveArgs) -> anyhow::Result<()> {
    let email = accounts::address(&args.email)?;
    let tool = Tool::open(&args.common).await?;
    let outcome = removed(&tool, &email, &args.tenant).await;
    tool.finish(outcome).await?;
    output::result(format_args!("{email} may do nothing in {} any more.", args.tenant));
    Ok(())
}

async fn removed(tool: &Tool, email: &str, slug: &str) -> anyhow::Result<()> {
    let (tenant, members) = listed(tool, slug).await?;
    let not_found =
        || format!("{email} is not of its staff; see: vestibule staff list --tenant {slug}");
    let found = members.into_iter().find(|one| one.email == email).with_context(not_found)?;
    let outcome = tool.store.operator().remove_member(tenant, found.account, super::now()).await?;
    accounts::removed(outcome, not_found, || {
        format!(
            "{email} is the only owner; first invite another one: \
             vestibule staff invite EMAIL --tenant {slug}"
        )
    })
}
