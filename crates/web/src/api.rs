//! The admin API, `/api/v1`: what `vestibule apply` and the dashboard do, as JSON over HTTP.
//!
//! authenticate ([`caller`], [`pace`]) → parse ([`input`]) → the operation, which decides what the caller may
//! do ([`admin`], [`broker::authority`]) → answer, or a [`problem`].
//!
//! - [`configuration`]: tenants, applications and directories, read and written ([`mod@written`]).
//! - [`logo`]: the picture on a tenant's pages.
//! - [`acts`]: a new secret, a probe, a test link.
//! - [`addresses`]: where a tenant is reached, and where its directories send people back.
//! - [`people`], [`records`]: users; logins, the audit log, signing keys.
//! - [`sightings`]: what was observed of applications and directories.
//! - [`claims`]: rows, tried before they are saved.
//! - [`mod@routing`]: where somebody would be sent, and the domains that decide it.
//! - [`tokens`]: the tokens that the API is called with; [`mod@staff`]: who uses the dashboard.
//! - [`setup_links`], [`hosts`]: who connects a directory, and where it is.
//! - [`replace`]: one directory takes another's place.
//! - [`expiries`]: what ends soon.
//!
//! Before an operation that changes something, [`keyed`] sees to it that it is done once.
//!
//! Every operation is annotated where it is written; [`document`] is made of that, so that an
//! operation that is not described cannot be reached. The document is the table that the tests
//! multiply by tenants and roles (THREATS TN-01).

pub(crate) mod acts;
pub(crate) mod addresses;
pub(crate) mod caller;
pub(crate) mod claims;
pub(crate) mod configuration;
pub(crate) mod expiries;
pub(crate) mod hosts;
pub(crate) mod input;
mod keyed;
pub(crate) mod logo;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod problem;
pub(crate) mod records;
mod refused_token_request;
pub(crate) mod replace;
pub(crate) mod routing;
pub(crate) mod setup_links;
pub(crate) mod sightings;
pub(crate) mod staff;
pub(crate) mod tokens;
pub(crate) mod written;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement, ServerBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::App;
use problem::Mistake;
pub(crate) use problem::Problem;

/// Where the operations are.
const ROOT: &str = "/api/v1";

/// The routes below `/api`.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let (operations, mut document) = described().split_for_parts();
    keyed::describe(&mut document);
    let once = axum::middleware::from_fn_with_state(Arc::clone(app), keyed::once);
    // The document is made once, not at every request.
    let document = Arc::new(document);
    let document = get(async move || Json(Arc::clone(&document)));
    Router::new()
        .merge(operations.route_layer(once))
        .route("/api/openapi.json", document)
        .route("/api/{*rest}", axum::routing::any(async || Problem::no_operation()))
        .method_not_allowed_fallback(async || Problem::no_method())
}

/// The `OpenAPI` document of the admin API.
pub fn document() -> OpenApi {
    let mut document = described().into_openapi();
    keyed::describe(&mut document);
    document
}

fn described() -> OpenApiRouter<Arc<App>> {
    let operations = OpenApiRouter::new()
        .routes(routes!(caller::show))
        .routes(routes!(configuration::list_tenants))
        .routes(routes!(
            configuration::get_tenant,
            configuration::put_tenant,
            configuration::patch_tenant,
            configuration::delete_tenant
        ))
        .routes(routes!(logo::get_logo, logo::put_logo, logo::delete_logo))
        .routes(routes!(configuration::get_configuration, configuration::put_configuration))
        .routes(routes!(configuration::list_applications))
        .routes(routes!(
            configuration::get_application,
            configuration::put_application,
            configuration::patch_application,
            configuration::delete_application
        ))
        .routes(routes!(configuration::list_directories))
        .routes(routes!(
            configuration::get_directory,
            configuration::put_directory,
            configuration::patch_directory,
            configuration::delete_directory
        ))
        .routes(routes!(acts::add_secret, acts::end_old_secrets))
        .routes(routes!(acts::setup_sheet))
        .routes(routes!(acts::probe))
        .routes(routes!(acts::test_link))
        .routes(routes!(replace::replace_directory))
        .routes(routes!(addresses::show))
        .routes(routes!(addresses::remove_host))
        .routes(routes!(addresses::set_callback))
        .routes(routes!(addresses::test_callback))
        .routes(routes!(claims::preview_claims))
        .routes(routes!(people::list_users))
        .routes(routes!(people::get_user))
        .routes(routes!(people::block_user))
        .routes(routes!(people::unblock_user))
        .routes(routes!(people::join::join_user))
        .routes(routes!(people::sessions::list_user_sessions))
        .routes(routes!(people::sessions::end_user_sessions))
        .routes(routes!(people::sessions::end_user_session))
        .routes(routes!(records::list_logins))
        .routes(routes!(records::get_login))
        .routes(routes!(records::list_audit))
        .routes(routes!(records::list_keys))
        .routes(routes!(records::rotate_keys))
        .routes(routes!(sightings::list_sightings))
        .routes(routes!(sightings::list_trace))
        .routes(routes!(sightings::list_unknown_trace))
        .routes(routes!(routing::get_route))
        .routes(routes!(routing::list_domains, routing::claim_domain))
        .routes(routes!(routing::check_domain))
        .routes(routes!(routing::remove_domain))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(tokens::list_installation_tokens, tokens::create_installation_token))
        .routes(routes!(tokens::revoke_installation_token))
        .routes(routes!(staff::list_staff, staff::invite_staff))
        .routes(routes!(staff::get_staff, staff::assign_staff, staff::remove_staff))
        .routes(routes!(staff::list_operators, staff::invite_operator))
        .routes(routes!(staff::remove_operator))
        .routes(routes!(setup_links::list_setup_links, setup_links::create_setup_link))
        .routes(routes!(setup_links::remove_setup_link))
        .routes(routes!(hosts::get_hosts))
        .routes(routes!(hosts::approve_hosts))
        .routes(routes!(expiries::list_expiries))
        .routes(routes!(expiries::list_installation_expiries));
    OpenApiRouter::with_openapi(frame()).nest(ROOT, operations)
}

/// The document without its operations.
fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Vestibule admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("api/description.md")))
        .license(Some(utoipa::openapi::License::new("MIT OR Apache-2.0")))
        .build();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the admin API: `vestibule api-token create`."))
        .build();
    let components = utoipa::openapi::ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(scheme))
        // Refusals are described apart from the operations.
        .schema_from::<Problem>()
        .schema_from::<Mistake>()
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .components(Some(components))
        .security(Some([SecurityRequirement::new("token", [""; 0])]))
        .build()
}
