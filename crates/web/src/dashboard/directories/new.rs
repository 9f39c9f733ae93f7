//! A new directory: which vendor it is of, then the vendor's steps beside the boxes for its values.
//! The address to register there is shown before anything is saved.

use admin::To;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::directory_preset::{DirectoryPreset, Preset};
use broker::id::{InvalidSlug, Slug};
use broker::settings::DomainProof;
use serde_json::Value;
use store::TenantRecord;

use super::form::{Asked, Inputs, Values, leave_open};
use super::{callback, write};
use crate::api::Problem;
use crate::api::input::Conditions;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Notice, Shell};
use crate::dashboard::tenants::refusal_or;

/// The vendors in the order in which associations have them; others follow by name.
const ORDER: [&str; 11] = [
    "okta",
    "entra",
    "cognito",
    "google",
    "adfs",
    "auth0",
    "ping",
    "onelogin",
    "keycloak",
    "salesforce",
    "jumpcloud",
];
/// The preset for whatever has no preset of its own.
const ANY: &str = "oidc";

struct Vendor {
    href: String,
    name: &'static str,
    typed: String,
}

#[derive(Template)]
#[template(path = "dashboard/directory_vendors.html")]
struct VendorsPage {
    shell: Shell,
    list: String,
    vendors: Vec<Vendor>,
}

#[derive(Template)]
#[template(path = "dashboard/directory_form.html")]
pub(super) struct FormPage {
    pub(super) shell: Shell,
    pub(super) list: String,
    /// Where the form goes.
    pub(super) action: String,
    /// Where it is left for.
    pub(super) back: String,
    pub(super) preset: &'static Preset,
    pub(super) slug: String,
    pub(super) is_new: bool,
    /// Whether the values of a draft are being entered.
    pub(super) is_draft: bool,
    pub(super) version: i64,
    pub(super) callback: String,
    pub(super) jwks: String,
    /// Why there is no box for domains.
    pub(super) no_domains: &'static str,
    pub(super) inputs: Inputs,
}

/// The vendors, or the form for one of them.
pub(in crate::dashboard) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let Some(key) = query.get("preset") else { return Ok(vendors(desk)) };
    let preset = DirectoryPreset::parse(key).ok_or(Refused::NotFound)?;
    let values = Values {
        name: preset.data().name.clone(),
        domains: proposed_domains(&desk.tenant),
        ..Values::default()
    };
    let free = free_slug(&desk.tenant, preset);
    let (slug, problem) = match query.get("slug").map(slug_for(&desk.tenant)) {
        None => (free, None),
        Some(Ok(slug)) => (slug.to_string(), None),
        Some(Err(problem)) => (free, Some(problem)),
    };
    let problem = problem.map(|problem| ("Another name in the address is needed", problem));
    Ok(page(desk, preset, (&slug, &values), problem))
}

fn vendors(desk: Desk) -> Response {
    let list = desk.path("directories");
    let mut presets: Vec<_> = DirectoryPreset::all().collect();
    presets.sort_by_key(|one| {
        let place = ORDER.iter().position(|key| *key == one.key()).unwrap_or(ORDER.len());
        (one.key() == ANY, place)
    });
    let vendors = presets.into_iter().map(|one| {
        let data = one.data();
        Vendor {
            href: format!("{list}/new?preset={}", one.key()),
            name: if one.key() == ANY { "Another OpenID Provider" } else { &data.name },
            typed: match &data.issuer {
                Some(_) => format!("Needs its {} and secret", data.words.client_id),
                None => format!("Needs the {}", data.ask.label),
            },
        }
    });
    let vendors = vendors.collect();
    shell::ok(&VendorsPage { shell: desk.shell.titled("Connect a directory"), list, vendors })
}

/// The domains that the tenant has proven and that no directory has yet.
fn proposed_domains(tenant: &TenantRecord) -> String {
    let all = tenant.proven_domains.iter().map(|one| one.domain.as_str());
    let taken = |domain: &&str| {
        let mut patterns = tenant.directories.iter().flat_map(|one| &one.settings.domains);
        patterns.any(|pattern| pattern.name().as_str() == *domain)
    };
    all.filter(|domain| !taken(domain)).collect::<Vec<_>>().join(", ")
}

/// The vendor's own name, or the next one that nobody has.
fn free_slug(tenant: &TenantRecord, preset: DirectoryPreset) -> String {
    let is_taken = |slug: &String| {
        tenant.directories.iter().any(|one| one.settings.slug.as_str() == slug.as_str())
    };
    let more = (2..).map(|nth| format!("{}-{nth}", preset.key()));
    let mut all = std::iter::once(preset.key().to_owned()).chain(more);
    all.find(|slug| !is_taken(slug)).unwrap_or_default()
}

