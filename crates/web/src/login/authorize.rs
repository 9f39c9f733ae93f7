//! Step 1 of a login: the application's authorization request is parsed and checked. [RFC6749-3.1]

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use broker::failure::FailureCode;
use broker::timeline::Step;
use oidc::op::authorize::{self, ID_TOKEN_BY_QUERY, PageRefusal, Refusal};
use oidc::params::Params;

use super::{Login, Trace, route};
use crate::gateway::App;
use crate::refusal::Refused;

/// For the administrator of an application whose screen offers both values: middleware shows such
/// an error as a bare code, or goes round in circles.
const BY_QUERY: &str = "an ID token must not travel in a query: where the application is set up, \
                        set the response mode to form_post, or the response type to code (imc \
                        Learning Suite: tab Client Application)";

/// The Authorization Endpoint, by GET and by POST. [OIDCC-3.1.2.1]
pub(crate) async fn authorize(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let loaded = app.tenants.get(&tenant).await?.ok_or(Refused::NotFound)?;
    let mut trace = Trace::begin(app, loaded)?;

    let query = query.unwrap_or_default();
    let raw = if method == Method::POST { body.as_ref() } else { query.as_bytes() };
    let params = match Params::parse(raw) {
        Ok(params) => params,
        Err(error) => {
            return Err(trace
                .fail(Step::Authorize, FailureCode::RequestInvalid, error.to_string())
                .into());
        }
    };
    let named = authorize::client_id(&params).ok().map(str::to_owned);
    let application = named.and_then(|id| trace.loaded.tenant.application(&id).cloned());
    let Some(application) = application else {
        let detail = PageRefusal::ClientUnknown.to_string();
        return Err(trace.fail(Step::Authorize, FailureCode::ApplicationUnknown, detail).into());
    };
    match authorize::check(&params, &application.client) {
        Ok(request) => {
            let kind = request.response_type.as_str();
            trace.note(
                Step::Authorize,
                format!(
                    "{} asks for {kind} by {}",
                    application.name,
                    request.redirect.mode().as_str()
                ),
            );
            route::route(Login { trace, application, request }, &params, &method, &headers).await
        }
        Err(Refusal::Page(refusal)) => {
            Err(trace.fail(Step::Authorize, page_failure(refusal), refusal.to_string()).into())
        }
        Err(Refusal::Redirect(redirect, error)) => {
            let why = (Step::Authorize, FailureCode::RequestInvalid);
            let silent = params.get("prompt") == Some("none");
            if error == ID_TOKEN_BY_QUERY && !silent {
                return Err(trace.explain(application, redirect, why, error, BY_QUERY).into());
            }
            Ok(trace.refuse(&application, &redirect, why, &error)?)
        }
    }
}

fn page_failure(refusal: PageRefusal) -> FailureCode {
    match refusal {
        PageRefusal::ClientIdMissing
        | PageRefusal::ClientIdRepeated
        | PageRefusal::ClientUnknown => FailureCode::ApplicationUnknown,
        PageRefusal::RedirectUriMissing
        | PageRefusal::RedirectUriRepeated
        | PageRefusal::RedirectUriUnregistered => FailureCode::RedirectUriUnknown,
    }
}
