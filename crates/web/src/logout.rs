//! RP-initiated logout: an application sends the browser here to end its session. [OIDCRIL-2]
//!
//! What the request says is read by [`oidc::op::logout`], what happens is decided by
//! [`broker::logout`]. Ending a session is one statement; the cookie goes with it. The directory
//! that the person came from is not told.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::id::SessionId;
use broker::logout::{Confirmation, Decision, Hinted, SessionFacts, Target, decide};
use broker::tenant::Application;
use oidc::op::logout::{Hint, LogoutRequest, destination};
use oidc::op::metadata::LOGOUT_PATH;
use oidc::params::Params;
use oidc::redirect_uri::RedirectUri;
use store::SessionRecord;

use crate::arrival::Here;
use crate::cookie::{Cookies, Names};
use crate::entropy;
use crate::gateway::App;
use crate::login::session;
use crate::page::{self, Language};
use crate::refusal::Refused;
use crate::sightings::observe::AskedBy;
use crate::tenants::Loaded;

/// What a request works on.
struct Logout {
    app: Arc<App>,
    loaded: Arc<Loaded>,
    request: LogoutRequest,
    /// Whose ID token came along.
    hint: Option<Hint>,
    session: Option<SessionRecord>,
    language: Language,
    /// Sent back with every answer after which the browser has no session.
    forget: Option<HeaderValue>,
}

/// The Logout Endpoint, by GET and by POST. [OIDCRIL-2]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let query = query.unwrap_or_default();
    let raw = if method == Method::POST { body.as_ref() } else { query.as_bytes() };
    // What cannot be read asks for nothing but to be asked.
    let params = Params::parse(raw).ok();
    let request = params.as_ref().map(LogoutRequest::parse).unwrap_or_default();
    let wished = params.as_ref().and_then(|params| params.get("ui_locales"));
    let language = Language::choose(wished, &headers);
    let cookies = Cookies::read(&headers, Names::new(&loaded.tenant.slug, app.secure));
    let session = session::live(&app, &loaded, &cookies, app.clock.now()).await?;
    let forget = cookies.names().drop_session();
    let confirmation = params.as_ref().and_then(|params| params.get("confirmation"));
    let confirmation = confirmation.filter(|_| method == Method::POST).map(str::to_owned);
    let hint = request.id_token_hint.as_deref();
    let hint = hint.and_then(|raw| loaded.identify(raw, app.clock.now()));
    let named = hint.as_ref().and_then(|hint| loaded.tenant.application(&hint.client_id));
    // A browser sends it, as often as it likes.
    let by = named.map(|one| AskedBy { application: one.id, is_proven: false });
    let logout = Logout { app, loaded, request, hint, session, language, forget };
    let mut response = match confirmation {
        Some(text) => logout.confirmed(&text).await?,
        None => logout.asked(is_navigation(&headers)).await?,
    };
    by.map(|by| response.extensions_mut().insert(by));
    Ok(response)
}

/// Whether a person went here, as far as the browser says: images, frames and scripts of other pages
/// say so.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_none_or(|dest| dest == "document")
}

impl Logout {
    /// What an application asks for.
    async fn asked(self, is_navigation: bool) -> Result<Response, Refused> {
        let hint = self.hint.as_ref();
        let tenant = &self.loaded.tenant;
        let named = hint.and_then(|hint| tenant.application(&hint.client_id));
        let hinted = Hinted::judge(&self.request, hint, named.map(Arc::as_ref));
        let (sub, ours) = match &self.session {
            Some(session) => {
                let sub =
                    named.and_then(|one| one.sub.apply(&session.user, &self.loaded.pairwise).ok());
                (sub, self.applications(session).await?)
            }
            None => (None, Vec::new()),
        };
        let ours: Vec<&Application> = ours.iter().map(Arc::as_ref).collect();
        let session = self.session.as_ref().map(|session| SessionFacts {
            id: session.id,
            sub: sub.as_deref(),
            applications: &ours,
            is_navigation,
        });
        let target = match decide(&self.request, hinted, session) {
            Decision::Ask(target) => return self.ask(target),
            Decision::End(target) => {
                self.end(hint).await?;
                target
            }
            Decision::Nothing(target) => target,
        };
        // Of an application that nobody named, nothing can be said.
        let unregistered = matches!(hinted, Hinted::Of(..))
            && target.is_none()
            && self.request.post_logout_redirect_uri.is_some();
        if unregistered {
            return self.say_signed_out(true);
        }
        self.leave(target.map(|target| target.uri), self.request.state.as_deref())
    }

