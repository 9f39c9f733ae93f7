//! How often requests of one address may fail (THREATS RX-05, ID-11; docs/adr/0020).
//!
//! Only failures count, and a request that succeeds is always answered: however many wrong secrets
//! anybody sends, from wherever, the right one works, so nobody is locked out of anything. Past the
//! limit a failure is answered by 429 instead of its reason; cookies that it sets are set all the
//! same.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::front::client::neighbourhood;
use governor::clock::{Clock as _, DefaultClock};
use governor::{Quota, RateLimiter};
use oidc::params::Params;

use super::Front;
use super::body::Whole;
use super::peer::Client;
use super::refuse::{Refusal, is_for_machines};

/// Failed authentications of one application from one address. What an application does wrong after
/// it proved itself is none: it may hold a thousand refresh tokens that somebody revoked.
const OF_AN_APPLICATION: (u32, u32) = (100, 5);
/// Failures of one address at the endpoints for machines, whatever the application.
const OF_MACHINES: (u32, u32) = (2_000, 100);
/// Pages that say that something failed, of one address: an association behind one address, or
/// behind a proxy that is not trusted, has some all the time.
const OF_PEOPLE: (u32, u32) = (300, 10);
/// Answers to people of one address at one issuer that tell what a `login_hint` leads to.
const OF_HINTS: (u32, u32) = (300, 10);
/// How many addresses are remembered by each limit; those beyond share one account.
const REMEMBERED: usize = 65_536;

/// An answer that tells as much as a failure does: what an address leads to (THREATS ID-11).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probed;

type ByKey = RateLimiter<
    u64,
    governor::state::keyed::HashMapStateStore<u64>,
    DefaultClock,
    governor::middleware::NoOpMiddleware,
>;

/// One limit: so many at once, then so many a second.
pub(crate) struct Limit(ByKey);

impl Limit {
    pub(crate) fn new((burst, per_second): (u32, u32)) -> Self {
        let count = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::hashmap(Quota::per_second(count(per_second)).allow_burst(count(burst))))
    }

    /// The same, of so many a minute.
    pub(crate) fn per_minute((burst, per_minute): (u32, u32)) -> Self {
        let count = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(count(per_minute)).allow_burst(count(burst));
        Self(RateLimiter::hashmap(quota))
    }

    /// Counts one; past the limit, how many seconds to wait.
    pub(crate) fn count(&self, key: u64) -> Result<(), u64> {
        if self.0.len() >= REMEMBERED {
            self.0.retain_recent();
        }
        let key = if self.0.len() >= REMEMBERED { 0 } else { key };
        self.0.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            wait.as_secs().saturating_add(1)
        })
    }
}

/// All limits.
pub(crate) struct Throttle {
    applications: Limit,
    machines: Limit,
    people: Limit,
    hints: Limit,
    /// Keys are hashes of fixed size, whatever is sent as a name.
    keys: RandomState,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            applications: Limit::new(OF_AN_APPLICATION),
            machines: Limit::new(OF_MACHINES),
            people: Limit::new(OF_PEOPLE),
            hints: Limit::new(OF_HINTS),
            keys: RandomState::new(),
        }
    }
}

impl Throttle {
    /// Counts a page that failed.
    fn person(&self, address: IpAddr) -> Result<(), u64> {
        self.people.count(self.keys.hash_one(neighbourhood(address)))
    }

    /// Counts a page that tells what a hint leads to: by itself, so that no flood of other failures
    /// turns the chooser into a refusal.
    fn hint(&self, address: IpAddr, path: &str) -> Result<(), u64> {
        self.hints.count(self.keys.hash_one((neighbourhood(address), issuer(path))))
    }

    /// Counts a failure at an endpoint for machines; `client_id` is whom it failed to prove to be.
    fn machine(&self, address: IpAddr, path: &str, client_id: Option<&str>) -> Result<(), u64> {
        let address = neighbourhood(address);
        if client_id.is_some() {
            self.applications.count(self.keys.hash_one((address, issuer(path), client_id)))?;
        }
        self.machines.count(self.keys.hash_one(address))
    }
}

