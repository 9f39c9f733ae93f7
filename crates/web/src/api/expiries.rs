//! What ends within 60 days, or has ended: secrets of ours at directories, and tokens of this API.

use axum::Json;
use axum::extract::Path;
use broker::authority::Need;
use broker::expiry::{Ends, POINTED_OUT, Urgency};
use broker::id::{Slug, TenantId};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use store::{ExpiryCursor, ExpiryQuery, ExpiryView};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::Asked;
use super::page::{self, Page, PageQuery};
use super::problem::{Problem, Refusals};

/// Something that ends, or has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Expiry {
    /// What it is.
    pub(crate) kind: Ends,
    /// The tenant it belongs to; absent: it is a token for all tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<Slug>,
    /// The directory of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<Slug>,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<TokenName>,
    /// When it ends; absent: nobody wrote down when, and the directory says that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ends_at: Option<DateTime<Utc>>,
    /// How many whole days are left; none if it has ended.
    pub(crate) days_left: i64,
    /// How loudly that is said.
    pub(crate) urgency: Urgency,
    /// What the next page comes after.
    #[serde(skip)]
    cursor: String,
}

/// A token, by its names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenName {
    /// Its identifier.
    id: Uuid,
    /// What people call it.
    pub(crate) name: String,
}

impl Expiry {
    fn of(view: ExpiryView, now: DateTime<Utc>) -> Self {
        let (ends_at, days_left, urgency) =
            (view.ends_at(), view.days_left(now), view.urgency(now));
        let at = view.at;
        Self {
            kind: at.kind,
            tenant: view.tenant,
            directory: view.directory,
            token: view.token.map(|name| TokenName { id: at.id, name }),
            ends_at,
            days_left,
            urgency,
            cursor: written(&at),
        }
    }
}

/// A place in the list, as the page before says it.
fn written(at: &ExpiryCursor) -> String {
    let end = at.ends_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("{end}~{}~{}", at.kind.as_str(), at.id)
}

fn read(text: &str) -> Option<ExpiryCursor> {
    let mut parts = text.splitn(3, '~');
    let end = DateTime::parse_from_rfc3339(parts.next()?).ok()?;
    let kind = Ends::parse(parts.next()?)?;
    let at = ExpiryCursor { ends_at: end.to_utc(), kind, id: parts.next()?.parse().ok()? };
    // As it was written and no other way; a year that no database has is none of ours.
    (written(&at) == text).then_some(at)
}

/// What of a tenant ends within 60 days, soonest first: secrets at directories, and to owners the tenant's tokens
#[utoipa::path(get, path = "/tenants/{tenant}/expiries", tag = "Observations",
    operation_id = "listExpiries",
    params(("tenant" = String, Path, description = "The tenant's slug"), PageQuery),
    responses((status = 200, body = Page<Expiry>), Refusals))]
pub(crate) async fn list_expiries(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Expiry>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    listed(&caller, Some(record.id), &query).await
}

/// What of all tenants and of the installation ends within 60 days, soonest first
#[utoipa::path(get, path = "/expiries", tag = "Observations",
    operation_id = "listInstallationExpiries",
    params(PageQuery),
    responses((status = 200, body = Page<Expiry>), Refusals))]
pub(crate) async fn list_installation_expiries(
    caller: Caller,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Expiry>>, Problem> {
    caller.needs(Need::Operator)?;
    listed(&caller, None, &query).await
}

pub(crate) async fn listed(
    caller: &Caller,
    tenant: Option<TenantId>,
    query: &PageQuery,
) -> Result<Json<Page<Expiry>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.after.as_deref())?.map(|text| {
        read(text).ok_or_else(|| Problem::malformed("after: send the `next` of the page before"))
    });
    let asked = ExpiryQuery {
        tenant,
        before: caller.now + POINTED_OUT,
        after: after.transpose()?,
        with_tokens: caller.authority().has(Need::Owner),
        limit: i64::from(limit) + 1,
    };
    let found = caller.operator().expiries(&asked).await?;
    let items = found.into_iter().map(|one| Expiry::of(one, caller.now)).collect();
    Ok(Json(Page::of(items, limit, |one: &Expiry| one.cursor.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [THREATS TN-08] A place in the list is read as it was written, and in no other way.
    #[test]
    fn tn_08_cursor_is_read_as_it_was_written_and_no_other_way() {
        let ends_at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        let at = ExpiryCursor { ends_at, kind: Ends::ApiToken, id: Uuid::from_u128(7) };
        let text = written(&at);
        assert_eq!(read(&text), Some(at));
        for wrong in [
            "",
            "~~",
            "2027-01-15T08:00:00Z~api_token~00000000-0000-0000-0000-000000000007",
            &text.replace("api_token", "password"),
            &text.replace("000007", "00000'"),
            &format!("{text} "),
            &text.replace('Z', "+00:00"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
