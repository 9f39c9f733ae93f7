//! The database, the master key and the clock.

use broker::doctor::database::Facts;
use broker::doctor::{Check, Report};
use broker::seal::MasterKey;
use store::{Inspected, KeyInForce, Store, StoreError};
use web::Clock;

use super::NOBODYS;
use crate::database::{Database, Sharing};
use crate::master_key::{self, Absent};
use crate::settings::Settings;

/// A database that answered.
pub(super) struct Reached {
    pub(super) database: Database,
    /// Whether this release can read what is in it.
    pub(super) is_usable: bool,
}

/// Finds the database of the settings and asks it about itself. `None`: it does not answer.
pub(super) async fn database(settings: &Settings, report: &mut Report) -> Option<Reached> {
    let is_embedded = settings.database_url.is_none();
    // Looking makes no database.
    if is_embedded && !embedded_postgres::is_made(&settings.data_dir) {
        let found = format!(
            "DATABASE_URL is not set, and there is no embedded database in {}.",
            settings.data_dir.display()
        );
        let fix = "Give this command the settings of serve (DATABASE_URL, or VESTIBULE_DATA_DIR); \
                   for a new installation, vestibule serve makes the database.";
        report.problem(Check::Database, NOBODYS, found, fix);
        return None;
    }
    let database = match Database::open(settings, Sharing::Join).await {
        Ok(database) => database,
        Err(why) => {
            let found = format!("The embedded Postgres cannot be used: {why:#}.");
            let fix = "Mend that, or set DATABASE_URL to a server of your own.";
            report.problem(Check::Database, NOBODYS, found, fix);
            return None;
        }
    };
    let Inspected { place, facts } = database.inspect().await;
    match facts {
        Ok(facts) => {
            // The embedded server has no other user.
            let is_superuser = facts.is_superuser && !is_embedded;
            let facts = Facts { is_superuser, ..facts };
            let before = report.count(broker::probe::Level::Problem);
            report.database(&place, &facts);
            report.schema(facts.schema.as_ref());
            let is_well = report.count(broker::probe::Level::Problem) == before;
            Some(Reached { database, is_usable: is_well })
        }
        Err(why) => {
            report.no_database(&place, &why);
            database.close().await;
            None
        }
    }
}

/// Reads the master key, and the one before it if that is named. `None`: it cannot be used.
pub(super) fn master_key(settings: &Settings, report: &mut Report) -> Option<MasterKey> {
    let current = settings.master_key_path();
    let previous = settings.previous_master_key_file.as_deref();
    for path in [Some(current.as_path()), previous].into_iter().flatten() {
        if master_key::is_open_to_others(path) {
            let path = path.display();
            let found = format!("{path} can be read by other users of this machine.");
            let fix = format!("Close it: chmod 600 {path}");
            report.warn(Check::MasterKey, NOBODYS, found, fix);
        }
    }
    match master_key::load(settings, Absent::Refuse) {
        Ok(master) => Some(master),
        Err(why) => {
            let (found, fix) = told(&why);
            report.problem(Check::MasterKey, NOBODYS, found, fix);
            None
        }
    }
}

/// The text of an error as what is so, and what to do: it says both.
fn told(why: &anyhow::Error) -> (String, String) {
    let text = why.to_string();
    let (found, fix) = text.split_once("; ").unwrap_or((&text, "restore it from your copy"));
    let causes: Vec<_> = why.chain().skip(1).map(ToString::to_string).collect();
    let because = causes.last().map(|cause| format!(": {cause}")).unwrap_or_default();
    (sentence(&format!("{found}{because}")), sentence(fix))
}

pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

/// Whether the master key is the database's, and the one before it still needed. `false`: nothing
/// that is sealed can be opened.
pub(super) async fn sealed(
    store: &Store,
    master: &MasterKey,
    settings: &Settings,
    report: &mut Report,
) -> bool {
    let check = Check::MasterKey;
    let path = settings.master_key_path();
    let path = path.as_path().display();
    let standing = match store.master_key_seen().await {
        Ok(standing) => standing,
        Err(why) => {
            unasked(&why, report);
            return false;
        }
    };
    match standing {
        None => {
            let found = format!("{path} can be used; no gateway has begun on this database yet.");
            report.ok(check, NOBODYS, found);
            return true;
        }
        Some(KeyInForce::Elsewhere) => {
            let found = format!("{path} is not the master key that this database is sealed with.");
            let fix = "Name the file of the right one with VESTIBULE_MASTER_KEY_FILE, or restore it \
                       from your copy: nothing else opens what is sealed.";
            report.problem(check, NOBODYS, found, fix);
            return false;
        }
        Some(KeyInForce::PreviousNeeded) => {
            let found = "It is being replaced, and the one before it is needed and not named.";
            let fix = "Name its file with VESTIBULE_PREVIOUS_MASTER_KEY_FILE, or finish with both: \
                       vestibule secrets rotate-master";
            report.problem(check, NOBODYS, found, fix);
            return true;
        }
        Some(KeyInForce::Here) => {}
    }
    match wrapped(store, master).await {
        Ok(wrapped) => {
            let is_named = settings.previous_master_key_file.is_some();
            keys(report, &path.to_string(), &wrapped, is_named);
        }
        Err(why) => unasked(&why, report),
    }
    true
}

