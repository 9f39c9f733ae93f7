//! A browser without a screen that signs in once.
//!
//! It does what a person would: opens the application, types an e-mail, follows redirects, sends
//! forms that submit themselves, and at the directory presses the button of the person with that
//! e-mail. It runs no scripts. When the application's page comes back it asks the application
//! what it accepted. [`forms`] reads pages, [`cookies`] keeps cookies as browsers do.

mod cookies;
mod forms;

use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Origin, Url};

use crate::fetch;
use crate::params::encode;
use cookies::Jar;
use forms::Form;

/// A login has about ten; a loop has no end.
const MOST_HOPS: usize = 30;

/// What the application accepted, and the way there.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The claims of the ID token that counted.
    pub id_token_claims: Map<String, Value>,
    /// The claims of userinfo.
    pub userinfo: Map<String, Value>,
    /// `Staff` or `Public user`.
    pub verdict: String,
    /// Claims that iMIS needs and did not get.
    pub missing: Vec<String>,
    /// Each request and its status, in order; queries are left out, since they carry codes.
    pub hops: Vec<String>,
}

/// Where a login stopped and why.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {detail}")]
pub struct ScriptedError {
    /// The party and the request, such as `gateway: GET http://127.0.0.1:8080/t/acme/authorize`.
    pub step: String,
    /// What it answered, in words.
    pub detail: String,
    /// Each request and its status, in order.
    pub hops: Vec<String>,
}

#[derive(Deserialize)]
struct Me {
    id_token: Map<String, Value>,
    userinfo: Map<String, Value>,
    verdict: String,
    missing: Vec<String>,
}

/// Signs in at a sample application (by its address without a trailing slash) as the person with
/// the e-mail.
///
/// # Errors
/// The step at which the login stopped: a party that does not answer, a page that leads no
/// further, an error of the protocol, or too many hops.
pub async fn login_once(application_url: &str, email: &str) -> Result<Outcome, ScriptedError> {
    let start = Url::parse(application_url).map_err(|cause| ScriptedError {
        step: "application".to_owned(),
        detail: format!("{application_url} is not an address: {cause}"),
        hops: Vec::new(),
    })?;
    let client = fetch::client().map_err(|cause| ScriptedError {
        step: "browser".to_owned(),
        detail: cause.to_string(),
        hops: Vec::new(),
    })?;
    let mut browser = Browser {
        client,
        jar: Jar::default(),
        parties: vec![start.origin()],
        hops: Vec::new(),
        step: String::new(),
    };
    match browser.sign_in(start, email).await {
        Ok(me) => Ok(Outcome {
            id_token_claims: me.id_token,
            userinfo: me.userinfo,
            verdict: me.verdict,
            missing: me.missing,
            hops: browser.hops,
        }),
        Err(detail) => Err(ScriptedError { step: browser.step, detail, hops: browser.hops }),
    }
}

struct Browser {
    client: reqwest::Client,
    jar: Jar,
    /// The origins in the order in which they were met: application, gateway, directory.
    parties: Vec<Origin>,
    hops: Vec<String>,
    /// The request under way.
    step: String,
}

/// A request to send next.
struct Go {
    method: Method,
    url: Url,
    body: Option<String>,
}

impl Go {
    const fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None }
    }
}

/// A page that was loaded.
struct Page {
    status: StatusCode,
    url: Url,
    text: String,
}

impl Browser {
    /// The text of an error is for people; the step is in `self`.
    async fn sign_in(&mut self, start: Url, email: &str) -> Result<Me, String> {
        let home = start.origin();
        let mut page = self.load(Go::get(start.clone())).await?;
        loop {
            // The application's own pages have their sign-in form only as long as nobody is in.
            let at_home = page.url.origin() == home;
            if page.status != StatusCode::OK {
                return Err(format!("{}: {}", page.status, forms::summary(&page.text)));
            }
            let Some(next) = next(&page, email)? else {
                if at_home {
                    break;
                }
                let summary = forms::summary(&page.text);
                return Err(format!("the page leads no further: {summary}"));
            };
            page = self.load(next).await?;
        }
        let me = start.join("/me").map_err(|cause| cause.to_string())?;
        let page = self.load(Go::get(me)).await?;
        if page.status != StatusCode::OK {
            return Err("the application signed nobody in".to_owned());
        }
        serde_json::from_str(&page.text).map_err(|cause| cause.to_string())
    }

