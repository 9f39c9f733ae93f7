//! What every page has around its content, and the headers of its answer.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use broker::authority::{Authority, Need};
use broker::id::Slug;

use super::assets;
use super::fields::Query;

/// What a page may load and do: our own style sheet and scripts, forms to ourselves, nothing inline
/// (THREATS BR-06).
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A link of the side.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

/// Links of the side that belong together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) label: &'static str,
    pub(crate) id: &'static str,
    pub(crate) links: Vec<Link>,
}

/// A tenant, by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slug: Slug,
    pub(crate) name: String,
}

/// What was just done, or is wrong, on top of a page.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// `ok`, `warn` or `bad`.
    pub(crate) tone: &'static str,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
}

impl Notice {
    /// Something went well.
    pub(crate) fn ok(title: impl Into<String>) -> Self {
        Self { tone: "ok", title: title.into(), lines: Vec::new() }
    }

    /// Something was refused, for these reasons.
    pub(crate) fn bad(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self { tone: "bad", title: title.into(), lines }
    }

    /// What the page says that somebody is sent back to after an act: from a closed list, so that an
    /// address puts no words of its own onto a page.
    fn of(done: &str) -> Option<Self> {
        let said = match done {
            "saved" => "Saved.",
            "added" => "Added.",
            "removed" => "Removed.",
            "nothing" => "Nothing was changed: all of it was so already.",
            "blocked" => "Blocked. Their sessions ended, and what applications hold is revoked.",
            "unblocked" => "They may sign in again.",
            "ended" => "Ended.",
            "replaced" => "Done. People sign in through this directory from now on.",
            "approved" => "Approved. People are sent there from now on.",
            "connected" => "Connected. You can sign in through it from now on.",
            "rotated" => "A new key was made. Applications see it before it signs.",
            "proven" => "The record was found: the domain is proven.",
            "unproven" => "The record was not found. DNS may take a while to show it.",
            _ => return None,
        };
        Some(Self::ok(said))
    }
}

/// What every page loads, and which version it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files {
    pub(crate) icon: &'static str,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    /// Of pages with passkeys.
    pub(crate) passkey: &'static str,
    pub(crate) version: &'static str,
}

impl Files {
    /// The files of this program.
    pub(crate) fn of_now() -> Self {
        Self {
            icon: assets::icon(),
            style: assets::style(),
            script: assets::script(),
            passkey: assets::passkey(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What every page has around its content.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) files: Files,
    pub(crate) title: String,
    /// Whoever is signed in; empty: nobody.
    pub(crate) who: String,
    /// What they are here.
    pub(crate) role: String,
    pub(crate) has_account: bool,
    pub(crate) tenant: Option<Place>,
    /// The tenants that the bar offers.
    pub(crate) tenants: Vec<Place>,
    pub(crate) groups: Vec<Group>,
    pub(crate) notice: Option<Notice>,
}

impl Shell {
    /// For a page before anybody is signed in.
    pub(crate) fn before_sign_in(title: &str) -> Self {
        Self {
            files: Files::of_now(),
            title: title.to_owned(),
            who: String::new(),
            role: String::new(),
            has_account: false,
            tenant: None,
            tenants: Vec::new(),
            groups: Vec::new(),
            notice: None,
        }
    }

    /// The same with another title.
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The same with a notice.
    pub(crate) fn noting(mut self, notice: Notice) -> Self {
        self.notice = Some(notice);
        self
    }

    /// The same with the notice that the address names, if it does.
    pub(crate) fn after(mut self, query: &Query) -> Self {
        self.notice = query.get("done").and_then(Notice::of).or(self.notice);
        self
    }
}

/// The parts of a tenant, as the side of its pages lists them: those that somebody may look at.
pub(super) fn side(tenant: &Slug, authority: &Authority, path: &str) -> Vec<Group> {
    let home = format!("/dashboard/t/{tenant}");
    let link = |label, part: &str| {
        let href = if part.is_empty() { home.clone() } else { format!("{home}/{part}") };
        let is_current = if part.is_empty() {
            path == home
        } else {
            path.strip_prefix(&href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Link { label, href, is_current }
    };
    let group = |label, id, links: Vec<Link>| Group { label, id, links };
    if !authority.has(Need::Viewer) {
        return vec![group(
            "Set up",
            "nav-set-up",
            vec![link("Directories", "directories"), link("Claims", "claims")],
        )];
    }
    let mut managed = vec![
        link("Signing keys", "keys"),
        link("Addresses", "hosts"),
        link("Settings", "settings"),
    ];
    if authority.has(Need::Owner) {
        managed.splice(0..0, [link("Staff", "staff"), link("API tokens", "api-tokens")]);
    }
    vec![
        group("", "nav-start", vec![link("Overview", "")]),
        group(
            "Set up",
            "nav-set-up",
            vec![
                link("Applications", "applications"),
                link("Directories", "directories"),
                link("Claims", "claims"),
                link("Domains", "domains"),
                link("Routing", "routing"),
            ],
        ),
        group(
            "Watch",
            "nav-watch",
            vec![link("Logins", "logins"), link("Users", "users"), link("Audit log", "audit")],
        ),
        group("Manage", "nav-manage", managed),
    ]
}

/// A rendered page with its headers.
pub(crate) fn respond(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else {
        tracing::error!("a page of the dashboard cannot be made");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page.
pub(crate) fn ok(page: &impl Template) -> Response {
    respond(StatusCode::OK, page)
}

/// On to another page after an act. [RFC9110-15.4.4]
pub(crate) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}
