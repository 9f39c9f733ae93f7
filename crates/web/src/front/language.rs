//! What is refused before anything of a request is known speaks the reader's language all the same:
//! by `ui_locales` in the address, else by `Accept-Language`.

use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;
use oidc::params::Params;

use crate::page::{Language, retold};

/// Has pages of fixed words told in the language of the request. The others know it themselves.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    let address = request.uri().clone();
    let accepted = Language::choose(None, request.headers());
    let response = next.run(request).await;
    retold(response, || wished(&address).unwrap_or(accepted))
}

/// [OIDCC-3.1.2.1] [OIDCRIL-2]
fn wished(address: &Uri) -> Option<Language> {
    let params = Params::parse(address.query()?.as_bytes()).ok()?;
    Language::wished(params.get("ui_locales")?)
}
