//! What a change tells the audit log. It is kept until the commit and written there, because from
//! the first event of a tenant on, logins that have one to write as well would wait for all of it.

use broker::id::{Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::OperatorTx;
use crate::StoreError;
use crate::audit::{self, AuditEvent, Changed};

/// An event that waits for the commit.
#[derive(Debug)]
pub(super) struct Told {
    /// Whose log; `None`: the installation's.
    tenant: Option<TenantId>,
    act: String,
    subject: Value,
    at: DateTime<Utc>,
}

impl OperatorTx {
    /// Tells the tenant's audit log, at the commit.
    pub(crate) fn note(&mut self, tenant: TenantId, act: &str, subject: Value, at: DateTime<Utc>) {
        self.told.push(Told { tenant: Some(tenant), act: act.to_owned(), subject, at });
    }

    /// Tells the installation's.
    pub(crate) fn note_installation(&mut self, act: &str, subject: Value, at: DateTime<Utc>) {
        self.told.push(Told { tenant: None, act: act.to_owned(), subject, at });
    }

    /// Tells that the changes that follow put one directory in another's place.
    pub fn note_replacement(
        &mut self,
        tenant: TenantId,
        (directory, by): (&Slug, &Slug),
        now: DateTime<Utc>,
    ) {
        let subject = json!({ "directory": directory, "by": by });
        self.note(tenant, "directory.replaced", subject, now);
    }

    /// Tells of an application or a directory that was put, if anything is different now.
    pub(super) fn note_change(
        &mut self,
        tenant: TenantId,
        (what, change): (&str, Changed),
        mut subject: Value,
        secrets: [Option<&'static str>; 2],
        now: DateTime<Utc>,
    ) {
        let done = if change == Changed::Added { "added" } else { "changed" };
        if change == Changed::Nothing && secrets.iter().all(Option::is_none) {
            return;
        }
        for (name, said) in ["client_secret", "next_client_secret"].into_iter().zip(secrets) {
            if let (Some(said), Some(members)) = (said, subject.as_object_mut()) {
                members.insert(name.to_owned(), said.into());
            }
        }
        self.note(tenant, &format!("{what}.{done}"), subject, now);
    }

    /// Forgets what was to be told to the log of a tenant that is gone.
    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.told.retain(|told| told.tenant != Some(tenant));
    }

    /// Writes all of it, tenant by tenant in the order of their identifiers, as everybody does who
    /// writes to several logs: nobody waits for somebody who waits for them.
    pub(super) async fn tell(&mut self) -> Result<(), StoreError> {
        let mut all = std::mem::take(&mut self.told);
        all.sort_by_key(|told| (told.tenant.is_none(), told.tenant));
        for told in all {
            let Told { tenant, act, subject, at } = told;
            let event = AuditEvent { at, actor: &self.store.actor, act: &act, subject };
            match tenant {
                Some(tenant) => audit::write(&mut self.tx, tenant, &event).await?,
                None => audit::write_installation(&mut self.tx, &event).await?,
            }
        }
        Ok(())
    }
}
