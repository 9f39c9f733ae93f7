//! A browser without a screen: cookies as browsers keep them, redirects by hand, forms, and a
//! record of every request. It does not run scripts; a page that posts itself is recognised by
//! its single form without anything to fill in.
//!
//! [`Agent::get`] follows redirects to a page; [`Agent::visit`] also signs in where it is asked
//! to and lets self-posting forms pass, until it arrives where the test wanted to be.

mod cookies;
mod html;

pub use cookies::Cookie;
pub use html::{Button, Field, Form};

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use cookies::Jar;
use reqwest::{Client, ClientBuilder, Method, header, redirect::Policy};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use crate::peers::tls::Certificate;

/// Hosts of tenants' own, which are this machine to the agent.
const TENANTS_HOSTS: [&str; 2] = ["login.acme.example", "login.other.example"];
const TIMEOUT: Duration = Duration::from_secs(20);
/// A login through two providers takes about fifteen.
const HOP_LIMIT: usize = 40;
const USER_FIELDS: [&str; 5] = ["login", "username", "user", "email", "login_hint"];
const PASSWORD_FIELDS: [&str; 1] = ["password"];

/// One request and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// `GET` or `POST`.
    pub method: Method,
    /// The address with its query.
    pub url: Url,
    /// The status code of the answer.
    pub status: u16,
}

/// An answer that is not followed further.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it came from.
    pub url: Url,
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: header::HeaderMap,
    /// Its body as text.
    pub body: String,
}

impl Page {
    /// The forms of an HTML page.
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.body)
    }

    /// What a person would read, with the white space of an HTML page made single.
    pub fn text(&self) -> String {
        html::text(&self.body)
    }

    /// The links of an HTML page: their text and their address.
    pub fn links(&self) -> Vec<(String, String)> {
        html::links(&self.body)
    }

    /// One header as text, empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The address that a redirect leads to.
    pub fn location(&self) -> Option<Url> {
        let text = self.headers.get(header::LOCATION)?.to_str().ok()?;
        (300..400).contains(&self.status).then(|| self.url.join(text).ok()).flatten()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is something else; the error shows it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("{} answered {}: {}", self.url, self.status, self.body))
    }
}

/// What to do on the way and where to stop.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Typed into user name and e-mail fields.
    pub user: String,
    /// Typed into password fields.
    pub password: String,
    /// A page whose address begins so is the destination.
    pub until: String,
    /// A redirect or a self-posting form to an address that begins so is not followed; the page
    /// that contains it is returned. Empty: none.
    pub stop_before: String,
}

impl Visit {
    /// A visit by `user`, whose password is the same word, that ends at `until`.
    pub fn by(user: &str, until: &str) -> Self {
        let (user, until) = (user.to_owned(), until.to_owned());
        Self { password: user.clone(), user, until, stop_before: String::new() }
    }

    /// A visit that ends with the answer that would lead to `address`.
    pub fn stopping_before(user: &str, address: &str) -> Self {
        Self { stop_before: address.to_owned(), ..Self::by(user, "never:") }
    }

    fn stops_at(&self, target: &Url) -> bool {
        !self.stop_before.is_empty() && target.as_str().starts_with(&self.stop_before)
    }
}

/// The browser. A clone is the same browser at this moment: its cookies go separate ways then.
#[derive(Debug, Clone)]
pub struct Agent {
    client: Client,
    jar: Jar,
    hops: Vec<Hop>,
}

impl Agent {
    /// A browser without cookies that trusts the tests' own certificate authority.
    ///
    /// # Errors
    /// When that authority cannot be made (`openssl` is missing).
    pub fn new() -> Result<Self> {
        Self::with(Client::builder())
    }

    /// The same, with a connection for each request: a request on one that was kept is sent once
    /// more, unseen, when the server ends at that moment.
    ///
    /// # Errors
    /// As [`Agent::new`].
    pub fn keeping_no_connections() -> Result<Self> {
        Self::with(Client::builder().pool_max_idle_per_host(0))
    }

