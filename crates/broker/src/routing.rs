//! Step 2 of a login: which directory?
//!
//! The first rule that decides wins (home realm discovery):
//!
//! 1. an explicit hint that names one of the tenant's directories;
//! 2. `login_hint`, by its domain: exact before wildcard, the longest first;
//! 3. a live session;
//! 4. the application's only directory;
//! 5. the browser's last successful choice;
//! 6. the person, on the chooser page.
//!
//! Only active directories are chosen: one that is being tested is reached by its test link alone.
//!
//! A hint that names nothing here is passed over without a trace to the outside, so that the
//! answer never tells what exists in another tenant (THREATS UP-05).

pub mod explain;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::email::Email;
use crate::settings::DirectoryState;
use crate::tenant::{Application, Directory, Tenant};

/// What routing looks at, besides the tenant and the application.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signals<'a> {
    /// The `directory` parameter or one of its aliases.
    pub directory_hint: Option<&'a str>,
    /// `login_hint`. [OIDCC-3.1.2.1]
    pub login_hint: Option<&'a str>,
    /// The slug of the directory that the browser's live session came from.
    pub session: Option<&'a str>,
    /// The slug of the directory that this browser last came back from.
    pub last_choice: Option<&'a str>,
}

/// Which rule decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request named the directory.
    ExplicitHint,
    /// The domain of `login_hint` matched this pattern of the directory.
    Domain(String),
    /// The browser has a live session from it.
    Session,
    /// The application has no other.
    OnlyDirectory,
    /// The browser last came back from it.
    LastChoice,
    /// Nothing decided: the person does.
    Asked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExplicitHint => f.write_str("the request named it"),
            Self::Domain(pattern) => write!(f, "the domain of login_hint matches {pattern}"),
            Self::Session => f.write_str("the browser is signed in through it"),
            Self::OnlyDirectory => f.write_str("it is the only directory of the application"),
            Self::LastChoice => f.write_str("this browser last came back from it"),
            Self::Asked => f.write_str("nothing decides, so the person chooses"),
        }
    }
}

/// Where the person goes.
#[derive(Debug, Clone)]
pub enum Choice {
    /// To this directory.
    Directory(Arc<Directory>),
    /// To the chooser page, which offers these.
    Ask(Vec<Arc<Directory>>),
    /// Nowhere: the application has no directory that is in use.
    Nowhere,
}

/// The choice and the rule that made it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Where to.
    pub choice: Choice,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    fn directory(directory: &Arc<Directory>, reason: Reason) -> Self {
        Self { choice: Choice::Directory(Arc::clone(directory)), reason }
    }
}

/// Chooses by the six rules.
pub fn choose(tenant: &Tenant, application: &Application, signals: Signals<'_>) -> Decision {
    let in_use =
        |one: &&Arc<Directory>| one.state == DirectoryState::Active && application.admits(one);
    let active: Vec<_> = tenant.directories.iter().filter(in_use).cloned().collect();
    let named = |slug: &str| active.iter().find(|one| one.slug.as_str() == slug);

    if let Some(directory) = signals.directory_hint.and_then(named) {
        return Decision::directory(directory, Reason::ExplicitHint);
    }
    if let Some(decision) = signals.login_hint.and_then(|hint| by_domain(&active, hint)) {
        return decision;
    }
    if let Some(directory) = signals.session.and_then(named) {
        return Decision::directory(directory, Reason::Session);
    }
    if let [directory] = active.as_slice() {
        return Decision::directory(directory, Reason::OnlyDirectory);
    }
    if let Some(directory) = signals.last_choice.and_then(named) {
        return Decision::directory(directory, Reason::LastChoice);
    }
    let choice = if active.is_empty() { Choice::Nowhere } else { Choice::Ask(active) };
    Decision { choice, reason: Reason::Asked }
}

