//! What each command does, one module each.
//!
//! Commands that work on the database open it through [`Tool`]; `serve` and `demo` run it.

mod accounts;
mod api_token;
mod application;
mod apply;
mod audit;
mod demo;
mod directory;
mod doctor;
mod documents;
mod domain;
mod expiries;
mod export;
mod host;
mod keys;
mod login;
mod migrate;
mod operator;
mod route;
mod secrets;
mod serve;
mod staff;
mod tokens;
mod users;

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow, bail};
use broker::id::Slug;
use broker::seal::MasterKey;
use chrono::{DateTime, TimeDelta, Utc};
use store::{Operator, Role, Store, StoreError, TenantRecord};

use crate::cli::{
    ApplicationCommand, Command, CommonFlags, GatewayFlags, KeysCommand, LoginCommand,
    TokensCommand, UsersCommand,
};
use crate::database::{Database, Sharing};
use crate::master_key::{self, Absent};
use crate::settings::{Settings, process_env};
use crate::{logging, output};

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
        Command::Application(ApplicationCommand::EndOldSecrets(args)) => {
            Box::pin(application::end_old_secrets(args)).await
        }
        Command::Application(ApplicationCommand::List(args)) => {
            Box::pin(application::list(args)).await
        }
        Command::Directory(command) => Box::pin(directory::run(command)).await,
        Command::Users(UsersCommand::Import(args)) => Box::pin(users::import(args)).await,
        Command::Users(UsersCommand::List(args)) => Box::pin(users::people::list(args)).await,
        Command::Users(UsersCommand::Block(args)) => Box::pin(users::people::block(args)).await,
        Command::Users(UsersCommand::Unblock(args)) => Box::pin(users::people::unblock(args)).await,
        Command::Users(UsersCommand::SignOut(args)) => {
            Box::pin(users::people::sign_out(args)).await
        }
        Command::Users(UsersCommand::Join(args)) => Box::pin(users::people::join(args)).await,
        Command::Route(args) => Box::pin(route::run(args)).await,
        Command::Domain(command) => Box::pin(domain::run(command)).await,
        Command::Host(command) => Box::pin(host::run(command)).await,
        Command::Login(LoginCommand::Show(args)) => Box::pin(login::run(args)).await,
        Command::Keys(KeysCommand::List(args)) => Box::pin(keys::list(args)).await,
        Command::Keys(KeysCommand::Rotate(args)) => Box::pin(keys::rotate(args)).await,
        Command::Keys(KeysCommand::Certificate(args)) => Box::pin(keys::certificate(args)).await,
        Command::Secrets(command) => Box::pin(secrets::run(command)).await,
        Command::Audit(command) => Box::pin(audit::run(command)).await,
        Command::Operator(command) => Box::pin(operator::run(command)).await,
        Command::Staff(command) => Box::pin(staff::run(command)).await,
        Command::ApiToken(command) => Box::pin(api_token::run(command)).await,
        Command::Expiries(args) => Box::pin(expiries::run(args)).await,
        Command::Doctor(args) => Box::pin(doctor::run(args)).await,
        Command::Openapi => documents::openapi(),
        Command::Schema => documents::schema(),
        Command::Tokens(TokensCommand::RevokeAll(args)) => Box::pin(tokens::revoke_all(args)).await,
        Command::Migrate(args) => Box::pin(migrate::run(args)).await,
    }
}

/// What a command that ends by itself needs: the database as an operator sees it.
struct Tool {
    /// What no tenant is given.
    own_files: Vec<PathBuf>,
    database: Database,
    store: Store,
    master: MasterKey,
}

