//! The dashboard: pages for operators and a tenant's staff, over the operations of the admin API.
//!
//! visitor ([`visitor`]: who is signed in) → desk ([`desk`]: one tenant, and what they may do there)
//! → the operation of [`crate::api`] or [`crate::api::configuration::edit`] → a page ([`shell`]).
//! Every page that changes something is a form sent by POST, which the front takes from our own
//! pages alone (THREATS BR-05), and answers with 303 or with the form and what is wrong in it.
//!
//! - signing in: [`sign_in`], [`passkey`], [`organisation`] and [`answered`] (through a directory),
//!   [`welcome`] (the first time), [`account`], [`setup`] (a link for one directory)
//! - [`tenants`], then of one tenant [`home`] and what the side of every page lists
//! - to set up: [`applications`], [`directories`], [`claims`], [`domains`], [`mod@routing`]; [`raw`]
//!   is what has no box
//! - to watch: [`logins`], [`users`], [`audit`]
//! - to manage: [`staff`], [`api_tokens`], [`keys`], [`hosts`], [`settings`]; [`operators`],
//!   [`installation_tokens`] and [`expiries`] of all tenants
//! - [`fields`] reads forms, [`choice`] and [`roles`] are lists to choose from, [`confirm`] asks
//!   before something ends, [`assets`] serves the style sheet and the scripts

mod account;
mod answered;
mod api_tokens;
mod applications;
mod assets;
mod audit;
mod choice;
mod claims;
mod confirm;
mod desk;
mod directories;
mod domains;
mod expiries;
mod fields;
mod home;
mod hosts;
mod installation_tokens;
mod keys;
mod logins;
mod operators;
mod organisation;
mod passkey;
mod raw;
mod refused;
mod roles;
mod routing;
mod settings;
mod setup;
mod shell;
mod sign_in;
mod staff;
mod tenants;
mod users;
mod visitor;
mod welcome;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::gateway::App;

pub use logins::{Place, place};
pub(crate) use passkey::relying_party;
pub(crate) use refused::Refused;
pub(crate) use sign_in::Attempts;
pub(crate) use webauthn_rs::Webauthn;

/// Who may open a page at all. What they may do there is decided as for the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Anybody.
    Anybody,
    /// Whoever is signed in.
    SignedIn,
    /// Operators.
    Operators,
    /// Whoever belongs to the tenant in the address, and operators.
    Staff,
}

/// A page, or what a form of it is sent to.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Its path, with the names of what varies in braces.
    pub path: &'static str,
    /// Who may open it.
    pub visit: Visit,
    /// Whether something is sent to it.
    pub takes: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
}

