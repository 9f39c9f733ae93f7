//! Connections: which role they act as, how long they wait, and what state they come back in.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::StoreError;
use crate::pool::{Pool, Trouble, soon};

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
    /// Ten connections, and less than a second to wait for one; for what operators do, four and two
    /// seconds.
    pub fn new(url: &'a str, role: Role) -> Self {
        let (max_connections, acquire_timeout) = match role {
            Role::Gateway => (10, SHED_AFTER),
            Role::Operator => (4, PATIENCE),
        };
        Self { url, role, max_connections, acquire_timeout }
    }
}

/// How long a connection is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a request waits for a connection before it is told to come back. Together with the
/// longest wait for a lock it stays below a second and a half (THREATS F-05).
const SHED_AFTER: Duration = Duration::from_millis(900);

/// A connection that rested this long is asked whether it lives before it is used: shorter than
/// what firewalls forget in, and long enough that a busy gateway never pays the round trip.
const RESTED: Duration = Duration::from_secs(5);
/// How long that answer is waited for; it costs the server nothing.
const ALIVE: Duration = Duration::from_millis(500);
/// How long a connection that comes back may take to tell its state.
const TELLS: Duration = Duration::from_secs(1);

macro_rules! settings {
    ($statement:literal, $lock:literal) => {
        concat!(
            "do $$ begin
             if pg_is_in_recovery() then
                 raise exception 'this server is a standby' using errcode = '25006';
             end if;
         end $$;
         set statement_timeout = '",
            $statement,
            "'; set lock_timeout = '",
            $lock,
            "';
         set idle_in_transaction_session_timeout = '10s';
         select set_config('synchronous_commit', 'on', false)
          where current_setting('synchronous_commit') in ('off', 'local');"
        )
    };
}
/// Said once per connection. A standby is refused: what it knows is old, so that a used code would
/// look unused there, and after a failover it is the address that is wrong (THREATS F-02, F-25). The
/// commit of a redeemed code has to survive a crash, whatever the server's default is; a stricter
/// setting than `on` stays. (THREATS KD-04)
const GATEWAY: &str = concat!("set role vestibule_gateway;", settings!("2s", "500ms"));
const OPERATOR: &str = concat!("set role vestibule_operator;", settings!("5s", "4s"));

/// What is said on a connection before anything else.
pub(crate) fn prepare(role: Role) -> &'static str {
    match role {
        Role::Gateway => GATEWAY,
        Role::Operator => OPERATOR,
    }
}

pub(crate) fn pool(options: &ConnectOptions<'_>) -> Result<(Pool, PgConnectOptions), StoreError> {
    let connect = PgConnectOptions::from_str(options.url)?.application_name("vestibule");
    let prepare = prepare(options.role);
    let trouble = Trouble::default();
    let (before, after) = (trouble.clone(), trouble.clone());
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
        .before_acquire(move |connection, rest| {
            let asks = rest.idle_for >= RESTED || before.may_concern(&rest);
            Box::pin(async move {
                if asks {
                    soon(ALIVE, connection.ping()).await?;
                }
                Ok(true)
            })
        })
        .after_release(move |connection, _| {
            let trouble = after.clone();
            Box::pin(async move {
                let clean = soon(TELLS, is_clean(connection)).await;
                clean.inspect_err(|_| trouble.note())
            })
        })
        .connect_lazy_with(connect.clone());
    Ok((Pool::new(pool, trouble), connect))
}

/// Whether a connection that comes back is outside any transaction, names no tenant and leads to
/// the primary; otherwise it is closed. A caller that stops waiting inside `begin` leaves one that
/// is not, and the next one's writes would be lost with it, or seen as another tenant's (THREATS
/// TN-03). A pooler between us and the server may have gone over to a standby (THREATS F-02).
///
/// Inside a transaction `now()` stands still at its beginning, while outside it is the statement's.
/// The simple protocol is needed for that: the extended one has several messages per statement.
async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const CLEAN: &str = "select not pg_is_in_recovery() as primary_, now() = statement_timestamp()
        and coalesce(current_setting('vestibule.tenant_id', true), '') = ''
        and coalesce(current_setting('vestibule.tenant_slug', true), '') = '' as clean";
    let row = sqlx::raw_sql(CLEAN).fetch_one(connection).await?;
    let (clean, primary): (bool, bool) = (row.try_get("clean")?, row.try_get("primary_")?);
    if !clean {
        tracing::warn!("a connection came back inside a transaction and is closed");
    }
    if !primary {
        tracing::warn!("a connection leads to a standby and is closed");
    }
    Ok(clean && primary)
}
