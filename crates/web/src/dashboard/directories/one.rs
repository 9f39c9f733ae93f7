//! A directory's page: where it stands, what is configured, and what can be done with it.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::id::Slug;
use broker::probe::{Finding, Level, ProbeReport, What};
use broker::settings::{DirectoryState, EmailTrust, TokenEndpointAuthMethod, file};
use broker::tenant::SecretSlot;
use chrono::{DateTime, Utc};
use store::{DirectoryRecord, Sighting, SightingKind};

use super::form::staff_said;
use super::hosts::Move;
use super::{Domain, Expiry, Found, Head, domains, expiry, find};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Query;
use crate::dashboard::shell::{self, Notice, Shell};

/// Something that a check found.
pub(super) struct FindingRow {
    tone: &'static str,
    word: &'static str,
    what: &'static str,
    say: String,
}

impl From<Finding> for FindingRow {
    fn from(finding: Finding) -> Self {
        let (tone, word) = match finding.level {
            Level::Ok => ("ok", "Good"),
            Level::Set => ("ok", "Settled"),
            Level::Warning => ("warn", "Look"),
            Level::Problem => ("bad", "Problem"),
        };
        Self { tone, word, what: what(finding.what), say: finding.say }
    }
}

fn what(what: What) -> &'static str {
    match what {
        What::Address => "Address",
        What::Settings => "Settings",
        What::Discovery => "Discovery document",
        What::Issuer => "Issuer",
        What::Endpoints => "Endpoints",
        What::Keys => "Signing keys",
        What::Pkce => "PKCE",
        What::Authentication => "How we prove who we are",
        What::Userinfo => "Userinfo",
        What::Scopes => "Scopes",
        What::Logout => "Signing out",
        What::MixUp => "Answers say whose they are",
        What::Credentials => "Client ID and secret",
    }
}

/// A secret of ours at the directory, as far as it is shown.
struct SecretRow {
    label: &'static str,
    expiry: Option<Expiry>,
}

#[derive(Template)]
#[template(path = "dashboard/directory.html")]
struct DirectoryPage {
    shell: Shell,
    head: Head,
    state: DirectoryState,
    is_to_be_entered: bool,
    /// Whether they may bring it into use.
    can_activate: bool,
    /// Whether it can be tested.
    can_test: bool,
    /// When a test of it last worked, and when somebody last signed in through it.
    tested: Option<DateTime<Utc>>,
    signed_in: Option<DateTime<Utc>>,
    /// Where domains are proven, for those who may.
    proofs: Option<String>,
    /// Where another one takes its place, for those who may let it.
    replace: Option<String>,
    slug: String,
    issuer: String,
    client_id: String,
    method: &'static str,
    scopes: String,
    trust: &'static str,
    /// Who is staff.
    staff: String,
    staff_sign_in: &'static str,
    domains: Vec<Domain>,
    secrets: Vec<SecretRow>,
    expiry: Option<Expiry>,
    callback: String,
    callback_word: &'static str,
    yaml: String,
    findings: Vec<FindingRow>,
    moved: Option<Move>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let found = find(&desk, &slug, "")?;
    let title = found.head.name.clone();
    let shell = desk.shell.clone().titled(title).after(&query);
    page(&desk, found, shell, None, StatusCode::OK).await
}

/// The page after an act that was refused.
pub(super) async fn noting(
    desk: &Desk,
    found: Found,
    notice: Notice,
    status: StatusCode,
) -> Result<Response, Refused> {
    let shell = desk.shell.clone().titled(found.head.name.clone()).noting(notice);
    page(desk, found, shell, None, status).await
}

/// The page with what a check found.
pub(super) async fn checked(
    desk: &Desk,
    found: Found,
    report: ProbeReport,
) -> Result<Response, Refused> {
    let notice = if report.has_problem() {
        let line = "The check says below what has to be mended, and how.";
        Notice::bad("Nobody can sign in through this directory yet", vec![line.to_owned()])
    } else {
        Notice::ok("Checked. Nothing stands in the way of a test.")
    };
    let shell = desk.shell.clone().titled(found.head.name.clone()).noting(notice);
    page(desk, found, shell, Some(report), StatusCode::OK).await
}

