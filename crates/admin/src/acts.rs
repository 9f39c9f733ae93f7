//! What is done to a tenant besides writing its settings.

use aws_lc_rs::rand;
use broker::address::{CallbackAt, HostName};
use broker::id::{LoginId, Slug};
use broker::seal::MasterKey;
use broker::settings::DirectoryState;
use broker::test_ticket::{Shown, TestTicket};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::{DirectoryRecord, Operator, SecretChange, Store, StoreError, TenantRecord};

use crate::{ChangeError, generate};

/// The most secrets of an application at a time: two in use, and two that are being brought in.
pub const MAX_SECRETS: usize = 4;

/// The most test links of a tenant that wait to be opened: they share a table with sign-ins whose
/// request is too long for a cookie, which has room for ten times as many.
const MAX_LINKS: i32 = 50;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// What it was about was removed just now.
    #[error("it was removed just now")]
    Gone,
    /// The application proves itself otherwise.
    #[error("{0} has no secret: it is public, or signs assertions with its own key")]
    NoSecret(String),
    /// It has as many secrets as there may be.
    #[error("{0} has {MAX_SECRETS} secrets, which is the most: end those before the newest first")]
    TooManySecrets(String),
    /// Somebody changed the tenant since.
    #[error("it was changed meanwhile")]
    Stale,
    /// Nobody can test a directory in this state.
    #[error("{0} is a draft or paused; set `state: testing` first")]
    NotTestable(Slug),
    /// People come to it.
    #[error("{0} is the tenant's issuer, or a directory sends people back to it")]
    HostInUse(HostName),
    /// Too much waits in the database for one tenant.
    #[error("too many test links and long requests wait at the moment; try again in 15 minutes")]
    Full,
    /// A token has to end.
    #[error("a token works for 400 days at most, and ends in the future")]
    End,
    /// A link has to end.
    #[error("such a link works for 1 to {0} days")]
    LinkEnd(i64),
    /// The operating system has no random bytes.
    #[error("the system has no random bytes")]
    Entropy,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChangeError> for ActError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            _ => Self::Entropy,
        }
    }
}

/// Adds a secret to an application, beside those that it has: while it is brought in, both work.
///
/// # Errors
/// [`ActError`].
pub async fn add_secret(
    operator: &Operator,
    master: &MasterKey,
    tenant: &Slug,
    client_id: &str,
    now: DateTime<Utc>,
) -> Result<SecretString, ActError> {
    let secret = generate()?;
    let mut tx = operator.begin().await?;
    let mut tenants = tx.tenants().await?;
    tenants.retain(|one| one.slug == *tenant);
    let tenant = tenants.pop().ok_or(ActError::Gone)?;
    let mut all = tenant.applications.into_iter();
    let current = all.find(|one| one.settings.client_id == client_id).ok_or(ActError::Gone)?;
    if !current.settings.has_secret() {
        return Err(ActError::NoSecret(client_id.to_owned()));
    }
    let mut hashes = current.secret_hashes;
    if hashes.len() >= MAX_SECRETS {
        return Err(ActError::TooManySecrets(client_id.to_owned()));
    }
    hashes.push(master.client_secret_hash(tenant.id, client_id, secret.expose_secret()));
    let change = SecretChange::Set(hashes.as_slice());
    tx.put_application(tenant.id, &current.settings, change, now).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Ends every secret of an application but the newest, once that is in use; whether there were others.
/// `version` is what the tenant's has to be, so that nobody ends a secret for one that they have not
/// seen.
///
/// # Errors
/// [`ActError`].
pub async fn end_old_secrets(
    operator: &Operator,
    (tenant, client_id): (&Slug, &str),
    version: Option<i64>,
    now: DateTime<Utc>,
) -> Result<bool, ActError> {
    let mut tx = operator.begin().await?;
    let mut tenants = tx.tenants().await?;
    tenants.retain(|one| one.slug == *tenant);
    let tenant = tenants.pop().ok_or(ActError::Gone)?;
    if version.is_some_and(|wanted| tenant.version != wanted) {
        return Err(ActError::Stale);
    }
    let mut all = tenant.applications.into_iter();
    let current = all.find(|one| one.settings.client_id == client_id).ok_or(ActError::Gone)?;
    let newest = match current.secret_hashes.as_slice() {
        [] => return Err(ActError::NoSecret(client_id.to_owned())),
        [_] => return Ok(false),
        [.., newest] => [*newest],
    };
    let change = SecretChange::Set(newest.as_slice());
    tx.put_application(tenant.id, &current.settings, change, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// The path and query, under the tenant's issuer, of a link that begins a test login: it works once,
/// for 15 minutes, and signs nobody in. With [`CallbackAt::Issuer`] the directory is asked to come
/// back to the issuer, wherever it does for others.
///
/// # Errors
/// [`ActError`].
pub async fn test_link(
    store: &Store,
    master: &MasterKey,
    tenant: &TenantRecord,
    directory: &DirectoryRecord,
    (shown, at): (Shown, Option<CallbackAt>),
    now: DateTime<Utc>,
) -> Result<String, ActError> {
    let slug = &directory.settings.slug;
    if let DirectoryState::Draft | DirectoryState::Paused = directory.settings.state {
        return Err(ActError::NotTestable(slug.clone()));
    }
    let at_issuer = at == Some(CallbackAt::Issuer);
    let ticket = TestTicket::new(LoginId::new(now, random()?), shown, now);
    let ticket = TestTicket { at_issuer, ..ticket };
    let text = ticket
        .seal(master.browser_key(), tenant.id, directory.id, random()?)
        .map_err(|_| ActError::Entropy)?;
    let store = store.tenant(tenant.id);
    // The ticket waits in the database until its link is opened.
    let kept = (ticket.login.0, text.as_bytes());
    if !store.spill_below(MAX_LINKS, kept, ticket.expires_at, now).await? {
        return Err(ActError::Full);
    }
    Ok(format!("/directories/{slug}/test?ticket={text}"))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], ActError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| ActError::Entropy)?;
    Ok(bytes)
}
