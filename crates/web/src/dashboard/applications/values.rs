//! What is to be entered in an application: its own screen, field by field, and below it the address
//! that it shows in turn.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use broker::setup::{self, Field, Section, Sheet};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::ApplicationRecord;

use super::kind::{Kind, kind_of};
use super::{Head, about_form, head, opened, path, refusal, save, sentence, wrong_address};
use crate::api::Problem;
use crate::api::acts::sheet_of;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Notice, Shell};

/// A field of the application's screen.
struct Entry {
    label: String,
    /// What to enter or choose.
    values: Vec<String>,
    is_choice: bool,
    /// Whether it is for the secret, which cannot be shown again.
    is_hidden: bool,
    hint: String,
}

/// A screen, or a tab of one.
struct Screen {
    place: String,
    /// How to get there, or what has to be so first.
    note: String,
    entries: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "dashboard/applications/values.html")]
struct ValuesPage<'a> {
    shell: Shell,
    head: Head,
    kind: &'static Kind,
    screens: Vec<Screen>,
    warnings: Vec<String>,
    /// A secret that was made just now.
    secret: Option<&'a str>,
    registered: &'a [String],
    typed: &'a str,
    wrong: Option<String>,
}

/// What a page says besides what is stored.
#[derive(Default)]
pub(super) struct Answer<'a> {
    pub(super) notice: Option<Notice>,
    /// A secret that was made just now.
    pub(super) secret: Option<&'a SecretString>,
    /// What was pasted, and why it was not taken.
    pub(super) refused: Option<(&'a str, &'a Problem)>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let desk = Desk { shell: desk.shell.after(&query), ..desk };
    answer(desk, &record, Answer::default()).await
}

/// The page, after something was done.
pub(super) async fn answer(
    desk: Desk,
    record: &ApplicationRecord,
    said: Answer<'_>,
) -> Result<Response, Refused> {
    let sheet = sheet_of(&desk.app.issuer(&desk.tenant), record, said.secret)?;
    let head = head(&desk, record, "").await?;
    let Sheet { sections, mut warnings, .. } = sheet;
    if record.settings.redirect_uris.is_empty() {
        // The box for it says so.
        warnings.clear();
    }
    let mut shell = desk.shell.titled(&record.settings.name);
    shell.notice = said.notice.or(shell.notice);
    let page = ValuesPage {
        head,
        kind: kind_of(record.settings.preset),
        screens: sections.into_iter().map(screen).collect(),
        warnings,
        secret: said.secret.map(ExposeSecret::expose_secret),
        registered: &record.settings.redirect_uris,
        typed: said.refused.map_or("", |(typed, _)| typed),
        wrong: wrong_address(said.refused.map(|(_, problem)| problem)),
        shell,
    };
    Ok(match said.refused {
        Some((_, problem)) => shell::respond(problem.status(), &page),
        None => shell::ok(&page),
    })
}

fn screen(section: Section) -> Screen {
    Screen {
        place: section.place.replace(" > ", " › "),
        note: section.note.replace(" > ", " › "),
        entries: section.fields.into_iter().map(entry).collect(),
    }
}

fn entry(field: Field) -> Entry {
    let is_secret = field.label.eq_ignore_ascii_case("client secret");
    let hint = match (field.hidden, is_secret && !field.value.is_empty()) {
        // The notes are for the command line.
        (true, _) => String::new(),
        (false, true) => "Shown this once.".to_owned(),
        (false, false) => sentence(&field.note),
    };
    Entry {
        values: field.value.lines().map(str::to_owned).collect(),
        label: field.label,
        is_choice: field.choice,
        is_hidden: field.hidden,
        hint,
    }
}

/// Registers the address that the application showed.
pub(in crate::dashboard) async fn paste(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let typed = fields.text("redirect_uri");
    match register(&desk, &record, typed, &fields).await.map_err(about_form) {
        Ok(done) => Ok(shell::see(&format!("{}?done={done}", path(&desk, &client_id, "")))),
        Err(problem) => {
            let problem = problem?;
            let title = format!("The {} was not saved", kind_of(record.settings.preset).address);
            let notice = Some(refusal(&title, &problem));
            let refused = Some((typed, &problem));
            answer(desk, &record, Answer { notice, refused, ..Answer::default() }).await
        }
    }
}

async fn register(
    desk: &Desk,
    record: &ApplicationRecord,
    typed: &str,
    fields: &Fields,
) -> Result<&'static str, Problem> {
    desk.needs(Need::Editor)?;
    let settings = &record.settings;
    let read = setup::addresses(settings.preset, typed);
    if read.redirect_uris.is_empty() && read.post_logout_redirect_uris.is_empty() {
        return Err(Problem::invalid("redirect_uris", "paste the address that it shows"));
    }
    let out = read.post_logout_redirect_uris.iter().map(String::as_str);
    let to = To::Merge(json!({
        "redirect_uris": with(&settings.redirect_uris, read.redirect_uris),
        "post_logout_redirect_uris": with(&settings.post_logout_redirect_uris, out),
    }));
    save(desk, &settings.client_id, to, fields).await
}

/// Those that are there, and the new ones among these.
fn with<'a>(there: &'a [String], new: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<_> = there.iter().map(String::as_str).collect();
    for one in new {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}
