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
//! live session goes from 2 to 7. What a login needs on its way is a [`Login`]; one that ended
//! without success is a [`Failed`], which is also its page.

pub(crate) mod answer;
pub(crate) mod authorize;
pub(crate) mod finish;
pub(crate) mod profile;
pub(crate) mod release;
pub(crate) mod route;
pub(crate) mod start;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod userinfo;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use broker::failure::FailureCode;
use broker::id::{DirectoryId, LoginId};
use broker::tenant::Application;
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use oidc::error::{ErrorCode, OAuthError};
use oidc::op::authorize::CheckedRequest;
use oidc::redirect_uri::TrustedRedirect;
use store::LoginRecord;

use crate::entropy::{self, NoEntropy};
use crate::gateway::App;
use crate::page;
use crate::recorder::Record;
use crate::tenants::Loaded;
use crate::upstream::UpstreamError;

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
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) timeline: Timeline,
}

/// A login whose request is proven good: the application is known and so is where to answer.
pub(crate) struct Login {
    pub(crate) trace: Trace,
    pub(crate) application: Arc<Application>,
    pub(crate) request: CheckedRequest,
}

impl Trace {
    /// A new login of this tenant.
    pub(crate) fn begin(app: Arc<App>, loaded: Arc<Loaded>) -> Result<Self, NoEntropy> {
        let now = app.clock.now();
        let login = LoginId::new(now, entropy::bytes()?);
        Ok(Self { app, loaded, login, started_at: now, now, timeline: Timeline::new() })
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
        self.record(Some(failure), Known { application: Some(application.id), directory: None });
        let iss = self.loaded.iss(application);
        answer::deliver(&oidc::op::answer::refusal(redirect, error, iss))
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

    /// Writes down that it ended without success.
    pub(crate) fn ended(&mut self, known: Known, step: Step, failure: FailureCode, detail: &str) {
        self.timeline.fail(self.app.clock.now(), step, failure, detail);
        self.record(Some(failure), known);
        tracing::info!(
            tenant.id = %self.loaded.tenant.id,
            login.id = %self.login,
            support_code = self.login.support_code(),
            failure = failure.as_str(),
            step = step.as_str(),
            "a login failed"
        );
    }

    /// Hands what happened so far to the recorder.
    pub(crate) fn record(&self, failure: Option<FailureCode>, known: Known) {
        self.app.recorder.record(Record::Login(LoginRecord {
            tenant: self.loaded.tenant.id,
            login: self.login,
            application: known.application,
            directory: known.directory,
            started_at: self.started_at,
            failed: failure.map(|code| (code, self.app.clock.now())),
            timeline: self.timeline.clone(),
        }));
    }
}

/// What is known of a login when it is recorded.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) application: Option<broker::id::ApplicationId>,
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
    /// The application.
    Application(Arc<Application>),
    /// The application, where to answer it, and what.
    Refused(Arc<Application>, Box<TrustedRedirect>, OAuthError),
    /// The application, its proven request and, if it got that far, the directory.
    Request(Arc<Application>, Box<CheckedRequest>, Option<DirectoryId>),
}

impl Origin {
    fn application(&self) -> Option<&Arc<Application>> {
        match self {
            Self::Nobody => None,
            Self::Application(application)
            | Self::Refused(application, ..)
            | Self::Request(application, ..) => Some(application),
        }
    }

    fn known(&self) -> Known {
        let directory = match self {
            Self::Request(.., directory) => *directory,
            Self::Nobody | Self::Application(_) | Self::Refused(..) => None,
        };
        Known { application: self.application().map(|one| one.id), directory }
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
        let Ok(nonce) = entropy::bytes() else { return page::not_found() };
        let application = self.origin.application().map(|one| one.name.as_str());
        let support_code = self.trace.login.support_code();
        if let FailureCode::AttemptMissing
        | FailureCode::AttemptExpired
        | FailureCode::AttemptUsed = self.failure
        {
            return self.start_over(nonce, application, &support_code);
        }
        let (try_again, return_to) = match &self.origin {
            Origin::Request(application, request, _) => {
                let iss = self.trace.loaded.iss(application);
                let error = protocol_error(self.failure);
                let answer = oidc::op::answer::refusal(&request.redirect, &error, iss);
                (Some(self.again(application, request)), Some(page::Action::from(answer)))
            }
            Origin::Refused(application, redirect, error) => {
                let iss = self.trace.loaded.iss(application);
                let answer = oidc::op::answer::refusal(redirect, error, iss);
                (None, Some(page::Action::from(answer)))
            }
            Origin::Application(application) => {
                (Some(page::Action::Link(application.home_url.clone())), None)
            }
            Origin::Nobody => (None, None),
        };
        page::error(
            nonce,
            page::ErrorPage {
                status: status(self.failure),
                tenant_name: Some(&self.trace.loaded.tenant.name),
                application_name: application,
                failure: self.failure,
                detail: Some(&self.detail),
                support_code: Some(&support_code),
                at: self.trace.now,
                try_again,
                return_to,
            },
        )
    }

    /// The page for somebody who came too late, twice or in another browser: nothing failed, it
    /// just has to begin again.
    fn start_over(
        &self,
        nonce: [u8; 16],
        application: Option<&str>,
        support_code: &str,
    ) -> Response {
        let start_again =
            self.origin.application().map(|one| page::Action::Link(one.home_url.clone()));
        page::notice(
            nonce,
            page::Notice {
                status: StatusCode::BAD_REQUEST,
                tenant_name: Some(&self.trace.loaded.tenant.name),
                application_name: application,
                failure: self.failure,
                support_code: Some(support_code),
                start_again,
            },
        )
    }

    fn again(&self, application: &Application, request: &CheckedRequest) -> page::Action {
        let query = request.to_query(&application.client.client_id);
        page::Action::Link(format!("{}/authorize?{query}", self.trace.loaded.issuer))
    }
}

/// What the application is told when a person returns to it from the error page.
fn protocol_error(failure: FailureCode) -> OAuthError {
    match failure {
        FailureCode::DirectoryRefused
        | FailureCode::DirectoryNotAssigned
        | FailureCode::TenantNotAllowed
        | FailureCode::HostedDomainNotAllowed
        | FailureCode::GuestNotAllowed
        | FailureCode::UserBlocked => {
            OAuthError::new(ErrorCode::AccessDenied, "the sign-in was refused")
        }
        FailureCode::AuthenticationTooOld | FailureCode::DirectoryLoginRequired => {
            OAuthError::new(ErrorCode::LoginRequired, "a fresh sign-in is needed")
        }
        FailureCode::DirectoryUnreachable | FailureCode::DatabaseUnavailable => OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the sign-in is not possible at the moment",
        ),
        _ => OAuthError::new(ErrorCode::ServerError, "the sign-in could not be completed"),
    }
}

fn status(failure: FailureCode) -> StatusCode {
    match failure {
        FailureCode::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        FailureCode::DirectoryUnreachable => StatusCode::BAD_GATEWAY,
        FailureCode::UserBlocked
        | FailureCode::DirectoryRefused
        | FailureCode::DirectoryNotAssigned
        | FailureCode::TenantNotAllowed
        | FailureCode::HostedDomainNotAllowed
        | FailureCode::GuestNotAllowed => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}
