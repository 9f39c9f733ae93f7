//! One directory takes another's place, as one edit of the tenant: [`replaced`] says what is wanted,
//! [`recognition`] what it means for people, [`remarks`] what else should be looked at.
//!
//! The directory that goes is paused and keeps everything else, so that the same act the other way
//! round takes it back.

use std::collections::BTreeSet;

use broker::domain_proof::is_proven;
use broker::email::{Domain, DomainPattern};
use broker::id::Slug;
use broker::settings::{
    DirectorySettings, DirectoryState, DomainProof, EmailTrust, TenantSettings,
};
use serde::Serialize;
use store::{DirectoryRecord, Move, Moving, Operator, StoreError, TenantRecord};

use crate::part::PartError;

/// What is to be replaced by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The directory that goes.
    pub directory: Slug,
    /// The one that takes its place.
    pub by: Slug,
    /// Whether `join_by_email` is turned on; else it stays as it is.
    pub join_by_email: bool,
}

/// The tenant as it is wanted: the new directory is in use with the domains of the old one, stands
/// for it at applications, and the old one is paused. Where that is so already, nothing changes.
///
/// # Errors
/// [`PartError::Missing`] without the old directory, [`PartError::Shape`] at `by` for one that cannot
/// take its place.
pub fn replaced(tenant: &TenantSettings, how: &Replacement) -> Result<TenantSettings, PartError> {
    let old = find(tenant, &how.directory).ok_or(PartError::Missing)?;
    let no = |message: String| Err(PartError::Shape { path: "by".to_owned(), message });
    if how.by == how.directory {
        return no(
            "a directory does not take its own place; connect the other one first".to_owned()
        );
    }
    let Some(new) = find(tenant, &how.by) else {
        return no(format!("there is no directory `{}`; connect it first", how.by));
    };
    if new.is_to_be_entered() {
        return no(format!("the values of `{}` are yet to be entered", how.by));
    }
    let mut domains = new.domains.clone();
    domains.extend(old.domains.iter().filter(|one| !new.domains.contains(one)).cloned());

    let mut wanted = tenant.clone();
    wanted.join_by_email |= how.join_by_email;
    for one in &mut wanted.directories {
        if one.slug == how.by {
            one.state = DirectoryState::Active;
            one.domains = std::mem::take(&mut domains);
        } else if one.slug == how.directory {
            one.state = DirectoryState::Paused;
            one.domains.clear();
        }
    }
    for one in &mut wanted.applications {
        if let Some(directories) = &mut one.directories {
            stand_in(directories, how);
        }
    }
    Ok(wanted)
}

fn find<'a>(tenant: &'a TenantSettings, slug: &Slug) -> Option<&'a DirectorySettings> {
    tenant.directories.iter().find(|one| one.slug == *slug)
}

/// Puts the new one in the old one's place, unless it is in the list already.
fn stand_in(directories: &mut Vec<Slug>, how: &Replacement) {
    if directories.contains(&how.by) {
        directories.retain(|one| *one != how.directory);
    }
    for one in directories.iter_mut().filter(|one| **one == how.directory) {
        one.clone_from(&how.by);
    }
}

/// What a replacement means for the people of the old directory, as far as it can be known before
/// they arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognition {
    /// Users with an identity at the old directory.
    pub users: u64,
    /// Of these, those whom the new one has brought already.
    pub known: u64,
    /// Of the rest, those who could be recognised by e-mail address.
    pub by_email: u64,
    /// Whether they are: `join_by_email`, as it then is.
    pub join_by_email: bool,
    /// When an address of the new directory counts as verified.
    pub trust: EmailTrust,
}

impl Recognition {
    fn of(moving: Moving, trust: EmailTrust, join_by_email: bool) -> Self {
        let by_email = match trust {
            EmailTrust::Never => 0,
            EmailTrust::Domain => moving.own_domain,
            EmailTrust::VerifiedClaim => moving.own_domain.saturating_add(moving.no_domain),
        };
        let Moving { users, known, .. } = moving;
        Self { users, known, by_email, join_by_email, trust }
    }