    /// Sends the request and follows redirects up to a page.
    async fn load(&mut self, first: Go) -> Result<Page, String> {
        let mut go = first;
        loop {
            let (method, url) = (go.method.clone(), go.url.clone());
            let response = self.send(go).await?;
            let status = response.status();
            if !status.is_redirection() {
                let body = fetch::body(response).await.map_err(|cause| cause.to_string())?;
                let text = String::from_utf8_lossy(&body).into_owned();
                return Ok(Page { status, url, text });
            }
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .ok_or("a redirect without a Location")?;
            let target = url.join(location).map_err(|cause| cause.to_string())?;
            // Only 307 and 308 repeat a POST, and nothing here should send a form on.
            if matches!(status.as_u16(), 307 | 308) && method != Method::GET {
                return Err(format!("{status} would send the form on to {}", bare(&target)));
            }
            go = Go::get(target);
        }
    }

    async fn send(&mut self, go: Go) -> Result<reqwest::Response, String> {
        self.step = format!("{}: {} {}", self.party(&go.url), go.method, bare(&go.url));
        if self.hops.len() == MOST_HOPS {
            return Err(format!("no end after {MOST_HOPS} requests"));
        }
        let mut request =
            self.client.request(go.method, go.url.clone()).header(ACCEPT, "text/html,*/*");
        if let Some(cookies) = self.jar.header(&go.url) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = go.body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.map_err(|cause| format!("no answer: {cause}"))?;
        self.jar.keep(&go.url, response.headers());
        self.hops.push(format!("{} -> {}", self.step, response.status().as_u16()));
        Ok(response)
    }

    fn party(&mut self, url: &Url) -> &'static str {
        let origin = url.origin();
        let position =
            self.parties.iter().position(|known| *known == origin).unwrap_or_else(|| {
                self.parties.push(origin);
                self.parties.len() - 1
            });
        match position {
            0 => "application",
            1 => "gateway",
            2 => "directory",
            _ => "someone else",
        }
    }
}

/// An address without its query, which may carry a code.
fn bare(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// What a person would do on the page: press the button with their e-mail, else type it where
/// the page asks for it, else let the form that asks nothing submit itself.
fn next(page: &Page, email: &str) -> Result<Option<Go>, String> {
    let forms = forms::read(&page.text);
    let button = forms.iter().find_map(|form| {
        let button = form.buttons.iter().find(|(_, value)| value.eq_ignore_ascii_case(email))?;
        Some((form, Some((button.0.as_str(), button.1.as_str()))))
    });
    let typed =
        || forms.iter().find_map(|form| Some((form, Some((form.email_field.as_deref()?, email)))));
    let own_way = || {
        let silent = |form: &&Form| {
            form.email_field.is_none()
                && form.hidden.iter().any(|(name, _)| matches!(name.as_str(), "state" | "code"))
        };
        forms.iter().find(silent).map(|form| (form, None))
    };
    let Some((form, said)) = button.or_else(typed).or_else(own_way) else { return Ok(None) };

    let mut url = page.url.join(&form.action).map_err(|cause| cause.to_string())?;
    let fields = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs: Vec<_> = fields.chain(said).collect();
    if form.post {
        return Ok(Some(Go { method: Method::POST, url, body: Some(encode(&pairs)) }));
    }
    // A GET form replaces the query of its action.
    url.set_query(Some(&encode(&pairs)));
    Ok(Some(Go::get(url)))
}
