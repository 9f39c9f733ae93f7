//! A new application: which kind, what it is called, and then everything that is to be entered in it.
//!
//! Nobody has to come here twice: an address that the application shows only after its own screen was
//! filled in is pasted into the page that the answer is.

use admin::{Part, To};
use askama::Template;
use axum::response::Response;
use broker::authority::Need;
use broker::setup;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use store::TenantRecord;

use super::kind::{KINDS, Kind, named};
use super::values::{self, Answer};
use super::{about_form, has_page, wrong, wrong_address};
use crate::api::Problem;
use crate::api::acts::application;
use crate::api::configuration::{Wanted, edit};
use crate::api::input::Conditions;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Notice, Shell};
use crate::dashboard::tenants::refusal;

#[derive(Template)]
#[template(path = "dashboard/applications/preset.html")]
struct PresetPage {
    shell: Shell,
    list: String,
    here: String,
    kinds: [&'static Kind; 3],
}

#[derive(Template)]
#[template(path = "dashboard/applications/new.html")]
struct NewPage<'a> {
    shell: Shell,
    list: String,
    here: String,
    kind: &'static Kind,
    typed: Typed<'a>,
    problem: Option<&'a Problem>,
}

/// What was typed.
#[derive(Clone, Copy)]
struct Typed<'a> {
    name: &'a str,
    client_id: &'a str,
    address: &'a str,
}

impl NewPage<'_> {
    fn wrong(&self, member: &str) -> Option<String> {
        wrong(self.problem, member)
    }

    fn wrong_address(&self) -> Option<String> {
        wrong_address(self.problem)
    }
}

/// The question which kind it is, or the form.
pub(in crate::dashboard) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let Some(kind) = query.get("preset").and_then(named) else {
        let (list, here) = (desk.path("applications"), desk.path("applications/new"));
        let shell = desk.shell.titled("Add an application");
        return Ok(shell::ok(&PresetPage { shell, list, here, kinds: KINDS }));
    };
    let client_id = match kind.client_id {
        "" => String::new(),
        proposed => free(&desk.tenant, proposed),
    };
    let typed = Typed { name: kind.name, client_id: &client_id, address: "" };
    Ok(shell::ok(&page(desk, kind, typed, None)))
}

fn page<'a>(
    desk: Desk,
    kind: &'static Kind,
    typed: Typed<'a>,
    problem: Option<&'a Problem>,
) -> NewPage<'a> {
    let (list, here) = (desk.path("applications"), desk.path("applications/new"));
    let mut shell = desk.shell.titled(format!("Add {}", of_kind(kind)));
    shell.notice = problem.map(|problem| refusal("The application was not added", problem));
    NewPage { shell, list, here, kind, typed, problem }
}

/// What is added, in words.
fn of_kind(kind: &Kind) -> &'static str {
    if kind.name.is_empty() { "an application" } else { kind.title }
}

/// Adds it: the answer is everything that is to be entered in it, with its secret.
pub(in crate::dashboard) async fn make(
    mut desk: Desk,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let kind = named(fields.text("preset")).ok_or(Refused::NotFound)?;
    let typed = Typed {
        name: fields.text("name"),
        client_id: fields.text("client_id"),
        address: fields.text("redirect_uri"),
    };
    let client_id = match typed.client_id {
        "" => free(&desk.tenant, &slugged(typed.name)),
        typed => typed.to_owned(),
    };
    let added = add(&desk, &client_id, settings(kind, typed)).await;
    let secret = match added.map_err(about_form) {
        Ok(secret) => secret,
        Err(problem) => {
            let problem = problem?;
            let page = page(desk, kind, typed, Some(&problem));
            return Ok(shell::respond(problem.status(), &page));
        }
    };
    desk.tenant = desk.caller.tenant(desk.slug()).await?;
    let record = application(&desk.tenant, &client_id)?.clone();
    let secret = secret.as_ref();
    let notice = Notice::ok("Added. Enter these values in the application now.");
    values::answer(desk, &record, Answer { notice: Some(notice), secret, ..Answer::default() })
        .await
}

/// The secret that was made, if it has one.
async fn add(
    desk: &Desk,
    client_id: &str,
    settings: Value,
) -> Result<Option<secrecy::SecretString>, Problem> {
    if !has_page(client_id) {
        let message =
            "it stands in addresses: use letters, digits, and - . _ ~, and not the word new";
        return Err(Problem::invalid("client_id", message));
    }
    let conditions = Conditions { version: None, only_new: true };
    let wanted = Wanted { conditions, dry_run: false };
    let part = Part::Application(client_id.to_owned());
    let place = (desk.slug(), &part, &To::Put(settings));
    let (_, applied) = Box::pin(edit(&desk.app, &desk.caller, wanted, place)).await?;
    let secret = applied.generated.into_iter().map(|(_, secret)| secret).next();
    Ok(secret.filter(|secret| !secret.expose_secret().is_empty()))
}

fn settings(kind: &Kind, typed: Typed<'_>) -> Value {
    let read = setup::addresses(kind.preset, typed.address);
    json!({
        "name": typed.name, "preset": kind.preset, "redirect_uris": read.redirect_uris,
        "post_logout_redirect_uris": read.post_logout_redirect_uris,
    })
}

/// A name as part of an address.
fn slugged(name: &str) -> String {
    let words = name.split(|one: char| !one.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|one| !one.is_empty()).map(str::to_ascii_lowercase).collect();
    let mut slug = if words.is_empty() { "application".to_owned() } else { words.join("-") };
    slug.truncate(60);
    slug
}

/// A `client_id` like this one that no application of the tenant has.
fn free(tenant: &TenantRecord, wanted: &str) -> String {
    let is_free = |name: &String| {
        has_page(name) && !tenant.applications.iter().any(|one| one.settings.client_id == *name)
    };
    let numbered = (2..1_000).map(|number| format!("{wanted}-{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_id_is_proposed_from_the_name() {
        for (name, slug) in [
            ("Conference 2026", "conference-2026"),
            ("  Église & Co.", "glise-co"),
            ("日本", "application"),
            ("new", "new"),
        ] {
            assert_eq!(slugged(name), slug);
        }
    }

    #[test]
    fn learning_suite_is_registered_with_its_address_for_signing_out() {
        let of = |key, address| {
            let typed = Typed { name: "A", client_id: "", address };
            settings(named(key).unwrap(), typed)["post_logout_redirect_uris"].clone()
        };
        let address = "https://learn.example/idm/oidc/login";
        assert_eq!(of("imc", address), json!(["https://learn.example/idm/logoff"]));
        assert_eq!(of("imc", "https://learn.example/cb"), json!([]));
        assert_eq!(of("generic", address), json!([]));
    }
}
