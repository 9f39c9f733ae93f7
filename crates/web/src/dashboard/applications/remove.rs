//! Taking an application away: a page of its own, on which its `client_id` is typed.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use store::ApplicationRecord;

use super::{Head, about_form, head, opened, refusal, save};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Notice, Shell};

#[derive(Template)]
#[template(path = "dashboard/applications/remove.html")]
struct RemovePage<'a> {
    shell: Shell,
    head: Head,
    typed: &'a str,
    wrong: Option<&'static str>,
}

/// The question.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let record = opened(&desk, &client_id)?;
    Ok(shell::ok(&page(desk, &record, "", None).await?))
}

async fn page<'a>(
    desk: Desk,
    record: &ApplicationRecord,
    typed: &'a str,
    wrong: Option<&'static str>,
) -> Result<RemovePage<'a>, Refused> {
    let head = head(&desk, record, "remove").await?;
    let title = format!("Remove {}", record.settings.name);
    Ok(RemovePage { shell: desk.shell.titled(title), head, typed, wrong })
}

/// Removes it.
pub(in crate::dashboard) async fn remove(
    mut desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let record = opened(&desk, &client_id)?;
    let typed = fields.text("client_id");
    if typed != client_id.trim() {
        let line = "What was typed is not its client_id.".to_owned();
        desk.shell.notice = Some(Notice::bad("The application was not removed", vec![line]));
        let wrong = Some("This is not its client_id.");
        let page = page(desk, &record, typed, wrong).await?;
        return Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    match save(&desk, &client_id, To::Gone, &fields).await.map_err(about_form) {
        Ok(_) => Ok(shell::see(&format!("{}?done=removed", desk.path("applications")))),
        Err(problem) => {
            let problem = problem?;
            desk.shell.notice = Some(refusal("The application was not removed", &problem));
            let page = page(desk, &record, typed, None).await?;
            Ok(shell::respond(problem.status(), &page))
        }
    }
}