/// The path of the issuer that an endpoint belongs to.
fn issuer(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(issuer, _)| issuer)
}

/// Counts failures, and answers 429 past the limit.
pub(super) async fn throttle(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(Client(address)) = request.extensions().get::<Client>().copied() else {
        return next.run(request).await;
    };
    let path = request.uri().path().to_owned();
    let machine = is_for_machines(&path);
    let sent = machine.then(|| Sent::of(&request));
    let response = next.run(request).await;
    let probed = response.extensions().get::<Probed>().is_some();
    let counted = match sent {
        _ if probed => front.throttle.hint(address, &path),
        _ if !failed(response.status()) => Ok(()),
        Some(sent) => {
            let unproven = response.status() == StatusCode::UNAUTHORIZED;
            let client_id = unproven.then(|| sent.client_id()).flatten();
            front.throttle.machine(address, &path, client_id.as_deref())
        }
        None => front.throttle.person(address),
    };
    match counted {
        Ok(()) => response,
        Err(seconds) => {
            let mut refused = front.refused(&path, Refusal::TooMany(seconds));
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                refused.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            refused
        }
    }
}

/// What the sender got wrong, or could have guessed.
fn failed(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
    )
}

/// What names the client, kept until it is known whether that matters.
struct Sent {
    authorization: Option<String>,
    body: Option<Bytes>,
}

impl Sent {
    fn of(request: &Request) -> Self {
        Self {
            authorization: request
                .headers()
                .get(header::AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            body: request.extensions().get::<Whole>().map(|whole| whole.0.clone()),
        }
    }

    fn client_id(&self) -> Option<String> {
        self.authorization.as_deref().and_then(basic_user).or_else(|| {
            let params = Params::parse(self.body.as_deref().unwrap_or_default()).ok()?;
            params.get("client_id").map(str::to_owned)
        })
    }
}

/// The user's name of Basic credentials, as it was sent. [RFC7617-2]
fn basic_user(header: &str) -> Option<String> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("Basic").then(|| STANDARD.decode(encoded.trim()))?;
    String::from_utf8(decoded.ok()?).ok()?.split_once(':').map(|(user, _)| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn failures(throttle: &Throttle, last: u8, application: &str) -> usize {
        let tries = 0..1_000;
        tries
            .filter(|_| throttle.machine(address(last), "/t/a/token", Some(application)).is_ok())
            .count()
    }

    #[test]
    fn rx_05_failures_of_one_address_and_application_are_limited_alone() {
        let throttle = Throttle::default();
        let counted = failures(&throttle, 1, "app");
        assert!((100..200).contains(&counted), "{counted}");
        assert!(throttle.machine(address(1), "/t/a/token", Some("other")).is_ok());
        assert!(throttle.machine(address(1), "/t/b/token", Some("app")).is_ok());
        assert!(throttle.machine(address(2), "/t/a/token", Some("app")).is_ok());
    }

    #[test]
    fn rx_05_what_is_remembered_is_bounded() {
        let limit = Limit::new((1, 1));
        for key in 0..200_000 {
            let _ = limit.count(key);
        }
        assert!(limit.0.len() <= REMEMBERED + 1, "{}", limit.0.len());
    }

    #[test]
    fn id_11_pages_of_one_address_are_limited_and_say_when_to_come_back() {
        let throttle = Throttle::default();
        let refused = (0..2_000).find_map(|_| throttle.person(address(1)).err());
        assert_eq!(refused, Some(1));
        assert!(throttle.person(address(2)).is_ok());
        assert!(throttle.hint(address(1), "/t/a/authorize").is_ok());
    }

    #[test]
    fn id_11_what_hints_lead_to_is_limited_by_address_and_issuer() {
        let throttle = Throttle::default();
        let mut asked = (0..2_000).map(|_| throttle.hint(address(1), "/t/a/authorize"));
        assert!(asked.any(|counted| counted.is_err()));
        assert!(throttle.hint(address(1), "/t/b/authorize").is_ok());
        assert!(throttle.hint(address(2), "/t/a/authorize").is_ok());
        assert!(throttle.person(address(1)).is_ok());
    }
}
