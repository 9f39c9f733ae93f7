//! What a test login found, from the directory's verified answer on: steps 5 to 7 of a login for
//! every application of the tenant, without writing any of it.

use std::sync::Arc;

use broker::claims::RowTrace;
use broker::directory_preset::EmailEvidence;
use broker::failure::FailureCode;
use broker::profile::{self, Answer, Profile};
use broker::release::Sources;
use broker::settings::EmailTrust;
use broker::sub::PairwiseKey;
use broker::tenant::Directory;
use broker::timeline::Step;
use broker::user::Resolved;
use oidc::scope::{SUPPORTED, Scope};
use serde_json::{Map, Value};

use crate::login::finish::{Answered, admit};
use crate::login::profile::{detail, failure, note};
use crate::login::release::{self, Made};
use crate::login::user::look_up;
use crate::login::{Trace, Why};
use crate::page::{Fact, Row, Table};
use crate::refusal::Refused;

/// What was found.
#[derive(Default)]
pub(super) struct Report {
    /// Where and why it ended before its end.
    pub(super) failed: Option<(Step, Why)>,
    /// Who the person is.
    pub(super) facts: Vec<Fact>,
    /// The claims on their way.
    pub(super) tables: Vec<Table>,
}

impl Report {
    /// Of a test that ended before the directory's answer was verified.
    pub(super) fn failed(step: Step, why: Why) -> Self {
        Self { failed: Some((step, why)), ..Self::default() }
    }
}

/// Everything about the person who came back; with `profile_only` nothing that the tenant knows: not
/// whether they are a user, and not which applications there are (THREATS TN-12).
pub(super) async fn report(
    trace: &mut Trace,
    answered: Answered,
    profile_only: bool,
) -> Result<Report, Refused> {
    let mut report = Report::default();
    report.facts.extend([
        Fact::new("issuer", "Issuer", &answered.identity.issuer),
        Fact::new("subject", "Identity there", &answered.identity.subject),
    ]);
    if let Err(why) = admit(trace, &answered) {
        report.failed = Some((Step::Finish, why));
        report.tables.extend(raw(&answered.id_token, answered.userinfo.as_ref()));
        return Ok(report);
    }
    let directory = &answered.directory;
    let answer = Answer { id_token: &answered.id_token, userinfo: answered.userinfo.as_ref() };
    let mapped = profile::map(&trace.loaded.tenant, directory, answer);
    match mapped {
        Err(error) => {
            let code = failure(&error, FailureCode::ProfileFailed);
            report.failed = Some((Step::Profile, (code, detail(&error, directory))));
        }
        Ok((profile, rows)) => {
            note(trace, Step::Profile, &rows);
            report.facts.extend(email(directory, &profile));
            report.tables.push(mapped_table("profile", "Profile", &profile.0, &rows));
            if profile_only {
                report.tables.extend(raw(&answered.id_token, answered.userinfo.as_ref()));
                return Ok(report);
            }
            match look_up(trace, &answered.identity, &profile).await? {
                Ok(resolved) => {
                    trace.note(Step::User, resolved.note());
                    report.facts.extend(whose(&resolved));
                    let released = released(trace, directory, &profile, &resolved);
                    report.tables.extend(released);
                }
                Err(why) => report.failed = Some((Step::User, why)),
            }
        }
    }
    report.tables.extend(raw(&answered.id_token, answered.userinfo.as_ref()));
    Ok(report)
}

/// What the directory said, as it said it.
pub(crate) fn raw(
    id_token: &Map<String, Value>,
    userinfo: Option<&Map<String, Value>>,
) -> [Table; 2] {
    let rows = |claims: &Map<String, Value>| {
        claims.iter().map(|(name, value)| Row::raw(name, value)).collect()
    };
    let of_token = Table::new("id-token", "Claims of the ID token");
    let of_userinfo = Table::new("userinfo", "Claims of userinfo");
    let of_userinfo = match userinfo {
        Some(claims) => Table { rows: rows(claims), ..of_userinfo },
        None => {
            Table { note: Some("It was not asked, or there is none.".to_owned()), ..of_userinfo }
        }
    };
    [Table { rows: rows(id_token), ..of_token }, of_userinfo]
}

/// What a mapping made, row by row; a row may have been left out.
fn mapped_table(id: &str, title: &str, claims: &Map<String, Value>, trace: &[RowTrace]) -> Table {
    Table { rows: mapped_rows(claims, trace), ..Table::new(id, title) }
}

