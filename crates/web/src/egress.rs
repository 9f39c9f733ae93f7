//! The only way out: every outbound connection of the gateway begins here.
//!
//! A URL out of a tenant's configuration, or out of a directory's discovery document, is somebody
//! else's text. [`Egress::send`] takes it through these steps:
//!
//! 1. [`target`]: the URL is judged as text; its port and scheme decide the *zone*; an address
//!    written in it is judged at once, because a resolver is never asked for one;
//! 2. [`resolve`]: a name is resolved once, the answers are judged by the [`Policy`], and exactly
//!    those addresses are dialled, so that nothing can change between check and connect;
//! 3. no redirect is followed, no proxy of the environment is used, no compression is accepted;
//! 4. the body is read in pieces under a cap, and all of it under one deadline.
//!
//! There are two zones with a client each. *Public* is https on 443 or 8443, to addresses of the
//! internet. *Inside* is everything else (plain http, other ports), and leads only into networks
//! that the operator allowed. Nothing here is retried, so that a code is exchanged at most once;
//! the one exception is HTTP/2's own refusal, which says that the request was not looked at.

mod policy;
mod resolve;
mod target;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use reqwest::dns::Resolve;
use reqwest::redirect;

pub use self::policy::Policy;
#[cfg(test)]
pub(crate) use self::policy::allowing;
use self::resolve::{Guard, Refused, System, Unresolved};
use self::target::{Target, Zone};

/// Directories that are up accept within this time; ones that are down must not hold a login.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest any request may take, its body included.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);
/// How much of a body is read unless the request says otherwise; tokens and claims are far smaller.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// Idle connections are kept for the next login, but not past the usual server's patience.
const IDLE: Duration = Duration::from_secs(50);
/// Idle connections per host: a login needs one or two.
const IDLE_PER_HOST: usize = 16;
const USER_AGENT: &str = concat!("vestibule/", env!("CARGO_PKG_VERSION"));

/// A request to somewhere outside. It may carry secrets, so it cannot be printed.
#[derive(Clone)]
pub(crate) struct Request {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    deadline: Duration,
    max_body: usize,
}

impl Request {
    /// A request without a body.
    pub(crate) fn get(url: &str) -> Self {
        Self::new(Method::GET, url, Bytes::new())
    }

    /// A request with one; its type is a header.
    pub(crate) fn post(url: &str, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url, body.into())
    }

    fn new(method: Method, url: &str, body: Bytes) -> Self {
        let (headers, deadline, max_body) = (HeaderMap::new(), LONGEST, MAX_BODY);
        Self { method, url: url.to_owned(), headers, body, deadline, max_body }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds headers.
    pub(crate) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// How long all of it may take, at most [`LONGEST`].
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(LONGEST);
        self
    }

    /// Where it goes.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many octets of an answer are read.
    pub(crate) fn max_body(mut self, octets: usize) -> Self {
        self.max_body = octets;
        self
    }
}

/// An answer from outside, whatever its status: nothing of it is believed yet. It may carry
/// tokens, so it cannot be printed.
pub(crate) struct Reply {
    /// The status; never a redirect.
    pub(crate) status: StatusCode,
    /// The `Content-Type` without its parameters, in lower case.
    pub(crate) content_type: Option<String>,
    /// The whole body.
    pub(crate) body: Bytes,
}

/// Why there is no answer. Only the host is named, which the tenant's staff wrote themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The policy forbids the address, the port or the scheme. Nothing was sent.
    #[error("the egress policy forbids connections to {0}")]
    Blocked(String),
    /// The name leads to no address.
    #[error("the name {0} leads to no address")]
    Unresolved(String),
    /// No connection, or one that broke: nothing listens, TLS failed.
    #[error("{0} could not be reached")]
    Unreachable(String),
    /// Its certificate proves nothing.
    #[error("the certificate of {0} {1}")]
    Certificate(String, Flaw),
    /// No complete answer in time.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// The answer is larger than the caller reads.
    #[error("the answer of {0} is too large")]
    TooLarge(String),
    /// It answered with a redirect, and none is followed.
    #[error("{0} answered with a redirect")]
    Redirected(String),
    /// Not a plain http or https URL of at most 2048 octets.
    #[error("the address is not a usable web address")]
    BadUrl,
    /// The client could not be made: the system has no TLS root certificates.
    #[error("the system's TLS root certificates could not be read")]
    NoClient,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// It is for another name.
    Name,
    /// No authority that is trusted here has signed it, or its chain is not served.
    Authority,
    /// Anything else.
    Other,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired",
            Self::Name => "is for another name",
            Self::Authority => "is of an authority that is not trusted, or comes without its chain",
            Self::Other => "is not accepted",
        })
    }
}

