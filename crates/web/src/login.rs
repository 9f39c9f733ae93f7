//! One login, in ten steps: a file each, named after the step, in this order.
//!
//! ```text
//! application      gateway                                        directory
//!     | authorize   1 [authorize]  parse and check the request        |
//!     |------------>2 [route]      which directory? or the session?   |
//!     |             3 [start]      state, nonce, PKCE, sealed cookie  |
//!     |             |---------------- authorization request --------->|
//!     |             |<--------------- code ---------------------------|
//!     |             4 [finish]     exchange, verify, userinfo         |
//!     |             5 [profile]    the directory's mapping            |
//!     |             6 [user]       find or make; session              |
//!     |             7 [release]    the application's mapping          |
//!     |<------------8 [answer]     one commit; code, ID token         |
//!     | token       9 [token]      redeem once, sign, access token    |
//!     |------------>|                                                 |
//!     | userinfo   10 [userinfo]   the released claims again          |
//! ```
//!
//! Steps 1 to 3 write nothing: their state travels in the browser. Steps 4 to 8 commit once. A
//! live session goes from 2 to 7. Afterwards the application may refresh, ask about and give back
//! what it holds: [`refresh`], [`introspect`], [`revoke`]; [`client`] says who it is and [`held`]
//! whether that still works. What a login needs on its way is a [`Login`]; one that ended
//! without success is a [`Failed`], which is also its page.

pub(crate) mod answer;
pub(crate) mod authorize;
pub(crate) mod client;
mod failure;
pub(crate) mod finish;
pub(crate) mod held;
pub(crate) mod introspect;
pub(crate) mod profile;
pub(crate) mod refresh;
pub(crate) mod release;
pub(crate) mod revoke;
pub(crate) mod route;
pub(crate) mod session;
pub(crate) mod start;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod userinfo;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::attempt::Purpose;
use broker::failure::FailureCode;
use broker::gate::{self, Closed, Passage};
use broker::id::{ApplicationId, DirectoryId, LoginId};
use broker::tenant::{Application, Directory};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use oidc::error::OAuthError;
use oidc::op::authorize::{CheckedRequest, PageRefusal};
use oidc::redirect_uri::TrustedRedirect;
use store::{LoginEnd, LoginRecord};

use crate::entropy::{self, NoEntropy};
use crate::gateway::App;
use crate::page::{self, Fixed, Language};
use crate::recorder::Record;
use crate::refusal::{RETRY_AFTER, Refused};
use crate::sightings::observe::Said;
use crate::tenants::Loaded;
use crate::upstream::UpstreamError;

/// The longest value of a request that a timeline shows.
const LONGEST_QUOTED: usize = 200;

/// Why a step that knows nothing of the application ended: the code, and more about it in our own
/// words.
pub(crate) type Why = (FailureCode, String);

impl From<UpstreamError> for Why {
    fn from(error: UpstreamError) -> Self {
        (error.failure(), error.detail())
    }
}

impl From<NoEntropy> for Why {
    fn from(error: NoEntropy) -> Self {
        (FailureCode::Internal, error.to_string())
    }
}

/// Every login has one, from its first byte on.
pub(crate) struct Trace {
    pub(crate) app: Arc<App>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) login: LoginId,
    /// What it is for: an application, until it is known to be for something else.
    pub(crate) purpose: Purpose,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) timeline: Timeline,
    /// What its pages speak.
    pub(crate) language: Language,
}

/// A login whose request is proven good: the application is known and so is where to answer.
pub(crate) struct Login {
    pub(crate) trace: Trace,
    pub(crate) application: Arc<Application>,
    pub(crate) request: CheckedRequest,
}

impl Trace {
    /// A new login of this tenant, in the language of the browser.
    pub(crate) fn begin(
        app: Arc<App>,
        loaded: Arc<Loaded>,
        headers: &HeaderMap,
    ) -> Result<Self, NoEntropy> {
        let now = app.clock.now();
        let login = LoginId::new(now, entropy::bytes()?);
        let (timeline, language) = (Timeline::new(), Language::choose(None, headers));
        let purpose = Purpose::Application;
        Ok(Self { app, loaded, login, purpose, started_at: now, now, timeline, language })
    }

