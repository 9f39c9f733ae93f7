use axum::body::to_bytes;
use axum::response::IntoResponse as _;
use broker::failure::{FailureCode, Fixer};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;

mod branded;
mod languages;

const EN: Language = Language::English;
const NONCE: [u8; 16] = [7; 16];
const NONCE_TEXT: &str = "BwcHBwcHBwcHBwcHBwcHBw";
/// What may come in a `state`, a name or an address to break out of its place.
const HOSTILE: [&str; 6] = [
    "\"><script>alert(1)</script>",
    "' onfocus='alert(1)' autofocus='",
    "</script></style></form><form action=https://evil.example><input name=x>",
    "a\0b<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b",
    "{{ 7 * 7 }}<!--",
    "&quot;&#34;&lt;script&gt;",
];

/// A tenant with a name alone, for as long as the tests run.
fn plain(name: &str) -> &'static Brand {
    Box::leak(Box::new(Brand { name: name.to_owned(), ..Brand::default() }))
}

struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Shown {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, html }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The names of every tag and of its attributes, in order: what a parser makes of the page
    /// apart from its values.
    fn shape(&self) -> Vec<String> {
        let mut shape = Vec::new();
        let mut rest = self.html.as_str();
        while let Some((_, after)) = rest.split_once('<') {
            let mut tag = String::new();
            let mut quote = None;
            let mut length = 0;
            for c in after.chars() {
                length += c.len_utf8();
                match (quote, c) {
                    (None, '>') => break,
                    (None, '"' | '\'') => quote = Some(c),
                    (Some(open), c) if c == open => quote = None,
                    (None, c) => tag.push(c),
                    (Some(_), _) => {}
                }
            }
            rest = &after[length..];
            // The content of these is no markup.
            for raw in ["style", "script"] {
                if tag.starts_with(raw) {
                    rest = &rest[rest.find(&format!("</{raw}")).unwrap()..];
                }
            }
            shape.push(tag.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        shape
    }
}

fn form(value: &str) -> Action {
    let action = "https://imis.example/".to_owned();
    Action::Form { action, fields: vec![("state".to_owned(), value.to_owned())] }
}

fn link() -> Action {
    Action::Link("https://imis.example/?error=access_denied&state=1".to_owned())
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_787_321_002, 0).unwrap()
}

fn chooser_with(language: Language, text: &str) -> Response {
    let carry = [(text.to_owned(), text.to_owned())];
    let directories = [("okta", text), ("entra", "Chapter Nord")];
    let page = Chooser {
        brand: plain(text),
        application_name: text,
        action: "https://login.example/t/acme/authorize",
        method: "get",
        carry: &carry,
        email: Some(text),
        unrouted: true,
        ask_email: true,
        directories: &directories,
    };
    chooser(NONCE, language, &page)
}

fn error_page(failure: FailureCode, text: &str) -> ErrorPage<'_> {
    ErrorPage {
        status: StatusCode::BAD_REQUEST,
        brand: Some(plain(text)),
        application_name: Some(text),
        failure,
        detail: Some(text),
        support_code: Some("7K2QD-9XW4M"),
        at: at(),
        try_again: Some(link()),
        return_to: Some(form(text)),
    }
}

fn notice_with(language: Language, text: &str) -> Response {
    let page = Notice {
        status: StatusCode::BAD_REQUEST,
        brand: Some(plain(text)),
        application_name: Some(text),
        failure: FailureCode::AttemptUsed,
        support_code: Some(text),
        start_again: Some(form(text)),
    };
    notice(NONCE, language, page)
}

fn form_post_with(language: Language, text: &str) -> Response {
    let fields = [("code", "abc"), ("state", text)];
    form_post(NONCE, language, "https://imis.example/cb?a=1&b=2", &fields)
}

fn test_login_with(text: &str) -> Response {
    let value = Value::String(text.to_owned());
    let table = Table {
        note: Some(text.to_owned()),
        problem: Some((FailureCode::ClaimContractUnmet, text.to_owned())),
        rows: vec![Row::new(text, Some(&value), text), Row::new("staff", None, "left out")],
        ..Table::new("application-a", text)
    };
    let page = TestLogin {
        brand: plain(text),
        directory_name: text,
        back: "https://login.example.org/dashboard/t/acme/directories/okta",
        is_next_to_activate: true,
        support_code: "7K2QD-9XW4M",
        failure: Some((FailureCode::ClaimMissing, text)),
        facts: &[Fact::new("subject", "Identity there", text)],
        tables: &[table],
    };
    test_login(NONCE, &page)
}

