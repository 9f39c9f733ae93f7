//! The start of a tenant's pages: what is done between nothing and the first sign-in, as it was
//! observed, and what needs somebody.

use askama::Template;
use axum::response::Response;
use broker::attempt::Purpose;
use broker::authority::Need;
use broker::settings::{DirectoryState, DomainProof};
use chrono::{DateTime, Utc};
use store::{LoginQuery, LoginState, Sighting, SightingKind, TenantRecord};

use super::Refused;
use super::desk::Desk;
use super::expiries;
use super::fields::Query;
use super::shell::{self, Shell};

/// A step of the checklist.
struct Step {
    title: &'static str,
    /// What was observed, or what is to be done.
    text: String,
    is_done: bool,
    is_next: bool,
    at: Option<DateTime<Utc>>,
    /// Where it is done.
    href: String,
    label: &'static str,
}

#[derive(Template)]
#[template(path = "dashboard/home.html")]
struct HomePage {
    shell: Shell,
    issuer: String,
    is_live: bool,
    suspended: bool,
    steps: Vec<Step>,
    expiries: Vec<expiries::Line>,
    failures: usize,
    logins: usize,
}

/// How many of the last logins are counted.
const COUNTED: i64 = 100;

/// The page.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    if !desk.has(Need::Viewer) {
        return Ok(shell::see(&desk.path("directories")));
    }
    let observed = observe(&desk).await?;
    let expiries = expiries::of_tenant(&desk).await?;
    let steps = steps(&desk, &observed);
    let title = desk.tenant.name.clone();
    let is_live = steps.iter().all(|one| one.is_done);
    Ok(shell::ok(&HomePage {
        issuer: desk.app.issuer(&desk.tenant),
        is_live,
        suspended: desk.tenant.policy.suspended,
        expiries,
        failures: observed.failures,
        logins: observed.logins,
        steps,
        shell: desk.shell.titled(title).after(&query),
    }))
}

/// What was seen happening.
struct Observed {
    sightings: Vec<Sighting>,
    failures: usize,
    logins: usize,
}

impl Observed {
    /// When something of a kind was first seen, of anything that is still configured.
    fn first(&self, kind: SightingKind) -> Option<DateTime<Utc>> {
        self.of(kind).map(|one| one.first_at).min()
    }

    /// The last of a kind.
    fn last(&self, kind: SightingKind) -> Option<&Sighting> {
        self.of(kind).max_by_key(|one| one.last_at)
    }

    fn of(&self, kind: SightingKind) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter().filter(move |one| one.kind == kind)
    }
}

async fn observe(desk: &Desk) -> Result<Observed, Refused> {
    // People's alone: a test that fails has kept nobody out.
    let purpose = Some(Purpose::Application);
    let query = LoginQuery { purpose, limit: COUNTED, ..LoginQuery::default() };
    let operator = desk.caller.operator();
    let last = operator.logins(desk.tenant.id, &query).await?;
    let failures = last.iter().filter(|one| matches!(one.state, LoginState::Failed(_))).count();
    let sightings = operator.sightings(desk.tenant.id).await?;
    Ok(Observed { sightings, failures, logins: last.len() })
}

fn steps(desk: &Desk, observed: &Observed) -> Vec<Step> {
    let tenant = &desk.tenant;
    let mut steps = vec![
        application_added(desk, tenant),
        discovery_fetched(desk, observed),
        request_seen(desk, observed),
        address_matched(desk, observed),
        directory_connected(desk, tenant),
        directory_tested(desk, observed),
        domain_proven(desk, tenant),
        directory_active(desk, tenant),
        code_redeemed(desk, observed),
    ];
    if let Some(next) = steps.iter_mut().find(|one| !one.is_done) {
        next.is_next = true;
    }
    steps
}