/// Whether a directory can have this slug.
fn slug_for(tenant: &TenantRecord) -> impl Fn(&str) -> Result<Slug, Problem> {
    |text| {
        let wrong = |message: String| Problem::invalid("slug", message);
        let slug: Slug = text.parse().map_err(|error: InvalidSlug| wrong(error.to_string()))?;
        match super::record(tenant, &slug) {
            Some(_) => Err(wrong(format!("{slug} is taken by another directory"))),
            // It would hide behind this page.
            None if text == "new" => Err(wrong("`new` is a page of the dashboard".to_owned())),
            None => Ok(slug),
        }
    }
}

fn page(
    desk: Desk,
    preset: DirectoryPreset,
    (slug, values): (&str, &Values),
    problem: Option<(&str, Problem)>,
) -> Response {
    let asked = Asked::new(&desk, preset);
    let list = desk.path("directories");
    let status = problem.as_ref().map_or(StatusCode::OK, |(_, problem)| problem.status());
    let inputs = asked.inputs(values, problem.as_ref().map(|(_, problem)| problem));
    let mut page = FormPage {
        action: format!("{list}/new"),
        back: format!("{list}/new"),
        list,
        preset: preset.data(),
        slug: slug.to_owned(),
        is_new: true,
        is_draft: false,
        version: desk.tenant.version,
        callback: callback(&desk, slug),
        jwks: format!("{}/jwks", desk.app.issuer(&desk.tenant)),
        no_domains: no_domains(&desk, &inputs),
        inputs,
        shell: desk.shell.titled(format!("Connect {}", preset.data().name)),
    };
    page.shell.notice = problem.map(|(title, problem)| taken_or(title, &problem));
    shell::respond(status, &page)
}

/// A directory that is there already is no change that somebody made meanwhile.
fn taken_or(title: &str, problem: &Problem) -> Notice {
    let taken = "There is a directory of this name in the address already. Choose another one \
                 below “Another name in the address”.";
    refusal_or(title, problem, taken)
}

/// Why there is no box for e-mail domains, for whoever looks for it.
pub(super) fn no_domains(desk: &Desk, inputs: &Inputs) -> &'static str {
    if inputs.usual.iter().any(|one| one.name == "domains") {
        return "";
    }
    match desk.tenant.policy.domain_proof {
        DomainProof::Operator => {
            "Which e-mail domains lead here is entered by whoever runs this gateway."
        }
        DomainProof::Dns => "Which e-mail domains lead here is entered by the tenant's staff.",
    }
}

/// Saves it, to be tested: nobody is sent to it yet.
pub(in crate::dashboard) async fn make(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let preset = DirectoryPreset::parse(fields.text("preset")).ok_or(Refused::NotFound)?;
    let values = Values::from(&fields);
    let is_draft = fields.text("then") == "draft";
    let made = save(&desk, preset, &fields, is_draft).await;
    match made {
        Ok(slug) => {
            let next = if is_draft && desk.has(Need::Owner) { "/setup-links" } else { "" };
            let path = desk.path(&format!("directories/{slug}{next}?done=added"));
            Ok(shell::see(&path))
        }
        Err(problem) => {
            let problem = Some(("The directory was not saved", problem));
            Ok(page(desk, preset, (fields.text("slug"), &values), problem))
        }
    }
}

async fn save(
    desk: &Desk,
    preset: DirectoryPreset,
    fields: &Fields,
    is_draft: bool,
) -> Result<Slug, Problem> {
    let slug: Slug = fields
        .text("slug")
        .parse()
        .map_err(|error: InvalidSlug| Problem::invalid("slug", error.to_string()))?;
    if slug.as_str() == "new" {
        // Its page would be this form.
        return Err(Problem::invalid("slug", "a directory cannot be called new"));
    }
    let mut values = Values::from(fields);
    if is_draft {
        leave_open(&mut values, preset, desk.slug(), slug.as_str());
    }
    let asked = Asked::new(desk, preset);
    asked.check(&values)?;
    let mut wanted = asked.change(&values, fields.text("client_secret"));
    wanted.insert("preset".to_owned(), preset.key().into());
    wanted.insert("state".to_owned(), if is_draft { "draft" } else { "testing" }.into());
    let wanted = without_null(wanted.into());
    let conditions = Conditions { version: None, only_new: true };
    write(desk, &slug, &To::Put(wanted), conditions).await?;
    Ok(slug)
}

/// What is left out of a directory that is not there yet.
pub(super) fn without_null(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, one| !one.is_null());
        for one in members.values_mut() {
            *one = without_null(one.take());
        }
    }
    value
}
