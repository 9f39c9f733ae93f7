//! Somebody at one tenant: what every page of a tenant begins with.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use broker::authority::{Authority, Need, Role};
use chrono::TimeDelta;
use store::TenantRecord;

use super::Refused;
use super::shell::{self, Files, Place, Shell};
use super::visitor::Visitor;
use crate::api::Problem;
use crate::api::caller::Caller;
use crate::gateway::App;

/// Somebody at one tenant.
pub(crate) struct Desk {
    pub(crate) app: Arc<App>,
    /// Acts for them, as a token of the API would.
    pub(crate) caller: Caller,
    /// The tenant as it is.
    pub(crate) tenant: TenantRecord,
    /// What is around the page.
    pub(crate) shell: Shell,
}

impl FromRequestParts<Arc<App>> for Desk {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Refused::NotFound)?;
        let slug = params.iter().find(|(name, _)| *name == "tenant").map(|(_, value)| value);
        let slug = slug.ok_or(Refused::NotFound)?;
        let authority = visitor.authority(slug).ok_or(Refused::NotFound)?;
        let who = (visitor.id(), authority);
        let caller = Caller::acting(app, who, &visitor.actor()).await?;
        let tenant = caller.tenant(slug).await?;
        note_seen(&caller, &visitor, &tenant).await?;
        let shell = shell_of(&visitor, &tenant, caller.authority(), parts.uri.path());
        Ok(Self { app: Arc::clone(app), caller, tenant, shell })
    }
}

impl Desk {
    /// Whether they may do that here.
    pub(crate) fn has(&self, need: Need) -> bool {
        self.caller.authority().has(need)
    }

    /// Refuses whoever may not.
    pub(crate) fn needs(&self, need: Need) -> Result<(), Problem> {
        self.caller.needs(need)
    }

    /// The tenant's slug.
    pub(crate) fn slug(&self) -> &str {
        self.tenant.slug.as_str()
    }

    /// The address of a page of this tenant.
    pub(crate) fn path(&self, part: &str) -> String {
        format!("/dashboard/t/{}/{part}", self.tenant.slug)
    }
}

/// Notes that one of the staff was here, once a minute.
async fn note_seen(
    caller: &Caller,
    visitor: &Visitor,
    tenant: &TenantRecord,
) -> Result<(), Problem> {
    let Visitor::Account(held) = visitor else { return Ok(()) };
    let Some(one) = held.memberships.iter().find(|one| one.tenant == tenant.id) else {
        return Ok(());
    };
    if one.last_seen_at.is_none_or(|seen| seen <= caller.now - TimeDelta::minutes(1)) {
        caller.operator().note_member_seen(tenant.id, held.account, caller.now).await?;
    }
    Ok(())
}

fn shell_of(visitor: &Visitor, tenant: &TenantRecord, authority: &Authority, path: &str) -> Shell {
    Shell {
        files: Files::of_now(),
        title: String::new(),
        who: visitor.who(),
        role: role(authority).to_owned(),
        has_account: matches!(visitor, Visitor::Account(_)),
        tenant: Some(Place { slug: tenant.slug.clone(), name: tenant.name.clone() }),
        tenants: visitor.places(),
        groups: shell::side(&tenant.slug, authority, path),
        notice: None,
    }
}

/// What somebody is, in words.
pub(super) fn role(authority: &Authority) -> &'static str {
    match (authority.tenant, authority.role) {
        (None, Role::Owner) => "operator",
        (_, Role::Owner) => "owner",
        (_, Role::Editor) => "editor",
        (_, Role::Viewer) => "viewer",
        (_, Role::DirectoryManager) => "directory manager",
    }
}

/// What is around a page of no tenant.
pub(super) fn shell_without_tenant(visitor: &Visitor, title: &str) -> Shell {
    Shell {
        who: visitor.who(),
        role: if visitor.is_operator() { "operator".to_owned() } else { String::new() },
        has_account: matches!(visitor, Visitor::Account(_)),
        tenants: visitor.places(),
        ..Shell::before_sign_in(title)
    }
}
