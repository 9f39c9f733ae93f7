//! Users from a file: who is to be added, who is there already, and what contradicts what.
//!
//! ```text
//! [`file::read`] → rows → [`check`] → wanted users → (the database says who exists) → [`plan`]
//! ```
//!
//! An import states facts that staff vouches for: this `external_id` belongs to whoever signs in
//! with that e-mail address, or to that identity of a directory. It adds users, and identities to
//! users; it never changes or removes anything. A row that contradicts another row or the database
//! is a [`Conflict`], with its line.

pub mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::email::Email;
use crate::id::{DirectoryId, UserId};
use crate::sub::MAX_SUB;
use crate::user::{Identity, MAX_EXTERNAL_ID, User};

/// The longest issuer or subject of an identity, in bytes.
const MAX_IDENTITY: usize = 1024;

/// A row as it was written; an empty field is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it begins in the file; the header is on line 1.
    pub line: u64,
    /// The key that applications such as iMIS keep.
    pub external_id: Option<String>,
    /// By which the person is recognised at their first login.
    pub email: Option<String>,
    /// The slug of a directory.
    pub directory: Option<String>,
    /// The person's subject in that directory.
    pub subject: Option<String>,
    /// The issuer, where the directory has several.
    pub issuer: Option<String>,
    /// The `sub` that applications know already, issued elsewhere.
    pub sub: Option<String>,
}

/// A directory that rows may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDirectory {
    /// Its identifier.
    pub id: DirectoryId,
    /// The issuer of its ID tokens; `None` if it has several.
    pub issuer: Option<String>,
}

/// A row that is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it begins in the file.
    pub line: u64,
    /// The user's `external_id`.
    pub external_id: String,
    /// The user's address, as it is looked up.
    pub email: Option<String>,
    /// The user's identity.
    pub identity: Option<Identity>,
    /// The user's `sub`; `None`: a random one.
    pub sub: Option<String>,
}

/// A row that cannot be carried out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where the row begins in the file.
    pub line: u64,
    /// What contradicts it, naming columns.
    pub reason: String,
}

/// The rows of a file, well formed and free of contradictions among themselves, and the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// In the order of the file.
    pub wanted: Vec<Wanted>,
    /// By line.
    pub conflicts: Vec<Conflict>,
}

/// A user who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingUser {
    /// The user.
    pub user: User,
    /// Their address, as it is looked up.
    pub email: Option<String>,
}

/// What the database has that rows speak of; more does no harm.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    users: HashMap<UserId, ExistingUser>,
    by_external_id: HashMap<String, UserId>,
    by_sub: HashMap<String, UserId>,
    by_email: HashMap<String, Vec<UserId>>,
    identities: HashMap<Identity, UserId>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// Users who are not there.
    pub add: Vec<Wanted>,
    /// Identities that users who are there do not have yet.
    pub attach: Vec<(UserId, Identity)>,
    /// How many rows are true already.
    pub unchanged: usize,
    /// By line.
    pub conflicts: Vec<Conflict>,
}

impl ImportPlan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.attach.is_empty()
    }
}

impl Existing {
    /// Adds a user; the same one may come again.
    pub fn insert(&mut self, existing: ExistingUser) {
        let id = existing.user.id;
        self.by_external_id.insert(existing.user.external_id.clone(), id);
        self.by_sub.insert(existing.user.sub.clone(), id);
        if let Some(email) = &existing.email {
            let holders = self.by_email.entry(email.clone()).or_default();
            if !holders.contains(&id) {
                holders.push(id);
            }
        }
        self.users.insert(id, existing);
    }

    /// Adds an identity and whose it is. Of that user no more needs to be known.
    pub fn insert_identity(&mut self, identity: Identity, user: UserId) {
        self.identities.insert(identity, user);
    }
}

/// Checks rows by themselves and against each other. Of rows that claim the same `external_id`,
/// address, identity or `sub` none is right: nobody knows which is meant.
pub fn check(rows: Vec<Row>, directories: &BTreeMap<String, KnownDirectory>) -> Checked {
    let mut conflicts = BTreeMap::new();
    let mut wanted = Vec::with_capacity(rows.len());
    for row in rows {
        let line = row.line;
        match well_formed(row, directories) {
            Ok(row) => wanted.push(row),
            Err(reason) => drop(conflicts.insert(line, reason)),
        }
    }
    let mut repeated = BTreeMap::new();
    repeats(&wanted, "external_id", |row| Some(&row.external_id), &mut repeated);
    repeats(&wanted, "email", |row| row.email.as_ref(), &mut repeated);
    repeats(&wanted, "subject", |row| row.identity.as_ref(), &mut repeated);
    repeats(&wanted, "sub", |row| row.sub.as_ref(), &mut repeated);
    wanted.retain(|row| !repeated.contains_key(&row.line));
    conflicts.extend(repeated);
    Checked { wanted, conflicts: listed(conflicts) }
}

fn listed(conflicts: BTreeMap<u64, String>) -> Vec<Conflict> {
    conflicts.into_iter().map(|(line, reason)| Conflict { line, reason }).collect()
}

