//! The database: whether it answers, as whom, how far its schema is, and what time it has.

use chrono::TimeDelta;

use super::{Check, Of, Report, counted};

const NOBODYS: Of<'static> = Of::INSTALLATION;

/// Why the database cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreachable {
    /// `DATABASE_URL` is not one of Postgres.
    BadUrl,
    /// The name of its host leads to no address.
    Name,
    /// Nothing listens there.
    Refused,
    /// No answer in time.
    Silent,
    /// It does not accept the user or the password.
    Password,
    /// It has no database of that name.
    NoDatabase,
    /// No encrypted connection can be made, or only one may be.
    Tls,
    /// It has no connection left.
    Full,
    /// It is starting or stopping.
    Starting,
    /// Anything else: an error code, or a word of the operating system.
    Other(String),
}

/// Whether row-level security binds a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// It does.
    Yes,
    /// The role is above it.
    No,
    /// The user of the database may not become the role.
    Refused,
    /// There is no such role.
    Missing,
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its version, as it writes it.
    pub version: String,
    /// The major number of that.
    pub major: u32,
    /// The oldest that this release works with.
    pub oldest: u32,
    /// Who is connected.
    pub user: String,
    /// Whether that user is above every rule of the server.
    pub is_superuser: bool,
    /// Whether it only follows another server.
    pub is_standby: bool,
    /// The role that serves logins.
    pub gateway: Bound,
    /// The role of the commands.
    pub operator: Bound,
    /// What has been done to its schema; `None`: the user may not read that.
    pub schema: Option<Schema>,
}

/// The schema there beside the one that this release knows, by the numbers of migrations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The newest that this release knows.
    pub wanted: i64,
    /// The newest there; `None`: there is no schema.
    pub newest: Option<i64>,
    /// What this release has and the database has not.
    pub missing: Vec<i64>,
    /// What the database has and this release has not.
    pub unknown: Vec<i64>,
    /// What the database has in another form.
    pub edited: Vec<i64>,
    /// What began and did not end.
    pub half_done: Option<i64>,
}

impl Schema {
    /// Compares: each migration with the digest of its text.
    pub fn compare(known: &[(i64, &[u8])], there: &[(i64, &[u8])], half: Option<i64>) -> Self {
        let numbers = |all: &[(i64, &[u8])], others: &[(i64, &[u8])]| {
            let lacks = |number: i64| !others.iter().any(|(other, _)| *other == number);
            all.iter().map(|(number, _)| *number).filter(|number| lacks(*number)).collect()
        };
        let edited = there.iter().filter(|(number, digest)| {
            known.iter().any(|(other, wanted)| other == number && wanted != digest)
        });
        Self {
            wanted: known.iter().map(|(number, _)| *number).max().unwrap_or(0),
            newest: there.iter().map(|(number, _)| *number).max(),
            missing: numbers(known, there),
            unknown: numbers(there, known),
            edited: edited.map(|(number, _)| *number).collect(),
            half_done: half,
        }
    }

    /// Whether this release can work with it.
    pub fn is_usable(&self) -> bool {
        self.missing.is_empty() && self.half_done.is_none()
    }
}