/// Every page there is. The tests multiply this table by people.
pub const PAGES: &[Page] = &[
    read("/dashboard", Visit::SignedIn, || get(tenants::list)),
    form("/dashboard/sign-in", Visit::Anybody, || get(sign_in::show).post(sign_in::enter)),
    sent("/dashboard/sign-in/passkey", Visit::Anybody, || post(passkey::ask)),
    sent("/dashboard/sign-in/passkey/answer", Visit::Anybody, || post(passkey::answer)),
    read("/dashboard/sign-in/directory", Visit::Anybody, || get(organisation::begin)),
    form("/dashboard/sign-in/directory/answer", Visit::Anybody, || {
        get(answered::show).post(answered::agree)
    }),
    sent("/dashboard/sign-out", Visit::Anybody, || post(sign_in::leave)),
    form("/dashboard/welcome", Visit::Anybody, || get(welcome::show).post(welcome::set_up)),
    sent("/dashboard/welcome/passkey", Visit::Anybody, || post(welcome::ask)),
    sent("/dashboard/welcome/passkey/answer", Visit::Anybody, || post(welcome::answer)),
    sent("/dashboard/welcome/directory", Visit::Anybody, || post(welcome::through)),
    form("/dashboard/setup", Visit::Anybody, || get(setup::show).post(setup::begin)),
    read("/dashboard/account", Visit::SignedIn, || get(account::show)),
    sent("/dashboard/account/passkey", Visit::SignedIn, || post(account::ask)),
    sent("/dashboard/account/passkey/answer", Visit::SignedIn, || post(account::answer)),
    sent("/dashboard/account/passkey/remove", Visit::SignedIn, || post(account::remove)),
    sent("/dashboard/account/directory", Visit::SignedIn, || post(account::connect)),
    sent("/dashboard/account/directory/remove", Visit::SignedIn, || post(account::disconnect)),
    sent("/dashboard/account/sessions/end", Visit::SignedIn, || post(account::end_others)),
    form("/dashboard/tenants/new", Visit::Operators, || get(tenants::new).post(tenants::make)),
    read("/dashboard/operators", Visit::Operators, || get(operators::list)),
    form("/dashboard/operators/invite", Visit::Operators, || {
        get(operators::ask_invite).post(operators::invite)
    }),
    form("/dashboard/operators/{account}/remove", Visit::Operators, || {
        get(operators::ask_remove).post(operators::remove)
    }),
    read("/dashboard/expiries", Visit::Operators, || get(expiries::list)),
    read("/dashboard/api-tokens", Visit::Operators, || get(installation_tokens::list)),
    form("/dashboard/api-tokens/new", Visit::Operators, || {
        get(installation_tokens::new).post(installation_tokens::make)
    }),
    form("/dashboard/api-tokens/{token}/revoke", Visit::Operators, || {
        get(installation_tokens::ask_revoke).post(installation_tokens::revoke)
    }),
    read("/dashboard/t/{tenant}", Visit::Staff, || get(home::show)),
    read("/dashboard/t/{tenant}/domains", Visit::Staff, || get(domains::list)),
    form("/dashboard/t/{tenant}/domains/new", Visit::Staff, || {
        get(domains::new).post(domains::claim)
    }),
    sent("/dashboard/t/{tenant}/domains/{domain}/check", Visit::Staff, || post(domains::check)),
    form("/dashboard/t/{tenant}/domains/{domain}/remove", Visit::Staff, || {
        get(domains::ask_remove).post(domains::remove)
    }),
    read("/dashboard/t/{tenant}/hosts", Visit::Staff, || get(hosts::show)),
    form("/dashboard/t/{tenant}/hosts/change", Visit::Staff, || {
        get(hosts::ask_change).post(hosts::change)
    }),
    form("/dashboard/t/{tenant}/hosts/{host}/remove", Visit::Staff, || {
        get(hosts::ask_remove).post(hosts::remove)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/callback", Visit::Staff, || {
        post(hosts::callback)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/callback/test", Visit::Staff, || {
        post(hosts::test)
    }),
    read("/dashboard/t/{tenant}/routing", Visit::Staff, || get(routing::show)),
    read("/dashboard/t/{tenant}/logins", Visit::Staff, || get(logins::list)),
    read("/dashboard/t/{tenant}/logins/{login}", Visit::Staff, || get(logins::show)),
    read("/dashboard/t/{tenant}/users", Visit::Staff, || get(users::list)),
    read("/dashboard/t/{tenant}/users/{user}", Visit::Staff, || get(users::show)),
    form("/dashboard/t/{tenant}/users/{user}/block", Visit::Staff, || {
        get(users::ask_block).post(users::block)
    }),
    sent("/dashboard/t/{tenant}/users/{user}/unblock", Visit::Staff, || post(users::unblock)),
    sent("/dashboard/t/{tenant}/users/{user}/sessions/end", Visit::Staff, || {
        post(users::end_sessions)
    }),
    form("/dashboard/t/{tenant}/users/{user}/join", Visit::Staff, || {
        get(users::join::show).post(users::join::join)
    }),
    read("/dashboard/t/{tenant}/audit", Visit::Staff, || get(audit::list)),
    read("/dashboard/t/{tenant}/staff", Visit::Staff, || get(staff::list)),
    form("/dashboard/t/{tenant}/staff/invite", Visit::Staff, || {
        get(staff::ask_invite).post(staff::invite)
    }),
    form("/dashboard/t/{tenant}/staff/{account}", Visit::Staff, || {
        get(staff::show).post(staff::change)
    }),
    form("/dashboard/t/{tenant}/staff/{account}/remove", Visit::Staff, || {
        get(staff::ask_remove).post(staff::remove)
    }),
    read("/dashboard/t/{tenant}/api-tokens", Visit::Staff, || get(api_tokens::list)),
    form("/dashboard/t/{tenant}/api-tokens/new", Visit::Staff, || {
        get(api_tokens::new).post(api_tokens::make)
    }),
    form("/dashboard/t/{tenant}/api-tokens/{token}/revoke", Visit::Staff, || {
        get(api_tokens::ask_revoke).post(api_tokens::revoke)
    }),
    read("/dashboard/t/{tenant}/keys", Visit::Staff, || get(keys::list)),
    form("/dashboard/t/{tenant}/keys/rotate", Visit::Staff, || {
        get(keys::ask_rotate).post(keys::rotate)
    }),
    form("/dashboard/t/{tenant}/settings", Visit::Staff, || {
        get(settings::show).post(settings::save)
    }),
    sent("/dashboard/t/{tenant}/settings/look", Visit::Staff, || post(settings::look::save)),
    sent("/dashboard/t/{tenant}/settings/logo", Visit::Staff, || post(settings::look::put_logo)),
    sent("/dashboard/t/{tenant}/settings/logo/remove", Visit::Staff, || {
        post(settings::look::remove_logo)
    }),
    sent("/dashboard/t/{tenant}/settings/times", Visit::Staff, || post(settings::times::save)),
    form("/dashboard/t/{tenant}/settings/remove", Visit::Staff, || {
        get(settings::ask_remove).post(settings::remove)
    }),
    read("/dashboard/t/{tenant}/applications", Visit::Staff, || get(applications::list)),
    form("/dashboard/t/{tenant}/applications/new", Visit::Staff, || {
        get(applications::new::show).post(applications::new::make)
    }),
    form("/dashboard/t/{tenant}/applications/{client_id}", Visit::Staff, || {
        get(applications::values::show).post(applications::values::paste)
    }),
    form("/dashboard/t/{tenant}/applications/{client_id}/settings", Visit::Staff, || {
        get(applications::settings::show).post(applications::settings::change)
    }),
    read("/dashboard/t/{tenant}/applications/{client_id}/secrets", Visit::Staff, || {
        get(applications::secrets::show)
    }),
    sent("/dashboard/t/{tenant}/applications/{client_id}/secrets/add", Visit::Staff, || {
        post(applications::secrets::add)
    }),
    sent("/dashboard/t/{tenant}/applications/{client_id}/secrets/end", Visit::Staff, || {
        post(applications::secrets::end)
    }),
    read("/dashboard/t/{tenant}/applications/{client_id}/claims", Visit::Staff, || {
        get(applications::claims::show)
    }),
    read("/dashboard/t/{tenant}/applications/{client_id}/requests", Visit::Staff, || {
        get(applications::requests::show)
    }),
    form("/dashboard/t/{tenant}/applications/{client_id}/configuration", Visit::Staff, || {
        get(raw::application_text).post(raw::save_application)
    }),
    form("/dashboard/t/{tenant}/applications/{client_id}/remove", Visit::Staff, || {
        get(applications::remove::show).post(applications::remove::remove)
    }),
    read("/dashboard/t/{tenant}/directories", Visit::Staff, || get(directories::list)),
    form("/dashboard/t/{tenant}/directories/new", Visit::Staff, || {
        get(directories::new::show).post(directories::new::make)
    }),
    read("/dashboard/t/{tenant}/directories/{directory}", Visit::Staff, || {
        get(directories::one::show)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/edit", Visit::Staff, || {
        get(directories::edit::show).post(directories::edit::save)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/check", Visit::Staff, || {
        post(directories::acts::check)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/test", Visit::Staff, || {
        post(directories::acts::test)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/state", Visit::Staff, || {
        post(directories::acts::state)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/secret", Visit::Staff, || {
        get(directories::secret::show).post(directories::secret::act)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/setup-links", Visit::Staff, || {
        get(directories::setup_links::show).post(directories::setup_links::make)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/setup-links/end", Visit::Staff, || {
        post(directories::setup_links::end)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/configuration", Visit::Staff, || {
        get(raw::directory_text).post(raw::save_directory)
    }),
    sent("/dashboard/t/{tenant}/directories/{directory}/hosts/approve", Visit::Staff, || {
        post(directories::hosts::approve)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/staff-sign-in", Visit::Staff, || {
        get(directories::staff_sign_in::show).post(directories::staff_sign_in::change)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/replace", Visit::Staff, || {
        get(directories::replace::show).post(directories::replace::act)
    }),
    form("/dashboard/t/{tenant}/directories/{directory}/remove", Visit::Staff, || {
        get(directories::remove::show).post(directories::remove::remove)
    }),
    form("/dashboard/t/{tenant}/claims", Visit::Staff, || get(claims::show).post(claims::act)),
];

const fn page(
    path: &'static str,
    visit: Visit,
    takes: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
) -> Page {
    Page { path, visit, takes, handler }
}

/// A page to read.
const fn read(path: &'static str, visit: Visit, handler: fn() -> MethodRouter<Arc<App>>) -> Page {
    page(path, visit, false, handler)
}

/// A page with a form that is sent to its own address.
const fn form(path: &'static str, visit: Visit, handler: fn() -> MethodRouter<Arc<App>>) -> Page {
    page(path, visit, true, handler)
}

/// What a form of another page, or a script, is sent to.
const fn sent(path: &'static str, visit: Visit, handler: fn() -> MethodRouter<Arc<App>>) -> Page {
    page(path, visit, true, handler)
}

/// The routes below `/dashboard`.
pub(crate) fn router() -> Router<Arc<App>> {
    PAGES
        .iter()
        .fold(assets::router(), |router, one| router.route(one.path, (one.handler)()))
        .route("/dashboard/{*rest}", get(async || Refused::NotFound))
}
