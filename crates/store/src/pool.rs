//! The connections, and how long an answer over one of them is waited for.
//!
//! The server ends a statement that takes too long, but a server that is gone without a word (a
//! pulled cable, a paused machine, an address that moved) ends nothing, and TCP notices after many
//! minutes. So every statement has a deadline on our side too (THREATS F-02, F-04), and a
//! connection that was at rest when another one broke is asked whether it lives before it is used.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgPool, Postgres, SqlSafeStr, SqlStr, Transaction,
};

/// A little more than the server's own limit for a statement (`connect`), so that a server that
/// lives says why.
const ANSWERED: Duration = Duration::from_secs(6);

/// For a look at one row by its key, where there is more to do than to wait for it.
const AT_HAND: Duration = Duration::from_secs(1);

type Answer<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
type Answers<'e> =
    Pin<Box<dyn Stream<Item = Result<Either<PgQueryResult, PgRow>, Error>> + Send + 'e>>;

/// The connections of one [`Store`](crate::Store). A statement is executed on `&Pool`.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    trouble: Trouble,
}

/// When a connection was last found broken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<Instant>>>);

impl Trouble {
    /// Remembers that one broke just now.
    pub(crate) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection has been at rest since before that.
    pub(crate) fn may_concern(&self, rest: &PoolConnectionMetadata) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| rest.idle_for >= at.elapsed())
    }
}

impl Pool {
    pub(crate) fn new(connections: PgPool, trouble: Trouble) -> Self {
        Self { connections, trouble }
    }

    /// The most connections at a time.
    pub(crate) fn limit(&self) -> u32 {
        self.connections.options().get_max_connections()
    }

    /// A connection. What is asked on it has no deadline here: for the operator's commands.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.connections.acquire().await
    }

    /// A transaction; what is asked in it has no deadline here, see [`within`].
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, Error> {
        self.begin_with("begin").await
    }

    /// The same, with these words for `begin`.
    pub(crate) async fn begin_with(
        &self,
        begin: impl SqlSafeStr,
    ) -> Result<Transaction<'static, Postgres>, Error> {
        self.watch(self.connections.begin_with(begin)).await
    }

    /// Closes the connections, waiting for those in use.
    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }

    /// Waits for the answer to something that the server has at hand.
    pub(crate) async fn at_hand<T>(
        &self,
        asking: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.watch(soon(AT_HAND, asking)).await
    }

    /// Waits for an answer, not for ever, and remembers what it says about the server.
    async fn watch<T>(&self, asking: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        within(asking).await.inspect_err(|error| {
            if is_of_the_connection(error) {
                self.trouble.note();
            }
        })
    }
}

/// Waits for something asked of the database until it can only be that nobody is there.
pub(crate) async fn within<T, E: From<Error>>(
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(ANSWERED, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::PoolTimedOut.into()),
    }
}

/// Waits for an answer so long; a connection that says nothing by then is broken.
pub(crate) async fn soon<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let answer = tokio::time::timeout(limit, asking).await;
    answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// Whether an error says that the connection is broken rather than that a statement was refused.
fn is_of_the_connection(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut => true,
        // "Operator intervention": the server is shutting down, or ended this very connection.
        Error::Database(refusal) => {
            refusal.code().is_some_and(|code| code.starts_with("57P") || code == "25006")
        }
        _ => false,
    }
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Answers<'e>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let rows = (&self.connections).fetch_many(query);
        let bounded = stream::unfold(Some((pool, rows)), async |state| {
            let (pool, mut rows) = state?;
            match pool.watch(rows.try_next()).await {
                Ok(Some(row)) => Some((Ok(row), Some((pool, rows)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        bounded.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> Answer<'e, Option<PgRow>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            pool.watch(connection.fetch_optional(query)).await
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> Answer<'e, PgStatement>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.watch((&pool.connections).prepare_with(sql, parameters)).await })
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> Answer<'e, Describe<Postgres>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.watch((&pool.connections).describe(sql)).await })
    }
}
