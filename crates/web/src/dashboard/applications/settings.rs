//! The settings of an application that people change; the others are shown as configuration.

use admin::{To, settings_of};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use broker::settings::{ApplicationSettings, Configuration, Pkce, file};
use serde_json::{Value, json};
use store::{ApplicationRecord, TenantRecord};

use super::{Head, about_form, head, opened, path, refusal, save, wrong};
use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Shell};

/// The form as it is filled in.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of the form")]
struct Draft {
    name: String,
    /// An address a line.
    redirect_uris: String,
    post_logout_redirect_uris: String,
    home_url: String,
    /// Whether people of some directories only may sign in.
    is_limited: bool,
    /// Those, by their slugs.
    directories: Vec<String>,
    disabled: bool,
    logout_confirmation: bool,
    offline_access: bool,
    refresh_token_lifetime: String,
    id_token_lifetime: String,
    pkce: String,
}

/// A directory that may be chosen.
struct Choice {
    slug: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/applications/settings.html")]
struct SettingsPage<'a> {
    shell: Shell,
    head: Head,
    draft: Draft,
    directories: Vec<Choice>,
    /// All of it, as the configuration file has it.
    text: String,
    problem: Option<&'a Problem>,
}

impl SettingsPage<'_> {
    fn wrong(&self, member: &str) -> Option<String> {
        wrong(self.problem, member)
    }
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let draft = Draft::of(&record.settings);
    let desk = Desk { shell: desk.shell.after(&query), ..desk };
    Ok(shell::ok(&page(desk, &record, draft, None).await?))
}

async fn page<'a>(
    desk: Desk,
    record: &ApplicationRecord,
    draft: Draft,
    problem: Option<&'a Problem>,
) -> Result<SettingsPage<'a>, Refused> {
    let head = head(&desk, record, "settings").await?;
    let all = desk.tenant.directories.iter();
    let directories = all.map(|one| {
        let slug = one.settings.slug.to_string();
        let is_chosen = draft.directories.contains(&slug);
        Choice { slug, name: one.settings.name.clone(), is_chosen }
    });
    let directories = directories.collect();
    let text = as_text(&desk.tenant, &record.settings.client_id);
    let mut shell = desk.shell.titled(&record.settings.name);
    let notice = problem.map(|problem| refusal("The settings were not saved", problem));
    shell.notice = notice.or(shell.notice);
    Ok(SettingsPage { shell, head, draft, directories, text, problem })
}

/// What the configuration file would say of an application; a secret in it is a reference.
fn as_text(tenant: &TenantRecord, client_id: &str) -> String {
    let mut settings = settings_of(tenant);
    settings.directories.clear();
    settings.applications.retain(|one| one.client_id == client_id);
    file::print(&Configuration { tenants: vec![settings] }).unwrap_or_default()
}

