//! What of a request may be written down for staff to read: names, and few values (THREATS SC-01).
//!
//! [`parameters`] is the one way from a request to what is kept of it. A parameter is treated as
//! [`treatment`] says for its name; nobody's name is known but those of the specifications, and what
//! is not in that table shows its name only. A value is shown where it is a word of the protocol or
//! an address that the application has registered; an address that is not loses its query, which may
//! hold anything. On top of that nothing is shown that could be a credential by its looks, wherever
//! it stands: applications send values under the wrong names, that is what the trace is read for.

use oidc::params::Params;
use oidc::redirect_uri::RedirectUri;

/// The longest value or detail that is shown, in bytes.
pub const MAX_SHOWN: usize = 500;
/// The most room that the parameters of one request take, in bytes of JSON.
pub const MAX_PARAMETERS: usize = 1_500;
/// The longest name that is shown.
const MAX_NAME: usize = 40;
/// The longest run of characters that a random value is made of. Codes and tokens have 43 and more;
/// identifiers that vendors give to clients have 36 at most.
const MAX_RUN: usize = 40;

/// How a parameter is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// As it is, unless it looks like a credential: words of the protocol.
    Words,
    /// As it is if it is a number.
    Number,
    /// As it is if it is registered, else without its query.
    Address,
    /// That it is there, and how long it is.
    Length,
    /// That it is there.
    Presence,
    /// Only its name.
    Name,
}

/// How the parameter of this name is shown.
pub fn treatment(name: &str) -> Treatment {
    match name {
        "client_id"
        | "response_type"
        | "response_mode"
        | "scope"
        | "prompt"
        | "grant_type"
        | "code_challenge_method"
        | "client_assertion_type" => Treatment::Words,
        "max_age" => Treatment::Number,
        "redirect_uri" | "post_logout_redirect_uri" => Treatment::Address,
        "state" | "nonce" | "login_hint" | "code_verifier" | "code_challenge" | "code"
        | "refresh_token" | "access_token" | "id_token" | "id_token_hint" | "client_assertion" => {
            Treatment::Length
        }
        "client_secret" | "password" => Treatment::Presence,
        _ => Treatment::Name,
    }
}

/// The parameters of a request as they may be kept: in the order they were sent, as many as there is
/// room for.
pub fn parameters(params: &Params, registered: &[&RedirectUri]) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let mut room = MAX_PARAMETERS;
    let mut left_out = 0_usize;
    for (name, value) in params.iter() {
        let pair = (shown_name(name), shown_value(treatment(name), value, registered));
        match room.checked_sub(size(&pair)) {
            Some(less) if left_out == 0 => {
                room = less;
                shown.push(pair);
            }
            _ => left_out += 1,
        }
    }
    if left_out > 0 {
        shown.push(("(more)".to_owned(), left_out.to_string()));
    }
    shown
}

/// How a client proves who it is, by what it sends: the method's name in the specification.
/// [OIDCC-9]
pub fn client_authentication(scheme: Option<&str>, params: &Params) -> &'static str {
    let sent = |name| params.get(name).is_some();
    let is_basic = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("Basic"));
    match (scheme, sent("client_secret"), sent("client_assertion")) {
        (None, false, false) => "none",
        (None, true, false) => "client_secret_post",
        (None, false, true) => "private_key_jwt",
        (Some(_), false, false) if is_basic => "client_secret_basic",
        (Some(_), false, false) => "an unknown scheme in the Authorization header",
        _ => "several at once",
    }
}

/// The address that an application sent and has not registered, as staff compare it with what they
/// entered. What comes after its path is left out: a query, a fragment, the name of a session.
pub fn address(value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let marks = ["?", "#", ";", "%3f", "%23", "%3b"];
    let end = marks.iter().filter_map(|mark| lower.find(mark)).min().unwrap_or(value.len());
    let (base, rest) = value.split_at_checked(end).unwrap_or((value, ""));
    let base = visible(base, MAX_SHOWN - 40);
    let mut rest = rest.chars();
    match rest.next() {
        None => base,
        Some(mark) => format!("{base}{mark}({})", characters(rest.as_str())),
    }
}

/// A word that somebody sent, in printable ASCII and at most so many bytes; its length in place of
/// one that is longer, or that could be a credential or an e-mail address.
pub fn visible(text: &str, most: usize) -> String {
    let is_random = |c: char| c.is_ascii_alphanumeric() || "-_~+%".contains(c);
    let longest = text.split(|c| !is_random(c)).map(str::len).max().unwrap_or_default();
    let lower = text.to_ascii_lowercase();
    let is_plain = longest <= MAX_RUN && !lower.contains('@') && !lower.contains("%40");
    let escaped = || {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_ascii_graphic() || c == ' ' {
                escaped.push(c);
            } else {
                escaped.extend(c.escape_unicode());
            }
        }
        escaped
    };
    let shown = (is_plain && text.len() <= most).then(escaped);
    shown.filter(|shown| shown.len() <= most).unwrap_or_else(|| format!("({})", characters(text)))
}