/// How many data keys there are, by what wraps them.
struct Wrapped {
    /// The key in force.
    current: i64,
    /// Another one that is here.
    other: i64,
    /// One that is not.
    unknown: i64,
    /// Whether the first key that is named is the one in force.
    is_first_in_force: bool,
}

async fn wrapped(store: &Store, master: &MasterKey) -> Result<Wrapped, StoreError> {
    let (here, current) = (master.ids(), master.id().ok());
    let mut counted = Wrapped {
        current: 0,
        other: 0,
        unknown: 0,
        is_first_in_force: here.first() == current.as_ref(),
    };
    for (id, count) in store.operator().replacement().await? {
        match id {
            Some(id) if Some(id) == current => counted.current += count,
            // A form that names no key opens by any that is here, or by none.
            None => counted.current += count,
            Some(id) if here.contains(&id) => counted.other += count,
            Some(_) => counted.unknown += count,
        }
    }
    Ok(counted)
}

fn keys(report: &mut Report, path: &str, wrapped: &Wrapped, previous_is_named: bool) {
    let check = Check::MasterKey;
    if wrapped.unknown > 0 {
        let found = format!("{} data keys are wrapped by a key that is not here.", wrapped.unknown);
        let fix = "Name the key before this one with VESTIBULE_PREVIOUS_MASTER_KEY_FILE, and \
                   finish: vestibule secrets rotate-master";
        return report.problem(check, NOBODYS, found, fix);
    }
    let all = wrapped.current + wrapped.other;
    if !previous_is_named {
        let found = format!("{path} is the database's, and opens its data keys ({all}).");
        return report.ok(check, NOBODYS, found);
    }
    let (found, fix) = if !wrapped.is_first_in_force {
        (
            "Two keys are named, and the previous one is still in force.".to_owned(),
            "Go on with the replacement: vestibule secrets rotate-master (docs/operate.md).",
        )
    } else if wrapped.other > 0 {
        (
            format!("The previous key is still needed, for {} of {all} data keys.", wrapped.other),
            "Finish the replacement: vestibule secrets rotate-master (docs/operate.md).",
        )
    } else {
        (
            "A previous key is named, and nothing needs it any more.".to_owned(),
            "Restart the gateways without VESTIBULE_PREVIOUS_MASTER_KEY_FILE, 15 minutes after the \
             replacement; keep the file, apart, for old backups.",
        )
    };
    report.warn(check, NOBODYS, found, fix);
}

/// Compares this machine's clock with the database's.
pub(super) async fn clock(store: &Store, report: &mut Report) {
    match Clock.ahead_of(store).await {
        Ok(Some(ahead)) => report.clock(ahead, Clock::TOLERATED),
        Ok(None) => {
            let found = "The database took too long to tell the time.";
            let fix = "Look into what keeps it busy, or at the network between here and there.";
            report.warn(Check::Clock, NOBODYS, found, fix);
        }
        Err(why) => unasked(&why, report),
    }
}

/// The database stopped answering, or cannot answer this.
pub(super) fn unasked(why: &StoreError, report: &mut Report) {
    let found = format!("It did not answer a question: {why}.");
    let fix = "Try again; if it stays so, look into the log of Postgres.";
    report.problem(Check::Database, NOBODYS, found, fix);
}

#[cfg(test)]
mod tests {
    use broker::probe::Level;

    use super::*;

    #[test]
    fn error_about_a_key_is_divided_into_what_is_so_and_what_to_do() {
        let cause = anyhow::anyhow!("it does not hold 32 bytes as base64");
        let why = cause.context("the master key /k cannot be used; restore it from your copy: why");
        let (found, fix) = told(&why);
        let wanted = "The master key /k cannot be used: it does not hold 32 bytes as base64.";
        assert_eq!((found.as_str(), fix.as_str()), (wanted, "Restore it from your copy: why."));
    }

    #[test]
    fn sc_03_previous_key_is_told_to_be_needed_or_not() {
        let judged = |[current, other, unknown]: [i64; 3], is_first_in_force, is_named| {
            let wrapped = Wrapped { current, other, unknown, is_first_in_force };
            let mut report = Report::default();
            keys(&mut report, "/k", &wrapped, is_named);
            (report.level(), report.findings[0].to_string())
        };
        assert_eq!(judged([3, 0, 0], true, false).0, Level::Ok);
        assert_eq!(judged([3, 0, 1], true, false).0, Level::Problem);
        for (counts, first, words) in [
            ([3, 0, 0], true, "nothing needs it any more"),
            ([1, 2, 0], true, "for 2 of 3 data keys"),
            ([3, 0, 0], false, "still in force"),
        ] {
            let (level, text) = judged(counts, first, true);
            assert!(level == Level::Warning && text.contains(words), "{text}");
        }
    }
}
