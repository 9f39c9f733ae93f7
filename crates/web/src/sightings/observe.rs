//! Looks at a request and at its answer, after the answer is made: who asked, what, and how it
//! ended. Neither is changed, and what is kept of them [`broker::protocol_trace`] decides.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use broker::failure::FailureCode;
use broker::id::ApplicationId;
use broker::protocol_trace::{address, client_authentication, parameters, visible};
use broker::tenant::Application;
use chrono::{DateTime, Utc};
use oidc::client::ClientAuth;
use oidc::client_auth::Presented;
use oidc::error::ErrorCode;
use oidc::params::Params;
use store::{SightingKind, SightingRecord, SightingSubject, TraceEntry, TraceRecord};

use crate::front::body::Whole;
use crate::gateway::App;
use crate::tenants::Loaded;

/// The longest `client_id` of nobody's that is kept, in bytes.
const MAX_CLIENT_ID: usize = 256;

/// An endpoint that is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Discovery,
    Jwks,
    Authorize,
    Token,
    Userinfo,
    Logout,
}

/// Goes along with an answer that is an error: its code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said(&'static str);

/// Goes along with an answer of which the handler knows whose it is: the application, and whether it
/// alone can have asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedBy {
    pub(crate) application: ApplicationId,
    pub(crate) is_proven: bool,
}

impl Said {
    /// Marks an answer with its error code.
    pub(crate) fn on(mut response: Response, code: &'static str) -> Response {
        response.extensions_mut().insert(Self(code));
        response
    }
}

/// What an answer tells of itself.
#[derive(Clone, Copy)]
struct Told {
    status: u16,
    error: &'static str,
    by: Option<AskedBy>,
}

impl Told {
    fn by(response: &Response) -> Self {
        Self {
            status: response.status().as_u16(),
            error: response.extensions().get::<Said>().map_or("", |said| said.0),
            by: response.extensions().get::<AskedBy>().copied(),
        }
    }
}

/// A request, as far as it matters here.
struct Asked {
    method: Method,
    query: String,
    body: Bytes,
    authorization: Option<String>,
}

/// What is known once it was answered.
struct Answered<'a> {
    watched: Watched,
    params: Params,
    application: Option<&'a Arc<Application>>,
    is_proven: bool,
    error: &'static str,
    status: u16,
    at: DateTime<Utc>,
}

/// Puts the observer around an endpoint whose path names the tenant and nothing else.
pub(crate) fn watch(
    methods: MethodRouter<Arc<App>>,
    app: &Arc<App>,
    watched: Watched,
) -> MethodRouter<Arc<App>> {
    methods.layer(from_fn_with_state((Arc::clone(app), watched), observe))
}

async fn observe(
    State((app, watched)): State<(Arc<App>, Watched)>,
    Path(tenant): Path<String>,
    request: Request,
    next: Next,
) -> Response {
    let asked = Asked::of(&request);
    let response = next.run(request).await;
    let told = Told::by(&response);
    let is_request = asked.method == Method::GET || asked.method == Method::POST;
    if is_request && let Some(loaded) = app.tenants.peek(&tenant).await {
        match watched {
            Watched::Discovery | Watched::Jwks => {
                published(&app, &loaded, watched, told).await;
            }
            Watched::Authorize | Watched::Token | Watched::Userinfo | Watched::Logout => {
                asked.answered(&app, &loaded, watched, told).await;
            }
        }
    }
    response
}

/// Somebody fetched what an issuer publishes.
async fn published(app: &App, loaded: &Loaded, watched: Watched, told: Told) {
    if told.status != 200 {
        return;
    }
    let kind = match watched {
        Watched::Discovery => SightingKind::Discovery,
        _ => SightingKind::Keys,
    };
    app.see(loaded, kind, SightingSubject::Tenant, String::new()).await;
}

impl App {
    /// Notes that something was seen just now.
    pub(crate) async fn see(
        &self,
        loaded: &Loaded,
        kind: SightingKind,
        subject: SightingSubject,
        detail: String,
    ) {
        let (tenant, at) = (loaded.tenant.id, self.clock.now());
        self.sightings.see(SightingRecord { tenant, kind, subject, at, detail }).await;
    }
}