impl Tool {
    /// Opens the database of the settings and makes sure that it can be used.
    async fn open(flags: &CommonFlags) -> anyhow::Result<Self> {
        let tool = Self::connect(flags, Absent::Refuse).await?;
        let checked = match tool.store.check().await {
            Ok(()) => tool.store.clock().await,
            Err(error) => Err(error),
        };
        match checked {
            Ok(theirs) => {
                let _ = AHEAD.set(theirs - now());
                Ok(tool)
            }
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

    /// Opens the database of the settings, whatever is in it; it may be a new installation's.
    async fn open_unchecked(flags: &CommonFlags) -> anyhow::Result<Self> {
        Self::connect(flags, Absent::Make).await
    }

    async fn connect(flags: &CommonFlags, absent: Absent) -> anyhow::Result<Self> {
        let settings = Settings::load(flags, &GatewayFlags::default(), &process_env)?;
        logging::start(&settings, "warn");
        let master = master_key::load(&settings, absent)?;
        let database = Database::open(&settings, Sharing::Join).await?;
        let store = database.connect(Role::Operator, master.clone())?;
        Ok(Self { own_files: settings.own_files(), database, store, master })
    }

    /// Closes the database, whatever came of the work, and says what there is to say of the key.
    async fn finish<T>(self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        self.store.close().await;
        self.database.close().await;
        outcome.map_err(with_advice)
    }
}

/// A key that does not open was wrapped by another master key, which is all that a person can mend.
fn other_key(error: StoreError) -> anyhow::Error {
    with_advice(anyhow::Error::new(error))
}

/// The error with what to do about the master key, if that is the cause, and if it does not say so
/// already.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    let advice = error.downcast_ref::<StoreError>().and_then(advice);
    match advice {
        Some(advice) if !error.chain().any(|one| one.to_string() == advice) => {
            error.context(advice)
        }
        _ => error,
    }
}

fn advice(error: &StoreError) -> Option<String> {
    let text = match error {
        StoreError::Corrupt { table: "installation", .. } => {
            "this is not the master key that the database was written with; name the right one \
             with VESTIBULE_MASTER_KEY_FILE"
        }
        // With the right one this happens while it takes the place of another.
        StoreError::Corrupt {
            table: "tenants" | "installation_data_key",
            column: "data_key",
            ..
        } => {
            "this is not the master key that the database was written with, or not the only one; \
             name the right one with VESTIBULE_MASTER_KEY_FILE. If it is being replaced, the one \
             before it is still needed: name that with VESTIBULE_PREVIOUS_MASTER_KEY_FILE too, and \
             finish with vestibule secrets rotate-master"
        }
        _ => return None,
    };
    Some(format!("{text}{}", master_key::stray()))
}

/// How far the database's clock is ahead of this machine's, once it was asked.
static AHEAD: OnceLock<TimeDelta> = OnceLock::new();

/// The time as the database has it, so that what a command writes and what gateways read is measured
/// by one clock (THREATS KD-03); this machine's while no database was asked.
#[expect(clippy::disallowed_methods, reason = "a command is where the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now() + AHEAD.get().copied().unwrap_or_default()
}

/// The settings of a command that prints addresses, and a note when they are this machine's.
fn with_public_url(common: &CommonFlags, flag: Option<&str>) -> anyhow::Result<Settings> {
    let flags = GatewayFlags { public_url: flag.map(str::to_owned), ..GatewayFlags::default() };
    let settings = Settings::load(common, &flags, &process_env)?;
    if settings.public_url.is_none() {
        output::notice(
            "note: VESTIBULE_PUBLIC_URL is not set; these are addresses of this machine",
        );
    }
    Ok(settings)
}

/// What addresses begin with that a command prints.
fn public_url(common: &CommonFlags, flag: Option<&str>) -> anyhow::Result<String> {
    Ok(with_public_url(common, flag)?.public_url())
}

/// A tenant's slug as it was typed.
fn slug(text: &str) -> anyhow::Result<Slug> {
    text.parse().with_context(|| format!("`{text}` is not a tenant's slug"))
}

/// The tenants with everything of them: all, or the one of that slug.
async fn tenants(operator: &Operator, only: Option<&str>) -> anyhow::Result<Vec<TenantRecord>> {
    let mut tx = operator.begin().await.map_err(other_key)?;
    let mut records = tx.tenants().await.map_err(other_key)?;
    if let Some(text) = only {
        let wanted = slug(text)?;
        records.retain(|tenant| tenant.slug == wanted);
        if records.is_empty() {
            bail!("there is no tenant `{text}`; `vestibule export` lists them");
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(table: &'static str, column: &'static str) -> String {
        let error = StoreError::Corrupt { table, column, id: "acme".to_owned() };
        let error = with_advice(other_key(error).context("nothing was changed"));
        format!("{error:#}")
    }

    #[test]
    fn key_that_does_not_open_says_once_which_setting_mends_it() {
        let tenant = told("tenants", "data_key");
        for part in ["VESTIBULE_MASTER_KEY_FILE", "VESTIBULE_PREVIOUS_MASTER_KEY_FILE"] {
            assert_eq!(tenant.matches(part).count(), 1, "{tenant}");
        }
        assert!(tenant.contains("vestibule secrets rotate-master"), "{tenant}");
        let installation = told("installation", "key_check");
        assert_eq!(installation.matches("VESTIBULE_MASTER_KEY_FILE").count(), 1, "{installation}");
        assert!(!told("users", "email").contains("VESTIBULE_"));
    }
}
