//! What a database says of itself, whatever is in it: for whoever looks for what is wrong. Nothing
//! is changed, and nothing has to be there.

use std::io;
use std::str::FromStr as _;
use std::time::Duration;

use broker::doctor::database::{Bound, Facts, Schema, Unreachable};
use broker::id::TenantId;
use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate as _, MigrateError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::migrate::{OLDEST_POSTGRES, migrator};
use crate::{Operator, StoreError};

/// How long the database has for all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Where it is, without the password.
    pub place: String,
    /// What it says of itself.
    pub facts: Result<Facts, Unreachable>,
}

/// What a tenant has, by the names in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredNames {
    /// The `client_id`s of its applications.
    pub applications: Vec<String>,
    /// The slugs of its directories.
    pub directories: Vec<String>,
}

impl Operator {
    /// What a tenant has. What of it cannot be read is missing in
    /// [`Store::tenant_by_slug`](crate::Store::tenant_by_slug).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn stored_names(&self, tenant: TenantId) -> Result<StoredNames, StoreError> {
        let names = sqlx::query_as!(
            StoredNames,
            r#"select array(select a.client_id from applications a
                              where a.tenant_id = $1 order by a.client_id) as "applications!",
                      array(select d.slug from directories d
                              where d.tenant_id = $1 order by d.slug) as "directories!""#,
            tenant.0,
        );
        Ok(names.fetch_one(self.pool()).await?)
    }
}

/// Looks at the database of this URL.
pub async fn inspect(url: &str) -> Inspected {
    let Ok(options) = PgConnectOptions::from_str(url) else {
        return Inspected { place: String::new(), facts: Err(Unreachable::BadUrl) };
    };
    let options = options.application_name("vestibule doctor");
    let asked = tokio::time::timeout(PATIENCE, asked(&options));
    let facts = match asked.await {
        Ok(facts) => facts.map_err(|error| unreachable(&error)),
        Err(_) => Err(Unreachable::Silent),
    };
    Inspected { place: place(&options), facts }
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{}, database {database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

async fn asked(options: &PgConnectOptions) -> Result<Facts, sqlx::Error> {
    const SERVER: &str = "select split_part(current_setting('server_version'), ' ', 1) as version,
        current_setting('server_version_num')::int4 as number, current_user::text as user_,
        (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
        pg_is_in_recovery() as is_standby";
    let mut connection = options.connect().await?;
    let row = sqlx::raw_sql(SERVER).fetch_one(&mut connection).await?;
    let number: i32 = row.try_get("number")?;
    let facts = Facts {
        version: row.try_get("version")?,
        major: u32::try_from(number / 10_000).unwrap_or(0),
        oldest: OLDEST_POSTGRES,
        user: row.try_get("user_")?,
        is_superuser: row.try_get("is_superuser")?,
        is_standby: row.try_get("is_standby")?,
        schema: schema(&mut connection).await?,
        gateway: bound(&mut connection, "set role vestibule_gateway").await?,
        operator: bound(&mut connection, "set role vestibule_operator").await?,
    };
    connection.close().await?;
    Ok(facts)
}

/// Compares with the migrations of this release; `None`: they may not be read.
async fn schema(connection: &mut PgConnection) -> Result<Option<Schema>, sqlx::Error> {
    let migrator = migrator();
    let known: Vec<_> = migrator.iter().map(|one| (one.version, &*one.checksum)).collect();
    let there = connection.list_applied_migrations(&migrator.table_name).await;
    let there = match there.map_err(cause) {
        Ok(there) => there,
        Err(error) if has_code(&error, "42P01") => {
            return Ok(Some(Schema::compare(&known, &[], None)));
        }
        Err(error) if has_code(&error, "42501") => return Ok(None),
        Err(error) => return Err(error),
    };
    let half = connection.dirty_version(&migrator.table_name).await.map_err(cause)?;
    let there: Vec<_> = there.iter().map(|one| (one.version, &*one.checksum)).collect();
    Ok(Some(Schema::compare(&known, &there, half)))
}

fn cause(error: MigrateError) -> sqlx::Error {
    match error {
        MigrateError::Execute(cause) => cause,
        other => sqlx::Error::Protocol(other.to_string()),
    }
}

/// Becomes a role, as everything that is done later does, and asks whether the rows of others are
/// hidden from it.
async fn bound(connection: &mut PgConnection, become_: &'static str) -> Result<Bound, sqlx::Error> {
    const ASK: &str = "select not (rolsuper or rolbypassrls)
            and coalesce(row_security_active(to_regclass('tenants')::oid), true) as is_bound
        from pg_roles where rolname = current_user";
    match sqlx::raw_sql(become_).execute(&mut *connection).await {
        Ok(_) => {}
        Err(error) if has_code(&error, "42501") => return Ok(Bound::Refused),
        Err(error) if has_code(&error, "22023") || has_code(&error, "42704") => {
            return Ok(Bound::Missing);
        }
        Err(error) => return Err(error),
    }
    let row = sqlx::raw_sql(ASK).fetch_one(&mut *connection).await?;
    let is_bound: bool = row.try_get("is_bound")?;
    sqlx::raw_sql("reset role").execute(connection).await?;
    Ok(if is_bound { Bound::Yes } else { Bound::No })
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|one| one == code)
}

/// Why there is no answer, without anything that was sent.
fn unreachable(error: &sqlx::Error) -> Unreachable {
    match error {
        sqlx::Error::Configuration(_) => Unreachable::BadUrl,
        sqlx::Error::Tls(_) => Unreachable::Tls,
        sqlx::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Unreachable::Refused,
            io::ErrorKind::TimedOut => Unreachable::Silent,
            _ if error.to_string().contains("lookup address") => Unreachable::Name,
            kind => Unreachable::Other(kind.to_string()),
        },
        sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
            Some("28P01" | "28000") => Unreachable::Password,
            Some("3D000") => Unreachable::NoDatabase,
            Some("53300") => Unreachable::Full,
            Some("57P03") => Unreachable::Starting,
            code => Unreachable::Other(format!("error {}", code.unwrap_or("without a code"))),
        },
        _ => Unreachable::Other("its answer is not understood".to_owned()),
    }
}
