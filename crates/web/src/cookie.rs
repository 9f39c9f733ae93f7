//! The browser's cookies: what each is called, what it may be read by, how many there may be.
//!
//! | cookie | holds | lives |
//! |---|---|---|
//! | `vestibule-session-{tenant}` | a random value whose hash names the session | as the session |
//! | `vestibule-directory-{tenant}` | the slug of the directory last come back from | 180 days |
//! | `vestibule-recent-{tenant}` | how often it was just sent on for one application | 1 minute |
//! | `vestibule-login-{tenant}.{time}.{login}` | a sealed attempt, one per tab | 14 minutes |
//!
//! Over https every name gets the `__Host-` prefix (Secure, `Path=/`, no Domain), so that no
//! sibling host can set it; tenants of one host are apart by the name and by what is sealed
//! inside. A name that appears twice counts as absent (THREATS BR-02). `SameSite=None` because a
//! directory may answer by a cross-site POST; over plain http, which is for loopback alone,
//! `Lax`.

use std::cmp::Reverse;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::attempt;
use broker::cookie::Received;
use broker::id::{LoginId, Slug};
use broker::sign_in_loop::{self, Recent};
use chrono::{DateTime, TimeDelta, Utc};

/// The most attempts one browser has at a tenant; the oldest gives way.
const MAX_ATTEMPTS: usize = 10;
/// What all of them may come to in the `Cookie` header: proxies in front refuse headers of more than
/// eight kilobytes, for every tab alike (THREATS BR-09). The rest is for the other cookies.
const MAX_ATTEMPT_OCTETS: usize = 8 * 1024 - 256;
/// How long a browser remembers which directory it came back from.
const CHOICE_LIFETIME: TimeDelta = TimeDelta::days(180);
/// What a browser keeps of one cookie, name and attributes included. [RFC6265-6.1]
pub(crate) const MAX_COOKIE: usize = 4096;

/// The cookies of one request, for one tenant.
pub(crate) struct Cookies<'a> {
    received: Received<'a>,
    names: Names<'a>,
}

/// How cookies of a tenant are called.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    tenant: &'a Slug,
    secure: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(tenant: &'a Slug, secure: bool) -> Self {
        Self { tenant, secure }
    }

    fn name(self, kind: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}vestibule-{kind}-{}", self.tenant)
    }

    /// `{time}` is in seconds, so that the oldest can be told by its name alone. The tenant's part
    /// ends with a dot: a slug has none, so `a` never reads a cookie of `a-b`.
    fn attempt(self, login: LoginId, started_at: DateTime<Utc>) -> String {
        format!("{}.{:x}.{}", self.name("login"), started_at.timestamp(), login.0.simple())
    }

    fn set(self, name: &str, value: &str, lifetime: TimeDelta) -> Option<HeaderValue> {
        let site = if self.secure { "; Secure; SameSite=None" } else { "; SameSite=Lax" };
        let age = lifetime.num_seconds();
        HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly{site}; Max-Age={age}")).ok()
    }

    /// Sets the session.
    pub(crate) fn set_session(self, value: &str, lifetime: TimeDelta) -> Option<HeaderValue> {
        self.set(&self.name("session"), value, lifetime)
    }

    /// Forgets the session, in this browser; that it ended is told by the database.
    pub(crate) fn drop_session(self) -> Option<HeaderValue> {
        self.set(&self.name("session"), "", TimeDelta::zero())
    }

    /// Remembers the directory.
    pub(crate) fn set_directory(self, slug: &Slug) -> Option<HeaderValue> {
        self.set(&self.name("directory"), slug.as_str(), CHOICE_LIFETIME)
    }

    /// Remembers the sign-ins that were just sent on.
    pub(crate) fn set_recent(self, recent: Recent) -> Option<HeaderValue> {
        self.set(&self.name("recent"), &recent.to_string(), sign_in_loop::WINDOW)
    }

    /// Forgets them.
    pub(crate) fn drop_recent(self) -> Option<HeaderValue> {
        self.set(&self.name("recent"), "", TimeDelta::zero())
    }

    /// Sets an attempt; `None` if it is larger than a browser keeps.
    pub(crate) fn set_attempt(
        self,
        login: LoginId,
        started_at: DateTime<Utc>,
        sealed: &[u8],
    ) -> Option<HeaderValue> {
        let value = URL_SAFE_NO_PAD.encode(sealed);
        let cookie = self.set(&self.attempt(login, started_at), &value, attempt::LIFETIME)?;
        (cookie.len() <= MAX_COOKIE).then_some(cookie)
    }
}