/// The outbound client. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Egress {
    policy: Arc<Policy>,
    public: reqwest::Client,
    inside: reqwest::Client,
}

impl Egress {
    /// A client under this policy.
    ///
    /// # Errors
    /// [`EgressError::NoClient`].
    pub(crate) fn new(policy: Policy) -> Result<Self, EgressError> {
        Self::asking(&(Arc::new(System) as Arc<dyn Resolve>), policy)
    }

    /// A client that lets `names` resolve.
    fn asking(names: &Arc<dyn Resolve>, policy: Policy) -> Result<Self, EgressError> {
        let policy = Arc::new(policy);
        let public = client(names, &policy, Zone::Public)?;
        let inside = client(names, &policy, Zone::Inside)?;
        Ok(Self { policy, public, inside })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`EgressError`]. After [`EgressError::Unreachable`] and [`EgressError::Timeout`] the other
    /// side may or may not have acted on the request.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, EgressError> {
        let target = Target::judge(&request.url, &self.policy).inspect_err(blocked)?;
        let host = target.host().to_owned();
        let deadline = request.deadline;
        match tokio::time::timeout(deadline, self.exchange(target, request)).await {
            Ok(answer) => answer.inspect_err(blocked),
            Err(_) => Err(EgressError::Timeout(host)),
        }
    }

    async fn exchange(&self, target: Target, request: Request) -> Result<Reply, EgressError> {
        let client = match target.zone() {
            Zone::Public => &self.public,
            Zone::Inside => &self.inside,
        };
        let host = target.host().to_owned();
        let mut answer = client
            .request(request.method, target.into_url())
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(|error| reason(&error, &host))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(EgressError::Redirected(host));
        }
        let most = request.max_body;
        if answer.content_length().is_some_and(|octets| octets > most as u64) {
            return Err(EgressError::TooLarge(host));
        }
        let content_type = media_type(answer.headers());
        let mut body = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| reason(&error, &host))? {
            if body.len() + piece.len() > most {
                return Err(EgressError::TooLarge(host));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, content_type, body: body.freeze() })
    }
}

fn client(
    names: &Arc<dyn Resolve>,
    policy: &Arc<Policy>,
    zone: Zone,
) -> Result<reqwest::Client, EgressError> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(Guard::new(Arc::clone(policy), zone, Arc::clone(names)))
        // A proxy would resolve the name itself, behind the policy's back (THREATS EG-06).
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .https_only(zone == Zone::Public)
        .connect_timeout(CONNECT)
        .timeout(LONGEST)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .build()
        .map_err(|_| EgressError::NoClient)
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// The cause is looked for in the chain; the library's texts hold URLs and are dropped.
fn reason(error: &reqwest::Error, host: &str) -> EgressError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Refused>() {
            return EgressError::Blocked(host.to_owned());
        }
        if inner.is::<Unresolved>() {
            return EgressError::Unresolved(host.to_owned());
        }
        if let Some(flaw) = flaw(&inner.to_string()) {
            return EgressError::Certificate(host.to_owned(), flaw);
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        EgressError::Timeout(host.to_owned())
    } else {
        EgressError::Unreachable(host.to_owned())
    }
}

/// What rustls says of the certificate, if that is what it complains of. Its errors are types of a
/// crate that is not ours to depend on; the words only choose among ours.
fn flaw(said: &str) -> Option<Flaw> {
    let (_, why) = said.split_once("invalid peer certificate: ")?;
    let why = why.to_ascii_lowercase();
    Some(if why.contains("expired") {
        Flaw::Expired
    } else if why.contains("name") {
        Flaw::Name
    } else if why.contains("issuer") || why.contains("endentity") {
        Flaw::Authority
    } else {
        Flaw::Other
    })
}

fn blocked(error: &EgressError) {
    if let EgressError::Blocked(host) = error {
        tracing::warn!(host, "egress.blocked: the egress policy forbids a connection");
    }
}

#[cfg(test)]
mod tests;
