//! `vestibule doctor`: looks at an installation from the outside in, and says what to do about what
//! is wrong. It changes nothing.
//!
//! settings → database → master key → clock → public URL → each tenant → each directory. What was
//! found is judged in [`broker::doctor`]; here the questions are asked.

mod installation;
mod public_url;
mod tenants;
mod together;

use anyhow::bail;
use broker::doctor::{Check, Of, Report};
use broker::probe::Level;
use serde_json::json;
use store::Role;

use crate::cli::DoctorArgs;
use crate::settings::{Settings, process_env};
use crate::{logging, output};

const NOBODYS: Of<'static> = Of::INSTALLATION;

/// What is looked at once there is a database that can be read.
const IN_DATABASE: [Check; 8] = [
    Check::Tenant,
    Check::Issuer,
    Check::SigningKeys,
    Check::Host,
    Check::Domain,
    Check::Directory,
    Check::Secret,
    Check::ApiToken,
];

/// Runs `doctor`.
pub(super) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let mut told = Told { report: Report::default(), shown: 0, is_json: args.json };
    match Settings::load(&args.common, &args.gateway, &process_env) {
        Ok(settings) => {
            // What the log would say of a key or a row is among the findings.
            logging::start(&settings, "error");
            let found = match &settings.config_file {
                Some(path) => format!("Read: {}, the environment and flags.", path.display()),
                None => "Read: the environment and flags; there is no settings file.".to_owned(),
            };
            told.report.ok(Check::Settings, NOBODYS, found);
            Box::pin(look(&args, &settings, &mut told)).await;
        }
        Err(wrong) => {
            let fix = "Correct it there; vestibule doctor --help says what each setting takes.";
            told.report.problem(Check::Settings, NOBODYS, format!("{wrong}."), fix);
            let all = [Check::Database, Check::MasterKey, Check::PublicUrl, Check::Tenant];
            told.report.skip(&all, "the settings cannot be read");
        }
    }
    told.end()
}

/// Looks at everything that can be looked at.
async fn look(args: &DoctorArgs, settings: &Settings, told: &mut Told) {
    told.show();
    let database = installation::database(settings, &mut told.report).await;
    told.show();
    let master = installation::master_key(settings, &mut told.report);
    let store = match (&database, &master) {
        (Some(reached), Some(master)) => {
            reached.database.connect(Role::Operator, master.clone()).ok()
        }
        _ => None,
    };
    let usable = store.as_ref().filter(|_| database.as_ref().is_some_and(|one| one.is_usable));
    let mut opens = false;
    let mut now = super::now();
    if let (Some(store), Some(master)) = (usable, &master) {
        opens = installation::sealed(store, master, settings, &mut told.report).await;
        installation::clock(store, &mut told.report).await;
        now = store.clock().await.unwrap_or(now);
    } else {
        let because = "it takes the database and the master key";
        told.report.skip(&[Check::Clock], because);
    }
    told.show();
    let reach = public_url::look(args.offline, settings, &mut told.report).await;
    told.show();
    match usable.filter(|_| opens) {
        Some(store) => {
            let at = tenants::At { store, settings, reach, offline: args.offline, now };
            let report = Box::pin(at.look(args.tenant.as_deref())).await;
            told.report.extend(report);
        }
        None => told.report.skip(&IN_DATABASE, "the database cannot be read"),
    }
    if args.offline {
        let asked = [Check::PublicUrl, Check::Issuer, Check::Directory];
        told.report.skip(&asked, "nobody was asked (--offline)");
    }
    if let Some(store) = &store {
        store.close().await;
    }
    if let Some(reached) = database {
        reached.database.close().await;
    }
}

/// What was found, shown as it is found.
struct Told {
    report: Report,
    shown: usize,
    is_json: bool,
}

impl Told {
    /// Shows what is new.
    fn show(&mut self) {
        if self.is_json {
            return;
        }
        for one in self.report.findings.iter().skip(self.shown) {
            output::result(one);
        }
        self.shown = self.report.findings.len();
    }

    /// Shows the rest. The exit code is for scripts.
    fn end(mut self) -> anyhow::Result<()> {
        self.show();
        let report = &self.report;
        if self.is_json {
            let document = json!({
                "release": env!("CARGO_PKG_VERSION"),
                "level": report.level(),
                "findings": report.findings,
                "skipped": report.skipped,
            });
            output::json(serde_json::to_string_pretty(&document)?);
        } else {
            for one in &report.skipped {
                output::notice(one);
            }
        }
        let (problems, warnings) = (report.count(Level::Problem), report.count(Level::Warning));
        match (problems, warnings) {
            (0, 0) => output::notice("All is well."),
            (0, 1) => output::notice("No problem, 1 warning."),
            (0, warnings) => output::notice(format_args!("No problem, {warnings} warnings.")),
            (1, _) => bail!("there is a problem; what to do stands below it"),
            (problems, _) => bail!("there are {problems} problems; what to do stands below each"),
        }
        Ok(())
    }
}
