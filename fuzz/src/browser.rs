//! What a browser carries for us.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::attempt::{Aim, Attempt, Leg, UpstreamState};
use broker::cookie::Received;
use broker::id::{ApplicationId, DirectoryId, LoginId, TenantId};
use broker::seal::{MasterKey, SealingKey};
use broker::sign_in_loop::Recent;
use broker::staff_sign_in::{StaffAnswer, StaffAttempt, StaffTicket};
use broker::test_ticket::TestTicket;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::json;

const NONCE: [u8; 12] = [5; 12];

static KEY: LazyLock<SealingKey> =
    LazyLock::new(|| MasterKey::new(&[1; 32]).unwrap().browser_key().clone());
/// The one state that we gave out.
static STATE: LazyLock<String> = LazyLock::new(|| {
    let state = UpstreamState { login: login(), aim: Aim::Application(id(4)) };
    state.seal(&KEY, tenant(), directory(), NONCE).unwrap()
});

fn id<T: DeserializeOwned>(number: u8) -> T {
    serde_json::from_value(json!(format!("00000000-0000-0000-0000-0000000000{number:02}"))).unwrap()
}

fn tenant() -> TenantId {
    id(1)
}

fn directory() -> DirectoryId {
    id(2)
}

fn login() -> LoginId {
    id(3)
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

/// `Cookie` headers, a line each: nobody but us makes something that opens.
pub fn cookie(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let received = Received::read(text.lines());
    let names: Vec<&str> = text
        .lines()
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| Some(pair.strip_prefix(' ').unwrap_or(pair).split_once('=')?.0))
        .collect();
    for name in names.iter().copied().chain(["__Host-vestibule-session-acme"]) {
        let value = received.only(name);
        assert_eq!(value.is_some(), names.iter().filter(|one| **one == name).count() == 1);
        opens(value.unwrap_or_default());
    }
    let prefix = "__Host-vestibule-login-acme.";
    for (name, _) in received.timed(prefix.to_owned()) {
        assert!(name.starts_with(prefix) && names.contains(&name));
    }
}

fn opens(value: &str) {
    let sealed = URL_SAFE_NO_PAD.decode(value).unwrap_or_default();
    assert!(Attempt::open(&KEY, tenant(), login(), &sealed).is_err());
    assert!(Leg::open(&KEY, tenant(), login(), &sealed).is_err());
    assert!(StaffAttempt::open(&KEY, tenant(), login(), &sealed).is_err());
    assert!(StaffTicket::open(&KEY, (tenant(), directory()), value, now()).is_err());
    assert!(StaffAnswer::open(&KEY, value, [0; 32], now()).is_err());
    let state = UpstreamState::open(&KEY, tenant(), directory(), value);
    assert_eq!(state.is_ok(), value == *STATE);
    assert!(TestTicket::open(&KEY, tenant(), directory(), value, now()).is_err());
    let application: ApplicationId = id(4);
    if let Ok(recent) = Recent::next(Some(value), application, now()) {
        let written = recent.to_string();
        let first = Recent::next(None, application, now()).unwrap().to_string();
        // It counts on from what was written by us within the minute, or begins anew.
        let spelled = |part: &str| value.split('.').nth(1) == Some(part);
        let since = written.split('.').nth(1).unwrap();
        assert!(written == first || spelled(since), "{value} {written}");
    }
}

/// What is inside a seal that is right: an attempt, a leg, a state, a ticket, and those of staff.
pub fn attempt(data: &[u8]) {
    let place = |kind: &str| [kind.to_owned(), tenant().to_string(), login().to_string()];
    let sealed = KEY.seal(&place("attempt"), NONCE, data).unwrap();
    if let Ok(attempt) = Attempt::open(&KEY, tenant(), login(), &sealed) {
        assert_eq!(attempt.leg.login, login());
        let again = attempt.seal(&KEY, tenant(), NONCE).unwrap();
        let again = Attempt::open(&KEY, tenant(), login(), &again).unwrap();
        assert_eq!(format!("{again:?}"), format!("{attempt:?}"));
        assert!(!attempt.leg.is_expired(attempt.leg.started_at));
    }
    assert!(Leg::open(&KEY, tenant(), login(), &sealed).is_err());
    let sealed = KEY.seal(&place("test"), NONCE, data).unwrap();
    if let Ok(leg) = Leg::open(&KEY, tenant(), login(), &sealed) {
        assert_eq!(leg.login, login());
    }
    let sealed = KEY.seal(&place("staff"), NONCE, data).unwrap();
    if let Ok(attempt) = StaffAttempt::open(&KEY, tenant(), login(), &sealed) {
        assert_eq!(attempt.leg.login, login());
    }
    let place = |kind: &str| [kind.to_owned(), tenant().to_string(), directory().to_string()];
    let text = URL_SAFE_NO_PAD.encode(KEY.seal(&place("state"), NONCE, data).unwrap());
    if let Ok(state) = UpstreamState::open(&KEY, tenant(), directory(), &text) {
        assert!([16, 17, 32].contains(&data.len()));
        assert_eq!(state.seal(&KEY, tenant(), directory(), NONCE).unwrap(), text);
    }
    let text = URL_SAFE_NO_PAD.encode(KEY.seal(&place("test_ticket"), NONCE, data).unwrap());
    if let Ok(ticket) = TestTicket::open(&KEY, tenant(), directory(), &text, now()) {
        assert!(ticket.expires_at > now() && [24, 25].contains(&data.len()));
        assert_eq!(ticket.seal(&KEY, tenant(), directory(), NONCE).unwrap(), text);
    }
    let text = URL_SAFE_NO_PAD.encode(KEY.seal(&place("staff ticket"), NONCE, data).unwrap());
    if let Ok(ticket) = StaffTicket::open(&KEY, (tenant(), directory()), &text, now()) {
        assert!(ticket.expires_at > now());
    }
    let text = URL_SAFE_NO_PAD.encode(KEY.seal(&["staff answer"], NONCE, data).unwrap());
    if let Ok(answer) = StaffAnswer::open(&KEY, &text, [0; 32], now()) {
        assert!(answer.expires_at > now() && answer.browser == [0; 32]);
    }
}