/// Saves them.
pub(in crate::dashboard) async fn change(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let record = opened(&desk, &client_id)?;
    let draft = Draft::typed(&fields, &desk.tenant);
    let saved = match draft.patch(&record.settings) {
        Ok(patch) => save(&desk, &client_id, To::Merge(patch), &fields).await,
        Err(problem) => Err(problem),
    };
    match saved.map_err(about_form) {
        Ok(done) => {
            let here = path(&desk, &client_id, "settings");
            Ok(shell::see(&format!("{here}?done={done}")))
        }
        Err(problem) => {
            let problem = problem?;
            let page = page(desk, &record, draft, Some(&problem)).await?;
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

impl Draft {
    fn of(settings: &ApplicationSettings) -> Self {
        let seconds = |value: Option<u32>| value.map(|one| one.to_string()).unwrap_or_default();
        let directories = settings.directories.iter().flatten().map(ToString::to_string);
        Self {
            name: settings.name.clone(),
            redirect_uris: settings.redirect_uris.join("\n"),
            post_logout_redirect_uris: settings.post_logout_redirect_uris.join("\n"),
            home_url: settings.home_url.clone().unwrap_or_default(),
            is_limited: settings.directories.is_some(),
            directories: directories.collect(),
            disabled: settings.disabled,
            logout_confirmation: settings.logout_confirmation.unwrap_or(true),
            offline_access: settings.offline_access,
            refresh_token_lifetime: seconds(settings.refresh_token_lifetime),
            id_token_lifetime: seconds(settings.id_token_lifetime),
            pkce: match settings.pkce {
                None => String::new(),
                Some(Pkce::Required) => "required".to_owned(),
                Some(Pkce::Optional) => "optional".to_owned(),
            },
        }
    }

    fn typed(fields: &Fields, tenant: &TenantRecord) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        let slugs = tenant.directories.iter().map(|one| one.settings.slug.to_string());
        Self {
            name: text("name"),
            redirect_uris: fields.lines("redirect_uris").join("\n"),
            post_logout_redirect_uris: fields.lines("post_logout_redirect_uris").join("\n"),
            home_url: text("home_url"),
            is_limited: fields.text("who") == "some",
            directories: slugs.filter(|slug| fields.is_ticked(&format!("from_{slug}"))).collect(),
            disabled: fields.text("state") == "disabled",
            logout_confirmation: fields.is_ticked("logout_confirmation"),
            offline_access: fields.is_ticked("offline_access"),
            refresh_token_lifetime: text("refresh_token_lifetime"),
            id_token_lifetime: text("id_token_lifetime"),
            pkce: text("pkce"),
        }
    }

    /// What is to become different. What is left as the preset has it is left out of the settings.
    fn patch(&self, before: &ApplicationSettings) -> Result<Value, Problem> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let after_logout = lines(&self.post_logout_redirect_uris);
        let mut patch = json!({
            "name": self.name,
            "redirect_uris": lines(&self.redirect_uris),
            "post_logout_redirect_uris": (!after_logout.is_empty()).then_some(after_logout),
            "home_url": some(&self.home_url),
            "directories": self.is_limited.then_some(&self.directories),
            "disabled": self.disabled.then_some(true),
            "offline_access": self.offline_access.then_some(true),
            "refresh_token_lifetime":
                seconds("refresh_token_lifetime", &self.refresh_token_lifetime)?,
            "id_token_lifetime": seconds("id_token_lifetime", &self.id_token_lifetime)?,
            "pkce": some(&self.pkce),
        });
        // Asking is what happens unless the settings say otherwise.
        let asks = before.logout_confirmation.unwrap_or(true);
        if let (true, Some(members)) = (asks != self.logout_confirmation, patch.as_object_mut()) {
            let value = if self.logout_confirmation { Value::Null } else { false.into() };
            members.insert("logout_confirmation".to_owned(), value);
        }
        Ok(patch)
    }
}

fn seconds(member: &str, text: &str) -> Result<Option<u32>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Problem::invalid(member, "write a number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: Value) -> ApplicationSettings {
        serde_json::from_value(value).unwrap()
    }

    /// Applies a patch as the engine does, for members without members of their own.
    fn patched(settings: &ApplicationSettings, patch: &Value) -> ApplicationSettings {
        let mut value = serde_json::to_value(settings).unwrap();
        for (name, change) in patch.as_object().unwrap() {
            if change.is_null() {
                value.as_object_mut().unwrap().remove(name);
            } else {
                value[name] = change.clone();
            }
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn form_that_nobody_touched_changes_nothing() {
        for one in [
            json!({ "client_id": "a", "name": "A", "redirect_uris": [] }),
            json!({
                "client_id": "a", "name": "A", "preset": "imis",
                "redirect_uris": ["https://a.example/", "https://b.example/"],
                "post_logout_redirect_uris": ["https://a.example/"],
                "logout_confirmation": true, "directories": ["okta"], "disabled": true,
                "offline_access": true, "refresh_token_lifetime": 600, "pkce": "required",
                "home_url": "https://a.example/start", "id_token_lifetime": 900,
                "claims": { "x": { "value": "1" } }, "contract": { "given_name": null },
                "sub": "pairwise", "response_types": ["code"],
            }),
            json!({ "client_id": "a", "name": "A", "redirect_uris": [], "directories": [],
                    "logout_confirmation": false, "pkce": "optional" }),
        ] {
            let before = settings(one);
            let patch = Draft::of(&before).patch(&before).unwrap();
            assert_eq!(patched(&before, &patch), before);
        }
    }

    #[test]
    fn what_is_emptied_follows_the_preset_again() {
        let before = settings(json!({
            "client_id": "a", "name": "A", "redirect_uris": ["https://a.example/"],
            "logout_confirmation": false, "directories": ["okta"], "disabled": true,
            "offline_access": true, "refresh_token_lifetime": 600, "id_token_lifetime": 900,
        }));
        let draft = Draft {
            name: "A".to_owned(),
            redirect_uris: "https://a.example/".to_owned(),
            logout_confirmation: true,
            ..Draft::default()
        };
        let after = patched(&before, &draft.patch(&before).unwrap());
        let plain =
            json!({ "client_id": "a", "name": "A", "redirect_uris": ["https://a.example/"] });
        assert_eq!(after, settings(plain));
        let wrong = Draft { id_token_lifetime: "1 hour".to_owned(), ..draft };
        let problem = wrong.patch(&before).unwrap_err();
        let mistake = problem.mistakes().next().unwrap();
        assert_eq!(mistake.path, "id_token_lifetime");
    }
}
