//! What each command does, one module each.
//!
//! Commands that work on the database open it through [`Tool`]; `serve` and `demo` run it.

mod application;
mod apply;
mod demo;
mod directory;
mod domain;
mod export;
mod keys;
mod login;
mod migrate;
mod route;
mod serve;
mod users;

use anyhow::{Context as _, anyhow, bail};
use broker::id::Slug;
use broker::seal::MasterKey;
use chrono::{DateTime, Utc};
use store::{Operator, Role, Store, StoreError, TenantRecord};

use crate::cli::{
    ApplicationCommand, Command, CommonFlags, GatewayFlags, KeysCommand, LoginCommand, UsersCommand,
};
use crate::database::{Database, Sharing};
use crate::settings::{Settings, process_env};
use crate::{logging, master_key};

/// Runs a command.
///
/// # Errors
/// Whatever stops it; the text is for the person at the terminal.
pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Serve(args) => Box::pin(serve::run(args)).await,
        Command::Apply(args) => Box::pin(apply::run(args)).await,
        Command::Export(args) => Box::pin(export::run(args)).await,
        Command::Application(ApplicationCommand::Show(args)) => {
            Box::pin(application::show(args)).await
        }
        Command::Application(ApplicationCommand::List(args)) => {
            Box::pin(application::list(args)).await
        }
        Command::Directory(command) => Box::pin(directory::run(command)).await,
        Command::Users(UsersCommand::Import(args)) => Box::pin(users::import(args)).await,
        Command::Route(args) => Box::pin(route::run(args)).await,
        Command::Domain(command) => Box::pin(domain::run(command)).await,
        Command::Login(LoginCommand::Show(args)) => Box::pin(login::run(args)).await,
        Command::Keys(KeysCommand::List(args)) => Box::pin(keys::list(args)).await,
        Command::Keys(KeysCommand::Rotate(args)) => Box::pin(keys::rotate(args)).await,
        Command::Keys(KeysCommand::Certificate(args)) => Box::pin(keys::certificate(args)).await,
        Command::Migrate(args) => Box::pin(migrate::run(args)).await,
    }
}

/// What a command that ends by itself needs: the database as an operator sees it.
struct Tool {
    database: Database,
    store: Store,
    master: MasterKey,
}

impl Tool {
    /// Opens the database of the settings and makes sure that it can be used.
    async fn open(flags: &CommonFlags) -> anyhow::Result<Self> {
        let tool = Self::open_unchecked(flags).await?;
        match tool.store.check().await {
            Ok(()) => Ok(tool),
            Err(error) => {
                let error = if error.is_without_schema() {
                    anyhow!("the database has no schema yet; make it with: vestibule migrate")
                } else {
                    let hint = "the database does not answer; check that it runs and that \
                                DATABASE_URL is right";
                    anyhow::Error::new(error).context(hint)
                };
                tool.finish(Err(error)).await
            }
        }
    }

    /// Opens the database of the settings, whatever is in it.
    async fn open_unchecked(flags: &CommonFlags) -> anyhow::Result<Self> {
        let settings = Settings::load(flags, &GatewayFlags::default(), &process_env)?;
        logging::start(&settings, "warn");
        let database = Database::open(&settings, Sharing::Join).await?;
        let master = master_key::load(&settings.master_key_path())?;
        let store = database.connect(Role::Operator, master.clone())?;
        Ok(Self { database, store, master })
    }

    /// Does the work and closes the database, whatever came of it.
    async fn finish<T>(self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        self.store.close().await;
        self.database.close().await;
        outcome
    }
}

/// A tenant's data key that does not open was wrapped by another master key, which is all that a
/// person can mend.
fn other_key(error: StoreError) -> anyhow::Error {
    let is_key = matches!(&error, StoreError::Corrupt { table: "tenants", column: "data_key", .. });
    let error = anyhow::Error::new(error);
    if is_key {
        return error.context(
            "this is not the master key that the database was written with; name the right one \
             with VESTIBULE_MASTER_KEY_FILE",
        );
    }
    error
}

/// The time, read in one place.
#[expect(clippy::disallowed_methods, reason = "a command is where the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A tenant's slug as it was typed.
fn slug(text: &str) -> anyhow::Result<Slug> {
    text.parse().with_context(|| format!("`{text}` is not a tenant's slug"))
}

/// The tenants with everything of them: all, or the one of that slug.
async fn tenants(operator: &Operator, only: Option<&str>) -> anyhow::Result<Vec<TenantRecord>> {
    let mut records = operator.begin().await?.tenants().await.map_err(other_key)?;
    if let Some(text) = only {
        let wanted = slug(text)?;
        records.retain(|tenant| tenant.slug == wanted);
        if records.is_empty() {
            bail!("there is no tenant `{text}`; `vestibule export` lists them");
        }
    }
    Ok(records)
}
