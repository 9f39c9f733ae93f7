use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::seal::MasterKey;

const BYE: &str = "https://imis.example/bye";

fn application(number: u128, confirmation: bool) -> Application {
    let settings = json!({
        "client_id": format!("app-{number}"), "name": "App",
        "redirect_uris": ["https://imis.example/"], "post_logout_redirect_uris": [BYE],
        "logout_confirmation": confirmation,
    });
    let id = ApplicationId(Uuid::from_u128(number));
    Application::compile(id, &serde_json::from_value(settings).unwrap(), vec![]).unwrap()
}

fn session_id() -> SessionId {
    SessionId(Uuid::from_u128(77))
}

fn hint(sid: &str, sub: &str) -> Hint {
    Hint { client_id: "app-1".into(), sub: sub.into(), sid: Some(sid.into()) }
}

fn request(uri: &str) -> LogoutRequest {
    LogoutRequest {
        post_logout_redirect_uri: Some(uri.to_owned()),
        state: Some("s".to_owned()),
        ..LogoutRequest::default()
    }
}

fn facts<'a>(applications: &'a [&'a Application]) -> SessionFacts<'a> {
    SessionFacts { id: session_id(), sub: Some("dana"), applications, is_navigation: true }
}

/// What happens, and whether the browser is sent to the application.
fn outcome(
    request: &LogoutRequest,
    hinted: Hinted<'_>,
    session: Option<SessionFacts<'_>>,
) -> (&'static str, bool) {
    match decide(request, hinted, session) {
        Decision::End(then) => ("end", then.is_some()),
        Decision::Ask(then) => ("ask", then.is_some()),
        Decision::Nothing(then) => ("nothing", then.is_some()),
    }
}

#[test]
fn br_10_a_hint_ends_the_session_that_it_is_of_and_asks_about_another() {
    let app = application(1, true);
    let here = session_id().to_string();
    let other = Uuid::from_u128(78).to_string();
    for (sid, sub, wanted) in [
        (here.as_str(), "dana", "end"),
        // The person signed in afresh since then.
        (other.as_str(), "dana", "end"),
        (other.as_str(), "eve", "ask"),
    ] {
        let hint = hint(sid, sub);
        let outcome = outcome(&request(BYE), Hinted::Of(&app, &hint), Some(facts(&[])));
        assert_eq!(outcome, (wanted, true), "{sid} {sub}");
    }
}

#[test]
fn br_10_nobody_is_sent_to_an_address_that_is_not_registered_to_the_octet() {
    let app = application(1, true);
    let hint = hint(&session_id().to_string(), "dana");
    for uri in ["https://imis.example/bye?x=1", "https://imis.example/", "https://evil.example/"] {
        let ours = [&app];
        for session in [Some(facts(&ours)), None] {
            for hinted in [Hinted::Of(&app, &hint), Hinted::Absent] {
                assert!(!outcome(&request(uri), hinted, session).1, "{uri} {hinted:?}");
            }
        }
    }
    let state_only = LogoutRequest { state: Some("s".into()), ..LogoutRequest::default() };
    assert_eq!(outcome(&state_only, Hinted::Absent, Some(facts(&[&app]))), ("ask", false));
}

#[test]
fn br_10_without_a_hint_a_page_asks_and_leads_to_an_application_of_this_session_alone() {
    let (one, two) = (application(1, true), application(2, true));
    let absent = |request: &LogoutRequest, ours: &[&Application]| {
        outcome(request, Hinted::Absent, Some(facts(ours)))
    };
    assert_eq!(absent(&request(BYE), &[&one]), ("ask", true));
    assert_eq!(absent(&request(BYE), &[]), ("ask", false));
    let named = LogoutRequest { client_id: Some("app-1".into()), ..request(BYE) };
    assert_eq!(absent(&named, &[&two]), ("ask", false));
    assert_eq!(absent(&named, &[&two, &one]), ("ask", true));
    // Without a session nothing says that the application is the person's.
    assert_eq!(outcome(&named, Hinted::Absent, None), ("nothing", false));
}

#[test]
fn br_10_an_application_may_switch_the_question_off_and_an_image_does_not_profit() {
    let quiet = application(1, false);
    let ours = [&quiet];
    assert_eq!(outcome(&request(BYE), Hinted::Absent, Some(facts(&ours))), ("end", true));
    let image = SessionFacts { is_navigation: false, ..facts(&ours) };
    assert_eq!(outcome(&request(BYE), Hinted::Absent, Some(image)), ("ask", true));
    // Its switch is for its own address.
    let elsewhere = request("https://elsewhere.example/");
    assert_eq!(outcome(&elsewhere, Hinted::Absent, Some(facts(&ours))), ("ask", false));
}

#[test]
fn br_10_a_hint_that_is_none_is_worse_than_no_hint() {
    let app = application(1, false);
    let with_hint = LogoutRequest { id_token_hint: Some("x".into()), ..request(BYE) };
    let judged = Hinted::judge(&with_hint, None, Some(&app));
    assert_eq!(outcome(&with_hint, judged, Some(facts(&[&app]))), ("ask", false));
    assert_eq!(outcome(&with_hint, judged, None), ("nothing", false));

    let hint = hint(&session_id().to_string(), "dana");
    let good = Hinted::judge(&with_hint, Some(&hint), Some(&app));
    assert_eq!(outcome(&with_hint, good, None), ("nothing", true));
    let other = LogoutRequest { client_id: Some("app-2".into()), ..with_hint };
    assert!(matches!(Hinted::judge(&other, Some(&hint), Some(&app)), Hinted::Unusable));
    assert!(matches!(Hinted::judge(&request(BYE), Some(&hint), Some(&app)), Hinted::Absent));
}

#[test]
fn br_05_br_03_a_confirmation_opens_for_its_session_for_15_minutes() {
    let key = MasterKey::new(&[1; 32]).unwrap().browser_key().clone();
    let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    let (tenant, session) = (TenantId(Uuid::from_u128(1)), session_id());
    let app = application(1, true);
    let ours = [&app];
    let Decision::Ask(then) = decide(&request(BYE), Hinted::Absent, Some(facts(&ours))) else {
        panic!("nobody was asked")
    };
    let confirmation = Confirmation::new(then, Some("s"), at(0));
    let text = confirmation.seal(&key, (tenant, session), [5; 12]).unwrap();
    let open = |place, text: &str, seconds| Confirmation::open(&key, place, text, at(seconds));
    assert_eq!(open((tenant, session), &text, 899).as_ref(), Ok(&confirmation));
    assert_eq!(open((tenant, session), &text, 900), Err(Unopenable));
    let (other_tenant, other) = (TenantId(Uuid::from_u128(2)), SessionId(Uuid::from_u128(2)));
    for place in [(other_tenant, session), (tenant, other)] {
        assert_eq!(open(place, &text, 0), Err(Unopenable));
    }
    for altered in ["", "x", &text[1..], &format!("{text}A")] {
        assert_eq!(open((tenant, session), altered, 0), Err(Unopenable), "{altered}");
    }
    assert_eq!(confirmation.target(Some(&app)).map(RedirectUri::as_str), Some(BYE));
    assert_eq!(confirmation.target(Some(&application(2, true))), None);
    assert_eq!(confirmation.target(None), None);
}