/// Rule 2. Several directories that fit equally well leave the choice to the person, among those.
fn by_domain(active: &[Arc<Directory>], login_hint: &str) -> Option<Decision> {
    let email = Email::parse(login_hint)?;
    let rank = |one: &Arc<Directory>| one.rank(email.domain());
    let best = active.iter().filter_map(rank).max()?;
    let fitting: Vec<_> = active.iter().filter(|one| rank(one) == Some(best)).cloned().collect();
    if let [directory] = fitting.as_slice() {
        let closest =
            |pattern: &&crate::email::DomainPattern| pattern.rank(email.domain()) == Some(best);
        let pattern = directory.domains.iter().find(closest).map(ToString::to_string);
        return Some(Decision::directory(directory, Reason::Domain(pattern.unwrap_or_default())));
    }
    Some(Decision { choice: Choice::Ask(fitting), reason: Reason::Asked })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::{ApplicationId, DirectoryId, TenantId};
    use crate::tenant::DirectorySecrets;

    fn directory(slug: &str, state: &str, domains: &[&str]) -> Arc<Directory> {
        let settings = json!({
            "slug": slug, "name": slug, "issuer": "https://d.example", "client_id": "c",
            "state": state, "domains": domains,
        });
        let id = DirectoryId(uuid::Uuid::from_u128(u128::from(slug.as_bytes()[0])));
        let settings = serde_json::from_value(settings).unwrap();
        Arc::new(Directory::compile(id, &settings, DirectorySecrets::default()).unwrap())
    }

    fn application(directories: Option<&[&str]>) -> Application {
        let settings = json!({
            "client_id": "app", "name": "App", "redirect_uris": ["https://app.example/cb"],
            "directories": directories,
        });
        let id = ApplicationId(uuid::Uuid::from_u128(1));
        Application::compile(id, &serde_json::from_value(settings).unwrap(), vec![]).unwrap()
    }

    fn tenant(directories: Vec<Arc<Directory>>) -> Tenant {
        Tenant {
            id: TenantId(uuid::Uuid::from_u128(1)),
            slug: "acme".parse().unwrap(),
            name: "Acme".into(),
            suspended: false,
            join_by_email: false,
            branding: crate::settings::Branding::default(),
            sessions: crate::settings::SessionSettings::default(),
            forget_claims: false,
            applications: vec![],
            directories,
        }
    }

    fn three() -> Tenant {
        tenant(vec![
            directory("a", "active", &["acme.example"]),
            directory("b", "active", &["*.acme.example", "b.example"]),
            directory("t", "testing", &["acme.example"]),
        ])
    }

    fn slug(decision: &Decision) -> &str {
        match &decision.choice {
            Choice::Directory(directory) => directory.slug.as_str(),
            Choice::Ask(_) => "(ask)",
            Choice::Nowhere => "(nowhere)",
        }
    }

    fn all() -> Signals<'static> {
        Signals {
            directory_hint: Some("b"),
            login_hint: Some("x@acme.example"),
            session: Some("b"),
            last_choice: Some("b"),
        }
    }

    #[test]
    fn rules_decide_in_their_order() {
        let (tenant, app) = (three(), application(None));
        let mut signals = all();
        let decision = choose(&tenant, &app, signals);
        assert_eq!((slug(&decision), &decision.reason), ("b", &Reason::ExplicitHint));
        signals.directory_hint = None;
        let decision = choose(&tenant, &app, signals);
        assert_eq!(
            (slug(&decision), &decision.reason),
            ("a", &Reason::Domain("acme.example".into()))
        );
        signals.login_hint = Some("x@elsewhere.example");
        let decision = choose(&tenant, &app, signals);
        assert_eq!((slug(&decision), &decision.reason), ("b", &Reason::Session));
        signals.session = None;
        let decision = choose(&tenant, &app, signals);
        assert_eq!((slug(&decision), &decision.reason), ("b", &Reason::LastChoice));
        signals.last_choice = None;
        assert_eq!(slug(&choose(&tenant, &app, signals)), "(ask)");
        assert_eq!(slug(&choose(&tenant, &application(Some(&["a"])), signals)), "a");
    }

    #[test]
    fn wildcard_fits_below_and_exact_wins() {
        let (tenant, app) = (three(), application(None));
        let hint = |login_hint| Signals { login_hint: Some(login_hint), ..Signals::default() };
        assert_eq!(slug(&choose(&tenant, &app, hint("x@dept.acme.example"))), "b");
        assert_eq!(slug(&choose(&tenant, &app, hint("x@acme.example"))), "a");
    }

    #[test]
    fn up_05_foreign_or_disallowed_hints_are_passed_over() {
        let app = application(Some(&["a"]));
        for hint in ["b", "nowhere", "../b", ""] {
            let signals = Signals { directory_hint: Some(hint), ..Signals::default() };
            let decision = choose(&three(), &app, signals);
            assert_eq!(
                (slug(&decision), &decision.reason),
                ("a", &Reason::OnlyDirectory),
                "{hint}"
            );
        }
    }

    #[test]
    fn directory_in_testing_is_reached_by_no_request() {
        let (tenant, app) = (three(), application(Some(&["t"])));
        let signals = Signals {
            directory_hint: Some("t"),
            session: Some("t"),
            last_choice: Some("t"),
            ..all()
        };
        assert_eq!(slug(&choose(&tenant, &app, signals)), "(nowhere)");
    }

    #[test]
    fn up_09_paused_directory_is_never_chosen() {
        let tenant = tenant(vec![directory("p", "paused", &["acme.example"])]);
        let signals = Signals {
            directory_hint: Some("p"),
            session: Some("p"),
            last_choice: Some("p"),
            ..all()
        };
        assert_eq!(slug(&choose(&tenant, &application(None), signals)), "(nowhere)");
    }

    #[test]
    fn two_directories_of_one_domain_are_offered_to_the_person() {
        let tenant = tenant(vec![
            directory("a", "active", &["acme.example"]),
            directory("b", "active", &["acme.example"]),
            directory("c", "active", &[]),
        ]);
        let signals = Signals { login_hint: Some("x@acme.example"), ..Signals::default() };
        let Choice::Ask(offered) = choose(&tenant, &application(None), signals).choice else {
            panic!("one was chosen")
        };
        assert_eq!(offered.len(), 2);
    }
}
