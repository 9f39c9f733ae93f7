//! Connections: which role they act as, how long they wait, and what state they come back in.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};

use crate::StoreError;

/// As whom the statements run. Both roles are bound by row-level security and own nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves logins: sees one tenant at a time, and reads its configuration only.
    Gateway,
    /// Serves the command line: sees every tenant and writes configuration.
    Operator,
}

/// How to reach the database. It does not print: the URL may contain a password.
#[derive(Clone, Copy)]
pub struct ConnectOptions<'a> {
    /// `postgres://…`
    pub url: &'a str,
    /// As whom.
    pub role: Role,
    /// The most connections at a time.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
}

impl<'a> ConnectOptions<'a> {
    /// Ten connections, two seconds to wait for one.
    pub fn new(url: &'a str, role: Role) -> Self {
        Self { url, role, max_connections: 10, acquire_timeout: PATIENCE }
    }
}

/// How long a connection is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A connection that rested this long is asked whether it lives before it is used: shorter than
/// what firewalls forget in, and long enough that a busy gateway never pays the round trip.
const RESTED: Duration = Duration::from_secs(5);

macro_rules! settings {
    () => {
        "set statement_timeout = '5s';
         set lock_timeout = '4s';
         set idle_in_transaction_session_timeout = '10s';
         select set_config('synchronous_commit', 'on', false)
          where current_setting('synchronous_commit') in ('off', 'local');"
    };
}
/// Said once per connection. The commit of a redeemed code has to survive a crash, whatever the
/// server's default is; a stricter setting than `on` stays. (THREATS KD-04)
const GATEWAY: &str = concat!("set role vestibule_gateway;", settings!());
const OPERATOR: &str = concat!("set role vestibule_operator;", settings!());

/// What is said on a connection before anything else.
pub(crate) fn prepare(role: Role) -> &'static str {
    match role {
        Role::Gateway => GATEWAY,
        Role::Operator => OPERATOR,
    }
}

pub(crate) fn pool(options: &ConnectOptions<'_>) -> Result<(PgPool, PgConnectOptions), StoreError> {
    let connect = PgConnectOptions::from_str(options.url)?.application_name("vestibule");
    let prepare = prepare(options.role);
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(prepare).execute(connection).await?;
                Ok(())
            })
        })
        .before_acquire(|connection, rest| {
            Box::pin(async move {
                if rest.idle_for >= RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| Box::pin(is_clean(connection)))
        .connect_lazy_with(connect.clone());
    Ok((pool, connect))
}

/// Whether a connection that comes back is outside any transaction and names no tenant; otherwise
/// it is closed. A caller that stops waiting inside `begin` leaves one that is not, and the next
/// one's writes would be lost with it, or seen as another tenant's. (THREATS TN-03)
///
/// Inside a transaction `now()` stands still at its beginning, while outside it is the statement's.
/// The simple protocol is needed for that: the extended one has several messages per statement.
async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const CLEAN: &str = "select now() = statement_timestamp()
        and coalesce(current_setting('vestibule.tenant_id', true), '') = ''
        and coalesce(current_setting('vestibule.tenant_slug', true), '') = '' as clean";
    let row = sqlx::raw_sql(CLEAN).fetch_one(connection).await?;
    let clean: bool = row.try_get("clean")?;
    if !clean {
        tracing::warn!("a connection came back inside a transaction and is closed");
    }
    Ok(clean)
}
