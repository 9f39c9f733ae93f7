//! Off to a directory of one's organisation: to sign in, or to prove who one is there.
//!
//! An organisation is named by its tenant's slug, which every address of it shows; which of its
//! directories sign staff in is no secret either. Nobody is asked for an e-mail address, so that
//! nobody learns who belongs to the staff (THREATS ID-11).
//!
//! A link leads there, never the answer to a form: browsers hold redirects to the policy of the page
//! that the form is on. [CSP3-6.4.1] Signing in begins with a link alone, at once if it is one of our own
//! pages: otherwise a page says where it leads, and somebody has to go on from there, so that no other
//! site signs anybody in (THREATS BR-05). Whatever changes an account begins with a form of our own page,
//! whose answer shows the link.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use broker::cookie::Received;
use broker::gate::{self, Passage};
use broker::id::Slug;
use broker::staff_sign_in::{Errand, StaffTicket, TICKET_LIFETIME};
use broker::tenant::Directory;
use chrono::TimeDelta;
use oidc::secret::sha256;

use super::Refused;
use super::fields::Query;
use super::shell::{self, Place, Shell};
use super::sign_in::onward;
use crate::api::Problem;
use crate::entropy;
use crate::gateway::App;
use crate::staff_sign_in;
use crate::tenants::{Loaded, Unloaded};

/// How long a browser remembers that it began: a ticket, an attempt and an answer after one another.
const BEGUN: TimeDelta = TimeDelta::minutes(25);
/// How long it remembers the organisation.
const REMEMBERED: TimeDelta = TimeDelta::days(180);
/// The length of what it holds.
const VALUE: usize = 43;

/// A directory that staff may sign in through.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) href: String,
}

/// An organisation with such directories.
pub(super) struct Organisation {
    pub(super) name: String,
    pub(super) choices: Vec<Choice>,
}

/// The organisation of that slug, if any of its directories signs staff in. One that does not, is
/// suspended, or is not there is the same to whoever asks.
pub(super) async fn organisation(
    app: &App,
    slug: &str,
    next: &str,
) -> Result<Option<Organisation>, Refused> {
    let Some(loaded) = loaded(app, slug).await? else { return Ok(None) };
    let tenant = &loaded.tenant;
    let open = tenant.directories.iter().filter(|one| is_open(&loaded, one));
    let choices: Vec<Choice> = open
        .map(|one| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("organisation", slug).append_pair("directory", one.slug.as_str());
            query.append_pair("next", next);
            let href = format!("/dashboard/sign-in/directory?{}", query.finish());
            Choice { name: one.name.clone(), href }
        })
        .collect();
    let name = tenant.name.clone();
    Ok((!choices.is_empty()).then_some(Organisation { name, choices }))
}

async fn loaded(app: &App, slug: &str) -> Result<Option<Arc<Loaded>>, Refused> {
    if slug.parse::<Slug>().is_err() {
        return Ok(None);
    }
    let loaded = app.tenants.get(slug).await;
    loaded.map_err(|unloaded| {
        Refused::from(match unloaded {
            Unloaded::Unavailable => Problem::unavailable(),
            Unloaded::Broken => Problem::internal("a tenant cannot be loaded"),
        })
    })
}

fn is_open(loaded: &Loaded, directory: &Directory) -> bool {
    gate::pass(&loaded.tenant, Passage::Staff(directory.id)).is_ok()
}

/// Begins a sign-in: at once by a link of our own page, else by the link of the page that is shown.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Refused> {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let (slug, next) = (text("organisation"), onward(query.get("next")));
    let organisation = slug.parse().map_err(|_| Refused::NotFound)?;
    let errand = Errand::SignIn { organisation, next };
    let way = Way::to(&app, &headers, (slug, text("directory")), errand).await?;
    if is_ours(&headers) {
        return Ok(way.remembered(shell::see(&way.address)));
    }
    Ok(way.offered(Shell::before_sign_in("Sign in with your organisation"), "/dashboard/sign-in"))
}

/// Whether a browser says that a page of ours led here, and nothing in between did not.
fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// The way to a directory.
pub(super) struct Way {
    directory: String,
    organisation: Place,
    address: String,
    begun: HeaderValue,
}

