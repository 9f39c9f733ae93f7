//! The only route table, apart from that of the admin API, which its document is ([`api`]), and that
//! of the [`dashboard`].

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::arrival::{Left, Speaks, arrive};
use crate::front::{self, Front};
use crate::gateway::App;
use crate::login::{authorize, finish, introspect, revoke, token, userinfo};
use crate::page::Fixed;
use crate::sightings::observe::{Watched, watch};
use crate::{api, dashboard, health, logo, logout, staff_sign_in, test_login, well_known};

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
    StaffSignIn,
    Token,
    Userinfo,
    Introspect,
    Revoke,
    Logout,
    Logo,
    Process,
    Ready,
}

/// Every route there is.
pub const ROUTES: [Route; 15] = {
    use Endpoint as E;
    const PUBLIC: Gate = Gate::Open("what an issuer publishes names nobody and gives nothing");
    const GIVEN_BACK: Gate = Gate::Open("giving a token back is right whatever is switched off");
    const ENDING: Gate = Gate::Open("ending a session is right whatever is switched off");
    const SHOWN: Gate = Gate::Open("it is on every page of the tenant, also on those that refuse");
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
        route("/t/{tenant}/directories/{directory}/staff", E::StaffSignIn, Gate::Stands),
        route("/t/{tenant}/token", E::Token, Gate::Stands),
        route("/t/{tenant}/userinfo", E::Userinfo, Gate::Stands),
        route("/t/{tenant}/introspect", E::Introspect, Gate::Stands),
        route("/t/{tenant}/revoke", E::Revoke, GIVEN_BACK),
        route("/t/{tenant}/logout", E::Logout, ENDING),
        route("/t/{tenant}/logo/{name}", E::Logo, SHOWN),
        route("/healthz", E::Process, PROBE),
        route("/readyz", E::Ready, PROBE),
    ]
};

impl Endpoint {
    fn handler(self, app: &Arc<App>) -> MethodRouter<Arc<App>> {
        let (methods, left, speaks) = match self {
            Self::Discovery => (get(well_known::discovery), Left::LeadsToDiscovery, Speaks::Pages),
            Self::Jwks => (get(well_known::jwks), Left::Works, Speaks::Pages),
            Self::Authorize => (get_and_post(authorize::authorize), Left::Leads, Speaks::Pages),
            Self::Callback => (get_and_post(finish::callback), Left::Decides, Speaks::Pages),
            Self::TestLogin => (without_head(get(test_login::open)), Left::Leads, Speaks::Pages),
            Self::StaffSignIn => {
                (without_head(get(staff_sign_in::open)), Left::Leads, Speaks::Pages)
            }
            Self::Token => (post(token::token), Left::FinishesThenTells, Speaks::Json),
            Self::Userinfo => {
                (get_and_post(userinfo::userinfo), Left::FinishesThenTells, Speaks::Json)
            }
            Self::Introspect => {
                (post(introspect::introspect), Left::FinishesThenTells, Speaks::Json)
            }
            Self::Revoke => (post(revoke::revoke), Left::Works, Speaks::Json),
            Self::Logout => (get_and_post(logout::logout), Left::FinishesThenLeads, Speaks::Pages),
            Self::Logo => (get(logo::logo), Left::Works, Speaks::Pages),
            Self::Process => return get(health::process),
            Self::Ready => return get(health::ready),
        };
        let methods =
            methods.route_layer(from_fn_with_state((Arc::clone(app), left, speaks), arrive));
        match self.watched() {
            Some(watched) => watch(methods, app, watched),
            None => methods,
        }
    }

    /// What is observed of it.
    const fn watched(self) -> Option<Watched> {
        match self {
            Self::Discovery => Some(Watched::Discovery),
            Self::Jwks => Some(Watched::Jwks),
            Self::Authorize => Some(Watched::Authorize),
            Self::Token => Some(Watched::Token),
            Self::Userinfo => Some(Watched::Userinfo),
            Self::Logout => Some(Watched::Logout),
            _ => None,
        }
    }
}

/// Every route, with what holds for all of them.
pub(crate) fn router(app: Arc<App>, front: &Arc<Front>) -> Router {
    let routes = ROUTES
        .into_iter()
        .fold(Router::new(), |router, one| router.route(one.path, one.endpoint.handler(&app)))
        .fallback(async || Fixed::NotFound);
    let routes = routes.merge(api::router(&app)).merge(dashboard::router());
    front::before(routes.with_state(app), front)
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
