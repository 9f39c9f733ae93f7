//! The pages an end user can meet: few, small, and of one make.
//!
//! - `brand`: what all of them show of their tenant;
//! - `chooser`: which directory? The e-mail first, buttons for those that it cannot decide;
//! - `error`: a login that failed, in plain words, with its support code and the ways out;
//! - `notice`: starting over, a database that is away, an address without a page;
//! - `form_post`: the answer to an application, as a form that submits itself;
//! - `logout`: whether to sign out, and that it is done;
//! - `test_login`: what a test login found, for whoever looks after a directory;
//! - `texts`: every word of the others, in each `language`.
//!
//! A page loads nothing but its tenant's logo, runs no script but the one of `form_post`, and shows
//! only what the configuration or Vestibule itself says, never what a request or a directory says;
//! the typed e-mail alone returns into its box, and `test_login` shows claims. Each takes 128 fresh
//! random bits for its nonce, which its own style and script carry, so that the browser applies no
//! others. [CSP3-7.1] The ids are an interface: test drivers rely on them.

mod brand;
mod chooser;
mod error;
mod form_post;
mod language;
pub(crate) mod logout;
mod notice;
mod test_login;
#[cfg(test)]
mod tests;
mod texts;

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use oidc::op::answer::AuthorizationResponse;
use url::Url;

pub(crate) use brand::{Brand, Logo};
pub(crate) use chooser::{Chooser, chooser};
pub(crate) use error::{ErrorPage, error};
pub(crate) use form_post::form_post;
pub(crate) use language::Language;
pub(crate) use notice::{Fixed, Notice, Turned, notice, retold};
pub(crate) use test_login::{Fact, Row, Table, TestLogin, test_login, visible};

use texts::Texts;

/// A way out of a page, drawn as a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Goes to the address.
    Link(String),
    /// Sends the fields there by POST.
    Form {
        /// The address.
        action: String,
        /// Names and values, in this order.
        fields: Vec<(String, String)>,
    },
}

impl From<AuthorizationResponse> for Action {
    fn from(answer: AuthorizationResponse) -> Self {
        match answer {
            AuthorizationResponse::Redirect(address) => Self::Link(address),
            AuthorizationResponse::FormPost { action, fields } => Self::Form {
                action,
                fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            },
        }
    }
}

/// An [`Action`] with its looks, for `button.html`.
struct Button {
    id: &'static str,
    class: &'static str,
    label: String,
    action: Action,
}

/// What every page has around its content.
struct Frame<'a> {
    language: Language,
    /// Whether the browser had a say in that.
    is_negotiated: bool,
    nonce: String,
    title: String,
    brand: Option<&'a Brand>,
}

impl<'a> Frame<'a> {
    fn new(nonce: [u8; 16], language: Language, title: &str, brand: Option<&'a Brand>) -> Self {
        let (nonce, title) = (URL_SAFE_NO_PAD.encode(nonce), title.to_owned());
        Self { language, is_negotiated: true, nonce, title, brand }
    }

    /// Whether what is said in English stands among words of another language.
    fn is_foreign(&self) -> bool {
        self.language != Language::English
    }

    /// What the link to the tenant's help is called.
    fn help(&self) -> &'static str {
        self.language.texts().help
    }
}

/// Where the forms of a page may lead.
enum Forms<'a> {
    /// The page has none.
    None,
    /// Chromium applies `form-action` to every redirect that follows, and these end at a
    /// directory or an application.
    Anywhere,
    /// To this address; redirects of the receiver may lead on over https.
    To(&'a str),
}

impl Forms<'_> {
    fn of(buttons: &[Button]) -> Self {
        let any = buttons.iter().any(|button| matches!(button.action, Action::Form { .. }));
        if any { Self::Anywhere } else { Self::None }
    }

    fn directive(&self) -> String {
        match self {
            Self::None => "; form-action 'none'".to_owned(),
            Self::Anywhere => String::new(),
            Self::To(action) => format!("; form-action https:{}", source(action)),
        }
    }
}

/// The source expression of an address: its origin, or the scheme of a native application.
/// Only a dotted scheme counts, which no scheme of the browser's own is. [RFC8252-7.1]
fn source(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return String::new() };
    match url.origin() {
        origin if origin.is_tuple() => format!(" {}", origin.ascii_serialization()),
        _ if url.scheme().contains('.') => format!(" {}:", url.scheme()),
        _ => String::new(),
    }
}

/// Whether the page runs the script that carries its nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scripts {
    None,
    WithNonce,
}

/// A rendered page with the headers that all of them have.
fn respond(
    status: StatusCode,
    frame: &Frame<'_>,
    (scripts, forms): (Scripts, &Forms<'_>),
    page: &impl Template,
) -> Response {
    let nonce = &frame.nonce;
    let scripts = match scripts {
        Scripts::None => String::new(),
        Scripts::WithNonce => format!("; script-src 'nonce-{nonce}'"),
    };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'{scripts}; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'{}",
        forms.directive()
    );
    let mut response = match (page.render(), HeaderValue::try_from(policy)) {
        (Ok(html), Ok(policy)) => {
            let mut response = plain(status, html, "text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        _ => broken(frame.language),
    };
    speak(&mut response, frame);
    response
}

/// Says in which language an answer is, and what that was taken from. [RFC9110-8.5] [RFC9110-12.5.5]
fn speak(response: &mut Response, frame: &Frame<'_>) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(frame.language.tag()));
    if frame.is_negotiated {
        headers.insert(VARY, HeaderValue::from(ACCEPT_LANGUAGE));
    }
}

fn plain(status: StatusCode, body: String, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let fixed = [
        (CONTENT_TYPE, content_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The answer when even a page cannot be made.
fn broken(language: Language) -> Response {
    let text = language.texts().broken.to_owned();
    plain(StatusCode::INTERNAL_SERVER_ERROR, text, "text/plain; charset=utf-8")
}
