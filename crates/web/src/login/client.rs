//! Who asks, at the endpoints that applications call with their credentials: token, introspection
//! and revocation. [RFC6749-2.3]

use axum::http::{HeaderMap, header};
use broker::tenant::Application;
use oidc::client_auth::{self, AuthenticatedClient, Presented, assertion};
use oidc::error::OAuthError;
use oidc::params::Params;
use oidc::secret::SecretHash;
use store::StoreError;

use super::answer::digest;
use crate::gateway::App;
use crate::refusal::RefusedJson;
use crate::tenants::Loaded;

/// A request of an application that has proven who it is.
pub(super) struct Asked<'a> {
    /// The form.
    pub(super) params: Params,
    /// Who sent it, as the protocol's functions want it.
    pub(super) client: AuthenticatedClient<'a>,
    /// The same, as it is configured.
    pub(super) application: &'a Application,
}

/// Reads the form and proves who sent it. A disabled application is an unknown one.
pub(super) async fn authenticate<'a>(
    app: &App,
    loaded: &'a Loaded,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Asked<'a>, RefusedJson> {
    let params = form(headers, body).map_err(RefusedJson::Token)?;
    let presented =
        Presented::read(authorization(headers)?, &params).map_err(RefusedJson::Token)?;
    let (client, application) = verify(app, loaded, &presented).await?;
    Ok(Asked { params, client, application })
}

/// An unknown client costs what a wrong secret costs (THREATS TK-07).
async fn verify<'a>(
    app: &App,
    loaded: &'a Loaded,
    presented: &Presented,
) -> Result<(AuthenticatedClient<'a>, &'a Application), RefusedJson> {
    let tenant = loaded.tenant.id;
    let id = presented.client_id();
    let hash = |secret: &str| SecretHash::new(app.master.client_secret_hash(tenant, id, secret));
    let Some(application) = loaded.tenant.application(id) else {
        return Err(RefusedJson::Token(client_auth::refuse_unknown(presented, hash)));
    };
    let client = if presented.is_assertion() {
        by_assertion(app, loaded, application, presented).await?
    } else {
        client_auth::verify(presented, &application.client, hash).map_err(RefusedJson::Token)?
    };
    Ok((client, application))
}

/// An assertion works once, whichever node it comes to: its name is used up before anything else
/// happens (THREATS TK-08).
async fn by_assertion<'a>(
    app: &App,
    loaded: &'a Loaded,
    application: &'a Application,
    presented: &Presented,
) -> Result<AuthenticatedClient<'a>, RefusedJson> {
    let now = app.clock.now();
    let tenant = loaded.tenant.id;
    let refuse = |why: &dyn std::fmt::Display| {
        let application = application.id;
        tracing::info!(tenant.id = %tenant, application.id = %application, %why, "a client assertion was refused");
    };
    let unused = assertion::verify(presented, &application.client, &loaded.issuer, now).map_err(
        |refusal| {
            refuse(&refusal);
            RefusedJson::Token(refusal.oauth_error())
        },
    )?;
    let store = app.store.tenant(tenant);
    let name = digest(unused.jti());
    let first =
        match store.use_client_assertion(application.id, name, unused.expires_at(), now).await {
            // The application was removed while it asked.
            Err(StoreError::Conflict(_)) => false,
            asked => asked?,
        };
    if !first {
        refuse(&"it was used before");
    }
    unused.used(first).map_err(RefusedJson::Token)
}

/// An `Authorization` header that appears twice is refused, whichever comes first.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<&str>, RefusedJson> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next().map(|value| value.to_str().unwrap_or_default());
    if values.next().is_some() {
        let error = OAuthError::invalid_request("the Authorization header is sent twice");
        return Err(RefusedJson::Token(error));
    }
    Ok(first)
}

/// The body is a form and says so. [RFC6749-3.2]
pub(super) fn form(headers: &HeaderMap, body: &[u8]) -> Result<Params, OAuthError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request("send a form: application/x-www-form-urlencoded"));
    }
    Params::parse(body).map_err(|_| OAuthError::invalid_request("the form cannot be read"))
}
