//! `vestibule keys`: where the signing keys stand, their rotation, and their certificates.

use admin::{RotateError, Rotated, new_key};
use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use oidc::jose::{Alg, Certificate, SigningKey};
use store::{KeyRecord, KeyView, TenantRecord};

use super::Tool;
use crate::cli::{KeysCertificateArgs, KeysListArgs, KeysRotateArgs};
use crate::output;

/// Runs `keys list`.
pub(super) async fn list(args: KeysListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = listed(&tool, args.tenant.as_deref()).await;
    output::result(tool.finish(outcome).await?);
    Ok(())
}

async fn listed(tool: &Tool, tenant: Option<&str>) -> anyhow::Result<String> {
    let operator = tool.store.operator();
    let tenants = super::tenants(&operator, tenant).await?;
    let now = super::now();
    let mut lines = vec![row(["TENANT", "KID", "ALG", "STATE", "SINCE", "UNTIL"])];
    for tenant in tenants {
        for key in operator.signing_keys(Some(tenant.id)).await? {
            let (state, since, until) = standing(&key, now);
            let until = until.map_or_else(|| "-".to_owned(), minute);
            let slug = tenant.slug.as_str();
            lines.push(row([slug, &key.kid, &key.alg, state, &minute(since), &until]));
        }
    }
    if lines.len() == 1 {
        return Ok("No signing keys yet: a tenant's first is made when it is needed.".to_owned());
    }
    Ok(lines.join("\n"))
}

/// The state of a key, and from when until when it lasts.
fn standing(
    key: &KeyView,
    now: DateTime<Utc>,
) -> (&'static str, DateTime<Utc>, Option<DateTime<Utc>>) {
    match (key.retired_at, key.expires_at) {
        _ if now < key.active_from => ("pending", key.created_at, Some(key.active_from)),
        (_, Some(expired)) if expired <= now => ("expired", expired, None),
        (Some(retired), expires) if retired <= now => ("retiring", retired, expires),
        (retires, _) => ("active", key.active_from, retires),
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

fn row([tenant, kid, alg, state, since, until]: [&str; 6]) -> String {
    format!("{tenant:<20} {kid:<44} {alg:<6} {state:<9} {since:<18} {until}").trim_end().to_owned()
}

/// Runs `keys rotate`.
pub(super) async fn rotate(args: KeysRotateArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = rotated(&tool, &args).await;
    output::result(tool.finish(outcome).await?);
    Ok(())
}

async fn rotated(tool: &Tool, args: &KeysRotateArgs) -> anyhow::Result<String> {
    let operator = tool.store.operator();
    let slug = super::slug(&args.tenant)?;
    let Some(tenant) = operator.find_tenant(&slug).await? else {
        bail!("there is no tenant `{slug}`; `vestibule export` lists them");
    };
    let rotated =
        admin::rotate_keys(&tool.store, &operator, tenant.id, &args.alg, super::now()).await;
    let rotated = match rotated {
        Err(RotateError::Alg) => bail!("`{}` is not an algorithm; {}", args.alg, RotateError::Alg),
        rotated => rotated.context("the key was not rotated")?,
    };
    Ok(match rotated {
        Rotated::First(made) => {
            let what = if made { "made and signs from now on" } else { "made elsewhere just now" };
            format!("Tenant {slug} had no {} key: the first was {what}.", args.alg)
        }
        Rotated::Published { kid, active_from, published_until } => format!(
            "Published key {kid} of tenant {slug}; it signs from {}, and the old one stays \
             published until {}.",
            minute(active_from),
            minute(published_until)
        ),
        Rotated::AlreadyPublished => {
            format!("A successor is published already; see: vestibule keys list --tenant {slug}")
        }
    })
}

/// Runs `keys certificate`.
pub(super) async fn certificate(args: KeysCertificateArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = certified(&tool, &args.tenant).await;
    output::result(tool.finish(outcome).await?.trim_end());
    Ok(())
}

async fn certified(tool: &Tool, tenant: &str) -> anyhow::Result<String> {
    let slug = super::slug(tenant)?;
    let find = async || -> anyhow::Result<TenantRecord> {
        let found = tool.store.tenant_by_slug(&slug).await?;
        found.with_context(|| format!("there is no tenant `{slug}`; `vestibule export` lists them"))
    };
    let mut tenant = find().await?;
    if newest(&tenant.keys).is_none() {
        let now = super::now();
        let key = new_key(Alg::RS256, now).await?;
        let store = tool.store.tenant(tenant.id);
        store.insert_signing_key(&key, now).await.context("the key was not stored")?;
        tenant = find().await?;
    }
    let key = newest(&tenant.keys).context("the key was not stored")?;
    let key = SigningKey::from_pkcs8(Alg::RS256, &key.pkcs8)?;
    Ok(Certificate::of(&key)?.pem())
}

/// The RS256 key that has no successor.
fn newest(keys: &[KeyRecord]) -> Option<&KeyRecord> {
    keys.iter().find(|key| key.alg == Alg::RS256.as_str() && key.retired_at.is_none())
}

#[cfg(test)]
mod tests {
    use broker::id::TenantId;
    use chrono::TimeDelta;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    #[test]
    fn a_key_is_pending_then_active_then_retiring_then_expired() {
        let key = KeyView {
            tenant: TenantId(uuid::Uuid::nil()),
            kid: "k".to_owned(),
            alg: "RS256".to_owned(),
            created_at: at(0),
            active_from: at(24),
            retired_at: Some(at(100)),
            expires_at: Some(at(125)),
        };
        assert_eq!(standing(&key, at(1)), ("pending", at(0), Some(at(24))));
        assert_eq!(standing(&key, at(24)), ("active", at(24), Some(at(100))));
        assert_eq!(standing(&key, at(100)), ("retiring", at(100), Some(at(125))));
        assert_eq!(standing(&key, at(125)), ("expired", at(125), None));
    }
}