fn mapped_rows(claims: &Map<String, Value>, trace: &[RowTrace]) -> Vec<Row> {
    let by_row = trace.iter().map(|row| {
        let text = row.to_string();
        let from = text.strip_prefix(&row.row).map_or(text.as_str(), str::trim_start);
        Row::new(&row.row, claims.get(&row.row), from)
    });
    let is_row = |name: &str| trace.iter().any(|row| row.row == name);
    let others = claims.iter().filter(|(name, _)| !is_row(name));
    let others = others.map(|(name, value)| Row::new(name, Some(value), "by Vestibule"));
    by_row.chain(others).collect()
}

/// Whether the address counts as the person's own, and why.
pub(crate) fn email(directory: &Directory, profile: &Profile) -> Option<Fact> {
    profile.text("email")?;
    let is_trusted = profile.0.get("email_verified") == Some(&Value::Bool(true));
    let evidence = match directory.preset.data().email_evidence {
        EmailEvidence::Claim => "email_verified is true",
        EmailEvidence::StringClaim => "email_verified is true, or the text \"true\"",
        EmailEvidence::Microsoft => {
            "xms_edov is true, or the person is a member of the one tenant and the domain is one \
             of the directory's"
        }
        EmailEvidence::Google => "Google answers for it: Gmail, or a hosted domain (hd)",
        EmailEvidence::Cognito => {
            "email_verified is true, or every provider behind the account is in trusted_providers"
        }
    };
    let needed = match directory.email_trust {
        EmailTrust::VerifiedClaim => format!("when {evidence}"),
        EmailTrust::Domain => "when its domain is one of the directory's".to_owned(),
        EmailTrust::Never => "never: so the setting email_trust says".to_owned(),
    };
    let verdict = if is_trusted { "yes" } else { "no" };
    let text = format!("{verdict}. It is trusted {needed}.");
    Some(Fact::new("email-trust", "E-mail trusted", &text))
}

fn whose(resolved: &Resolved) -> [Fact; 2] {
    let text = match resolved {
        Resolved::Known(_) => "known: this identity belongs to a user",
        Resolved::New(_) => "new: the first sign-in makes a user",
        Resolved::Joined(..) => "known: the first sign-in adds this identity to a user, by e-mail",
    };
    let external_id = &resolved.user().external_id;
    let external_id = match resolved {
        Resolved::New(user) if user.external_id == user.sub => {
            "a random one, made at the first sign-in: the profile proposes none"
        }
        _ => external_id,
    };
    [Fact::new("user", "User", text), Fact::new("external-id", "External ID", external_id)]
}

/// Step 7 for every application.
fn released(
    trace: &mut Trace,
    directory: &Directory,
    profile: &Profile,
    resolved: &Resolved,
) -> Vec<Table> {
    let loaded = Arc::clone(&trace.loaded);
    let tenant = &loaded.tenant;
    let applications = tenant.applications.iter().map(|application| {
        let sources = Sources { tenant, application, directory, user: resolved.user(), profile };
        let (table, made) = released_to(sources, &loaded.pairwise);
        let Some(made) = made else { return table };
        note(trace, Step::Release, &made.rows);
        match made.sub {
            Ok(sub) => with_sub(table, sub, resolved),
            Err(_) => table,
        }
    });
    applications.collect()
}

/// What one application would receive, or why it would not.
fn released_to(sources: Sources<'_>, pairwise: &PairwiseKey) -> (Table, Option<Made>) {
    let application = sources.application;
    let id = format!("application-{}", application.client.client_id);
    let table = Table::new(&id, &format!("What {} would receive", application.name));
    if !application.admits(sources.directory) {
        let note = Some("It does not admit people of this directory.".to_owned());
        return (Table { note, ..table }, None);
    }
    // All that an application could ask for.
    let Ok(scope) = Scope::parse(&SUPPORTED.join(" ")) else { return (table, None) };
    match release::make(sources, &scope, pairwise) {
        Ok(made) => {
            let rows = mapped_rows(&made.claims, &made.rows);
            let problem = made.sub.as_ref().err().cloned();
            (Table { problem, rows, ..table }, Some(made))
        }
        Err(why) => (Table { problem: Some(why), ..table }, None),
    }
}

fn with_sub(mut table: Table, sub: String, resolved: &Resolved) -> Table {
    let random = matches!(resolved, Resolved::New(user) if user.sub == sub);
    let from = if random { "by Vestibule: another at the first sign-in" } else { "by Vestibule" };
    table.rows.insert(0, Row::new("sub", Some(&Value::String(sub)), from));
    table
}