    /// The same as [`Agent::new`], of somebody who prefers these languages (`Accept-Language`).
    ///
    /// # Errors
    /// As [`Agent::new`], and when that is no header.
    pub fn preferring(languages: &str) -> Result<Self> {
        let languages = header::HeaderValue::from_str(languages)?;
        let headers = header::HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, languages)]);
        Self::with(Client::builder().default_headers(headers))
    }

    /// A browser that trusts one more authority, in PEM.
    ///
    /// # Errors
    /// As [`Agent::new`], and when there is no such authority.
    pub fn trusting(authority: &Path) -> Result<Self> {
        let authority = reqwest::Certificate::from_pem(&fs::read(authority)?)?;
        Self::of(Client::builder(), vec![authority])
    }

    fn with(builder: ClientBuilder) -> Result<Self> {
        Self::of(builder, Vec::new())
    }

    fn of(builder: ClientBuilder, mut trusted: Vec<reqwest::Certificate>) -> Result<Self> {
        let authority = fs::read(Certificate::get()?.authority)?;
        trusted.push(reqwest::Certificate::from_pem(&authority)?);
        // Port 0 stands for that of the address.
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let builder =
            TENANTS_HOSTS.iter().fold(builder, |builder, name| builder.resolve(name, here));
        let client = builder
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_certs_only(trusted)
            .build()?;
        Ok(Self { client, jar: Jar::default(), hops: Vec::new() })
    }

    /// Every request so far.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// Forgets the requests so far, not the cookies.
    pub fn forget_hops(&mut self) {
        self.hops.clear();
    }

    /// Every cookie, with its attributes.
    pub fn cookies(&self) -> &[Cookie] {
        self.jar.all()
    }

    /// Loses every cookie.
    pub fn clear_cookies(&mut self) {
        self.jar = Jar::default();
    }

    /// Loses the cookies whose name begins so.
    pub fn lose_cookies(&mut self, prefix: &str) {
        self.jar.lose(prefix);
    }

    /// Fetches an address and follows its redirects.
    ///
    /// # Errors
    /// When nobody answers or the redirects do not end.
    pub async fn get(&mut self, url: &str) -> Result<Page> {
        self.visit(url, &Visit { until: String::new(), ..Visit::default() }).await
    }

    /// Fetches an address and returns the answer, redirect or not.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn get_once(&mut self, url: &str) -> Result<Page> {
        self.send(Request::get(Url::parse(url)?)).await
    }

    /// Posts a form from nowhere (no `Origin`) and returns the answer, redirect or not.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn post_once(&mut self, url: &str, fields: &[(&str, &str)]) -> Result<Page> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Request { body: Some(body), ..Request::get(Url::parse(url)?) }).await
    }

    /// Presses a form's button with some fields filled in, and follows to the next page.
    ///
    /// # Errors
    /// When nobody answers or the redirects do not end.
    pub async fn submit(
        &mut self,
        page: &Page,
        form: &Form,
        fields: &[(&str, &str)],
    ) -> Result<Page> {
        let mut form = form.clone();
        for (name, value) in fields {
            form.fill(name, value);
        }
        let here = Visit::default();
        self.travel(Request::submit(page, &form)?, &here).await
    }

    /// Starts at an address and goes on, signing in and letting pages post themselves, to
    /// `visit.until`; or to the first page that offers neither.
    ///
    /// # Errors
    /// When nobody answers or the way does not end.
    pub async fn visit(&mut self, url: &str, visit: &Visit) -> Result<Page> {
        self.travel(Request::get(Url::parse(url)?), visit).await
    }

    async fn travel(&mut self, first: Request, visit: &Visit) -> Result<Page> {
        let mut request = first;
        for _ in 0..HOP_LIMIT {
            let sent = request.clone();
            let page = self.send(request).await?;
            let next = match page.location() {
                Some(target) => Some(sent.redirected(&page, target)),
                None => next_submission(&page, visit)?,
            };
            match next {
                Some(next) if !visit.stops_at(&next.url) => request = next,
                _ => return Ok(page),
            }
        }
        let tail: Vec<_> = self.hops.iter().rev().take(6).map(|hop| hop.url.as_str()).collect();
        bail!("{HOP_LIMIT} requests and no end; the last ones: {tail:#?}")
    }

    async fn send(&mut self, request: Request) -> Result<Page> {
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = self.client.request(method.clone(), request.url.clone());
        if let Some(cookies) = self.jar.header_for(&request.url) {
            builder = builder.header(header::COOKIE, cookies);
        }
        if let Some(body) = request.body {
            builder = builder
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        if let Some(from) = &request.from {
            builder = builder
                .header(header::REFERER, from.as_str())
                .header(header::ORIGIN, from.origin().ascii_serialization());
        }
        let answer = builder.header(header::ACCEPT, "text/html,*/*;q=0.8").send().await;
        let answer = answer.with_context(|| format!("{method} {}", request.url))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for line in headers.get_all(header::SET_COOKIE) {
            self.jar.receive(&request.url, line.to_str().unwrap_or_default());
        }
        self.hops.push(Hop { method, url: request.url.clone(), status });
        Ok(Page { url: request.url, status, headers, body: answer.text().await? })
    }
}

/// One request: a POST when there is a body. `from` is the page whose form it is.
#[derive(Debug, Clone)]
struct Request {
    url: Url,
    body: Option<String>,
    from: Option<Url>,
}

impl Request {
    fn get(url: Url) -> Self {
        Self { url, body: None, from: None }
    }

    fn submit(page: &Page, form: &Form) -> Result<Self> {
        let mut url = page.url.join(&form.action)?;
        let pairs =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form.pairs()).finish();
        if form.is_post {
            return Ok(Self { url, body: Some(pairs), from: Some(page.url.clone()) });
        }
        url.set_query(Some(&pairs));
        Ok(Self::get(url))
    }

    /// 307 and 308 repeat the request; the others fetch [RFC9110-15.4]. A fragment lives on where
    /// the new address has none.
    fn redirected(self, page: &Page, mut target: Url) -> Self {
        if target.fragment().is_none() {
            target.set_fragment(self.url.fragment());
        }
        match page.status {
            307 | 308 => Self { url: target, ..self },
            _ => Self::get(target),
        }
    }
}

/// The form that a person, or the page itself, would send here.
fn next_submission(page: &Page, visit: &Visit) -> Result<Option<Request>> {
    let arrived = visit.until.is_empty() || page.url.as_str().starts_with(&visit.until);
    if arrived || page.status >= 400 {
        return Ok(None);
    }
    let forms = page.forms();
    let asks_password =
        |form: &&Form| PASSWORD_FIELDS.iter().any(|name| form.field(name).is_some());
    if let Some(form) = forms.iter().find(asks_password) {
        let mut form = form.clone();
        for name in USER_FIELDS {
            form.fill(name, &visit.user);
        }
        for name in PASSWORD_FIELDS {
            form.fill(name, &visit.password);
        }
        return Request::submit(page, &form).map(Some);
    }
    match forms.as_slice() {
        [only] if only.is_post && only.is_hidden() && page.body.contains("<script") => {
            Request::submit(page, only).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
