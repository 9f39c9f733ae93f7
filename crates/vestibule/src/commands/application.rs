//! `vestibule application`: what a tenant's applications are, and what to enter in each.
//!
//! What a sheet says is decided in [`broker::setup`]; here it is found, printed, and given a new
//! secret if that is asked for.

use anyhow::bail;
use broker::address;
use broker::setup::{self, Field, Parts, Secret, Sheet};
use broker::tenant::Application;
use oidc::secret::SecretHash;
use store::{ApplicationRecord, Operator, TenantRecord};

use super::Tool;
use crate::cli::{ApplicationEndOldSecretsArgs, ApplicationListArgs, ApplicationShowArgs};
use crate::output;

/// Runs `application show`.
pub(super) async fn show(args: ApplicationShowArgs) -> anyhow::Result<()> {
    let public_url = super::public_url(&args.common, args.public_url.as_deref())?;
    let tool = Tool::open(&args.common).await?;
    let outcome = sheet(&tool, &args, &public_url).await;
    let sheet = tool.finish(outcome).await?;
    if args.json {
        output::json(serde_json::to_string_pretty(&sheet)?);
    } else {
        output::result(text(&sheet));
    }
    Ok(())
}

/// Runs `application end-old-secrets`.
pub(super) async fn end_old_secrets(args: ApplicationEndOldSecretsArgs) -> anyhow::Result<()> {
    let slug = super::slug(&args.tenant)?;
    let tool = Tool::open(&args.common).await?;
    let (operator, of) = (tool.store.operator(), (&slug, args.client_id.as_str()));
    let outcome = Box::pin(admin::end_old_secrets(&operator, of, None, super::now())).await;
    let ended = tool.finish(outcome.map_err(Into::into)).await?;
    output::result(if ended {
        "Only the newest secret works from now on."
    } else {
        "There is one secret, which stays."
    });
    Ok(())
}

async fn sheet(tool: &Tool, args: &ApplicationShowArgs, public_url: &str) -> anyhow::Result<Sheet> {
    let operator = tool.store.operator();
    let tenant = tenant(&operator, &args.tenant).await?;
    let Some(found) =
        tenant.applications.iter().find(|one| one.settings.client_id == args.client_id)
    else {
        bail!(
            "tenant {0} has no application `{1}`; see: vestibule application list --tenant {0}",
            tenant.slug,
            args.client_id
        );
    };
    let application = compiled(found)?;
    let fresh = if args.new_secret {
        let client_id = &found.settings.client_id;
        let now = super::now();
        Some(admin::add_secret(&operator, &tool.master, &tenant.slug, client_id, now).await?)
    } else {
        None
    };
    let secret = match (&fresh, &found.settings.client_secret) {
        (Some(secret), _) => Secret::New(secret),
        (None, Some(source)) => Secret::Reference(source),
        (None, None) => Secret::ShownBefore,
    };
    let issuer = address::issuer(public_url, &tenant.slug, tenant.addresses.own.as_ref());
    Ok(setup::sheet(Parts { issuer: &issuer, application: &application, secret }))
}

async fn tenant(operator: &Operator, slug: &str) -> anyhow::Result<TenantRecord> {
    match super::tenants(operator, Some(slug)).await?.pop() {
        Some(tenant) => Ok(tenant),
        None => bail!("there is no tenant `{slug}`; `vestibule export` lists them"),
    }
}

fn compiled(record: &ApplicationRecord) -> anyhow::Result<Application> {
    let secrets = record.secret_hashes.iter().copied().map(SecretHash::new).collect();
    Application::compile(record.id, &record.settings, secrets).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{} is not valid: {}", record.settings.client_id, errors.join("; "))
    })
}

/// A sheet for the terminal: labels in a column, each note under its value.
fn text(sheet: &Sheet) -> String {
    let mut lines = vec![format!("{} ({})", sheet.name, sheet.client_id)];
    for section in &sheet.sections {
        lines.extend([String::new(), section.place.clone()]);
        lines.extend((!section.note.is_empty()).then(|| format!("({})", section.note)));
        let width = section.fields.iter().map(|one| one.label.chars().count()).max().unwrap_or(0);
        lines.extend(section.fields.iter().flat_map(|one| entry(one, width)));
    }
    for warning in &sheet.warnings {
        lines.extend([String::new(), format!("Warning: {warning}")]);
    }
    lines.join("\n")
}

