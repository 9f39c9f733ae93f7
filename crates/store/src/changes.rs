//! The news that a tenant's configuration or keys changed, by `LISTEN`.
//!
//! News are lost while the connection is; the listener then says so, and whoever caches flushes.
//! Behind it stands a poll of [`Store::tenant_version`](crate::Store::tenant_version), for
//! connections that die without a sign.

use std::sync::Arc;
use std::time::Duration;

use broker::id::TenantId;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::Store;

const CHANNEL: &str = "vestibule_configuration";
/// Pauses between attempts to connect: doubling between these two.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The listener. It has a connection of its own, outside the pool, and makes it anew when it is
/// lost.
#[derive(Debug)]
pub struct ConfigurationChanges {
    options: Arc<PgConnectOptions>,
    listener: Option<PgListener>,
}

impl Store {
    /// A listener. It connects at the first [`ConfigurationChanges::next`].
    pub fn configuration_changes(&self) -> ConfigurationChanges {
        ConfigurationChanges { options: Arc::clone(&self.options), listener: None }
    }
}

impl ConfigurationChanges {
    /// Waits for the next piece of news: the tenant that changed, or `None` when news may have been
    /// lost, after the connection is there (again): everything cached is then to be looked at anew.
    /// The first answer is such a `None`. While the database is away this waits.
    pub async fn next(&mut self) -> Option<TenantId> {
        loop {
            let Some(listener) = &mut self.listener else {
                self.listener = Some(self.listen().await);
                return None;
            };
            match listener.try_recv().await {
                Ok(Some(news)) => match news.payload().parse() {
                    Ok(tenant) => return Some(TenantId(tenant)),
                    // Any session of the database may notify; what is not ours is ignored.
                    Err(_) => continue,
                },
                Ok(None) => tracing::info!("the listener for changes lost its connection"),
                Err(error) => tracing::warn!(%error, "the listener for changes failed"),
            }
            self.listener = None;
        }
    }

    async fn listen(&self) -> PgListener {
        let mut pause = SHORTEST_PAUSE;
        loop {
            match self.try_listen().await {
                Ok(listener) => return listener,
                Err(error) => tracing::debug!(%error, "cannot listen for changes yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_listen(&self) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(LONGEST_PAUSE)
            .connect_lazy_with(self.options.as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // Connecting anew is done here, with pauses.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}
