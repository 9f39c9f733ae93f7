//! Roles in words, and what a form says of one: for staff and for tokens.

use broker::authority::Role;
use broker::id::DirectoryId;
use store::TenantRecord;

use super::choice::Choice;
use super::fields::Fields;

/// A role in a word or two.
pub(super) const fn name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Editor => "Editor",
        Role::Viewer => "Viewer",
        Role::DirectoryManager => "Directory manager",
    }
}

/// What it may do.
const fn may(role: Role) -> &'static str {
    match role {
        Role::Owner => "everything, staff included",
        Role::Editor => "applications, directories, claims, people",
        Role::Viewer => "looks, changes nothing",
        Role::DirectoryManager => "one directory, nothing else",
    }
}

/// The roles, to choose from.
pub(super) fn choices(chosen: &str) -> Vec<Choice> {
    let all = Role::ALL.into_iter();
    let all = all.map(|role| (role.as_str(), format!("{}: {}", name(role), may(role))));
    Choice::all(all, Some(chosen))
}

/// The directories, to choose the one of a directory manager from.
pub(super) fn directories(tenant: &TenantRecord, chosen: &str) -> Vec<Choice> {
    let all = tenant.directories.iter().map(|one| &one.settings);
    let all = all.map(|one| (one.slug.as_str(), one.name.clone()));
    Choice::all([("", "–".to_owned())].into_iter().chain(all), Some(chosen))
}

/// What somebody is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assigned {
    pub(super) role: Role,
    pub(super) directory: Option<DirectoryId>,
}

/// A field that says something else, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) why: &'static str,
}

/// Reads it from a form.
pub(super) fn assigned(fields: &Fields, tenant: &TenantRecord) -> Result<Assigned, Wrong> {
    let wrong = |field, why| Wrong { field, why };
    let role: Role =
        fields.text("role").parse().map_err(|_| wrong("role", "Choose one of these."))?;
    if role != Role::DirectoryManager {
        return Ok(Assigned { role, directory: None });
    }
    let mut all = tenant.directories.iter();
    let found = all.find(|one| one.settings.slug.as_str() == fields.text("directory"));
    let found = found.ok_or_else(|| wrong("directory", "Choose the one that they manage."))?;
    Ok(Assigned { role, directory: Some(found.id) })
}