impl Report {
    /// The database does not answer; `place` is where it should be.
    pub fn no_database(&mut self, place: &str, why: &Unreachable) {
        let (found, fix) = match why {
            Unreachable::BadUrl => (
                "DATABASE_URL is not an address of Postgres.".to_owned(),
                "Write postgres://USER:PASSWORD@HOST/DATABASE, with special characters of the \
                 password as %XX.",
            ),
            Unreachable::Name => (
                format!("The name in {place} leads to no address."),
                "Correct the host in DATABASE_URL, or the name service of this machine.",
            ),
            Unreachable::Refused => (
                format!("Nothing answers at {place}."),
                "Start Postgres, or correct host and port in DATABASE_URL.",
            ),
            Unreachable::Silent => (
                format!("{place} did not answer in time."),
                "See that Postgres runs, and that no firewall between here and there drops packets.",
            ),
            Unreachable::Password => (
                format!("{place} does not accept the user or the password."),
                "Correct them in DATABASE_URL, or what pg_hba.conf says of that user there.",
            ),
            Unreachable::NoDatabase => (
                format!("There is no such database: {place}."),
                "Correct its name in DATABASE_URL, or make it: createdb --owner USER DATABASE.",
            ),
            Unreachable::Tls => (
                format!("No encrypted connection to {place} can be made."),
                "Set sslmode and sslrootcert in DATABASE_URL as that server wants them.",
            ),
            Unreachable::Full => (
                format!("{place} has no connection left."),
                "Raise max_connections there, or run less on it.",
            ),
            Unreachable::Starting => (
                format!("{place} is starting or stopping."),
                "Try again in a moment; if it stays so, look into the log of Postgres.",
            ),
            Unreachable::Other(said) => (
                format!("{place} cannot be used: {said}."),
                "Look into the log of Postgres for what it says of this connection.",
            ),
        };
        self.problem(Check::Database, NOBODYS, found, fix);
    }

    /// The server, and as whom its statements run.
    pub fn database(&mut self, place: &str, facts: &Facts) {
        let before = self.findings.len();
        let (version, user) = (&facts.version, &facts.user);
        if facts.major < facts.oldest {
            let found = format!("Postgres {version} at {place} is too old.");
            let fix = format!("Move the database to Postgres {} or later.", facts.oldest);
            self.problem(Check::Database, NOBODYS, found, fix);
        }
        if facts.is_standby {
            let found = format!("{place} is a standby: what it knows is old, and it is refused.");
            let fix = "Let DATABASE_URL lead to the primary, or promote this one.";
            self.problem(Check::Database, NOBODYS, found, fix);
        }
        // Without a schema there need not be roles either; that is said of the schema.
        let has_schema = facts.schema.as_ref().is_none_or(|schema| schema.newest.is_some());
        if has_schema {
            self.role("vestibule_gateway", facts.gateway, user);
            self.role("vestibule_operator", facts.operator, user);
        }
        if self.findings.len() > before {
            return;
        }
        let found = format!("Postgres {version} at {place}; row-level security binds the gateway.");
        if facts.is_superuser {
            let found = format!("{found} But {user} is a superuser.");
            let fix = "Give Vestibule a user of its own that owns the database and is granted \
                       vestibule_gateway and vestibule_operator (docs/operate.md, The database).";
            return self.warn(Check::Database, NOBODYS, found, fix);
        }
        self.ok(Check::Database, NOBODYS, found);
    }

    fn role(&mut self, role: &str, bound: Bound, user: &str) {
        let (found, fix) = match bound {
            Bound::Yes => return,
            Bound::No => (
                format!("Row-level security does not bind {role}: it keeps tenants apart."),
                format!("As a superuser: alter role {role} nosuperuser nobypassrls;"),
            ),
            Bound::Refused => (
                format!("{user} may not work as {role}."),
                format!("As a superuser: grant {role} to \"{user}\";"),
            ),
            Bound::Missing => (
                format!("There is no role {role}: a dump does not bring it along."),
                format!("As a superuser: create role {role} nologin; grant {role} to \"{user}\";"),
            ),
        };
        self.problem(Check::Database, NOBODYS, found, fix);
    }