    /// Speaks what the application wishes from here on, if it can. [OIDCC-3.1.2.1]
    pub(crate) fn speak(&mut self, ui_locales: Option<&str>) {
        self.language = ui_locales.and_then(Language::wished).unwrap_or(self.language);
    }

    /// Adds to the timeline.
    pub(crate) fn note(&mut self, step: Step, text: impl AsRef<str>) {
        self.timeline.note(self.app.clock.now(), step, text);
    }

    /// Ends the login before its request is known to be good.
    pub(crate) fn fail(
        self,
        step: Step,
        failure: FailureCode,
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        Failed::of(self, Origin::Nobody, step, failure, detail.as_ref())
    }

    /// The same where the application is known and the page leads nowhere.
    pub(crate) fn fail_nowhere(
        self,
        application: &Application,
        why: (Step, FailureCode),
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        self.fail_of(application.id, why, detail)
    }

    /// The same for one that is switched off.
    pub(crate) fn fail_of(
        self,
        application: ApplicationId,
        (step, failure): (Step, FailureCode),
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        Failed::of(self, Origin::Named(application), step, failure, detail.as_ref())
    }

    /// Ends the login where only the application is known: the page leads to its home.
    pub(crate) fn fail_towards(
        self,
        application: Option<Arc<Application>>,
        step: Step,
        failure: FailureCode,
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        let origin = application.map_or(Origin::Nobody, Origin::Application);
        Failed::of(self, origin, step, failure, detail.as_ref())
    }

    /// Ends the login with the protocol's own error, sent to a proven redirect URI.
    pub(crate) fn refuse(
        mut self,
        application: &Application,
        redirect: &TrustedRedirect,
        (step, failure): (Step, FailureCode),
        error: &OAuthError,
    ) -> Result<Response, NoEntropy> {
        self.timeline.fail(self.app.clock.now(), step, failure, error.description);
        let end = LoginEnd::Failed(failure);
        self.record(Some(end), Known { application: Some(application.id), directory: None });
        let iss = self.loaded.iss(application);
        let response =
            answer::deliver(&oidc::op::answer::refusal(redirect, error, iss), self.language)?;
        Ok(Said::on(response, error.code.as_str()))
    }

    /// Ends the login with a page about the application's request, for a mistake that whoever set
    /// up the application can mend; *Return to the application* delivers the protocol's error.
    pub(crate) fn explain(
        self,
        application: Arc<Application>,
        redirect: Box<TrustedRedirect>,
        (step, failure): (Step, FailureCode),
        error: OAuthError,
        detail: &str,
    ) -> Box<Failed> {
        Failed::of(self, Origin::Refused(application, redirect, error), step, failure, detail)
    }

    /// Ends a login that is for the dashboard: the page leads back there.
    pub(crate) fn fail_staff(
        self,
        directory: &Directory,
        (step, failure): (Step, FailureCode),
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        Failed::of(self, Origin::Dashboard(directory.id), step, failure, detail.as_ref())
    }

    /// Writes down that it ended without success.
    pub(crate) fn ended(&mut self, known: Known, step: Step, failure: FailureCode, detail: &str) {
        self.timeline.fail(self.app.clock.now(), step, failure, detail);
        self.record(Some(LoginEnd::Failed(failure)), known);
        tracing::info!(
            tenant.id = %self.loaded.tenant.id,
            login.id = %self.login,
            support_code = self.login.support_code(),
            failure = failure.as_str(),
            step = step.as_str(),
            "a login failed"
        );
    }

    /// Hands what happened so far to the recorder; `None`: the person is away.
    pub(crate) fn record(&self, end: Option<LoginEnd>, known: Known) {
        self.app.recorder.record(Record::Login(LoginRecord {
            tenant: self.loaded.tenant.id,
            login: self.login,
            purpose: self.purpose,
            application: known.application,
            directory: known.directory,
            started_at: self.started_at,
            ended: end.map(|end| (end, self.app.clock.now())),
            timeline: self.timeline.clone(),
        }));
    }
}

