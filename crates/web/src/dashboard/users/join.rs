//! Two users who are one person: whoever stays is looked at, the other is looked for, and both are
//! shown side by side before anything is done.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use store::WhichPerson;

use super::called;
use crate::api::Problem;
use crate::api::people::join::{self, Joined};
use crate::api::people::{self, UserDetail};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Shell};
use crate::dashboard::tenants::refusal;

#[derive(Template)]
#[template(path = "dashboard/user_join.html")]
struct JoinPage {
    shell: Shell,
    /// The page of the one who stays.
    back: String,
    kept: UserDetail,
    /// Whoever would be joined, once they are found.
    other: Option<UserDetail>,
    /// What was looked for.
    typed: String,
    wrong: &'static str,
}

impl JoinPage {
    fn kept_name(&self) -> String {
        called(&self.kept.user)
    }

    /// Both users, with the heading of each one's column.
    fn both(&self) -> Vec<(&'static str, &UserDetail)> {
        let other = self.other.iter().map(|one| ("Is joined", one));
        [("Stays", &self.kept)].into_iter().chain(other).collect()
    }
}

/// Asks who the other one is.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    Ok(shell::ok(&page(desk, &user).await?))
}

/// Shows both, and joins them when that was confirmed.
pub(in crate::dashboard) async fn join(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    match fields.text("confirmed") {
        "" => looked_for(desk, &user, fields.text("other")).await,
        other => confirmed(desk, &user, other).await,
    }
}

async fn looked_for(desk: Desk, user: &str, typed: &str) -> Result<Response, Refused> {
    let operator = desk.caller.operator();
    let found = operator.find_person(desk.tenant.id, typed).await.map_err(Problem::from)?;
    let other = match &found {
        WhichPerson::One(one) => {
            Some(people::detail(&desk.caller, desk.slug(), &one.id.to_string()).await?)
        }
        _ => None,
    };
    let mut page = page(desk, user).await?;
    typed.clone_into(&mut page.typed);
    page.wrong = match found {
        WhichPerson::One(one) if one.id.0 == page.kept.user.id => "That is this very user.",
        WhichPerson::One(_) => {
            page.other = other;
            return Ok(shell::ok(&page));
        }
        WhichPerson::Nobody => {
            "Nobody of this tenant is called that. The address, the external_id or the sub has to \
             be whole."
        }
        WhichPerson::Several(_) => {
            "Several users are called that: say the sub of the one you mean."
        }
    };
    Ok(shell::respond(StatusCode::BAD_REQUEST, &page))
}

async fn confirmed(desk: Desk, user: &str, other: &str) -> Result<Response, Refused> {
    let other = other.parse().map_err(|_| Problem::not_found())?;
    match join::joined(&desk.caller, desk.slug(), user, other).await {
        Ok(Joined { identities, sessions, grants }) => Ok(shell::see(&format!(
            "{}/{user}?done=joined&identities={identities}&sessions={sessions}&grants={grants}",
            desk.path("users"),
        ))),
        Err(problem) => {
            let mut page = page(desk, user).await?;
            page.shell.notice = Some(refusal("They were not joined", &problem));
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

async fn page(desk: Desk, user: &str) -> Result<JoinPage, Refused> {
    let back = format!("{}/{user}", desk.path("users"));
    let kept = people::detail(&desk.caller, desk.slug(), user).await?;
    let shell = desk.shell.titled("Join two users");
    Ok(JoinPage { shell, back, kept, other: None, typed: String::new(), wrong: "" })
}
