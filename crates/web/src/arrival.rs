//! At which of its tenant's addresses a request arrives, and what becomes of it at one that the
//! tenant has left (docs/adr/0032-a-host-of-its-own.md).
//!
//! [`inside`] turns a request for a tenant's own host into the same below the tenant's path, so that
//! every route, limit and observer knows one form; [`arrive`] stands before every route of a tenant.
//! At the address that is the issuer a request goes on. At another one nothing begins: a person is
//! led to the issuer, a machine is told. What began there before the issuer changed is finished
//! there, under the issuer that it began with, while [`Addresses::still_finishes`].
//!
//! [`Addresses::still_finishes`]: broker::address::Addresses::still_finishes

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use broker::address::HostName;
use broker::id::Slug;
use oidc::error::{ErrorCode, OAuthError};

use crate::gateway::App;
use crate::refusal::{Refused, RefusedJson};
use crate::tenants::Loaded;

/// RFC 8414's form of the discovery document, at the root of a host. [RFC8414-3.1]
const AT_THE_ROOT: &str = "/.well-known/oauth-authorization-server";

/// What an application is told at an address that its tenant has left.
const MOVED: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "this issuer has another address now: set the application up with the one that the discovery \
     document leads to",
);

/// Goes along with a request that came by a tenant's own host.
#[derive(Debug, Clone)]
pub(crate) struct ByHost(pub(crate) HostName);

/// The tenant that a request is for, as it is at the address that the request came to.
#[derive(Debug, Clone)]
pub(crate) struct Here(pub(crate) Arc<Loaded>);

impl<S: Sync> FromRequestParts<S> for Here {
    type Rejection = Refused;

    /// [`arrive`] puts it there; a route without it serves nobody.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().cloned().ok_or(Refused::NotFound)
    }
}

/// What a route does at an address that the tenant has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Leads to the same at the issuer.
    Leads,
    /// Leads to the discovery document there.
    LeadsToDiscovery,
    /// Finishes what began here; later it leads.
    FinishesThenLeads,
    /// Finishes what began here; later it tells the machine that asks.
    FinishesThenTells,
    /// The handler sees to it: it knows what began here.
    Decides,
    /// Works as ever: keys are the same everywhere, and giving something back is always right.
    Works,
}

/// What answers when there is no tenant to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Pages.
    Pages,
    /// The protocol's errors.
    Json,
}

/// The address below a tenant's path that is meant by one at its own host; `None` if there can be
/// none.
pub(crate) fn inside(uri: &Uri, tenant: &Slug) -> Option<Uri> {
    let path = match uri.path() {
        AT_THE_ROOT => format!("{AT_THE_ROOT}/t/{tenant}"),
        path => format!("/t/{tenant}{path}"),
    };
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    PathAndQuery::try_from(whole).ok().map(Uri::from)
}

/// Loads the tenant for the handler, or answers in its place.
pub(crate) async fn arrive(
    State((app, left, speaks)): State<(Arc<App>, Left, Speaks)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let slug = params.iter().find_map(|(name, value)| (name == "tenant").then_some(value));
    let host = request.extensions().get::<ByHost>().map(|by| by.0.clone());
    let uri = request.uri().clone();
    match place(&app, left, slug.unwrap_or_default(), (host.as_ref(), &uri)).await {
        Ok(Place::Here(loaded)) => {
            request.extensions_mut().insert(Here(loaded));
            next.run(request).await
        }
        Ok(Place::Elsewhere(address)) => lead(&address),
        Err(refused) if speaks == Speaks::Json => refused.into_response(),
        Err(RefusedJson::NotFound) => Refused::NotFound.into_response(),
        Err(RefusedJson::Unavailable) => Refused::Unavailable.into_response(),
        Err(_) => Refused::Internal.into_response(),
    }
}

enum Place {
    Here(Arc<Loaded>),
    Elsewhere(String),
}