fn repeats<'a, K: Eq + Hash>(
    rows: &'a [Wanted],
    column: &str,
    key: impl Fn(&'a Wanted) -> Option<K>,
    conflicts: &mut BTreeMap<u64, String>,
) {
    let mut lines: HashMap<K, Vec<u64>> = HashMap::new();
    for row in rows {
        if let Some(key) = key(row) {
            lines.entry(key).or_default().push(row.line);
        }
    }
    for same in lines.into_values() {
        for line in &same {
            if let Some(other) = same.iter().find(|other| *other != line) {
                conflicts
                    .entry(*line)
                    .or_insert_with(|| format!("`{column}` is the same as on line {other}"));
            }
        }
    }
}

fn well_formed(row: Row, directories: &BTreeMap<String, KnownDirectory>) -> Result<Wanted, String> {
    let Row { line, external_id, email, directory, subject, issuer, sub } = row;
    let external_id = external_id.ok_or("`external_id` is empty")?;
    bounded("external_id", &external_id, MAX_EXTERNAL_ID)?;
    let email = match email {
        Some(text) => Some(Email::parse(&text).ok_or("`email` is not an address")?.to_key()),
        None => None,
    };
    if let Some(sub) = &sub {
        bounded("sub", sub, MAX_SUB)?;
        if !sub.is_ascii() {
            return Err("`sub` has characters beyond ASCII".to_owned());
        }
    }
    let identity = match (directory, subject) {
        (Some(slug), Some(subject)) => Some(identity(&slug, subject, issuer, directories)?),
        (None, None) if issuer.is_none() => None,
        _ => return Err("`directory` and `subject` go together".to_owned()),
    };
    if email.is_none() && identity.is_none() {
        return Err(
            "it has neither `email` nor `directory` and `subject`: nobody could ever sign \
                    in as this user"
                .to_owned(),
        );
    }
    Ok(Wanted { line, external_id, email, identity, sub })
}

fn identity(
    slug: &str,
    subject: String,
    issuer: Option<String>,
    directories: &BTreeMap<String, KnownDirectory>,
) -> Result<Identity, String> {
    let known = directories.get(slug).ok_or_else(|| format!("there is no directory `{slug}`"))?;
    if let (Some(own), Some(given)) = (&known.issuer, &issuer)
        && own != given
    {
        return Err(format!("`issuer` is not {own}, which is the one of the directory `{slug}`"));
    }
    let issuer = issuer.or_else(|| known.issuer.clone());
    let issuer = issuer
        .ok_or_else(|| format!("the directory `{slug}` has several issuers: fill `issuer`"))?;
    bounded("subject", &subject, MAX_IDENTITY)?;
    bounded("issuer", &issuer, MAX_IDENTITY)?;
    Ok(Identity { directory: known.id, issuer, subject })
}

fn bounded(column: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!("`{column}` is over {max} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("`{column}` has a control character"));
    }
    Ok(())
}

/// Compares what is wanted with what is there.
pub fn plan(checked: Checked, existing: &Existing) -> ImportPlan {
    let mut plan = ImportPlan::default();
    let mut conflicts: BTreeMap<u64, String> =
        checked.conflicts.into_iter().map(|one| (one.line, one.reason)).collect();
    for row in checked.wanted {
        match decide(&row, existing) {
            Ok(Decision::Add) => plan.add.push(row),
            Ok(Decision::Attach(user, identity)) => plan.attach.push((user, identity)),
            Ok(Decision::Unchanged) => plan.unchanged += 1,
            Err(reason) => drop(conflicts.insert(row.line, reason)),
        }
    }
    plan.conflicts = listed(conflicts);
    plan
}

enum Decision {
    Add,
    Attach(UserId, Identity),
    Unchanged,
}

fn decide(row: &Wanted, existing: &Existing) -> Result<Decision, String> {
    let same = existing.by_external_id.get(&row.external_id);
    let is_other = |id: &UserId| Some(id) != same;
    let held = |column: &str, id: &UserId| match existing.users.get(id) {
        Some(other) => {
            format!("`{column}` belongs to the user with external_id `{}`", other.user.external_id)
        }
        None => format!("`{column}` belongs to another user"),
    };
    if let Some(email) = &row.email
        && let Some(other) =
            existing.by_email.get(email).into_iter().flatten().find(|id| is_other(id))
    {
        return Err(held("email", other));
    }
    if let Some(sub) = &row.sub
        && let Some(other) = existing.by_sub.get(sub).filter(|id| is_other(id))
    {
        return Err(held("sub", other));
    }
    let holder = row.identity.as_ref().and_then(|identity| existing.identities.get(identity));
    if let Some(other) = holder.filter(|id| is_other(id)) {
        return Err(held("subject", other));
    }
    let Some(user) = same.and_then(|id| existing.users.get(id)) else { return Ok(Decision::Add) };
    if row.sub.as_ref().is_some_and(|sub| *sub != user.user.sub) {
        return Err("`external_id` belongs to a user with another `sub`".to_owned());
    }
    if row.email.is_some() && user.email.is_some() && row.email != user.email {
        return Err("`external_id` belongs to a user with another `email`".to_owned());
    }
    Ok(match &row.identity {
        Some(identity) if holder.is_none() => Decision::Attach(user.user.id, identity.clone()),
        _ => Decision::Unchanged,
    })
}
