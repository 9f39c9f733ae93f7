//! One part of a tenant, put, merged or removed. Pure: in go the tenant's settings as they are, out
//! come the wanted ones.

use broker::id::Slug;
use broker::plan::Target;
use broker::settings::{ApplicationSettings, DirectorySettings, TenantSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::replace::{self, Replacement};

/// Which part of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Everything of it.
    Configuration,
    /// The tenant's own settings, apart from its applications and directories.
    Tenant,
    /// An application.
    Application(String),
    /// A directory.
    Directory(Slug),
}

/// What is to become of it.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// This, made if it is not there.
    Put(Value),
    /// What it is, with these members replaced; `null` removes one. [RFC7396-2]
    Merge(Value),
    /// Nothing.
    Gone,
    /// Of everything of a tenant: the same with one directory in another's place.
    Replaced(Replacement),
}

/// An edit makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The part, or its tenant, is not there.
    #[error("there is no such thing")]
    Missing,
    /// What was sent has not the shape of the part.
    #[error("{path}: {message}")]
    Shape {
        /// Where in what was sent, such as `claims.staff`; `.`: all of it.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// The members of a tenant that are not its own.
const PARTS: [&str; 2] = ["applications", "directories"];

impl Part {
    /// What a plan and the audit log call it.
    pub fn target(&self, tenant: &Slug) -> Target {
        let tenant = tenant.clone();
        match self {
            Self::Configuration | Self::Tenant => Target::Tenant { tenant },
            Self::Application(client_id) => {
                Target::Application { tenant, client_id: client_id.clone() }
            }
            Self::Directory(directory) => {
                Target::Directory { tenant, directory: directory.clone() }
            }
        }
    }

    /// As it is; `None` when it is not there.
    pub fn of(&self, tenant: &TenantSettings) -> Option<Value> {
        match self {
            Self::Configuration => json(tenant),
            Self::Tenant => json(tenant).map(|mut value| {
                if let Some(members) = value.as_object_mut() {
                    members.retain(|name, _| !PARTS.contains(&name.as_str()));
                }
                value
            }),
            Self::Application(client_id) => {
                let mut all = tenant.applications.iter();
                all.find(|one| one.client_id == *client_id).and_then(json)
            }
            Self::Directory(slug) => {
                tenant.directories.iter().find(|one| one.slug == *slug).and_then(json)
            }
        }
    }

    /// The member that names it, and its value.
    fn name<'a>(&'a self, tenant: &'a Slug) -> (&'static str, &'a str) {
        match self {
            Self::Configuration | Self::Tenant => ("slug", tenant.as_str()),
            Self::Application(client_id) => ("client_id", client_id),
            Self::Directory(slug) => ("slug", slug.as_str()),
        }
    }
}

/// A stored secret is a reference, so this cannot fail.
fn json(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

/// The tenant with one part as it is wanted; `None`: without the tenant.
///
/// # Errors
/// [`PartError`].
pub fn edited(
    slug: &Slug,
    current: Option<&TenantSettings>,
    part: &Part,
    to: &To,
) -> Result<Option<TenantSettings>, PartError> {
    let present = current.and_then(|tenant| part.of(tenant));
    let wanted = match to {
        To::Replaced(how) => {
            let current = current.ok_or(PartError::Missing)?;
            return replace::replaced(current, how).map(Some);
        }
        To::Gone => {
            present.ok_or(PartError::Missing)?;
            return Ok(without(current, part));
        }
        To::Put(value) => value.clone(),
        To::Merge(patch) => {
            let mut value = present.ok_or(PartError::Missing)?;
            merge(&mut value, patch);
            value
        }
    };
    let wanted = named(wanted, part.name(slug))?;
    let mut tenant = match (part, current) {
        (Part::Configuration, _) => return shaped(wanted).map(Some),
        (Part::Tenant, current) => {
            let mut own: TenantSettings = shaped(without_parts(wanted)?)?;
            if let Some(current) = current {
                own.applications.clone_from(&current.applications);
                own.directories.clone_from(&current.directories);
            }
            return Ok(Some(own));
        }
        (_, None) => return Err(PartError::Missing),
        (_, Some(current)) => current.clone(),
    };
    if let Part::Application(_) = part {
        let one: ApplicationSettings = shaped(wanted)?;
        put(&mut tenant.applications, one, |one, other| one.client_id == other.client_id);
    } else {
        let one: DirectorySettings = shaped(wanted)?;
        put(&mut tenant.directories, one, |one, other| one.slug == other.slug);
    }
    Ok(Some(tenant))
}

/// Puts one in its place, or at the end.
fn put<T>(all: &mut Vec<T>, one: T, is_same: fn(&T, &T) -> bool) {
    match all.iter_mut().find(|other| is_same(&one, other)) {
        Some(place) => *place = one,
        None => all.push(one),
    }
}

fn without(current: Option<&TenantSettings>, part: &Part) -> Option<TenantSettings> {
    let mut tenant = current?.clone();
    match part {
        Part::Configuration | Part::Tenant => return None,
        Part::Application(client_id) => {
            tenant.applications.retain(|one| one.client_id != *client_id);
        }
        Part::Directory(slug) => tenant.directories.retain(|one| one.slug != *slug),
    }
    Some(tenant)
}

/// The part's name may be left out of what is sent, since its address says it; another is refused.
fn named(mut value: Value, (member, name): (&str, &str)) -> Result<Value, PartError> {
    let members = object(&mut value)?;
    match members.get(member) {
        None => {
            members.insert(member.to_owned(), name.into());
        }
        Some(Value::String(same)) if same == name => {}
        Some(_) => {
            let message = format!("the address says `{name}`; nothing is renamed");
            return Err(PartError::Shape { path: member.to_owned(), message });
        }
    }
    Ok(value)
}

fn without_parts(mut value: Value) -> Result<Value, PartError> {
    let members = object(&mut value)?;
    match PARTS.into_iter().find(|name| members.contains_key(*name)) {
        None => Ok(value),
        Some(name) => Err(PartError::Shape {
            path: name.to_owned(),
            message: "it has an address of its own".to_owned(),
        }),
    }
}

fn object(value: &mut Value) -> Result<&mut Map<String, Value>, PartError> {
    value.as_object_mut().ok_or_else(|| PartError::Shape {
        path: ".".to_owned(),
        message: "expected an object".to_owned(),
    })
}

fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, PartError> {
    serde_path_to_error::deserialize(value).map_err(|error| PartError::Shape {
        path: error.path().to_string(),
        message: error.inner().to_string(),
    })
}

/// Applies a merge patch. [RFC7396-2]
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests;