impl Asked {
    fn of(request: &Request) -> Self {
        let authorization = request.headers().get(header::AUTHORIZATION);
        let text = authorization.map(|value| value.to_str().unwrap_or_default().to_owned());
        Self {
            method: request.method().clone(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            body: request.extensions().get::<Whole>().map(|one| one.0.clone()).unwrap_or_default(),
            authorization: text,
        }
    }

    /// What it carries; of what cannot be read, nothing.
    fn params(&self) -> Params {
        let is_post = self.method == Method::POST;
        let raw = if is_post { self.body.as_ref() } else { self.query.as_bytes() };
        Params::parse(raw).unwrap_or_default()
    }

    async fn answered(self, app: &App, loaded: &Loaded, watched: Watched, told: Told) {
        let params = self.params();
        if watched == Watched::Logout && params.get("confirmation").is_some() {
            // The button of our own page.
            return;
        }
        let Told { status, error, by } = told;
        let authorization = self.authorization.as_deref();
        let presented = (watched == Watched::Token)
            .then(|| Presented::read(authorization, &params).map_err(|error| error.code));
        let named = match &presented {
            Some(Ok(presented)) => Some(presented.client_id()),
            Some(Err(_)) | None => named_by(&params),
        };
        let tenant = &loaded.tenant;
        let application = match by {
            Some(by) => tenant.application_by_id(by.application),
            None => named.and_then(|id| tenant.application(id)),
        };
        let is_refused = error == ErrorCode::InvalidClient.as_str()
            || (status == 400 && matches!(presented, Some(Err(_))));
        let unknown = (application.is_none()
            && matches!(watched, Watched::Authorize | Watched::Token))
        .then(|| named.map(|id| visible(id, MAX_CLIENT_ID)))
        .flatten();
        let is_proven = match by {
            Some(by) => by.is_proven,
            None => {
                matches!(presented, Some(Ok(_)))
                    && application.is_some_and(|one| is_proven(&one.client.auth, status, error))
            }
        };
        let at = app.clock.now();
        let answered = Answered { watched, params, application, is_proven, error, status, at };
        answered.see(app, loaded, (unknown, is_refused)).await;
        answered.keep(app, loaded, &self).await;
    }
}

/// The client that parameters name; of two, neither.
fn named_by(params: &Params) -> Option<&str> {
    params.get("client_id").filter(|_| !params.is_repeated("client_id"))
}

/// Whether a request to the token endpoint was the application's, as far as its answer shows: it
/// succeeded, or it was refused for something that is looked at only when the application has proven
/// who it is. That of a client without credentials is looked at for everybody.
fn is_proven(auth: &ClientAuth, status: u16, error: &str) -> bool {
    let after = [
        ErrorCode::InvalidGrant,
        ErrorCode::InvalidScope,
        ErrorCode::UnsupportedGrantType,
        ErrorCode::UnauthorizedClient,
    ];
    let has_credentials = !matches!(auth, ClientAuth::None);
    status == 200 || (has_credentials && after.iter().any(|code| code.as_str() == error))
}

impl Answered<'_> {
    /// The sightings that it is.
    async fn see(&self, app: &App, loaded: &Loaded, (unknown, is_refused): (Option<String>, bool)) {
        if let Some(client_id) = unknown {
            let kind = SightingKind::UnknownClient;
            app.see(loaded, kind, SightingSubject::Tenant, client_id).await;
        }
        let Some(application) = self.application else { return };
        let subject = SightingSubject::Application(application.id);
        if self.watched == Watched::Authorize {
            app.see(loaded, SightingKind::Authorization, subject, String::new()).await;
            if self.error == FailureCode::RedirectUriUnknown.as_str() {
                let sent = self.params.get("redirect_uri").map(address).unwrap_or_default();
                app.see(loaded, SightingKind::RedirectUriRefused, subject, sent).await;
            }
        }
        if self.watched == Watched::Token {
            let is_code = self.params.get("grant_type") == Some("authorization_code");
            if self.status == 200 && is_code {
                app.see(loaded, SightingKind::Redeemed, subject, String::new()).await;
            } else if is_refused {
                let code = self.error.to_owned();
                app.see(loaded, SightingKind::ClientRefused, subject, code).await;
            }
        }
    }

    /// The entry in the trace of its application.
    async fn keep(&self, app: &App, loaded: &Loaded, asked: &Asked) {
        let (tenant, application) = (loaded.tenant.id, self.application.map(|one| one.id));
        if !app.sightings.takes((tenant, application, self.is_proven)).await {
            return;
        }
        let registered = self
            .application
            .into_iter()
            .flat_map(|one| one.client.redirect_uris.iter().chain(&one.post_logout_redirect_uris));
        let registered: Vec<_> = registered.collect();
        let mut shown: Vec<_> = self.credentials(asked).into_iter().collect();
        shown.extend(parameters(&self.params, &registered));
        app.sightings.keep(TraceRecord {
            tenant,
            application,
            entry: TraceEntry {
                at: self.at,
                endpoint: self.watched.name().to_owned(),
                method: asked.method.to_string(),
                parameters: shown,
                status: self.status,
                error: self.error.to_owned(),
                is_proven: self.is_proven,
            },
        });
    }

    /// How whoever asked proves who they are, beside the parameters: no parameter has a name with
    /// parentheses.
    fn credentials(&self, asked: &Asked) -> Option<(String, String)> {
        let header = asked.authorization.as_deref();
        let (name, value) = match self.watched {
            Watched::Token => {
                let scheme = header.map(|text| text.split(' ').next().unwrap_or_default());
                ("(client authentication)", client_authentication(scheme, &self.params))
            }
            Watched::Userinfo => {
                let is_sent = self.params.get("access_token").is_some();
                let place = match (header.is_some(), is_sent) {
                    (true, _) => "in the Authorization header",
                    (false, true) if asked.method == Method::POST => "in the form",
                    (false, true) => "in the query",
                    (false, false) => "none",
                };
                ("(access token)", place)
            }
            _ => return None,
        };
        Some((name.to_owned(), value.to_owned()))
    }
}

impl Watched {
    fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Logout => "logout",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_the_applications_only_if_its_answer_shows_it() {
        let (public, secret) = (ClientAuth::None, ClientAuth::Secret(Vec::new()));
        for (auth, status, error, expected) in [
            (&secret, 200, "", true),
            (&public, 200, "", true),
            (&secret, 400, "invalid_grant", true),
            (&secret, 400, "invalid_scope", true),
            (&secret, 400, "unsupported_grant_type", true),
            (&public, 400, "invalid_grant", false),
            (&secret, 401, "invalid_client", false),
            (&secret, 400, "invalid_request", false),
            (&secret, 503, "temporarily_unavailable", false),
            (&secret, 500, "server_error", false),
        ] {
            assert_eq!(is_proven(auth, status, error), expected, "{auth:?} {status} {error}");
        }
    }
}
