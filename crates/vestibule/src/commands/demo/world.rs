//! The parties of the demonstration, started in the order in which they learn of each other.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use admin::{Invitation, Mode, Order};
use anyhow::Context as _;
use broker::plan::Prune;
use broker::seal::MasterKey;
use demo::application::{self, Application, ResponseType};
use demo::directory::{self, Directory, SigningAlgorithm};
use secrecy::SecretString;
use store::{InviteScope, Role, Store};
use web::{Dns, EgressPolicy, Gateway, Options, Running, StartError};

use super::unguessable;
use crate::commands::{apply, now};
use crate::database::{Database, Sharing};
use crate::file::ConfigurationFile;
use crate::master_key::{self, Absent};
use crate::output;
use crate::secrets::Secrets;
use crate::settings::Settings;

/// Any free port of this machine.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// The gateway's `client_id` at the test directory.
const GATEWAY_CLIENT: &str = "vestibule";
/// The sample application's `client_id` at the gateway.
const APPLICATION_CLIENT: &str = "imis";

/// Everything that runs.
pub(super) struct World {
    database: Database,
    pub(super) gateway: Running,
    pub(super) issuer: String,
    /// Where the dashboard is opened: by a link that makes the first account, while there is none.
    pub(super) dashboard: SecretString,
    pub(super) directory: Directory,
    pub(super) application: Application,
}

impl World {
    /// Starts everything and applies the demo tenant.
    pub(super) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let database = Database::open(settings, Sharing::Own).await?;
        match Self::on(&database, settings).await {
            Ok((gateway, (issuer, dashboard), directory, application)) => {
                Ok(Self { database, gateway, issuer, dashboard, directory, application })
            }
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn on(
        database: &Database,
        settings: &Settings,
    ) -> anyhow::Result<(Running, (String, SecretString), Directory, Application)> {
        let master = master_key::load(settings, Absent::Make)?;
        database.migrate().await?;
        let gateway = start_gateway(database, &master, settings).await?;
        let issuer = format!("{}/t/demo", gateway.public_url);

        let secrets = Shared { directory: unguessable()?, application: unguessable()? };
        let directory = start_directory(&issuer, &secrets).await?;
        let application = application::start(application::Options {
            listen: FREE,
            issuer: issuer.clone(),
            client_id: APPLICATION_CLIENT.to_owned(),
            client_secret: secrets.application.clone(),
            response_type: ResponseType::CodeIdToken,
            scope: "openid profile".to_owned(),
        })
        .await
        .context("the sample application cannot start")?;

        let text = tenant(&directory.issuer, &application.redirect_uri, &secrets);
        let store = database.connect(Role::Operator, master.clone())?;
        let applied = async {
            apply_tenant(&store, &master, &text).await?;
            dashboard(&store, &gateway.public_url).await
        };
        let applied = applied.await;
        store.close().await;
        Ok((gateway, (issuer, applied?), directory, application))
    }

    /// Stops everything, the database last.
    pub(super) async fn stop(self) {
        self.application.shutdown().await;
        self.gateway.stop().await;
        self.directory.shutdown().await;
        self.database.close().await;
    }
}

/// The dashboard's address, with a link to set an account up if nobody has one.
async fn dashboard(store: &Store, public_url: &str) -> anyhow::Result<SecretString> {
    let operator = store.operator();
    if operator.operators().await?.iter().any(|one| one.is_set_up) {
        return Ok(format!("{public_url}/dashboard").into());
    }
    let email = "operator@vestibule.example";
    let invitation = Invitation { email, scope: InviteScope::Operator, days: 1, public_url };
    let invited = admin::invite(&operator, &invitation, now()).await?;
    let (link, _) = invited.link.context("no link to the dashboard was made")?;
    Ok(link)
}

/// The secrets that two parties share, made anew at every start.
struct Shared {
    directory: String,
    application: String,
}

/// On the wanted port, or on a free one if nobody chose it and it is taken.
async fn start_gateway(
    database: &Database,
    master: &MasterKey,
    settings: &Settings,
) -> anyhow::Result<Running> {
    let options = |listen| -> anyhow::Result<Options> {
        Ok(Options {
            listen,
            public_url: None,
            store: database.connect(Role::Gateway, master.clone())?,
            operator: database.connect(Role::Operator, master.clone())?,
            api_tokens: database.connect(Role::Operator, master.clone())?,
            master: master.clone(),
            // The test directory is on this machine, where no directory of a real tenant may be.
            egress: EgressPolicy {
                allow: vec![ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into()],
            },
            dns: Dns::default(),
            trusted_proxies: Vec::new(),
        })
    };
    match Gateway::start(options(settings.listen)?).await {
        Err(StartError::Listen(taken, error))
            if error.kind() == io::ErrorKind::AddrInUse && !settings.listen_given =>
        {
            output::notice(format_args!("{taken} is in use; the gateway takes a free port."));
            Gateway::start(options(FREE)?).await
        }
        other => other,
    }
    .context("the gateway cannot start")
}

async fn start_directory(issuer: &str, secrets: &Shared) -> anyhow::Result<Directory> {
    directory::start(directory::Options {
        listen: FREE,
        issuer: None,
        people: directory::people(),
        clients: vec![directory::Client {
            client_id: GATEWAY_CLIENT.to_owned(),
            client_secret: secrets.directory.clone(),
            redirect_uris: vec![format!("{issuer}/directories/test/callback")],
            post_logout_redirect_uris: Vec::new(),
        }],
        signing: SigningAlgorithm::default(),
        auto: false,
    })
    .await
    .context("the test directory cannot start")
}

/// The configuration file of the demonstration. Quoted texts here are addresses and random
/// letters, which hold nothing that YAML would read otherwise.
fn tenant(directory: &str, redirect_uri: &str, secrets: &Shared) -> String {
    let Shared { directory: directory_secret, application: application_secret } = secrets;
    format!(
        "\
tenants:
  - slug: demo
    name: Demo Association
    applications:
      - client_id: {APPLICATION_CLIENT}
        name: Sample application
        preset: imis
        client_secret: \"{application_secret}\"
        redirect_uris: [\"{redirect_uri}\"]
    directories:
      - slug: test
        name: Test directory
        preset: okta
        issuer: \"{directory}\"
        client_id: {GATEWAY_CLIENT}
        client_secret: \"{directory_secret}\"
        state: active
        domains: [acme-assoc.example]
        scopes: [openid, profile, email, groups]
        profile:
          staff: {{ expr: \"has(claims.groups) && 'Staff' in claims.groups\", type: bool, default: false }}
          external_id: {{ from: [claims.employee_number, claims.sub], type: string }}
"
    )
}

async fn apply_tenant(store: &Store, master: &MasterKey, text: &str) -> anyhow::Result<()> {
    let name = "the demonstration's configuration".to_owned();
    let file = ConfigurationFile::parse(name, PathBuf::new(), text)?;
    let order = Order {
        wanted: &file.configuration,
        secrets: &Secrets { env: &|_| None, base: &file.base, own: &[] },
        logos: &[],
        prune: Prune::Keep,
        mode: Mode::Commit,
        now: now(),
    };
    apply::carry_out(store, master, &file, &order).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstrations_configuration_is_valid() {
        let secrets = Shared { directory: "d".to_owned(), application: "a".to_owned() };
        let text = tenant("http://127.0.0.1:4711", "http://127.0.0.1:4712/", &secrets);
        let file = ConfigurationFile::parse("demo".to_owned(), PathBuf::new(), &text);
        assert!(file.is_ok(), "{:?}", file.err());
    }
}
