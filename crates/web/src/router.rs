//! The only route table, apart from that of the admin API, which its document is ([`api`]), and that
//! of the [`dashboard`].

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};

use crate::front::{self, Front};
use crate::gateway::App;
use crate::login::{authorize, finish, introspect, revoke, token, userinfo};
use crate::page::Fixed;
use crate::sightings::observe::{Watched, watch};
use crate::{api, dashboard, health, logout, test_login, well_known};

/// A route of the gateway.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Its path, with the names of what varies in braces.
    pub path: &'static str,
    /// Whether [`broker::gate`] stands before it.
    pub gate: Gate,
    endpoint: Endpoint,
}

/// Whether the gate stands before a route. The end-to-end tests ask every route where it does for
/// each state in which it has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It does.
    Stands,
    /// It does not, for this reason.
    Open(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Discovery,
    Jwks,
    Authorize,
    Callback,
    TestLogin,
    Token,
    Userinfo,
    Introspect,
    Revoke,
    Logout,
    Process,
    Ready,
}

/// Every route there is.
pub const ROUTES: [Route; 13] = {
    use Endpoint as E;
    const PUBLIC: Gate = Gate::Open("what an issuer publishes names nobody and gives nothing");
    const GIVEN_BACK: Gate = Gate::Open("giving a token back is right whatever is switched off");
    const ENDING: Gate = Gate::Open("ending a session is right whatever is switched off");
    const PROBE: Gate = Gate::Open("it tells of the process, and of no tenant");
    const fn route(path: &'static str, endpoint: Endpoint, gate: Gate) -> Route {
        Route { path, gate, endpoint }
    }
    [
        route("/t/{tenant}/.well-known/openid-configuration", E::Discovery, PUBLIC),
        route("/.well-known/oauth-authorization-server/t/{tenant}", E::Discovery, PUBLIC),
        route("/t/{tenant}/jwks", E::Jwks, PUBLIC),
        route("/t/{tenant}/authorize", E::Authorize, Gate::Stands),
        route("/t/{tenant}/directories/{directory}/callback", E::Callback, Gate::Stands),
        route("/t/{tenant}/directories/{directory}/test", E::TestLogin, Gate::Stands),
        route("/t/{tenant}/token", E::Token, Gate::Stands),
        route("/t/{tenant}/userinfo", E::Userinfo, Gate::Stands),
        route("/t/{tenant}/introspect", E::Introspect, Gate::Stands),
        route("/t/{tenant}/revoke", E::Revoke, GIVEN_BACK),
        route("/t/{tenant}/logout", E::Logout, ENDING),
        route("/healthz", E::Process, PROBE),
        route("/readyz", E::Ready, PROBE),
    ]
};

impl Endpoint {
    fn handler(self, app: &Arc<App>) -> MethodRouter<Arc<App>> {
        let watched = |methods, endpoint| watch(methods, app, endpoint);
        match self {
            Self::Discovery => watched(get(well_known::discovery), Watched::Discovery),
            Self::Jwks => watched(get(well_known::jwks), Watched::Jwks),
            Self::Authorize => watched(get_and_post(authorize::authorize), Watched::Authorize),
            Self::Callback => get_and_post(finish::callback),
            Self::TestLogin => without_head(get(test_login::open)),
            Self::Token => watched(post(token::token), Watched::Token),
            Self::Userinfo => watched(get_and_post(userinfo::userinfo), Watched::Userinfo),
            Self::Introspect => post(introspect::introspect),
            Self::Revoke => post(revoke::revoke),
            Self::Logout => watched(get_and_post(logout::logout), Watched::Logout),
            Self::Process => get(health::process),
            Self::Ready => get(health::ready),
        }
    }
}

/// Every route, with what holds for all of them.
pub(crate) fn router(app: Arc<App>, front: &Arc<Front>) -> Router {
    let routes = ROUTES
        .into_iter()
        .fold(Router::new(), |router, one| router.route(one.path, one.endpoint.handler(&app)))
        .fallback(async || Fixed::NotFound);
    let routes = routes.merge(api::router()).merge(dashboard::router());
    front::before(routes, front).with_state(app)
}

fn get_and_post<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: axum::handler::Handler<T, Arc<App>>,
    T: 'static,
{
    without_head(get(handler.clone()).post(handler))
}

/// These requests do something, and HEAD, which axum takes for GET, must not: programs that look at
/// links send it, and would use up what works once. [RFC9110-9.3.2]
fn without_head(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.head(async || StatusCode::METHOD_NOT_ALLOWED)
}
