//! The secrets of an application: another one beside the first, and the end of the old ones.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::settings::SecretSource;
use store::ApplicationRecord;

use super::{Head, about_form, head, opened, path, refusal};
use crate::api::acts::{another_secret, application, only_newest_secret};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Notice, Shell};

#[derive(Template)]
#[template(path = "dashboard/applications/secrets.html")]
struct SecretsPage<'a> {
    shell: Shell,
    head: Head,
    /// How many work.
    count: usize,
    most: usize,
    /// How it proves who it is, if not with a secret.
    otherwise: Option<&'static str>,
    /// Where the configuration file says that the secret comes from.
    source: Option<String>,
    /// A secret that was made just now.
    secret: Option<&'a str>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let shell = desk.shell.clone().after(&query);
    Ok(shell::ok(&page(&desk, &record, shell, None).await?))
}

async fn page<'a>(
    desk: &Desk,
    record: &ApplicationRecord,
    shell: Shell,
    secret: Option<&'a str>,
) -> Result<SecretsPage<'a>, Refused> {
    let settings = &record.settings;
    Ok(SecretsPage {
        shell: shell.titled(&settings.name),
        head: head(desk, record, "secrets").await?,
        count: record.secret_hashes.len(),
        most: admin::acts::MAX_SECRETS,
        otherwise: match (settings.public, settings.has_secret()) {
            (true, _) => Some("It is a public application: it has no secret, and has to use PKCE."),
            (false, false) => {
                Some("It signs assertions with a key of its own, whose public half is in `jwks`.")
            }
            (false, true) => None,
        },
        source: settings.client_secret.as_ref().map(|source| match source {
            SecretSource::Env(name) => format!("the environment variable {name}"),
            SecretSource::File(path) => format!("the file {path}"),
            // A secret is stored as a reference.
            SecretSource::Literal(_) => "the configuration file".to_owned(),
        }),
        secret,
    })
}

/// Makes another secret, shown in the answer.
pub(in crate::dashboard) async fn add(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let record = opened(&desk, &client_id)?;
    let made = another_secret(&desk.app, &desk.caller, (desk.slug(), &client_id)).await;
    match made.map_err(about_form) {
        Ok(made) => {
            let tenant = desk.caller.tenant(desk.slug()).await?;
            let desk = Desk { tenant, ..desk };
            let record = application(&desk.tenant, &client_id)?;
            let shell = desk.shell.clone();
            Ok(shell::ok(&page(&desk, record, shell, Some(&made.client_secret)).await?))
        }
        Err(problem) => {
            let problem = problem?;
            let notice = refusal("No secret was added", &problem);
            let shell = desk.shell.clone().noting(notice);
            let page = page(&desk, &record, shell, None).await?;
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

/// Ends every secret but the newest.
pub(in crate::dashboard) async fn end(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let record = opened(&desk, &client_id)?;
    let here = path(&desk, &client_id, "secrets");
    if !fields.is_ticked("in_use") {
        let line = "Say first that the application uses the newest secret.".to_owned();
        let notice = Notice::bad("Nothing was ended", vec![line]);
        let shell = desk.shell.clone().noting(notice);
        let page = page(&desk, &record, shell, None).await?;
        return Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let (of, version) = ((desk.slug(), client_id.as_str()), Some(fields.version()?));
    let ended = only_newest_secret(&desk.app, &desk.caller, of, version).await;
    match ended.map_err(about_form) {
        Ok(ended) => {
            let done = if ended { "ended" } else { "nothing" };
            Ok(shell::see(&format!("{here}?done={done}")))
        }
        Err(problem) => {
            let problem = problem?;
            let shell = desk.shell.clone().noting(refusal("Nothing was ended", &problem));
            let page = page(&desk, &record, shell, None).await?;
            Ok(shell::respond(problem.status(), &page))
        }
    }
}
