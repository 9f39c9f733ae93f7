//! `vestibule operator`: who reaches every tenant at the dashboard.

use anyhow::Context as _;
use serde_json::json;
use store::{InviteScope, OperatorView};

use super::{Tool, accounts};
use crate::cli::{OperatorCommand, OperatorInviteArgs, OperatorListArgs, OperatorRemoveArgs};
use crate::output;

/// Runs a command about operators.
pub(super) async fn run(command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Invite(args) => Box::pin(invite(args)).await,
        OperatorCommand::List(args) => Box::pin(list(args)).await,
        OperatorCommand::Remove(args) => Box::pin(remove(args)).await,
    }
}

async fn invite(args: OperatorInviteArgs) -> anyhow::Result<()> {
    let email = accounts::address(&args.email)?;
    let public_url = super::public_url(&args.common, args.link.public_url.as_deref())?;
    let tool = Tool::open(&args.common).await?;
    let whom = (&*email, InviteScope::Operator);
    let outcome = accounts::invited(&tool, whom, args.link.days, &public_url).await;
    tool.finish(outcome).await?.print(&email);
    Ok(())
}

async fn list(args: OperatorListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = tool.store.operator().operators().await;
    let operators = tool.finish(outcome.map_err(Into::into)).await?;
    for one in &operators {
        if args.json {
            output::json(as_json(one));
        } else {
            output::result(line(one));
        }
    }
    if operators.is_empty() {
        output::notice("There is no operator; invite one with: vestibule operator invite EMAIL");
    }
    Ok(())
}

fn as_json(one: &OperatorView) -> serde_json::Value {
    json!({
        "account": one.account.0, "email": one.email, "name": one.name,
        "is_set_up": one.is_set_up, "has_passkey": one.has_passkey,
        "created_at": one.created_at, "created_by": one.created_by,
        "last_seen_at": one.last_seen_at,
    })
}

/// `ada@example.org                  passkey     seen 2026-11-28 06:00Z  Ada Lovelace`.
fn line(one: &OperatorView) -> String {
    let credentials = accounts::credentials(one.is_set_up, one.has_passkey);
    let seen = accounts::seen(one.last_seen_at);
    format!("{:<32} {credentials:<10}  {seen:<22}  {}", one.email, one.name).trim_end().to_owned()
}

async fn remove(args: OperatorRemoveArgs) -> anyhow::Result<()> {
    let email = accounts::address(&args.email)?;
    let tool = Tool::open(&args.common).await?;
    let outcome = removed(&tool, &email).await;
    tool.finish(outcome).await?;
    output::result(format_args!("{email} is no operator any more."));
    Ok(())
}

async fn removed(tool: &Tool, email: &str) -> anyhow::Result<()> {
    let operator = tool.store.operator();
    let not_found = || format!("{email} is no operator; see: vestibule operator list");
    let found = operator.operators().await?.into_iter().find(|one| one.email == email);
    let found = found.with_context(not_found)?;
    let outcome = operator.remove_operator(found.account, super::now()).await?;
    accounts::removed(outcome, not_found, || {
        format!(
            "{email} is the only operator who can sign in; first invite another one: \
             vestibule operator invite EMAIL"
        )
    })
}
