//! The session that a browser brings.

use broker::sso::{SessionTimes, has_lapsed};
use chrono::{DateTime, Utc};
use store::{SessionRecord, StoreError};

use super::answer::digest;
use crate::cookie::Cookies;
use crate::gateway::App;
use crate::tenants::Loaded;

/// The session of the browser, if it has one that the tenant's settings still let live: by what they
/// say now, whatever they said when it began.
pub(crate) async fn live(
    app: &App,
    loaded: &Loaded,
    cookies: &Cookies<'_>,
    now: DateTime<Utc>,
) -> Result<Option<SessionRecord>, StoreError> {
    let Some(value) = cookies.session() else { return Ok(None) };
    let session = app.store.tenant(loaded.tenant.id).session(digest(value), now).await?;
    let lives = |one: &SessionRecord| {
        let times = SessionTimes { created_at: one.created_at, last_used_at: one.last_used_at };
        !has_lapsed(times, &loaded.tenant.sessions, now)
    };
    Ok(session.filter(lives))
}