fn logout_about(language: Language, text: &str) -> logout::Logout<'_> {
    logout::Logout {
        language,
        brand: plain(text),
        application_name: Some(text),
        unregistered: true,
    }
}

fn logout_with(language: Language, text: &str) -> Response {
    let action = "https://login.example/t/acme/logout".to_owned();
    logout::ask(NONCE, &logout_about(language, text), action, text.to_owned())
}

/// Every page, with `text` wherever a page shows what it did not bring itself.
fn all(text: &str) -> Vec<(&'static str, Response)> {
    let mut pages = all_in(EN, text);
    pages.push(("test_login", test_login_with(text)));
    pages
}

/// Those of them that speak several languages.
fn all_in(language: Language, text: &str) -> Vec<(&'static str, Response)> {
    let about = logout_about(language, text);
    let told = |fixed: Fixed| retold(fixed.into_response(), || language);
    let turned = |why| told(Fixed::TurnedAway(StatusCode::TOO_MANY_REQUESTS, why));
    vec![
        ("form_post", form_post_with(language, text)),
        ("chooser", chooser_with(language, text)),
        ("error", error(NONCE, language, error_page(FailureCode::ClaimMissing, text))),
        ("notice", notice_with(language, text)),
        ("logout", logout_with(language, text)),
        ("signed_out", logout::signed_out(NONCE, &about)),
        ("unavailable", told(Fixed::Unavailable)),
        ("internal", told(Fixed::Internal)),
        ("not_found", told(Fixed::NotFound)),
        ("misdirected", turned(Turned::Misdirected)),
        ("too_many", turned(Turned::TooMany)),
        ("busy", turned(Turned::Busy)),
        ("unreadable", turned(Turned::Unreadable)),
    ]
}