async fn page(
    desk: &Desk,
    found: Found,
    shell: Shell,
    report: Option<ProbeReport>,
    status: StatusCode,
) -> Result<Response, Refused> {
    let Found { record, head, callback } = found;
    let hosts = desk.caller.operator().directory_hosts(desk.tenant.id, record.id).await?;
    let sightings = desk.caller.operator().sightings(desk.tenant.id).await?;
    let now = desk.caller.now;
    let settings = &record.settings;
    let last = |kind| last(&sightings, kind, &settings.slug);
    let is_left = settings.is_to_be_entered();
    let is_off = matches!(settings.state, DirectoryState::Draft | DirectoryState::Paused);
    let entered = |text: &str| if is_left { "To be entered".to_owned() } else { text.to_owned() };
    let page = DirectoryPage {
        shell,
        state: settings.state,
        is_to_be_entered: is_left,
        can_activate: head.can_edit
            && !is_left
            && (desk.has(Need::Editor) || settings.state == DirectoryState::Paused),
        can_test: head.can_edit && !is_off && !is_left,
        tested: last(SightingKind::DirectoryTested),
        signed_in: last(SightingKind::DirectorySignIn),
        proofs: desk.has(Need::Viewer).then(|| desk.path("domains")),
        replace: (desk.has(Need::Editor) && !is_left).then(|| format!("{}/replace", head.here)),
        head,
        slug: settings.slug.to_string(),
        issuer: match (&settings.preset.data().issuer, settings.issuer.as_str()) {
            (Some(issuer), "") => issuer.clone(),
            (_, issuer) => entered(issuer),
        },
        client_id: entered(&settings.client_id),
        method: method(&record),
        scopes: scopes(&record),
        trust: trust(&record),
        staff: staff_said(settings),
        staff_sign_in: if settings.staff_sign_in {
            "Yes, once they have connected it"
        } else {
            "No"
        },
        domains: domains(&desk.tenant, settings),
        secrets: secrets(&record, desk),
        expiry: expiry(&record, now).filter(|one| !one.left.is_empty()),
        callback,
        callback_word: &settings.preset.data().words.redirect_uri,
        yaml: file::print_part(&[settings]).unwrap_or_default(),
        findings: report.map_or_else(Vec::new, |report| {
            report.findings.into_iter().map(FindingRow::from).collect()
        }),
        moved: Move::of(hosts),
    };
    Ok(shell::respond(status, &page))
}

/// When something was last seen of a directory.
pub(super) fn last(
    sightings: &[Sighting],
    kind: SightingKind,
    directory: &Slug,
) -> Option<DateTime<Utc>> {
    let of = |one: &&Sighting| one.kind == kind && one.subject == directory.as_str();
    sightings.iter().filter(of).map(|one| one.last_at).max()
}

fn method(record: &DirectoryRecord) -> &'static str {
    let settings = &record.settings;
    let usual = settings.preset.data().token_endpoint_auth_method;
    match settings.token_endpoint_auth_method.or(usual) {
        None => "A secret, sent as the directory announces",
        Some(TokenEndpointAuthMethod::ClientSecretBasic) => "A secret, by HTTP Basic",
        Some(TokenEndpointAuthMethod::ClientSecretPost) => "A secret, in the form (POST)",
        Some(TokenEndpointAuthMethod::PrivateKeyJwt) => "No secret: signed with this tenant's key",
    }
}

fn scopes(record: &DirectoryRecord) -> String {
    let settings = &record.settings;
    let usual = || settings.preset.scopes(&settings.issuer);
    settings.scopes.clone().unwrap_or_else(usual).join(" ")
}

fn trust(record: &DirectoryRecord) -> &'static str {
    let settings = &record.settings;
    match settings.trust() {
        EmailTrust::VerifiedClaim => "If the directory says that they are verified",
        EmailTrust::Domain => "If their domain is one of the directory's",
        EmailTrust::Never => "Never",
    }
}

fn secrets(record: &DirectoryRecord, desk: &Desk) -> Vec<SecretRow> {
    let now = desk.caller.now;
    let settings = &record.settings;
    let row = |slot, label, at: Option<_>| {
        let expiry = at.map(|at| Expiry::at(at, now));
        let is_expired = record.expired.contains(&slot);
        let said = "Expired, says the directory".to_owned();
        let expiry = match expiry {
            Some(expiry) if is_expired => Some(Expiry { left: said, tone: "bad", ..expiry }),
            None if is_expired => Some(Expiry { at: now, left: said, tone: "bad" }),
            expiry => expiry,
        };
        SecretRow { label, expiry }
    };
    let current = record
        .client_secret
        .as_ref()
        .map(|_| row(SecretSlot::Current, "The secret in use", settings.client_secret_expires_at));
    let next = record
        .next_client_secret
        .as_ref()
        .map(|_| row(SecretSlot::Next, "The next secret", settings.next_client_secret_expires_at));
    current.into_iter().chain(next).collect()
}