#[derive(Template)]
#[template(path = "dashboard/directory_way.html")]
struct WayPage {
    shell: Shell,
    name: String,
    organisation: Place,
    address: String,
    back: &'static str,
    /// Whether the page goes on by itself.
    is_led: bool,
}

impl Way {
    /// The way to a directory of an organisation, on an errand, from this browser.
    pub(super) async fn to(
        app: &App,
        headers: &HeaderMap,
        (slug, directory): (&str, &str),
        errand: Errand,
    ) -> Result<Self, Refused> {
        let loaded = loaded(app, slug).await?.ok_or(Refused::NotFound)?;
        let directory = loaded.tenant.directory(directory).cloned();
        let directory = directory.filter(|one| is_open(&loaded, one)).ok_or(Refused::NotFound)?;
        // Another tab may have begun: its answer is to count as well.
        let value = match held(app, headers) {
            Some(value) => value.to_owned(),
            None => entropy::token()?,
        };
        let ticket = StaffTicket {
            errand,
            browser: sha256(value.as_bytes()),
            expires_at: app.clock.now() + TICKET_LIFETIME,
        };
        let place = (loaded.tenant.id, directory.id);
        let ticket = ticket.seal(app.master.browser_key(), place, entropy::bytes()?);
        let ticket = ticket.map_err(|_| Problem::internal("a ticket cannot be sealed"))?;
        Ok(Self {
            directory: directory.name.clone(),
            organisation: Place {
                slug: loaded.tenant.slug.clone(),
                name: loaded.tenant.name.clone(),
            },
            address: staff_sign_in::address(&loaded.issuer, &directory, &ticket),
            begun: cookie(app, begun_name(app), &value, BEGUN)?,
        })
    }

    /// A page that leads there by itself: the answer to a form of our own page.
    pub(super) fn shown(self, shell: Shell, back: &'static str) -> Response {
        self.page(shell, back, true)
    }

    /// A page with the link there.
    fn offered(self, shell: Shell, back: &'static str) -> Response {
        self.page(shell, back, false)
    }

    fn page(self, shell: Shell, back: &'static str, is_led: bool) -> Response {
        let (name, address) = (self.directory.clone(), self.address.clone());
        let organisation = self.organisation.clone();
        self.remembered(shell::ok(&WayPage { shell, name, organisation, address, back, is_led }))
    }

    /// The answer, by which the browser remembers that it began.
    fn remembered(&self, mut response: Response) -> Response {
        response.headers_mut().append(header::SET_COOKIE, self.begun.clone());
        response
    }
}

/// The hash of what this browser holds, if it began.
pub(super) fn browser(app: &App, headers: &HeaderMap) -> Option<[u8; 32]> {
    held(app, headers).map(|value| sha256(value.as_bytes()))
}

fn held<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    received(headers).only(begun_name(app)).filter(|value| value.len() == VALUE)
}

/// The answer by which the browser forgets that it began, so that none counts twice in it.
pub(super) fn forgetting(app: &App, response: &mut Response) -> Result<(), Problem> {
    let none = cookie(app, begun_name(app), "", TimeDelta::zero())?;
    response.headers_mut().append(header::SET_COOKIE, none);
    Ok(())
}

/// The organisation that this browser last signed in through.
pub(super) fn last(app: &App, headers: &HeaderMap) -> Option<Slug> {
    received(headers).only(last_name(app))?.parse().ok()
}

/// Remembers it.
pub(super) fn remember(app: &App, slug: &Slug, response: &mut Response) -> Result<(), Problem> {
    let cookie = cookie(app, last_name(app), slug.as_str(), REMEMBERED)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}

fn received(headers: &HeaderMap) -> Received<'_> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    Received::read(values)
}

fn begun_name(app: &App) -> &'static str {
    if app.secure { "__Host-vestibule-dashboard-begun" } else { "vestibule-dashboard-begun" }
}

fn last_name(app: &App) -> &'static str {
    if app.secure {
        "__Host-vestibule-dashboard-organisation"
    } else {
        "vestibule-dashboard-organisation"
    }
}

fn cookie(app: &App, name: &str, value: &str, lifetime: TimeDelta) -> Result<HeaderValue, Problem> {
    let secure = if app.secure { "; Secure" } else { "" };
    let age = lifetime.num_seconds();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::try_from(text).map_err(|_| Problem::internal("a cookie cannot be written"))
}