    /// Those who cannot be recognised, and arrive as new users.
    pub fn strangers(&self) -> u64 {
        let by_email = if self.join_by_email { self.by_email } else { 0 };
        self.users.saturating_sub(self.known).saturating_sub(by_email)
    }
}

/// Counts the people whom a replacement is about; `None`: one of the two is not there.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn recognition(
    operator: &Operator,
    tenant: &TenantRecord,
    how: &Replacement,
) -> Result<Option<Recognition>, StoreError> {
    let record = |slug: &Slug| tenant.directories.iter().find(|one| one.settings.slug == *slug);
    let (Some(old), Some(new)) = (record(&how.directory), record(&how.by)) else { return Ok(None) };
    let (domains, others) = addresses(tenant, (old, new));
    let of = Move { from: old.id, to: new.id, domains: &domains, others: &others };
    let moving = operator.moving(tenant.id, &of).await?;
    let join_by_email = tenant.policy.join_by_email || how.join_by_email;
    Ok(Some(Recognition::of(moving, new.settings.trust(), join_by_email)))
}

/// The domains that the new directory then answers for, and those of all that are neither of the two:
/// without those that are yet to be proven.
fn addresses(
    tenant: &TenantRecord,
    (old, new): (&DirectoryRecord, &DirectoryRecord),
) -> (Vec<DomainPattern>, Vec<DomainPattern>) {
    let proven: BTreeSet<Domain> =
        tenant.proven_domains.iter().map(|one| one.domain.clone()).collect();
    let counts = |one: &&DomainPattern| {
        tenant.policy.domain_proof == DomainProof::Operator || is_proven(&proven, one)
    };
    let of = |one: &DirectoryRecord| -> Vec<DomainPattern> {
        one.settings.domains.iter().filter(counts).cloned().collect()
    };
    let others = tenant.directories.iter().filter(|one| one.id != old.id && one.id != new.id);
    ([of(new), of(old)].concat(), others.flat_map(of).collect())
}

/// What a replacement does not do by itself, and somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Staff sign in to the dashboard by the old directory, and cannot any more.
    StaffSignIn,
    /// A row of this application, by `client_id` and name, asks for the old directory.
    Row(String, String),
}

impl Remark {
    /// In words, about these two directories.
    pub fn say(&self, how: &Replacement) -> String {
        let Replacement { directory, by, .. } = how;
        match self {
            Self::StaffSignIn => format!(
                "Staff who sign in to the dashboard by {directory} cannot any more. Where they have \
                 nothing else, an owner allows it at {by} (staff_sign_in), and they connect it."
            ),
            Self::Row(client_id, row) => format!(
                "The row {row} of the application {client_id} speaks of {directory}: it may have to \
                 speak of {by}."
            ),
        }
    }
}

/// What to look at besides, before or after.
pub fn remarks(tenant: &TenantSettings, how: &Replacement) -> Vec<Remark> {
    let is_staffs = find(tenant, &how.directory).is_some_and(|one| one.staff_sign_in);
    let staff = is_staffs.then_some(Remark::StaffSignIn);
    let rows = tenant.applications.iter().flat_map(|one| {
        let named = one.claims.iter().filter(|(_, row)| speaks_of(row, &how.directory));
        named.map(|(name, _)| Remark::Row(one.client_id.clone(), name.clone()))
    });
    staff.into_iter().chain(rows).collect()
}

/// Whether an expression of the row has the slug as a text of its own, or a `map` of it an entry.
fn speaks_of(row: &impl Serialize, slug: &Slug) -> bool {
    let Ok(text) = serde_json::to_string(row) else { return false };
    // As text between either quotes of an expression, which JSON escapes, or as the name of an entry.
    let quoted = [format!("'{slug}'"), format!("\\\"{slug}\\\""), format!("\"{slug}\"")];
    text.contains("directory") && quoted.iter().any(|one| text.contains(one))
}

#[cfg(test)]
mod tests;