async fn place(
    app: &App,
    left: Left,
    slug: &str,
    (host, uri): (Option<&HostName>, &Uri),
) -> Result<Place, RefusedJson> {
    let found = app.tenants.get(slug).await?;
    let leads_here = |host: &HostName| found.as_ref().is_some_and(|it| it.addresses.has(host));
    if let Some(host) = host.filter(|host| !leads_here(host)) {
        // It did a moment ago.
        app.tenants.hosts().forget(host).await;
        return Err(RefusedJson::NotFound);
    }
    let loaded = found.ok_or(RefusedJson::NotFound)?;
    if loaded.addresses.is_at(host) {
        return Ok(Place::Here(loaded));
    }
    let finishes = loaded.addresses.still_finishes(app.clock.now());
    match left {
        Left::Decides | Left::Works => Ok(Place::Here(Arc::new(loaded.at(host)))),
        Left::FinishesThenLeads | Left::FinishesThenTells if finishes => {
            Ok(Place::Here(Arc::new(loaded.at(host))))
        }
        Left::FinishesThenTells => Err(RefusedJson::Token(MOVED)),
        Left::LeadsToDiscovery => {
            let path = "/.well-known/openid-configuration";
            Ok(Place::Elsewhere(format!("{}{path}", loaded.issuer)))
        }
        Left::Leads | Left::FinishesThenLeads => {
            Ok(Place::Elsewhere(same_at(&loaded.issuer, slug, uri)))
        }
    }
}

/// The same at another address of the tenant. It begins with what the configuration says, whatever
/// the request does (THREATS HP-01).
pub(crate) fn same_at(issuer: &str, slug: &str, uri: &Uri) -> String {
    let below = uri.path().strip_prefix("/t/").and_then(|path| path.strip_prefix(slug));
    let below = below.filter(|path| path.starts_with('/')).unwrap_or_default();
    match uri.query() {
        Some(query) => format!("{issuer}{below}?{query}"),
        None => format!("{issuer}{below}"),
    }
}

/// Leads on, with the method and the body that were sent [RFC9110-15.4.8]; never kept, since a tenant
/// may come back.
pub(crate) fn lead(address: &str) -> Response {
    match HeaderValue::try_from(address) {
        Ok(location) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        Err(_) => Refused::NotFound.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(path: &str) -> String {
        inside(&path.parse().unwrap(), &"acme".parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn tn_05_every_address_at_a_tenants_host_is_below_its_path() {
        for (at_host, below) in [
            ("/authorize?a=b&c", "/t/acme/authorize?a=b&c"),
            ("https://login.acme.org/jwks", "/t/acme/jwks"),
            ("/t/other/jwks", "/t/acme/t/other/jwks"),
            ("/dashboard", "/t/acme/dashboard"),
            ("/api/v1/tenants", "/t/acme/api/v1/tenants"),
            (
                "/.well-known/oauth-authorization-server",
                "/.well-known/oauth-authorization-server/t/acme",
            ),
            (
                "/.well-known/oauth-authorization-server/t/other",
                "/t/acme/.well-known/oauth-authorization-server/t/other",
            ),
            ("/", "/t/acme/"),
        ] {
            assert_eq!(turned(at_host), below);
        }
    }

    #[test]
    fn hp_01_a_redirect_goes_to_the_issuer_and_nowhere_else() {
        let uri = "/t/acme/authorize?client_id=a&redirect_uri=https://evil.example";
        assert_eq!(
            same_at("https://login.acme.org", "acme", &uri.parse().unwrap()),
            "https://login.acme.org/authorize?client_id=a&redirect_uri=https://evil.example"
        );
        let uri = "/t/acme//evil.example/authorize".parse().unwrap();
        let led = same_at("https://login.acme.org", "acme", &uri);
        assert!(led.starts_with("https://login.acme.org/"), "{led}");
        let uri = "/t/acmeevil/authorize".parse().unwrap();
        assert!(!same_at("https://login.acme.org", "acme", &uri).contains("acme.orgevil"));
    }
}