    /// Whether the schema is what this release knows.
    pub fn schema(&mut self, schema: Option<&Schema>) {
        let check = Check::Schema;
        let Some(schema) = schema else {
            let found = "The user of DATABASE_URL may not read which migrations were done.";
            let fix = "Run this command as the owner of the schema to have it compared.";
            return self.warn(check, NOBODYS, found, fix);
        };
        let Some(newest) = schema.newest else {
            let found = "The database has no schema yet.";
            let fix = "Make it: vestibule migrate (vestibule serve does so by itself).";
            return self.problem(check, NOBODYS, found, fix);
        };
        if let Some(number) = schema.half_done {
            let found = format!("Migration {number} began and did not end.");
            let fix = "Restore the backup from before the upgrade, or ask for help with the log of \
                       that migration: what it left has to be undone by hand.";
            return self.problem(check, NOBODYS, found, fix);
        }
        if !schema.missing.is_empty() {
            let found = format!(
                "The schema is behind: this release has {} more than the database ({}).",
                counted(schema.missing.len(), "migration", "migrations"),
                numbers(&schema.missing)
            );
            let fix = "Bring it up to date: vestibule migrate (vestibule serve does so when it \
                       starts, unless it is given --no-migrate).";
            self.problem(check, NOBODYS, found, fix);
        }
        if !schema.edited.is_empty() {
            let found =
                format!("Migrations were made by another build: {}.", numbers(&schema.edited));
            let fix = "Use a released build of Vestibule on this database; with this one neither \
                       serve nor migrate will start.";
            self.problem(check, NOBODYS, found, fix);
        }
        if !schema.unknown.is_empty() {
            let found = format!(
                "The schema is ahead: a later release has brought it to version {newest}, this one \
                 knows {}. It works all the same.",
                schema.wanted
            );
            let fix = "Finish the upgrade: run that release here too.";
            self.warn(check, NOBODYS, found, fix);
        }
        if schema.missing.is_empty() && schema.unknown.is_empty() && schema.edited.is_empty() {
            self.ok(check, NOBODYS, format!("At version {newest}, as this release wants it."));
        }
    }

    /// How far this machine's clock is ahead of the database's.
    pub fn clock(&mut self, ahead: TimeDelta, tolerated: TimeDelta) {
        let (seconds, most) = (ahead.num_seconds().abs(), tolerated.num_seconds());
        if ahead.abs() <= tolerated {
            let found = format!("Within {most} seconds of the database's.");
            return self.ok(Check::Clock, NOBODYS, found);
        }
        let way = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
        let found = format!(
            "This machine's clock is {seconds} seconds {way} the database's; a gateway here is not \
             ready."
        );
        let fix = "Let both machines follow a time server (timedatectl set-ntp true).";
        self.problem(Check::Clock, NOBODYS, found, fix);
    }
}

