//! Where one signs in, by a password and a one-time code among others, and signing out.
//!
//! Whatever is wrong, the same is said, after the same work and as many questions to the database:
//! nobody learns whether an account is there (THREATS ID-11). Attempts are counted by address and by account together, so that a
//! stranger's do not keep anybody out (THREATS RX-05).

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use broker::email::Email;
use broker::front::client::neighbourhood;
use broker::id::{AccountId, Slug};
use secrecy::ExposeSecret as _;
use store::AccountRecord;
use tokio::sync::Semaphore;
use url::Url;

use super::fields::{Fields, Query};
use super::organisation::{self, Organisation};
use super::shell::{self, Notice, Shell};
use super::visitor::{self, Cookie, Proof, Visitor};
use super::{Refused, refused};
use crate::api::Problem;
use crate::front::peer::Client;
use crate::front::throttle::Limit;
use crate::gateway::App;

/// Attempts at one account from one address: so many at once, so many a minute.
const OF_AN_ACCOUNT: (u32, u32) = (10, 2);
/// Attempts from one address.
const OF_AN_ADDRESS: (u32, u32) = (60, 30);
/// Codes that are tried after the right password, wherever from: nobody but who knows it can use them
/// up, and a code is one of a million.
const CODES: (u32, u32) = (10, 1);
/// How many passwords are hashed at a time: each takes a processor and 19 MiB.
const HASHING: usize = 2;
/// How many more wait, and how long: each has a place that others need as well.
const WAITING: usize = 32;
const WAITS: Duration = Duration::from_secs(3);
/// The longest address of ours that somebody goes on to, in octets.
const LONGEST_NEXT: usize = 512;

/// What keeps attempts apart.
pub(crate) struct Attempts {
    accounts: Limit,
    addresses: Limit,
    codes: Limit,
    keys: RandomState,
    hashing: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            accounts: Limit::per_minute(OF_AN_ACCOUNT),
            addresses: Limit::per_minute(OF_AN_ADDRESS),
            codes: Limit::per_minute(CODES),
            keys: RandomState::new(),
            hashing: Arc::new(Semaphore::new(HASHING)),
            waiting: Semaphore::new(WAITING),
        }
    }
}

impl Attempts {
    /// Counts an attempt at an account, by the key of its address, or one of a passkey.
    pub(super) fn count(&self, address: IpAddr, email: Option<&str>) -> Result<(), Problem> {
        let address = neighbourhood(address);
        self.addresses.count(self.keys.hash_one(address)).map_err(Problem::slow_down)?;
        let Some(email) = email else { return Ok(()) };
        self.accounts.count(self.keys.hash_one((address, email))).map_err(Problem::slow_down)
    }

    /// Counts a code at an account whose password was right.
    fn count_code(&self, account: AccountId) -> Result<(), Problem> {
        self.codes.count(self.keys.hash_one(account)).map_err(Problem::slow_down)
    }

    /// Does what takes a processor a while where it keeps nobody else waiting. Whoever goes away does
    /// not give the turn back before the work is done.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place = self.waiting.try_acquire().map_err(|_| Problem::slow_down(1))?;
        let turn = tokio::time::timeout(WAITS, Arc::clone(&self.hashing).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(|| Problem::slow_down(1))?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Problem::internal("hashing a password ended without a result"))
    }
}

#[derive(Template)]
#[template(path = "dashboard/sign_in.html")]
struct SignInPage<'a> {
    shell: Shell,
    email: &'a str,
    next: &'a str,
    wrong: bool,
    /// Whether they are signed in, and are to prove once more that it is them.
    is_again: bool,
    /// Through whose directories they may sign in.
    organisation: Option<Organisation>,
    /// What they typed of one, and whether there is none like that.
    typed: &'a str,
    is_unknown: bool,
}

/// The form.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Refused> {
    let next = &*onward(query.get("next"));
    let is_again = query.get(refused::AGAIN).is_some();
    if !is_again && let Some(Visitor::Account(_)) = visitor::visitor(&app, &headers).await? {
        return Ok(shell::see(next));
    }
    let title = if is_again { "Prove that it is you" } else { "Sign in" };
    let mut shell = Shell::before_sign_in(title);
    if query.get("done") == Some("out") {
        shell = shell.noting(Notice::ok("You are signed out."));
    }
    let (typed, last) = (query.get("organisation"), organisation::last(&app, &headers));
    let mut organisation = None;
    // What a directory says is no such proof.
    if !is_again {
        let guessed = tenant_of(next).or(last.as_ref().map(Slug::as_str));
        if let Some(slug) = typed.or(guessed) {
            organisation = organisation::organisation(&app, slug, next).await?;
        }
    }
    Ok(shell::ok(&SignInPage {
        shell,
        email: "",
        next,
        wrong: false,
        is_again,
        is_unknown: typed.is_some() && organisation.is_none(),
        typed: typed.unwrap_or_default(),
        organisation,
    }))
}

/// The tenant that a page of the dashboard is about.
fn tenant_of(next: &str) -> Option<&str> {
    next.strip_prefix("/dashboard/t/")?.split(['/', '?', '#']).next()
}

/// Where somebody goes on to: a page of the dashboard and nothing else, however it is written.
/// It is read as a browser reads it, so that no `..` leads out of the dashboard.
pub(super) fn onward(next: Option<&str>) -> String {
    next.and_then(within).unwrap_or_else(|| "/dashboard".to_owned())
}

