//! A directory whose discovery document leads elsewhere than before: what was so, what is proposed,
//! and somebody who believes it.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use chrono::{DateTime, Utc};
use store::DirectoryHosts;

use super::{find, one, refused};
use crate::api;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell;

/// Where the directory would be.
pub(super) struct Move {
    pub(super) approved: String,
    pub(super) proposed: Vec<String>,
    pub(super) since: DateTime<Utc>,
}

impl Move {
    /// `None`: the document leads to where the directory was.
    pub(super) fn of(hosts: DirectoryHosts) -> Option<Self> {
        let (proposed, since) = hosts.proposed?;
        let approved = hosts.approved.into_iter().collect::<Vec<_>>().join(", ");
        Some(Self { approved, proposed: proposed.into_iter().collect(), since })
    }

    /// The hosts at which it was not before.
    pub(super) fn is_new(&self, host: &str) -> bool {
        !self.approved.split(", ").any(|one| one == host)
    }
}

/// Believes what the page showed.
pub(in crate::dashboard) async fn approve(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "")?;
    let hosts: BTreeSet<String> = fields.text("hosts").split(' ').map(str::to_owned).collect();
    let of = (&desk.tenant, &found.record);
    match api::hosts::approved(&desk.app, &desk.caller, of, &hosts).await {
        Ok(()) => Ok(shell::see(&format!("{}?done=approved", found.head.here))),
        Err(problem) => {
            let notice = refused("Nothing was approved", &problem);
            one::noting(&desk, found, notice, problem.status()).await
        }
    }
}
