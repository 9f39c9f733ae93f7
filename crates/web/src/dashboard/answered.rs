//! Back from a directory: somebody signs in, connects who they are there, or sets their account up.
//!
//! The answer is sealed and counts for five minutes, in the browser that began and in no other, so that
//! nobody is signed in as somebody else by a link, and nobody's identity is connected with an account
//! that is not theirs (THREATS ID-09, UP-01). What it says of the directory is compared with the
//! directory as it is now.
//!
//! The way to the directory may have been gone by somebody else. So nothing is connected before the
//! person has seen who the directory says they are, and agreed by the form of that page; and nobody who
//! is signed in here is replaced by somebody else before that (THREATS BR-05).

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use broker::attempt::Purpose;
use broker::failure::FailureCode;
use broker::id::{AccountId, AccountSessionId, Slug};
use broker::staff_sign_in::{Errand, StaffAnswer};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use store::{ConnectOutcome, LoginEnd, LoginRecord, NewCredentials, StaffDirectory, StoreError};

use super::fields::{Fields, Query};
use super::shell::{self, Shell};
use super::visitor::{self, Proof, Visitor};
use super::{Refused, organisation, welcome};
use crate::api::Problem;
use crate::front::peer::Client;
use crate::gateway::App;
use crate::recorder::Record;
use crate::staff_sign_in;

#[derive(Template)]
#[template(path = "dashboard/directory_answer.html")]
struct AnswerPage<'a> {
    shell: Shell,
    lines: &'a [&'a str],
    failure: Option<FailureCode>,
    support_code: String,
    /// Where to go on, and what that is called.
    on: (&'a str, &'a str),
}

#[derive(Template)]
#[template(path = "dashboard/directory_ask.html")]
struct AskPage<'a> {
    shell: Shell,
    lines: &'a [&'a str],
    /// What would be done, as terms and what they are.
    facts: Facts,
    /// The answer, sealed as it came.
    answer: &'a str,
    button: &'static str,
    /// Where it goes instead.
    back: &'a str,
}

const SIGN_IN: (&str, &str) = ("/dashboard/sign-in", "Sign in");
/// What a connection means.
const WHOEVER: &str = "This is who the directory says signed in. Whoever signs in there as that gets \
                       into your account here from then on: go on only if it is you.";
const ACCOUNT: (&str, &str) = ("/dashboard/account", "Your account");

/// Terms, and what they are.
type Facts = Vec<(&'static str, String)>;

/// Somebody with an answer.
struct Back<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
    address: IpAddr,
    answer: &'a StaffAnswer,
    /// The answer as it came, until they agree to what it would do.
    unagreed: Option<&'a str>,
}

/// What an answer came to.
enum Came {
    /// They are asked first: it may be used still.
    Asked(Response),
    /// It may not be used any more.
    Ended(Response),
}

/// The answer.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(Client(address)): Extension<Client>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Refused> {
    take(&app, (&headers, address), query.get("answer").unwrap_or_default(), false).await
}

/// The answer once more, by the form of the page that asked.
pub(super) async fn agree(
    State(app): State<Arc<App>>,
    Extension(Client(address)): Extension<Client>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    take(&app, (&headers, address), fields.text("answer"), true).await
}

async fn take(
    app: &App,
    (headers, address): (&HeaderMap, IpAddr),
    text: &str,
    is_agreed: bool,
) -> Result<Response, Refused> {
    let browser = organisation::browser(app, headers);
    let (key, now) = (app.master.browser_key(), app.clock.now());
    let answer = browser.and_then(|browser| StaffAnswer::open(key, text, browser, now).ok());
    let Some(answer) = answer else { return Ok(stale()) };
    let unagreed = (!is_agreed).then_some(text);
    let back = Back { app, headers, address, answer: &answer, unagreed };
    let came = match &answer.errand {
        Errand::SignIn { organisation, next } => back.sign_in(organisation, next).await?,
        Errand::Connect { account, session } => back.connect(*account, *session).await?,
        Errand::SetUp { organisation, account, link, name } => {
            let invited = Invited { organisation, account: *account, link: *link, name };
            back.set_up(invited).await?
        }
    };
    match came {
        Came::Asked(response) => Ok(response),
        Came::Ended(mut response) => {
            organisation::forgetting(app, &mut response)?;
            Ok(response)
        }
    }
}

/// Nothing is wrong but that it is too late, or not here.
fn stale() -> Response {
    page(
        (StatusCode::BAD_REQUEST, "Let’s start again"),
        &["This began in another browser, took too long, or is finished already."],
        None,
        SIGN_IN,
    )
}

fn page(
    (status, title): (StatusCode, &str),
    lines: &[&str],
    failed: Option<(&StaffAnswer, FailureCode)>,
    on: (&str, &str),
) -> Response {
    let page = AnswerPage {
        shell: Shell::before_sign_in(title),
        lines,
        failure: failed.map(|(_, failure)| failure),
        support_code: failed.map_or_else(String::new, |(answer, _)| answer.login.support_code()),
        on,
    };
    shell::respond(status, &page)
}