fn characters(text: &str) -> String {
    format!("{} characters", text.chars().count())
}

fn shown_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    if name.len() <= MAX_NAME && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("(a name of {})", characters(name))
}

fn shown_value(treatment: Treatment, value: &str, registered: &[&RedirectUri]) -> String {
    match treatment {
        Treatment::Words => visible(value, MAX_SHOWN),
        Treatment::Number => {
            let is_number = value.len() <= 10 && value.bytes().all(|digit| digit.is_ascii_digit());
            if is_number { value.to_owned() } else { format!("({})", characters(value)) }
        }
        Treatment::Address => {
            let is_known = registered.iter().any(|one| one.as_str() == value);
            // What an owner entered is no secret of anybody's, save that it may be long.
            let is_shown = is_known && value.len() <= MAX_SHOWN && value.is_ascii();
            if is_shown { value.to_owned() } else { address(value) }
        }
        Treatment::Length => format!("present, {}", characters(value)),
        Treatment::Presence => "present".to_owned(),
        Treatment::Name => String::new(),
    }
}

/// The bytes that a pair takes as JSON, `["name","value"],`: of printable ASCII two characters are
/// escaped, by one more.
fn size((name, value): &(String, String)) -> usize {
    let escaped = |text: &str| text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    name.len() + value.len() + escaped(name) + escaped(value) + 8
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// 43 characters, as long as a code of ours.
    const CANARY: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn shown(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = RedirectUri::parse("https://app.example/cb?tenant=1").unwrap();
        let text = query(pairs);
        parameters(&Params::parse(text.as_bytes()).unwrap(), &[&own])
    }

    fn query(pairs: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, value) in pairs {
            let sides = [name.bytes().collect::<Vec<_>>(), value.bytes().collect()];
            for (side, end) in sides.iter().zip(["=", "&"]) {
                for octet in side {
                    write!(text, "%{octet:02x}").unwrap();
                }
                text += end;
            }
        }
        text
    }

    fn value(name: &str, value: &str) -> String {
        let shown = shown(&[(name, value)]);
        let [(_, value)] = shown.as_slice() else { panic!("{shown:?}") };
        value.clone()
    }

    /// Every parameter that the endpoints know, and some that others send.
    const TABLE: &[(&str, &str, &str)] = &[
        ("client_id", "imis", "imis"),
        ("response_type", "code id_token", "code id_token"),
        ("response_mode", "form_post", "form_post"),
        ("scope", "openid email Custom.Read", "openid email Custom.Read"),
        ("prompt", "select_account", "select_account"),
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ),
        ("code_challenge_method", "S256", "S256"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("max_age", "3600", "3600"),
        ("max_age", "-1", "(2 characters)"),
        ("max_age", "12345678901", "(11 characters)"),
        ("redirect_uri", "https://app.example/cb?tenant=1", "https://app.example/cb?tenant=1"),
        (
            "redirect_uri",
            "https://app.example/cb?tenant=2",
            "https://app.example/cb?(8 characters)",
        ),
        ("redirect_uri", "https://app.example/cb#code=x", "https://app.example/cb#(6 characters)"),
        (
            "redirect_uri",
            "https://app.example/cb;jsessionid=1f",
            "https://app.example/cb;(13 characters)",
        ),
        (
            "redirect_uri",
            "https://app.example/cb%3Fcode%3Dx",
            "https://app.example/cb%(10 characters)",
        ),
        ("redirect_uri", "https://me:pw@app.example/cb", "(28 characters)"),
        ("redirect_uri", "https://app.example/of/dana%40acme.example", "(42 characters)"),
        ("post_logout_redirect_uri", "https://app.example/bye", "https://app.example/bye"),
        ("state", "a state & more", "present, 14 characters"),
        ("nonce", "n", "present, 1 characters"),
        ("login_hint", "dana@acme.example", "present, 17 characters"),
        ("code_verifier", CANARY, "present, 43 characters"),
        ("code_challenge", CANARY, "present, 43 characters"),
        ("code", CANARY, "present, 43 characters"),
        ("refresh_token", CANARY, "present, 43 characters"),
        ("access_token", CANARY, "present, 43 characters"),
        ("id_token", "eyJ.eyJ.x", "present, 9 characters"),
        ("id_token_hint", "eyJ.eyJ.x", "present, 9 characters"),
        ("client_assertion", "eyJ.eyJ.x", "present, 9 characters"),
        ("client_secret", "hunter2", "present"),
        ("password", "hunter2", "present"),
        ("username", "dana", ""),
        ("acr_values", "mfa", ""),
        ("ui_locales", "de", ""),
        ("domain_hint", "acme.example", ""),
        ("directory", "okta", ""),
        ("request", "eyJ.eyJ.x", ""),
        ("request_uri", "https://app.example/r?secret", ""),
        ("claims", "{}", ""),
        ("token", CANARY, ""),
        ("confirmation", CANARY, ""),
        ("logout_hint", "dana", ""),
        ("SCOPE", "openid", ""),
        ("x-anything", "at all", ""),
    ];

    #[test]
    fn sc_01_each_parameter_is_shown_as_its_name_allows() {
        for (name, sent, wanted) in TABLE {
            assert_eq!(value(name, sent), *wanted, "{name}={sent}");
        }
    }

    /// [THREATS SC-01] Whatever the name, no value that could be a credential is shown, nor an
    /// address of a person.
    #[test]
    fn sc_01_nothing_that_looks_like_a_credential_is_shown_under_any_name() {
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{}.{CANARY}", "eyJzdWIiOiJkYW5hIn0".repeat(3));
        let within = format!("https://app.example/{CANARY}/cb");
        let query = format!("https://app.example/cb?code={CANARY}&state=my-state");
        let among = format!("openid {CANARY}");
        let encoded = format!("https://app.example/cb%3Fcode%3D{CANARY}");
        for secret in
            [CANARY, &token, &within, &query, &among, &encoded, "openid dana@acme.example"]
        {
            for (name, ..) in TABLE {
                let shown = value(name, secret);
                for part in [CANARY, "my-state", "dana@", "eyJhbGci"] {
                    assert!(!shown.contains(part), "{name}={secret}: {shown}");
                }
            }
            assert!(!visible(secret, MAX_SHOWN).contains(CANARY), "{secret}");
            assert!(!address(secret).contains(CANARY), "{secret}");
            // A form that is no form: what was meant as a value is the name.
            for (name, shown) in shown(&[(secret, "x")]) {
                assert!(
                    !name.contains(CANARY) && !name.contains('@') && shown.is_empty(),
                    "{name}"
                );
            }
        }
        let body = r#"{"client_secret":"hunter2","code":"#;
        assert_eq!(shown(&[(body, "x")]), [("(a name of 34 characters)".into(), String::new())]);
    }

    #[test]
    fn sc_02_what_is_shown_is_printable_and_short() {
        let long = "openid ".repeat(72);
        for (sent, wanted) in [
            ("a\r\nb", "a\\u{d}\\u{a}b"),
            ("a\u{0}", "a\\u{0}"),
            ("\u{202e}x", "\\u{202e}x"),
            ("é", "\\u{e9}"),
            (long.as_str(), "(504 characters)"),
            (&"\n".repeat(400), "(400 characters)"),
        ] {
            assert_eq!(value("scope", sent), wanted);
        }
        let address =
            address(&format!("https://app.example/{}?{}", "é/".repeat(50), "x".repeat(60)));
        assert!(address.len() <= MAX_SHOWN && address.is_ascii(), "{address}");
    }

    #[test]
    fn rx_04_parameters_take_no_more_room_than_there_is() {
        let all: Vec<_> = TABLE.iter().map(|(name, sent, _)| (*name, *sent)).collect();
        let escapes = "\"\\ ".repeat(100);
        let worst: Vec<(&str, &str)> = (0..60).map(|_| ("scope", escapes.as_str())).collect();
        for (pairs, is_whole) in [(&all[..20], true), (&worst, false)] {
            let shown = shown(pairs);
            let json = serde_json::to_string(&shown).unwrap();
            assert!(json.len() <= MAX_PARAMETERS + 40, "{} bytes", json.len());
            let more = shown.iter().find(|(name, _)| name == "(more)");
            assert_eq!(more.is_none(), is_whole, "{shown:?}");
        }
    }

    #[test]
    fn client_authentication_is_named_by_what_is_sent() {
        let by = |scheme, pairs: &[(&str, &str)]| {
            client_authentication(scheme, &Params::parse(query(pairs).as_bytes()).unwrap())
        };
        let secret = [("client_secret", "x")];
        assert_eq!(by(None, &[("client_id", "imis")]), "none");
        assert_eq!(by(None, &secret), "client_secret_post");
        assert_eq!(by(None, &[("client_assertion", "x")]), "private_key_jwt");
        assert_eq!(by(Some("basic"), &[]), "client_secret_basic");
        assert_eq!(by(Some("Bearer"), &[]), "an unknown scheme in the Authorization header");
        assert_eq!(by(Some("Basic"), &secret), "several at once");
        assert_eq!(by(None, &[secret[0], ("client_assertion", "x")]), "several at once");
    }
}