fn step(
    title: &'static str,
    (is_done, at): (bool, Option<DateTime<Utc>>),
    text: impl Into<String>,
    (href, label): (String, &'static str),
) -> Step {
    Step { title, text: text.into(), is_done, is_next: false, at, href, label }
}

fn application_added(desk: &Desk, tenant: &TenantRecord) -> Step {
    let (href, label) = match &tenant.applications[..] {
        [] => (desk.path("applications/new"), "Add"),
        _ => (desk.path("applications"), "Open"),
    };
    let text = match tenant.applications.len() {
        0 => "iMIS, or whatever people sign in to.".to_owned(),
        1 => "One application is registered.".to_owned(),
        many => format!("{many} applications are registered."),
    };
    step("Add the application", (!tenant.applications.is_empty(), None), text, (href, label))
}

fn discovery_fetched(desk: &Desk, observed: &Observed) -> Step {
    let at = observed.first(SightingKind::Discovery);
    let text = match at {
        Some(_) => "Its discovery document was fetched: the issuer arrived there.",
        None => "Copy the values into it. It fetches the issuer's discovery document by itself.",
    };
    let to = (desk.path("applications"), "Values");
    step("The application finds the issuer", (at.is_some(), at), text, to)
}

fn request_seen(desk: &Desk, observed: &Observed) -> Step {
    let at = observed.first(SightingKind::Authorization);
    let text = match (at, observed.last(SightingKind::UnknownClient)) {
        (Some(_), _) => "It sent somebody here to sign in.".to_owned(),
        (None, Some(unknown)) => format!(
            "A request came with a client id that is not registered here: {}",
            unknown.detail
        ),
        (None, None) => "Open its sign-in once. Nothing has arrived from it yet.".to_owned(),
    };
    let to = (desk.path("applications"), "Applications");
    step("The application asks for a sign-in", (at.is_some(), at), text, to)
}

/// A request with a registered address has become a login, or failed later.
fn address_matched(desk: &Desk, observed: &Observed) -> Step {
    let asked = observed.last(SightingKind::Authorization);
    let refused = observed.last(SightingKind::RedirectUriRefused);
    let is_refused =
        refused.is_some_and(|refused| asked.is_none_or(|asked| asked.last_at <= refused.last_at));
    let text = match (asked, refused) {
        (_, Some(refused)) if is_refused => {
            format!("It wants the answer at an address that is not registered: {}", refused.detail)
        }
        (Some(_), _) => "The address that it wants the answer at is registered.".to_owned(),
        _ => "The address that it wants the answer at has to be registered, to the letter."
            .to_owned(),
    };
    let (href, label) = match refused.filter(|_| is_refused) {
        Some(refused) if !refused.subject.is_empty() => {
            (desk.path(&format!("applications/{}/settings", refused.subject)), "Register")
        }
        _ => (desk.path("applications"), "Applications"),
    };
    let done = asked.is_some() && !is_refused;
    let at = asked.filter(|_| done).map(|one| one.first_at);
    step("Its address matches", (done, at), text, (href, label))
}

fn directory_tested(desk: &Desk, observed: &Observed) -> Step {
    let at = observed.first(SightingKind::DirectoryTested);
    let text = match at {
        Some(_) => "Somebody came back from it with claims that can be used.",
        None => "A real sign-in that nobody else sees, with the claims before and after.",
    };
    let to = (desk.path("directories"), "Test");
    step("Test the directory", (at.is_some(), at), text, to)
}

fn directory_connected(desk: &Desk, tenant: &TenantRecord) -> Step {
    let done = !tenant.directories.is_empty();
    let (href, label) = if done {
        (desk.path("directories"), "Open")
    } else {
        (desk.path("directories/new"), "Connect")
    };
    let text = match tenant.directories.len() {
        0 => "Where your people sign in: Okta, Microsoft Entra, Google and others.".to_owned(),
        1 => "One directory is connected.".to_owned(),
        many => format!("{many} directories are connected."),
    };
    step("Connect a directory", (done, None), text, (href, label))
}

fn domain_proven(desk: &Desk, tenant: &TenantRecord) -> Step {
    let by_operator = tenant.policy.domain_proof == DomainProof::Operator;
    let proven = tenant.proven_domains.len();
    let text = match (by_operator, proven) {
        (true, _) => "Whoever runs this gateway vouches for your domains.".to_owned(),
        (false, 0) => {
            "Add a record to the DNS, so that people are routed by their e-mail address.".to_owned()
        }
        (false, 1) => "One domain is proven.".to_owned(),
        (false, many) => format!("{many} domains are proven."),
    };
    let done = by_operator || proven > 0;
    step("Prove your domain", (done, None), text, (desk.path("domains"), "Domains"))
}

fn directory_active(desk: &Desk, tenant: &TenantRecord) -> Step {
    let active =
        tenant.directories.iter().filter(|one| one.settings.state == DirectoryState::Active);
    let (done, text) = match active.count() {
        0 => (false, "Once the test shows what it should, let people in."),
        _ => (true, "People can sign in through it."),
    };
    let to = (desk.path("directories"), "Directories");
    step("Activate the directory", (done, None), text, to)
}

fn code_redeemed(desk: &Desk, observed: &Observed) -> Step {
    let at = observed.first(SightingKind::Redeemed);
    let text = match (at, observed.last(SightingKind::ClientRefused)) {
        (Some(_), _) => "Somebody signed in, and the application fetched their tokens.".to_owned(),
        (None, Some(refused)) => {
            format!("The application could not prove who it is: {}", refused.detail)
        }
        (None, None) => "The first real sign-in, to its end.".to_owned(),
    };
    let to = (desk.path("logins"), "Logins");
    step("Somebody signs in", (at.is_some(), at), text, to)
}