fn not_connected(app: &App, answer: &StaffAnswer) -> Response {
    tracing::info!(event = "dashboard.sign_in_failed", "somebody did not get into the dashboard");
    let failure = FailureCode::StaffNotConnected;
    let mut timeline = so_far(answer);
    let now = app.clock.now();
    timeline.fail(now, Step::User, failure, "no account is connected with that identity");
    record(app, answer, (LoginEnd::Failed(failure), now), timeline);
    let lines = [
        "Your directory knows you, but no account of the dashboard is connected with this sign-in.",
        "If you have an account: sign in with your passkey or password, open Your account, and \
         connect the directory there. If you connected it before, it was set to another provider \
         since.",
        "If you have none: ask an owner of your tenant to invite you. The link they send lets you \
         set up with this directory.",
    ];
    let title = (StatusCode::FORBIDDEN, "This sign-in is not connected yet");
    page(title, &lines, Some((answer, failure)), SIGN_IN)
}

/// What happened until the answer arrived here.
fn so_far(answer: &StaffAnswer) -> Timeline {
    if !answer.timeline.events().is_empty() {
        return answer.timeline.clone();
    }
    staff_sign_in::timeline(answer.started_at, "the directory")
}

/// Writes down how it ended.
fn record(app: &App, answer: &StaffAnswer, ended: (LoginEnd, DateTime<Utc>), timeline: Timeline) {
    app.recorder.record(Record::Login(LoginRecord {
        tenant: answer.identity.tenant,
        login: answer.login,
        purpose: Purpose::Dashboard,
        application: None,
        directory: Some(answer.identity.directory),
        started_at: answer.started_at,
        ended: Some(ended),
        timeline,
    }));
}

fn taken(on: (&str, &str)) -> Response {
    page(
        (StatusCode::CONFLICT, "The directory was not connected"),
        &["Who you are there is connected with another account, or the directory does not sign \
           staff in any more. Sign out at the directory first if you meant to be somebody else \
           there."],
        None,
        on,
    )
}

fn closed() -> Response {
    page(
        (StatusCode::CONFLICT, "The directory was not connected"),
        &["It does not sign staff in any more, or you are not of that tenant’s staff."],
        None,
        ACCOUNT,
    )
}

/// What somebody who was invited brings along.
struct Invited<'a> {
    organisation: &'a Slug,
    account: AccountId,
    link: [u8; 32],
    name: &'a str,
}