fn entry(field: &Field, width: usize) -> Vec<String> {
    let note = (!field.note.is_empty()).then(|| format!("({})", field.note));
    let values = field.value.lines().map(str::to_owned).chain(note);
    let mut label = field.label.as_str();
    let mut lines: Vec<String> =
        values.map(|value| format!("  {:<width$}  {value}", std::mem::take(&mut label))).collect();
    if lines.is_empty() {
        lines.push(format!("  {label}"));
    }
    lines
}

/// Runs `application list`.
pub(super) async fn list(args: ApplicationListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = tenant(&tool.store.operator(), &args.tenant).await;
    let tenant = tool.finish(outcome).await?;
    let mut lines = vec![row(["CLIENT ID", "PRESET", "STATE", "REDIRECT URIS"])];
    for one in &tenant.applications {
        let settings = &one.settings;
        let preset = serde_json::to_value(settings.preset)?;
        let state = if settings.disabled { "disabled" } else { "enabled" };
        let uris = settings.redirect_uris.join(" ");
        lines.push(row([&settings.client_id, preset.as_str().unwrap_or_default(), state, &uris]));
    }
    if lines.len() == 1 {
        bail!("tenant {} has no applications", tenant.slug);
    }
    output::result(lines.join("\n"));
    Ok(())
}

fn row([client_id, preset, state, redirect_uris]: [&str; 4]) -> String {
    format!("{client_id:<24} {preset:<8} {state:<9} {redirect_uris}")
}

#[cfg(test)]
mod tests {
    use broker::id::ApplicationId;
    use broker::settings::{ApplicationSettings, SecretSource};
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn shown(settings: serde_json::Value, secret: Secret<'_>) -> String {
        let settings: ApplicationSettings = serde_json::from_value(settings).unwrap();
        let id = ApplicationId(uuid::Uuid::nil());
        let application = Application::compile(id, &settings, vec![]).unwrap();
        let issuer = "https://login.example.org/t/acme";
        text(&setup::sheet(Parts { issuer, application: &application, secret }))
    }

    #[test]
    fn a_secret_that_is_not_new_is_named_by_its_place_and_warnings_come_last() {
        let source = SecretSource::parse("${env:IMIS_SECRET}");
        let text = shown(
            json!({
                "client_id": "imis", "name": "iMIS", "preset": "imis",
                "redirect_uris": ["https://members.acme.example/staff"],
            }),
            Secret::Reference(&source),
        );
        let lines: Vec<_> = text.lines().collect();
        let told = "  Client Secret           (the value of the environment variable IMIS_SECRET)";
        assert!(lines.contains(&told), "{text}");
        assert!(lines[lines.len() - 1].starts_with("Warning: No redirect URI ends with a slash."));
    }

    /// Each page shows the whole sheet of its application, and nothing that it is not.
    #[test]
    fn the_documents_show_what_is_printed() {
        for (page, settings) in [
            (
                include_str!("../../../../docs/connect/imis.md"),
                json!({
                    "client_id": "imis", "name": "iMIS", "preset": "imis",
                    "redirect_uris": ["https://members.acme.example/"],
                }),
            ),
            (
                include_str!("../../../../docs/connect/imc.md"),
                json!({
                    "client_id": "imc", "name": "Learning Suite", "preset": "imc",
                    "redirect_uris": ["https://learn.acme.example/idm/oidc/login"],
                    "claims": { "Membership Status": { "from": ["profile.membership_status"] } },
                }),
            ),
        ] {
            let secret = SecretString::from("Zp3xk0Qd1m0l8kq7uYwYtq5vOZ4m1x0Yw3c9b2a7n6E");
            let text = shown(settings, Secret::New(&secret));
            assert!(page.contains(&format!("\n{text}\n```\n")), "write there:\n{text}");
        }
    }

    #[test]
    fn several_values_of_a_field_are_a_line_each() {
        let field = Field {
            label: "Redirect URL".to_owned(),
            value: "https://a.example/\nhttps://b.example/".to_owned(),
            hidden: false,
            choice: false,
            note: String::new(),
        };
        assert_eq!(
            entry(&field, 12),
            ["  Redirect URL  https://a.example/", "                https://b.example/"]
        );
    }
}