    /// The button of the page that asks was pressed.
    async fn confirmed(self, text: &str) -> Result<Response, Refused> {
        let Some(session) = &self.session else { return self.leave(None, None) };
        let place = (self.loaded.tenant.id, session.id);
        let (key, now) = (self.app.master.browser_key(), self.app.clock.now());
        let Ok(confirmation) = Confirmation::open(key, place, text, now) else {
            // Too old, or somebody else's: asked again, and nothing has happened.
            return self.ask(None);
        };
        self.end(None).await?;
        let application = confirmation.then.as_ref().map(|(id, _)| *id);
        let application = application.and_then(|id| self.loaded.tenant.application_by_id(id));
        let target = confirmation.target(application.map(Arc::as_ref));
        self.leave(target, confirmation.state.as_deref())
    }

    /// The applications that the session signed in, those that are enabled.
    async fn applications(
        &self,
        session: &SessionRecord,
    ) -> Result<Vec<Arc<Application>>, Refused> {
        // Nobody is sent anywhere without these two, so nobody has to know.
        if self.request.id_token_hint.is_some() || self.request.post_logout_redirect_uri.is_none() {
            return Ok(Vec::new());
        }
        let tenant = &self.loaded.tenant;
        let ids = self.app.store.tenant(tenant.id).applications_of_session(session.id).await?;
        Ok(ids.into_iter().filter_map(|id| tenant.application_by_id(id).cloned()).collect())
    }

    /// Ends the session of the browser, and with it what the ID token's own session gave: when the
    /// person signed in afresh since, that is an earlier one.
    async fn end(&self, hint: Option<&Hint>) -> Result<(), Refused> {
        let Some(session) = &self.session else { return Ok(()) };
        let (tenant, now) = (self.loaded.tenant.id, self.app.clock.now());
        let store = self.app.store.tenant(tenant);
        let ended = store.end_session(session.id, now).await?;
        let earlier = hint.and_then(|hint| hint.sid.as_deref()?.parse::<SessionId>().ok());
        if let Some(earlier) = earlier.filter(|earlier| *earlier != session.id) {
            store.end_session(earlier, now).await?;
        }
        tracing::info!(tenant.id = %tenant, session.id = %session.id, ended, "a logout");
        Ok(())
    }

    /// The page that asks.
    fn ask(&self, target: Option<Target<'_>>) -> Result<Response, Refused> {
        let Some(session) = &self.session else { return self.leave(None, None) };
        let place = (self.loaded.tenant.id, session.id);
        let confirmation =
            Confirmation::new(target, self.request.state.as_deref(), self.app.clock.now());
        let sealed = confirmation.seal(self.app.master.browser_key(), place, entropy::bytes()?);
        let Ok(sealed) = sealed else { return Err(Refused::Internal) };
        let action = format!("{}{LOGOUT_PATH}", self.loaded.issuer);
        let about = self.about(target.map(|target| target.name));
        Ok(page::logout::ask(entropy::bytes()?, &about, action, sealed))
    }

    /// The browser has no session any more: on to the application, or a page.
    fn leave(&self, to: Option<&RedirectUri>, state: Option<&str>) -> Result<Response, Refused> {
        match to.map(|uri| HeaderValue::try_from(destination(uri, state))) {
            Some(Ok(location)) => {
                let location = [(header::LOCATION, location)];
                Ok(self.forgetting((StatusCode::SEE_OTHER, location).into_response()))
            }
            Some(Err(_)) | None => self.say_signed_out(false),
        }
    }

    fn say_signed_out(&self, unregistered: bool) -> Result<Response, Refused> {
        let about = page::logout::Logout { unregistered, ..self.about(None) };
        Ok(self.forgetting(page::logout::signed_out(entropy::bytes()?, &about)))
    }

    fn forgetting(&self, mut response: Response) -> Response {
        if let Some(forget) = self.forget.clone() {
            response.headers_mut().append(header::SET_COOKIE, forget);
        }
        response
    }

    fn about<'a>(&'a self, application_name: Option<&'a str>) -> page::logout::Logout<'a> {
        let (language, brand) = (self.language, &self.loaded.brand);
        page::logout::Logout { language, brand, application_name, unregistered: false }
    }
}
