//! `vestibule login show`: the timeline of a sign-in, by the support code that the person saw.

use anyhow::bail;
use broker::attempt::Purpose;
use broker::timeline::Event;
use broker::token_refusal::TokenRefusal;
use chrono::{DateTime, TimeDelta, Utc};
use store::{LoginState, LoginView, Operator, StoreError};

use super::Tool;
use crate::cli::LoginShowArgs;
use crate::output;

/// Runs `login show`.
pub(super) async fn run(args: LoginShowArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let found = look_up(&tool.store.operator(), &args.code).await;
    let logins = tool.finish(found.map_err(Into::into)).await?;
    if logins.is_empty() {
        bail!(
            "no sign-in has the support code `{}`; check the spelling, and whether it is older \
             than timelines are kept",
            args.code
        );
    }
    let now = super::now();
    let texts: Vec<_> =
        logins.iter().map(|(login, refusal)| timeline(login, refusal.as_ref(), now)).collect();
    output::result(texts.join("\n\n"));
    Ok(())
}

/// The logins of a code, each with why its code was most likely not redeemed.
async fn look_up(
    operator: &Operator,
    code: &str,
) -> Result<Vec<(LoginView, Option<TokenRefusal>)>, StoreError> {
    let mut found = Vec::new();
    for login in operator.login_by_support_code(code).await? {
        let refusal = operator.token_refusal(&login).await?;
        found.push((login, refusal));
    }
    Ok(found)
}

fn timeline(login: &LoginView, refusal: Option<&TokenRefusal>, now: DateTime<Utc>) -> String {
    let or_gone = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let what_for = match login.purpose {
        Purpose::Application => format!("  application  {}", or_gone(&login.client_id)),
        Purpose::Test => match &login.directory_slug {
            Some(directory) => format!("  what for     a test of {directory}"),
            None => "  what for     a test of a directory".to_owned(),
        },
        Purpose::Dashboard => "  what for     a sign-in to the dashboard".to_owned(),
    };
    let mut lines = vec![
        format!("Login {} of tenant {}", login.login.support_code(), login.tenant_slug),
        what_for,
        format!("  directory    {}", or_gone(&login.directory_slug)),
        format!("  began        {} ({})", second(login.started_at), ago(now - login.started_at)),
        format!("  state        {}", state(login)),
        String::new(),
    ];
    let events = login.timeline.events();
    lines.extend(events.iter().map(|event| step(event, login.started_at)));
    if let LoginState::Failed(code) = login.state {
        lines.push(String::new());
        lines.push(format!("Why ({}): {}", code.as_str(), code.cause()));
        lines.push(format!("What to do ({}): {}", code.fixer().as_str(), code.fix()));
        lines.extend(code.by_hand().map(|text| format!("By file or command line: {text}")));
    }
    if let Some(refusal) = refusal {
        lines.push(String::new());
        lines.push(format!("Most likely ({}): {}", second(refusal.at), refusal.cause));
        lines.push(format!("What to do (the application's administrator): {}", refusal.fix));
        lines.push(refusal.doubt().to_owned());
    }
    lines.join("\n")
}

fn state(login: &LoginView) -> String {
    match login.state {
        LoginState::Completed if login.purpose == Purpose::Test => {
            "worked: it went the whole way, and nobody was signed in".to_owned()
        }
        LoginState::Completed if login.purpose == Purpose::Dashboard => {
            "signed in to the dashboard".to_owned()
        }
        LoginState::Pending => "left for the directory and has not come back".to_owned(),
        LoginState::Completed => "answered; a code in the answer has not been redeemed".to_owned(),
        LoginState::Redeemed => "signed in; the application redeemed its code".to_owned(),
        LoginState::Failed(code) => format!("failed: {}", code.as_str()),
    }
}

/// `  +1.204s  finish     what happened`.
fn step(event: &Event, began: DateTime<Utc>) -> String {
    let after = event.at - began;
    let offset =
        format!("+{}.{:03}s", after.num_seconds(), after.num_milliseconds().rem_euclid(1000));
    let mark = if event.failure.is_some() { "✗ " } else { "" };
    // Events are free of control characters since they were written (`broker::timeline`).
    format!(
        "  {offset:>10}  {}  {:<9}  {mark}{}",
        event.at.format("%H:%M:%SZ"),
        event.step.as_str(),
        event.text
    )
}

fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn ago(span: TimeDelta) -> String {
    let (count, unit) = match span.num_seconds() {
        seconds if seconds < 60 => (seconds.max(0), "second"),
        seconds if seconds < 3_600 => (seconds / 60, "minute"),
        seconds if seconds < 86_400 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use broker::failure::FailureCode;
    use broker::id::{LoginId, TenantId};
    use broker::timeline::{Step, Timeline};

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn failed() -> LoginView {
        let mut timeline = Timeline::new();
        timeline.note(at(0), Step::Authorize, "code id_token by form_post");
        timeline.fail(
            at(1_204),
            Step::Finish,
            FailureCode::DirectorySecretExpired,
            "401 from acme.okta.com",
        );
        LoginView {
            tenant: TenantId(uuid::Uuid::nil()),
            tenant_slug: "acme".to_owned(),
            login: LoginId(uuid::Uuid::nil()),
            purpose: Purpose::Application,
            client_id: Some("imis".to_owned()),
            directory_slug: None,
            user: None,
            started_at: at(0),
            finished_at: Some(at(1_204)),
            state: LoginState::Failed(FailureCode::DirectorySecretExpired),
            timeline,
        }
    }

    #[test]
    fn a_failed_login_reads_as_steps_cause_and_fix() {
        assert_eq!(
            timeline(&failed(), None, at(7_200_000)),
            "\
Login 00000-00000 of tenant acme
  application  imis
  directory    -
  began        1970-01-01 00:00:00Z (2 hours ago)
  state        failed: directory_secret_expired

     +0.000s  00:00:00Z  authorize  code id_token by form_post
     +1.204s  00:00:01Z  finish     ✗ 401 from acme.okta.com

Why (directory_secret_expired): The client secret of the directory has expired.
What to do (tenant staff): Create a new secret in the directory and enter it here, on the directory's page “Secret”.
By file or command line: Set `client_secret` and `client_secret_expires_at` of the directory."
        );
    }

    #[test]
    fn what_is_for_no_application_says_what_it_is_for() {
        let told = |purpose, directory: Option<&str>| {
            let directory_slug = directory.map(str::to_owned);
            let state = LoginState::Completed;
            let view = LoginView { purpose, directory_slug, state, client_id: None, ..failed() };
            let text = timeline(&view, None, at(0));
            let lines = text.lines().map(str::trim).filter(|line| {
                ["what for", "state", "application "].iter().any(|name| line.starts_with(name))
            });
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            told(Purpose::Test, Some("okta")),
            [
                "what for     a test of okta",
                "state        worked: it went the whole way, and nobody was signed in",
            ]
        );
        assert_eq!(
            told(Purpose::Test, None).first().unwrap(),
            "what for     a test of a directory"
        );
        assert_eq!(
            told(Purpose::Dashboard, Some("okta")),
            ["what for     a sign-in to the dashboard", "state        signed in to the dashboard",]
        );
    }

    #[test]
    fn spans_are_in_the_largest_unit() {
        let told = |seconds| ago(TimeDelta::seconds(seconds));
        assert_eq!(told(-5), "0 seconds ago");
        assert_eq!(told(61), "1 minute ago");
        assert_eq!(told(7_200), "2 hours ago");
        assert_eq!(told(86_400 * 3), "3 days ago");
    }
}
