//! Where somebody would be sent, and why, for staff who ask: nobody is signed in by it.

use std::fmt;
use std::sync::Arc;

use super::{Choice, Signals, choose};
use crate::email::{Domain, DomainPattern, Email};
use crate::settings::DirectoryState;
use crate::tenant::{Application, Directory, Tenant};

/// What would become of an address at one application.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The application's `client_id`.
    pub client_id: String,
    /// Where to.
    pub choice: Choice,
    /// Why, in words.
    pub reason: String,
    /// Directories that the address fits and that are passed over.
    pub passed_over: Vec<PassedOver>,
}

/// A directory that is passed over.
#[derive(Debug, Clone)]
pub struct PassedOver {
    /// The directory.
    pub directory: Arc<Directory>,
    /// Why.
    pub why: Why,
}

/// Why a directory that has the domain is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The domain is not proven.
    Unproven(Domain),
    /// The application does not admit it.
    NotAdmitted,
    /// Nobody can use it yet.
    Draft,
    /// It is reached by test logins only.
    Testing,
    /// It is switched off.
    Paused,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unproven(domain) => write!(f, "{} is not proven", domain.as_str()),
            Self::NotAdmitted => f.write_str("the application does not admit it"),
            Self::Draft => f.write_str("it is a draft"),
            Self::Testing => f.write_str("it is being tested"),
            Self::Paused => f.write_str("it is paused"),
        }
    }
}

/// What would become of an address at an application.
pub fn explain(tenant: &Tenant, application: &Application, email: &str) -> Explanation {
    let signals = Signals { login_hint: Some(email), ..Signals::default() };
    let decision = choose(tenant, application, signals);
    let email = Email::parse(email);
    let reason = match &decision.choice {
        Choice::Nowhere => "the application has no directory that is active".to_owned(),
        Choice::Ask(directories) if all_have(directories, email.as_ref()) => {
            "each of them has the domain".to_owned()
        }
        Choice::Ask(_) | Choice::Directory(_) => decision.reason.to_string(),
    };
    Explanation {
        client_id: application.client.client_id.clone(),
        choice: decision.choice,
        reason,
        passed_over: email.map_or_else(Vec::new, |email| passed_over(tenant, application, &email)),
    }
}

fn all_have(directories: &[Arc<Directory>], email: Option<&Email>) -> bool {
    let has = |one: &Arc<Directory>| email.and_then(|email| one.rank(email.domain())).is_some();
    directories.iter().all(has)
}

fn passed_over(tenant: &Tenant, application: &Application, email: &Email) -> Vec<PassedOver> {
    let unproven = tenant.directories.iter().filter(|one| application.admits(one));
    let unproven = unproven.filter_map(|one| {
        let fits = |entry: &&DomainPattern| entry.rank(email.domain()).is_some();
        let why = Why::Unproven(one.unproven_domains.iter().find(fits)?.name().clone());
        Some(PassedOver { directory: Arc::clone(one), why })
    });
    let fitting = tenant.directories.iter().filter(|one| one.rank(email.domain()).is_some());
    let inactive = fitting.filter_map(|one| {
        let why = match one.state {
            _ if !application.admits(one) => Why::NotAdmitted,
            DirectoryState::Active => return None,
            DirectoryState::Draft => Why::Draft,
            DirectoryState::Testing => Why::Testing,
            DirectoryState::Paused => Why::Paused,
        };
        Some(PassedOver { directory: Arc::clone(one), why })
    });
    unproven.chain(inactive).collect()
}