/// [CSP3-6] [RFC9700-4.16]
#[tokio::test]
async fn br_06_every_page_is_unframed_unsniffed_unkept_and_runs_nothing_foreign() {
    for (name, response) in all("Acme") {
        let page = Shown::of(response).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{name}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{name}: {policy}");
        assert!(policy.contains("base-uri 'none'"), "{name}: {policy}");
        assert!(!policy.contains("unsafe"), "{name}: {policy}");
        assert_eq!(policy.contains("script-src"), name == "form_post", "{name}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(page.header("cache-control"), "no-store", "{name}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{name}");
    }
}

#[tokio::test]
async fn br_06_every_page_carries_its_nonce_loads_nothing_and_has_no_inline_handler() {
    for (name, response) in all("Acme") {
        let page = Shown::of(response).await;
        let policy = page.header("content-security-policy");
        let nonce = policy.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0;
        assert!(page.html.contains(&format!("<style nonce=\"{nonce}\">")), "{name}");
        for tag in page.shape() {
            let attributes: Vec<_> = tag.split_whitespace().skip(1).collect();
            let loads = |a: &&str| ["src=", "srcset=", "style="].contains(a) || a.starts_with("on");
            assert!(!attributes.iter().any(loads), "{name}: {tag}");
            assert!(!tag.starts_with("link"), "{name}: {tag}");
        }
        assert!(!page.html.contains("url(") && !page.html.contains("@import"), "{name}");
        // An address stands only where a person or a form goes to it.
        for (before, _) in page.html.match_indices("http") {
            let place = &page.html[..before];
            assert!(place.ends_with("href=\"") || place.ends_with("action=\""), "{name}");
        }
    }
}

#[tokio::test]
async fn br_06_no_name_and_no_value_adds_a_node_or_an_attribute() {
    let mut plain = Vec::new();
    for (_, response) in all("Acme") {
        plain.push(Shown::of(response).await.shape());
    }
    for hostile in HOSTILE {
        for ((name, response), plain) in all(hostile).into_iter().zip(&plain) {
            assert_eq!(&Shown::of(response).await.shape(), plain, "{name}: {hostile}");
        }
    }
}

/// [OAuth2-FPRM-2]
#[tokio::test]
async fn br_07_form_post_escapes_its_values_and_submits_itself() {
    let page = Shown::of(form_post_with(EN, "a\"b</script>\0 \u{e9}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("value=\"a&#34;b&#60;/script&#62;\0 \u{e9}\""), "{}", page.html);
    assert!(page.html.contains("action=\"https://imis.example/cb?a=1&#38;b=2\""));
    assert!(page.html.contains(&format!("<script nonce=\"{NONCE_TEXT}\">")));
    assert!(page.html.contains("<noscript>") && page.html.contains("<button"));
}

#[tokio::test]
async fn br_07_a_long_state_arrives_whole() {
    let state = "s".repeat(8192);
    let page = Shown::of(form_post_with(EN, &state)).await;
    assert!(page.html.contains(&format!("value=\"{state}\"")));
}

/// [CSP3-6.4.1]
#[tokio::test]
async fn br_07_a_form_post_may_go_to_the_application_and_to_what_it_redirects_to_over_https() {
    let table = [
        ("https://imis.example/cb", " https: https://imis.example"),
        ("https://imis.example:8443/a;b?c=d e", " https: https://imis.example:8443"),
        ("http://127.0.0.1:8080/cb", " https: http://127.0.0.1:8080"),
        ("org.acme.app:/cb", " https: org.acme.app:"),
        ("javascript:alert(1)", " https:"),
        ("*; script-src *", " https:"),
    ];
    for (action, allowed) in table {
        let page = Shown::of(form_post(NONCE, EN, action, &[])).await;
        let policy = page.header("content-security-policy");
        let (_, found) = policy.split_once("form-action").unwrap();
        assert_eq!(found, allowed, "{action}");
    }
}

/// Chromium applies `form-action` to the redirects that follow; a chooser ends at a directory.
#[tokio::test]
async fn form_action_is_left_open_where_a_form_leads_on_and_closed_where_there_is_none() {
    for (name, response) in all("Acme") {
        let page = Shown::of(response).await;
        let closed = page.header("content-security-policy").contains("form-action 'none'");
        assert_eq!(closed, !page.html.contains("<form"), "{name}");
    }
    let mut linked = error_page(FailureCode::ClaimMissing, "Acme");
    linked.return_to = Some(link());
    let page = Shown::of(error(NONCE, EN, linked)).await;
    assert!(page.header("content-security-policy").contains("form-action 'none'"));
}

#[tokio::test]
async fn the_chooser_asks_for_the_e_mail_first_and_carries_the_request_along() {
    let page = Shown::of(chooser_with(EN, "Acme")).await;
    let place = |text: &str| page.html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(page.html.contains("<form method=\"get\" action=\"https://login.example/t/acme/auth"));
    assert!(page.html.contains("<input type=\"hidden\" name=\"Acme\" value=\"Acme\">"));
    assert!(place("name=\"login_hint\"") < place("id=\"continue\""));
    // Enter in the box presses the first button.
    assert!(place("id=\"continue\"") < place("class=\"directory\""));
    assert!(page.html.contains("name=\"directory\" value=\"okta\" formnovalidate"));
    assert_eq!(page.html.matches("autofocus").count(), 1);
}

/// Whoever the address belongs to, the page is the same but for the address.
#[tokio::test]
async fn id_11_an_address_that_leads_nowhere_gets_one_answer() {
    let page = Shown::of(chooser_with(EN, "Acme")).await;
    assert!(page.html.contains("role=\"alert\">This address does not lead to a sign-in here."));
    assert!(page.html.contains("aria-invalid=\"true\" aria-describedby=\"email-problem\""));
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn a_chooser_without_e_mail_has_buttons_alone() {
    let page = Chooser {
        brand: plain("Acme"),
        application_name: "iMIS",
        action: "/authorize",
        method: "post",
        carry: &[],
        email: None,
        unrouted: false,
        ask_email: false,
        directories: &[("okta", "Staff")],
    };
    let page = Shown::of(chooser(NONCE, EN, &page)).await;
    assert!(!page.html.contains("login_hint") && !page.html.contains("id=\"continue\""));
    assert!(
        page.html.contains("<form method=\"post\"") && page.html.contains("class=\"directory\"")
    );
}

#[tokio::test]
async fn every_failure_has_a_page_that_says_why_and_how_to_mend_it() {
    for failure in FailureCode::ALL {
        let page = Shown::of(error(NONCE, EN, error_page(*failure, "Acme"))).await;
        let marks = format!("id=\"vestibule-error\" data-failure=\"{}\"", failure.as_str());
        assert!(page.html.contains(&marks), "{failure:?}");
        let said = crate::coded::coded(EN.texts().said(*failure).sentence).0;
        assert!(page.html.contains(&said), "{failure:?}");
        let fix = crate::coded::coded(failure.fix()).0;
        assert!(page.html.contains(&fix), "{failure:?}");
        let helper = page.html.contains("id=\"details\">For ");
        assert_eq!(helper, failure.fixer() != Fixer::Person, "{failure:?}");
    }
}

#[tokio::test]
async fn an_error_page_has_the_support_code_the_time_and_the_ways_out() {
    let page = Shown::of(error(NONCE, EN, error_page(FailureCode::ClaimMissing, "iMIS"))).await;
    assert!(page.html.contains("<code id=\"support-code\">7K2QD-9XW4M</code>"));
    assert!(page.html.contains("<time datetime=\"2026-08-21T14:03:22Z\">2026-08-21 14:03:22 UTC<"));
    assert!(page.html.contains(
        "id=\"try-again\" href=\"https://imis.example/?error=access_denied&#38;state=1\""
    ));
    assert!(page.html.contains("id=\"return-to-application\">Return to iMIS</button>"));
}

#[tokio::test]
async fn az_17_a_detail_is_cut_kept_on_its_line_and_cannot_turn_the_text() {
    let long = format!("\u{202e}\u{2066}claim\r\n\0{}", "x".repeat(10_000));
    let page = Shown::of(error(NONCE, EN, error_page(FailureCode::ClaimMissing, &long))).await;
    let (_, after) = page.html.split_once("<p id=\"detail\">").unwrap();
    let (detail, _) = after.split_once("</p>").unwrap();
    assert_eq!(detail, format!("claim{}", "x".repeat(251)));
}

#[tokio::test]
async fn a_notice_offers_to_start_again_or_says_where_to_begin() {
    let with = Shown::of(notice_with(EN, "iMIS")).await;
    assert!(with.html.contains("id=\"vestibule-notice\" data-failure=\"attempt_used\""));
    assert!(with.html.contains("id=\"start-again\">Start again</button>"));
    let page = Notice {
        status: StatusCode::BAD_REQUEST,
        brand: Some(plain("Acme")),
        application_name: Some("iMIS"),
        failure: FailureCode::AttemptMissing,
        support_code: None,
        start_again: None,
    };
    let without = Shown::of(notice(NONCE, EN, page)).await;
    assert!(!without.html.contains("id=\"start-again\""));
    assert!(without.html.contains("Open iMIS and sign in from there."));
}

/// [RFC9110-10.2.3]
/// The confirmation travels in a POST, from a button that a person presses.
#[tokio::test]
async fn br_10_a_logout_is_asked_for_with_one_button_and_said_without_any() {
    let asked = Shown::of(logout_with(EN, "iMIS")).await;
    assert_eq!(asked.html.matches("<button").count(), 1);
    assert!(asked.html.contains("method=\"post\" action=\"https://login.example/t/acme/logout\""));
    assert!(asked.html.contains("back to iMIS"), "{}", asked.html);
    let said = Shown::of(logout::signed_out(NONCE, &logout_about(EN, "iMIS"))).await;
    assert!(!said.html.contains("<button") && said.html.contains("not registered"));
    assert!(said.header("content-security-policy").contains("form-action 'none'"));
}

#[tokio::test]
async fn a_database_that_is_away_is_a_503_that_says_when_to_come_back() {
    let page = Shown::of(Fixed::Unavailable.into_response()).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.header("retry-after"), "5");
    assert!(page.html.contains("data-failure=\"database_unavailable\""));
}

/// `"1"` and `1` are different values, and a claim cannot hide what it is or turn the text.
#[tokio::test]
async fn sc_02_test_login_shows_claims_as_json_without_invisible_characters() {
    let values = [json!("1"), json!(1), json!("a\u{202e}b\u{200b}"), json!("x".repeat(5_000))];
    let rows = values.iter().map(|value| Row::raw("claim", value)).collect();
    let page = TestLogin {
        brand: plain("Acme"),
        directory_name: "Okta",
        back: "https://login.example.org/dashboard/t/acme/directories/okta",
        is_next_to_activate: true,
        support_code: "7K2QD-9XW4M",
        failure: None,
        facts: &[],
        tables: &[Table { rows, ..Table::new("id-token", "Claims") }],
    };
    let page = Shown::of(test_login(NONCE, &page)).await;
    for shown in ["<code>&#34;1&#34;</code>", "<code>1</code>", "a\\u{202e}b\\u{200b}"] {
        assert!(page.html.contains(shown), "{shown}");
    }
    assert!(page.html.len() < 16_000 && page.html.contains('\u{2026}'), "{}", page.html.len());
    assert!(page.html.contains("It works."));
}

#[test]
fn an_answer_for_an_application_becomes_a_way_out() {
    let redirect = AuthorizationResponse::Redirect("https://a.example/?error=x".to_owned());
    assert_eq!(Action::from(redirect), Action::Link("https://a.example/?error=x".to_owned()));
    let fields = vec![("state", "1".to_owned())];
    let posted =
        AuthorizationResponse::FormPost { action: "https://imis.example/".to_owned(), fields };
    assert_eq!(Action::from(posted), form("1"));
}
