//! `vestibule expiries`: what ends within 60 days, or has ended.

use anyhow::Context as _;
use broker::expiry::{POINTED_OUT, Urgency};
use broker::id::{Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;
use store::{ExpiryQuery, ExpiryView, Operator, StoreError};

use super::Tool;
use crate::cli::ExpiriesArgs;
use crate::output;

/// How many are read at once.
const PAGE: i64 = 200;

/// Runs the command.
pub(super) async fn run(args: ExpiriesArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let now = super::now();
    let outcome = of_slug(&tool, args.tenant.as_deref(), now).await;
    let found = tool.finish(outcome).await?;
    for one in &found {
        if args.json {
            output::json(as_json(one, now));
        } else {
            output::result(line(one, now));
        }
    }
    if found.is_empty() {
        output::notice("Nothing ends within 60 days, as far as anybody wrote down.");
    }
    Ok(())
}

async fn of_slug(
    tool: &Tool,
    slug: Option<&str>,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<ExpiryView>> {
    let operator = tool.store.operator();
    let tenant = match slug {
        None => None,
        Some(text) => {
            let found = operator.find_tenant(&super::slug(text)?).await?;
            Some(found.with_context(|| format!("there is no tenant `{text}`"))?.id)
        }
    };
    Ok(all(&operator, tenant, now).await?)
}

/// What ends of a tenant, or of all of them and the installation.
pub(super) async fn all(
    operator: &Operator,
    tenant: Option<TenantId>,
    now: DateTime<Utc>,
) -> Result<Vec<ExpiryView>, StoreError> {
    let before = now + POINTED_OUT;
    let mut query = ExpiryQuery { tenant, before, with_tokens: true, after: None, limit: PAGE };
    let mut found = Vec::new();
    loop {
        let page = operator.expiries(&query).await?;
        let Some(last) = page.last() else { return Ok(found) };
        query.after = Some(last.at);
        found.extend(page);
    }
}

/// As the admin API says it.
fn as_json(one: &ExpiryView, now: DateTime<Utc>) -> serde_json::Value {
    json!({
        "kind": one.at.kind, "tenant": one.tenant, "directory": one.directory,
        "token": one.token.as_ref().map(|name| json!({ "id": one.at.id, "name": name })),
        "ends_at": one.ends_at(), "days_left": one.days_left(now), "urgency": one.urgency(now),
    })
}

/// `2026-12-05  6 days left  acme/okta: directory_secret`.
fn line(one: &ExpiryView, now: DateTime<Utc>) -> String {
    let end = one.ends_at();
    let date = end.map_or("----------".to_owned(), |end| end.format("%Y-%m-%d").to_string());
    let left = match one.urgency(now) {
        Urgency::Expired => "has ended".to_owned(),
        _ => match one.days_left(now) {
            0 => "ends today".to_owned(),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        },
    };
    let tenant = one.tenant.as_ref().map_or("all tenants", Slug::as_str);
    let which = one.directory.as_ref().map(Slug::as_str).or(one.token.as_deref());
    format!("{date}  {left:<12}  {tenant}/{}: {}", which.unwrap_or_default(), one.at.kind.as_str())
}