/// What is known of a login when it is recorded.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) application: Option<ApplicationId>,
    pub(crate) directory: Option<DirectoryId>,
}

impl Login {
    /// Ends the login with a page that offers to try again and to return to the application.
    pub(crate) fn fail(
        self,
        directory: Option<DirectoryId>,
        step: Step,
        failure: FailureCode,
        detail: impl AsRef<str>,
    ) -> Box<Failed> {
        let Self { trace, application, request } = self;
        let origin = Origin::Request(application, Box::new(request), directory);
        Failed::of(trace, origin, step, failure, detail.as_ref())
    }

    /// Whether a person of this directory may still be signed in for it, by the configuration of
    /// this very moment: the directory took its time (THREATS UP-09).
    pub(crate) async fn is_open(
        &self,
        directory: DirectoryId,
    ) -> Result<Result<(), Closed>, Refused> {
        let Trace { app, loaded, .. } = &self.trace;
        let current = app.tenants.get(loaded.tenant.slug.as_str()).await?;
        let current = current.ok_or(Refused::NotFound)?;
        let passage = Passage::SignIn { application: self.application.id, directory };
        Ok(gate::pass(&current.tenant, passage))
    }

    /// Ends a login whose directory has answered while the database is away. The directory's code is
    /// spent by then, so that loading the page again would not help; *Try again* asks the directory
    /// once more, which knows the person still (THREATS F-01). Anything else ends as it came.
    pub(crate) fn interrupted(
        self,
        directory: DirectoryId,
        step: Step,
        refused: impl Into<Refused>,
    ) -> Refused {
        match refused.into() {
            Refused::Unavailable => {
                let detail = "the database did not answer, and nothing was written";
                self.fail(Some(directory), step, FailureCode::DatabaseUnavailable, detail).into()
            }
            other => other,
        }
    }

    /// The issuer, where the application wants it in answers. [RFC9207-2]
    pub(crate) fn iss(&self) -> Option<&str> {
        self.trace.loaded.iss(&self.application)
    }

    /// Ends the login with the protocol's own error, straight back to the application.
    pub(crate) fn refuse(
        self,
        step: Step,
        failure: FailureCode,
        error: &OAuthError,
    ) -> Result<Response, NoEntropy> {
        self.trace.refuse(&self.application, &self.request.redirect, (step, failure), error)
    }
}

/// How much is known of where a login came from.
enum Origin {
    /// Nothing that may be trusted.
    Nobody,
    /// Which application it was, for the timeline alone.
    Named(ApplicationId),
    /// The application.
    Application(Arc<Application>),
    /// The application, where to answer it, and what.
    Refused(Arc<Application>, Box<TrustedRedirect>, OAuthError),
    /// The dashboard, which sent one of the staff to this directory.
    Dashboard(DirectoryId),
    /// The application, its proven request and, if it got that far, the directory.
    Request(Arc<Application>, Box<CheckedRequest>, Option<DirectoryId>),
}

impl Origin {
    fn application(&self) -> Option<&Arc<Application>> {
        match self {
            Self::Nobody | Self::Named(_) | Self::Dashboard(_) => None,
            Self::Application(application)
            | Self::Refused(application, ..)
            | Self::Request(application, ..) => Some(application),
        }
    }

    fn known(&self) -> Known {
        match self {
            Self::Nobody => Known::default(),
            Self::Named(id) => Known { application: Some(*id), directory: None },
            Self::Application(one) | Self::Refused(one, ..) => {
                Known { application: Some(one.id), directory: None }
            }
            Self::Dashboard(directory) => Known { application: None, directory: Some(*directory) },
            Self::Request(one, _, directory) => {
                Known { application: Some(one.id), directory: *directory }
            }
        }
    }
}

/// A login that ended without success.
pub(crate) struct Failed {
    trace: Trace,
    origin: Origin,
    failure: FailureCode,
    detail: String,
}

impl Failed {
    fn of(
        mut trace: Trace,
        origin: Origin,
        step: Step,
        failure: FailureCode,
        detail: &str,
    ) -> Box<Self> {
        trace.ended(origin.known(), step, failure, detail);
        Box::new(Self { trace, origin, failure, detail: detail.to_owned() })
    }