impl Back<'_> {
    /// Writes down that it did what it was for. Who that is stays out of the timeline.
    fn done(&self, what: &str) {
        let (mut timeline, now) = (so_far(self.answer), self.app.clock.now());
        timeline.note(now, Step::User, what);
        record(self.app, self.answer, (LoginEnd::Answered, now), timeline);
    }

    /// Signs in whoever connected the identity.
    async fn sign_in(&self, slug: &Slug, next: &str) -> Result<Came, Refused> {
        let Self { app, headers, answer, .. } = *self;
        let operator = app.api_tokens.operator();
        let Some(account) = operator.account_by_identity(&answer.identity).await? else {
            // Only what fails counts: whoever is connected gets in.
            app.attempts.count(self.address, None)?;
            return Ok(Came::Ended(not_connected(app, answer)));
        };
        let present = visitor::visitor(app, headers).await?;
        let other = present.filter(|one| !is_account(one, account));
        if let (Some(sealed), Some(other)) = (self.unagreed, &other) {
            let record = operator.account(account).await?.ok_or_else(Problem::not_found)?;
            let facts = vec![
                is_here(other),
                ("You would be", record.email),
                ("Through a directory of", slug.to_string()),
            ];
            let back = match other {
                Visitor::Account(_) => "/dashboard".to_owned(),
                Visitor::Setup(held) => {
                    format!("/dashboard/t/{}/directories/{}", held.slug, held.directory)
                }
            };
            return Ok(Came::Asked(shell::ok(&AskPage {
                shell: Shell::before_sign_in("Sign in as somebody else?"),
                lines: &[leaves(other), "If you did not mean to sign in just now, cancel."],
                facts,
                answer: sealed,
                button: "Sign in as the other",
                back: &back,
            })));
        }
        let proof = Proof::Directory(answer.identity.clone());
        let cookie = visitor::sign_in(app, headers, account, proof).await?;
        self.done("The account that is connected with that identity signed in.");
        let mut response = cookie.on(shell::see(next));
        organisation::remember(app, slug, &mut response)?;
        Ok(Came::Ended(response))
    }

    /// Connects the identity with the account of the session that asked for it.
    async fn connect(
        &self,
        account: AccountId,
        session: AccountSessionId,
    ) -> Result<Came, Refused> {
        let Self { app, headers, answer, .. } = *self;
        let held = match visitor::visitor(app, headers).await? {
            Some(Visitor::Account(held)) if held.id == session && held.account == account => held,
            _ => return Ok(Came::Ended(stale())),
        };
        if let Some(sealed) = self.unagreed {
            let Some(mut facts) = self.facts(account).await? else {
                return Ok(Came::Ended(closed()));
            };
            facts.push(("Your account here", held.email));
            return Ok(Came::Asked(shell::ok(&AskPage {
                shell: Shell::before_sign_in("Is this you?"),
                lines: &[WHOEVER],
                facts,
                answer: sealed,
                button: "Connect",
                back: ACCOUNT.0,
            })));
        }
        let actor = format!("account {}", held.email);
        let operator = app.operator.clone().acting_as(&actor).operator();
        let outcome = operator.connect_identity(&held, &answer.identity, app.clock.now()).await?;
        Ok(Came::Ended(match outcome {
            ConnectOutcome::Done => {
                self.done("An account that was signed in was connected with that identity.");
                shell::see("/dashboard/account?done=connected")
            }
            ConnectOutcome::Taken => taken(ACCOUNT),
            ConnectOutcome::Closed => closed(),
        }))
    }

    /// Uses the link up: the account signs in through the directory from now on.
    async fn set_up(
        &self,
        Invited { organisation, account, link, name }: Invited<'_>,
    ) -> Result<Came, Refused> {
        let Self { app, headers, answer, .. } = *self;
        let now = app.clock.now();
        let invited = app.api_tokens.operator().welcome(link, now).await?;
        // Nobody becomes an operator by what a tenant's directory says.
        let invited =
            invited.map(|(_, one)| one).filter(|one| one.id == account && !one.is_operator);
        let Some(invited) = invited else { return Ok(Came::Ended(welcome::gone())) };
        if let Some(sealed) = self.unagreed {
            let Some(mut facts) = self.facts(account).await? else {
                return Ok(Came::Ended(taken(SIGN_IN)));
            };
            facts.push(("Your account here", invited.email));
            let present = visitor::visitor(app, headers).await?;
            facts.extend(present.as_ref().map(is_here));
            let lines = [Some(WHOEVER), present.as_ref().map(leaves)];
            let lines: Vec<&str> = lines.into_iter().flatten().collect();
            return Ok(Came::Asked(shell::ok(&AskPage {
                shell: Shell::before_sign_in("Is this you?"),
                lines: &lines,
                facts,
                answer: sealed,
                button: "Set up and sign in",
                back: SIGN_IN.0,
            })));
        }
        let actor = format!("account {}", invited.email);
        let operator = app.operator.clone().acting_as(&actor).operator();
        let new = NewCredentials { name, identity: Some(&answer.identity), ..Default::default() };
        match operator.set_up_account(account, link, &new, now).await {
            Ok(true) => {}
            Ok(false) => return Ok(Came::Ended(welcome::gone())),
            Err(StoreError::Conflict(_)) => return Ok(Came::Ended(taken(SIGN_IN))),
            Err(other) => return Err(Problem::from(other).into()),
        }
        let proof = Proof::Directory(answer.identity.clone());
        let cookie = visitor::sign_in(app, headers, account, proof).await?;
        self.done("Somebody who was invited set up their account with that identity.");
        let mut response = cookie.on(shell::see("/dashboard"));
        organisation::remember(app, organisation, &mut response)?;
        Ok(Came::Ended(response))
    }

    /// Who the directory says it was; `None`: it is no directory of that account's any more.
    async fn facts(&self, account: AccountId) -> Result<Option<Facts>, Refused> {
        let StaffAnswer { identity, email, .. } = self.answer;
        let all = self.app.api_tokens.operator().staff_directories(account).await?;
        let mut all = all.into_iter();
        let there = |one: &StaffDirectory| {
            (one.tenant, one.directory) == (identity.tenant, identity.directory)
        };
        let Some(directory) = all.find(there) else { return Ok(None) };
        let mut facts = vec![
            ("Directory", format!("{} of {}", directory.name, directory.tenant_name)),
            ("Issuer", identity.issuer.clone()),
            ("Who you are there", identity.subject.clone()),
        ];
        facts.extend(email.clone().map(|email| ("E-mail, it says", email)));
        Ok(Some(facts))
    }
}

fn is_account(visitor: &Visitor, account: AccountId) -> bool {
    matches!(visitor, Visitor::Account(held) if held.account == account)
}

/// Who is signed in in this browser.
fn is_here(visitor: &Visitor) -> (&'static str, String) {
    match visitor {
        Visitor::Account(held) => ("Signed in now", held.email.clone()),
        Visitor::Setup(_) => ("Here by a setup link", visitor.who()),
    }
}

/// What becomes of them.
fn leaves(visitor: &Visitor) -> &'static str {
    match visitor {
        Visitor::Account(_) => "Whoever is signed in in this browser now is signed out by that.",
        Visitor::Setup(_) => {
            "You are here by a setup link. This browser leaves it by that, and it cannot be opened \
             once more."
        }
    }
}