impl<'a> Cookies<'a> {
    /// Reads the `Cookie` headers.
    pub(crate) fn read(headers: &'a HeaderMap, names: Names<'a>) -> Self {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        Self { received: Received::read(values), names }
    }

    /// How these are called.
    pub(crate) fn names(&self) -> Names<'a> {
        self.names
    }

    /// The session's value.
    pub(crate) fn session(&self) -> Option<&'a str> {
        self.received.only(&self.names.name("session"))
    }

    /// The directory last come back from.
    pub(crate) fn directory(&self) -> Option<&'a str> {
        self.received.only(&self.names.name("directory"))
    }

    /// The sign-ins that were just sent on, as [`Recent`] writes them.
    pub(crate) fn recent(&self) -> Option<&'a str> {
        self.received.only(&self.names.name("recent"))
    }

    /// Whether any attempt is under way: perhaps in another tab, perhaps abandoned.
    pub(crate) fn has_attempts(&self) -> bool {
        self.attempts().next().is_some()
    }

    /// The sealed attempt of a login, with the name of its cookie.
    pub(crate) fn attempt(&self, login: LoginId) -> Option<(String, Vec<u8>)> {
        let (name, _) =
            self.attempts().find(|(name, _)| name.ends_with(&login.0.simple().to_string()))?;
        let sealed = URL_SAFE_NO_PAD.decode(self.received.only(name)?).ok()?;
        Some((name.to_owned(), sealed))
    }

    fn attempts(&self) -> impl Iterator<Item = (&'a str, i64)> {
        self.received.timed(format!("{}.", self.names.name("login")))
    }

    /// Removes one attempt.
    pub(crate) fn drop_attempt(&self, name: &str) -> Option<HeaderValue> {
        self.names.set(name, "", TimeDelta::zero())
    }

    /// Removes what is over the limits, the oldest first, to make room for one more.
    pub(crate) fn make_room(&self, cookie: &HeaderValue) -> Vec<HeaderValue> {
        let mut attempts: Vec<_> = self.attempts().collect();
        attempts.sort_by_key(|(_, time)| Reverse(*time));
        let mut octets =
            cookie.as_bytes().split(|octet| *octet == b';').next().map_or(0, <[u8]>::len);
        let mut kept = 1;
        let over = attempts.iter().filter(|(name, _)| {
            octets += self.received.octets(name);
            kept += 1;
            kept > MAX_ATTEMPTS || octets > MAX_ATTEMPT_OCTETS
        });
        over.filter_map(|(name, _)| self.drop_attempt(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use broker::id::ApplicationId;

    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    }

    fn slug() -> Slug {
        "acme".parse().unwrap()
    }

    fn login(number: u128) -> LoginId {
        LoginId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn br_02_a_cookie_that_appears_twice_counts_as_absent() {
        let (slug, twice) = (slug(), "__Host-vestibule-session-acme");
        let headers = headers(&format!("{twice}=a; {twice}=b"));
        assert_eq!(Cookies::read(&headers, Names::new(&slug, true)).session(), None);
    }

    #[test]
    fn br_02_names_are_not_decoded_or_trimmed() {
        let slug = slug();
        for twin in [
            "%5F%5FHost-vestibule-session-acme",
            " __Host-vestibule-session-acme",
            "vestibule-session-acme",
        ] {
            let headers = headers(&format!("a=b; {twin}=x"));
            assert_eq!(Cookies::read(&headers, Names::new(&slug, true)).session(), None, "{twin}");
        }
    }

    #[test]
    fn secure_cookies_are_bound_to_their_host() {
        let slug = slug();
        let cookie = Names::new(&slug, true).set_session("v", TimeDelta::hours(1)).unwrap();
        assert_eq!(
            cookie,
            "__Host-vestibule-session-acme=v; Path=/; HttpOnly; Secure; SameSite=None; Max-Age=3600"
        );
    }

    #[test]
    fn recent_sign_ins_are_remembered_for_a_minute_and_can_be_forgotten() {
        let (slug, one) = (slug(), ApplicationId(uuid::Uuid::from_u128(1)));
        let names = Names::new(&slug, true);
        let recent = Recent::next(None, one, DateTime::UNIX_EPOCH).unwrap();
        let cookie = names.set_recent(recent).unwrap();
        let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
        assert_eq!(attributes, " Path=/; HttpOnly; Secure; SameSite=None; Max-Age=60");
        let headers = headers(pair);
        let again = Cookies::read(&headers, names).recent();
        assert_eq!(again, Some(recent.to_string().as_str()));
        assert_eq!(
            names.drop_recent().unwrap(),
            "__Host-vestibule-recent-acme=; Path=/; HttpOnly; Secure; SameSite=None; Max-Age=0"
        );
    }

    #[test]
    fn only_an_attempt_at_this_tenant_counts_as_under_way() {
        let (ours, theirs): (Slug, Slug) = ("a".parse().unwrap(), "a-b".parse().unwrap());
        let name = Names::new(&ours, true).attempt(login(1), DateTime::UNIX_EPOCH);
        let headers = headers(&format!("__Host-vestibule-session-a=x; {name}=x"));
        assert!(Cookies::read(&headers, Names::new(&ours, true)).has_attempts());
        assert!(!Cookies::read(&headers, Names::new(&theirs, true)).has_attempts());
    }

    #[test]
    fn br_09_the_eleventh_attempt_drops_the_oldest() {
        let slug = slug();
        let names = Names::new(&slug, true);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let pairs: Vec<_> = (0..10_u8)
            .map(|n| format!("{}=x", names.attempt(login(n.into()), at(100 - i64::from(n)))))
            .collect();
        let headers = headers(&pairs.join("; "));
        let one = HeaderValue::from_static("a=x; Path=/");
        let dropped = Cookies::read(&headers, names).make_room(&one);
        assert_eq!(dropped.len(), 1);
        assert!(dropped[0].to_str().unwrap().starts_with(&names.attempt(login(9), at(91))));
    }

    /// Attempts with a long `state` are large; fewer of them fit.
    #[test]
    fn br_09_attempts_stay_below_eight_kilobytes_together() {
        let slug = slug();
        let names = Names::new(&slug, true);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let long = "x".repeat(2_600);
        let pairs: Vec<_> = (0..4_u8)
            .map(|n| format!("{}={long}", names.attempt(login(n.into()), at(n.into()))))
            .collect();
        let headers = headers(&pairs.join("; "));
        let incoming = HeaderValue::try_from(format!("a={}; Path=/", "y".repeat(1_000))).unwrap();
        let dropped = Cookies::read(&headers, names).make_room(&incoming);
        let dropped: Vec<_> = dropped.iter().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(dropped.len(), 2, "{dropped:?}");
        assert!(dropped[0].starts_with(&names.attempt(login(1), at(1))), "{dropped:?}");
        assert!(dropped[1].starts_with(&names.attempt(login(0), at(0))), "{dropped:?}");
    }

    #[test]
    fn br_04_attempt_of_a_tenant_whose_name_begins_alike_is_not_read() {
        let (short, long): (Slug, Slug) = ("a".parse().unwrap(), "a-b".parse().unwrap());
        let name = Names::new(&long, true).attempt(login(1), DateTime::UNIX_EPOCH);
        let headers = headers(&format!("{name}=AAAA"));
        assert!(Cookies::read(&headers, Names::new(&short, true)).attempt(login(1)).is_none());
        assert!(Cookies::read(&headers, Names::new(&long, true)).attempt(login(1)).is_some());
    }

    #[test]
    fn an_attempt_larger_than_a_browser_keeps_is_not_set() {
        let slug = slug();
        let names = Names::new(&slug, true);
        assert!(names.set_attempt(login(1), DateTime::UNIX_EPOCH, &[0; 2500]).is_some());
        assert!(names.set_attempt(login(1), DateTime::UNIX_EPOCH, &[0; 3000]).is_none());
    }
}