    /// The page: why, who can mend it, the support code, *Try again* and *Return to the
    /// application*, which delivers the protocol's error.
    pub(crate) fn into_response(self) -> Response {
        let code = self.failure.as_str();
        Said::on(self.page(), code)
    }

    fn page(self) -> Response {
        let Ok(nonce) = entropy::bytes() else { return Fixed::NotFound.into_response() };
        let application = self.origin.application().map(|one| one.name.as_str());
        let support_code = self.trace.login.support_code();
        if let FailureCode::AttemptMissing
        | FailureCode::AttemptExpired
        | FailureCode::AttemptOutdated
        | FailureCode::AttemptUsed = self.failure
        {
            return self.start_over(nonce, application, &support_code);
        }
        let (try_again, return_to) = match &self.origin {
            Origin::Request(application, request, _) => {
                let iss = self.trace.loaded.iss(application);
                let error = failure::protocol_error(self.failure);
                let answer = oidc::op::answer::refusal(&request.redirect, &error, iss);
                (Some(self.again(application, request)), Some(page::Action::from(answer)))
            }
            Origin::Refused(application, redirect, error) => {
                let iss = self.trace.loaded.iss(application);
                let answer = oidc::op::answer::refusal(redirect, error, iss);
                (None, Some(page::Action::from(answer)))
            }
            Origin::Application(application) => (home(application), None),
            Origin::Dashboard(_) => (Some(self.sign_in()), None),
            Origin::Nobody | Origin::Named(_) => (None, None),
        };
        let shown = self.failure.shown();
        let unknown = PageRefusal::ClientUnknown.to_string();
        let detail = if shown == self.failure { &self.detail } else { &unknown };
        let mut response = page::error(
            nonce,
            self.trace.language,
            page::ErrorPage {
                status: failure::status(self.failure),
                brand: Some(&self.trace.loaded.brand),
                application_name: application,
                failure: shown,
                detail: Some(detail),
                support_code: Some(&support_code),
                at: self.trace.now,
                try_again,
                return_to,
            },
        );
        if self.failure == FailureCode::DatabaseUnavailable {
            let seconds = HeaderValue::from_static(RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }

    /// The page for somebody who came too late, twice or in another browser: nothing failed, it
    /// just has to begin again.
    fn start_over(
        &self,
        nonce: [u8; 16],
        application: Option<&str>,
        support_code: &str,
    ) -> Response {
        let start_again = match self.origin {
            Origin::Dashboard(_) => Some(self.sign_in()),
            _ => self.origin.application().and_then(|application| home(application)),
        };
        page::notice(
            nonce,
            self.trace.language,
            page::Notice {
                status: StatusCode::BAD_REQUEST,
                brand: Some(&self.trace.loaded.brand),
                application_name: application,
                failure: self.failure,
                support_code: Some(support_code),
                start_again,
            },
        )
    }

    /// Where staff begin again.
    fn sign_in(&self) -> page::Action {
        page::Action::Link(format!("{}/dashboard/sign-in", self.trace.app.public_url))
    }

    fn again(&self, application: &Application, request: &CheckedRequest) -> page::Action {
        let query = request.to_query(&application.client.client_id);
        page::Action::Link(format!("{}/authorize?{query}", self.trace.loaded.issuer))
    }
}

/// Where a person begins again, if the application has an address yet.
fn home(application: &Application) -> Option<page::Action> {
    let home = &application.home_url;
    (!home.is_empty()).then(|| page::Action::Link(home.clone()))
}

/// A value of a request or of the settings, for a timeline: whole, so that staff can compare it octet
/// for octet; or not at all, if it is long or has spaces in it as a sentence has (THREATS AZ-17).
pub(crate) fn quoted(text: &str) -> String {
    let plain = text.len() <= LONGEST_QUOTED && text.bytes().all(|b| b.is_ascii_graphic());
    if plain { format!("`{text}`") } else { "(not shown)".to_owned() }
}