/// The first few.
fn numbers(all: &[i64]) -> String {
    let few: Vec<_> = all.iter().take(5).map(ToString::to_string).collect();
    let more = if all.len() > few.len() { ", …" } else { "" };
    format!("{}{more}", few.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Level;

    fn facts() -> Facts {
        Facts {
            version: "16.4".to_owned(),
            major: 16,
            oldest: 15,
            user: "vestibule".to_owned(),
            is_superuser: false,
            is_standby: false,
            gateway: Bound::Yes,
            operator: Bound::Yes,
            schema: Some(Schema { wanted: 43, newest: Some(43), ..Schema::default() }),
        }
    }

    fn told(facts: &Facts) -> Vec<(Level, String)> {
        let mut report = Report::default();
        report.database("db/vestibule", facts);
        let text = |fix: Option<String>| fix.unwrap_or_default();
        let told =
            |one: super::super::Finding| (one.level, format!("{} {}", one.found, text(one.fix)));
        report.findings.into_iter().map(told).collect()
    }

    #[test]
    fn one_line_says_that_all_is_well() {
        let told = told(&facts());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, Level::Ok);
        assert!(told[0].1.contains("Postgres 16.4 at db/vestibule"), "{told:?}");
    }

    #[test]
    fn each_thing_that_is_wrong_says_what_mends_it() {
        type Wrong = fn(&mut Facts);
        let cases: [(Wrong, Level, &str); 6] = [
            (|facts| facts.major = 14, Level::Problem, "Postgres 15 or later"),
            (|facts| facts.is_standby = true, Level::Problem, "the primary"),
            (|facts| facts.is_superuser = true, Level::Warning, "a user of its own"),
            (|facts| facts.gateway = Bound::No, Level::Problem, "nobypassrls"),
            (
                |facts| facts.operator = Bound::Refused,
                Level::Problem,
                "grant vestibule_operator to",
            ),
            (
                |facts| facts.gateway = Bound::Missing,
                Level::Problem,
                "create role vestibule_gateway",
            ),
        ];
        for (wrong, level, fix) in cases {
            let mut facts = facts();
            wrong(&mut facts);
            let told = told(&facts);
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].0, level, "{told:?}");
            assert!(told[0].1.contains(fix), "{told:?}");
        }
    }

    #[test]
    fn roles_of_a_database_without_schema_are_not_missed() {
        let none = Facts {
            gateway: Bound::Missing,
            operator: Bound::Missing,
            schema: Some(Schema { wanted: 43, missing: vec![43], ..Schema::default() }),
            ..facts()
        };
        assert_eq!(told(&none)[0].0, Level::Ok);
    }

    #[test]
    fn schema_is_compared_by_number_and_digest() {
        let (a, b) = ([1_u8].as_slice(), [2_u8].as_slice());
        let known = [(1, a), (2, a), (3, a)];
        let judged = |there: &[(i64, &[u8])], half| {
            let schema = Schema::compare(&known, there, half);
            let mut report = Report::default();
            report.schema(Some(&schema));
            let words: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
            (report.level(), schema.is_usable(), words.join("\n"))
        };
        let (level, usable, _) = judged(&known, None);
        assert_eq!((level, usable), (Level::Ok, true));
        for (there, half, wanted, usable, fix) in [
            (vec![], None, Level::Problem, false, "vestibule migrate"),
            (vec![(1, a), (2, a)], None, Level::Problem, false, "vestibule migrate"),
            (
                vec![(1, a), (2, a), (3, a), (4, b)],
                None,
                Level::Warning,
                true,
                "Finish the upgrade",
            ),
            (vec![(1, a), (2, b), (3, a)], None, Level::Problem, true, "a released build"),
            (vec![(1, a), (2, a)], Some(3), Level::Problem, false, "Restore the backup"),
        ] {
            let (level, is_usable, words) = judged(&there, half);
            assert_eq!((level, is_usable), (wanted, usable), "{words}");
            assert!(words.contains(fix), "{words}");
        }
        let mut unread = Report::default();
        unread.schema(None);
        assert_eq!(unread.level(), Level::Warning);
    }

    #[test]
    fn kd_03_clock_is_off_beyond_the_bound_either_way() {
        let bound = TimeDelta::seconds(5);
        let judged = |millis| {
            let mut report = Report::default();
            report.clock(TimeDelta::milliseconds(millis), bound);
            (report.level(), report.findings[0].found.clone())
        };
        for fine in [0, 5_000, -5_000] {
            assert_eq!(judged(fine).0, Level::Ok, "{fine}");
        }
        assert!(judged(7_000).1.contains("7 seconds ahead"), "{:?}", judged(7_000));
        assert!(judged(-7_000).1.contains("7 seconds behind"), "{:?}", judged(-7_000));
        assert_eq!(judged(5_001).0, Level::Problem);
    }

    #[test]
    fn every_way_not_to_be_reached_names_the_place_and_what_to_do() {
        use Unreachable as U;
        let other = U::Other("XX000".to_owned());
        let all = [
            U::Name,
            U::Refused,
            U::Silent,
            U::Password,
            U::NoDatabase,
            U::Tls,
            U::Full,
            U::Starting,
            other,
        ];
        for why in all {
            let mut report = Report::default();
            report.no_database("db.internal/vestibule", &why);
            let one = &report.findings[0];
            assert!(one.found.contains("db.internal/vestibule"), "{one}");
            assert!(one.level == Level::Problem && one.fix.is_some(), "{one}");
        }
    }
}