/// The path and the query of an address within the dashboard.
fn within(next: &str) -> Option<String> {
    let is_plain = |octet: u8| octet.is_ascii_graphic() && octet != b'\\';
    if next.len() > LONGEST_NEXT || !next.starts_with('/') || !next.bytes().all(is_plain) {
        return None;
    }
    let base = Url::parse("https://gateway.invalid/").ok()?;
    let url = base.join(next).ok()?;
    let path = url.path();
    if url.origin() != base.origin() || !(path == "/dashboard" || path.starts_with("/dashboard/")) {
        return None;
    }
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{path}{query}"))
}

/// What was typed.
pub(super) async fn enter(
    State(app): State<Arc<App>>,
    Extension(Client(address)): Extension<Client>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    let email = fields.text("email").to_owned();
    let next = &*onward(Some(fields.text("next")));
    // However it is spelled, it counts as the account that it leads to.
    let key = Email::parse(&email).map_or_else(String::new, |email| email.to_key());
    app.attempts.count(address, Some(&key))?;
    if let Some(account) = proven(&app, &key, &fields).await? {
        let proof = Proof::Password(account.password_hash.unwrap_or_default());
        let cookie = visitor::sign_in(&app, &headers, account.id, proof).await?;
        return Ok(cookie.on(shell::see(next)));
    }
    tracing::info!(event = "dashboard.sign_in_failed", "somebody did not get into the dashboard");
    let shell = Shell::before_sign_in("Sign in");
    let page = SignInPage {
        shell,
        email: &email,
        next,
        wrong: true,
        is_again: false,
        organisation: None,
        typed: "",
        is_unknown: false,
    };
    Ok(shell::respond(StatusCode::UNAUTHORIZED, &page))
}

/// The account of an address, if the password and the code are right and the code was not used
/// before. Before the password is known to be right, the same is done for every address.
async fn proven(app: &App, email: &str, fields: &Fields) -> Result<Option<AccountRecord>, Refused> {
    let operator = app.api_tokens.operator();
    let password = fields.verbatim("password").to_owned();
    let (id, hash) = operator.password_by_email(email).await?.unzip();
    let verified = hash.clone().flatten();
    let is_right = app
        .attempts
        .apart(move || admin::credentials::verify_password(&password, verified.as_deref()))
        .await?;
    let Some(id) = id.filter(|_| is_right) else { return Ok(None) };
    let account = operator.account(id).await?;
    // Whoever changed the password meanwhile did not mean this one.
    let account = account.filter(|one| Some(&one.password_hash) == hash.as_ref());
    let Some(account) = account else { return Ok(None) };
    let step = account.totp_secret.as_ref().and_then(|secret| {
        let now = app.clock.now();
        admin::credentials::totp_step(secret.expose_secret(), fields.text("code"), now)
    });
    app.attempts.count_code(account.id)?;
    let Some(step) = step else {
        let account = account.id;
        tracing::warn!(%account, event = "dashboard.code_wrong", "a right password, a wrong code");
        return Ok(None);
    };
    let is_first = operator.use_totp_step(account.id, step).await?;
    Ok(is_first.then_some(account))
}

/// Signs out.
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    visitor::sign_out(&app, &headers).await?;
    Ok(Cookie::none(&app).on(shell::see("/dashboard/sign-in?done=out")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_to_pages_of_the_dashboard_alone() {
        assert_eq!(
            onward(Some("/dashboard/t/acme/logins?after=1")),
            "/dashboard/t/acme/logins?after=1"
        );
        for foreign in [
            "https://evil.example/",
            "//evil.example/dashboard/",
            "/dashboardx",
            "/dashboard/\\evil.example",
            "/dashboard/\r\nlocation: x",
            "/t/acme/authorize",
            "dashboard",
            "/dashboard/../t/evil/authorize?client_id=x",
            "/dashboard/..",
            "/dashboard/%2e%2e/t/evil/authorize",
            "/dashboard/.%2E/t/evil/authorize",
            "/dashboard/t/../../t/evil/authorize",
            "//evil",
            "//evil/dashboard",
            "///evil/dashboard",
            "/\\evil/dashboard",
            "\\\\evil\\dashboard",
            "/dashboard/..\\t\\evil",
            &format!("/dashboard/{}", "a".repeat(502)),
            "",
        ] {
            assert_eq!(onward(Some(foreign)), "/dashboard", "{foreign}");
        }
        assert_eq!(onward(None), "/dashboard");
        assert_eq!(
            onward(Some("/dashboard/t/acme/../other?a=/../b#c")),
            "/dashboard/t/other?a=/../b"
        );
        let longest = format!("/dashboard/{}", "a".repeat(501));
        assert_eq!(onward(Some(&longest)), longest);
    }

    #[test]
    fn page_of_a_tenant_says_which_it_is_of() {
        assert_eq!(tenant_of("/dashboard/t/acme/logins?after=1"), Some("acme"));
        assert_eq!(tenant_of("/dashboard/t/acme"), Some("acme"));
        assert_eq!(tenant_of("/dashboard/account"), None);
    }

    #[test]
    fn rx_05_attempts_from_elsewhere_keep_nobody_out() {
        let attempts = Attempts::default();
        let from = |last: u8| IpAddr::from([192, 0, 2, last]);
        let refused =
            (0..40).filter(|_| attempts.count(from(1), Some("dana@acme.example")).is_err());
        assert_eq!(refused.count(), 30);
        assert!(attempts.count(from(2), Some("dana@acme.example")).is_ok());
        assert!(attempts.count(from(1), Some("kim@acme.example")).is_ok());
    }
}
