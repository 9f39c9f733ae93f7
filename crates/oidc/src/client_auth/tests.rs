use super::*;
use crate::client::PkcePolicy;
use crate::error::ErrorCode;
use crate::secret::sha256;

const ID: &str = "acme:imis";
const SECRET: &str = "a+b/c=d e%é";
/// `ID` and `SECRET`, form-encoded before they were joined. [RFC6749-2.3.1]
const ENCODED: &str = "Basic YWNtZSUzQWltaXM6YSUyQmIlMkZjJTNEZCtlJTI1JUMzJUE5";

fn hash(secret: &str) -> SecretHash {
    SecretHash::new(sha256(secret.as_bytes()))
}

fn client(client_id: &str, auth: ClientAuth) -> Client {
    Client {
        client_id: client_id.to_owned(),
        auth,
        redirect_uris: Vec::new(),
        response_types: Vec::new(),
        response_modes: Vec::new(),
        pkce: PkcePolicy::Required,
    }
}

fn confidential(client_id: &str) -> Client {
    client(client_id, ClientAuth::Secret(vec![hash("older"), hash(SECRET)]))
}

fn params(raw: &str) -> Params {
    Params::parse(raw.as_bytes()).unwrap()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn outcome(header: Option<&str>, body: &str, client: &Client) -> Result<(), ErrorCode> {
    Presented::read(header, &params(body))
        .and_then(|presented| verify(&presented, client, hash).map(|_| ()))
        .map_err(|error| error.code)
}

/// [RFC6749-2.3.1]
#[test]
fn a_form_encoded_basic_header_is_decoded() {
    let presented = Presented::read(Some(ENCODED), &params("")).unwrap();
    assert_eq!(presented.client_id(), ID);
    let client = confidential(ID);
    assert_eq!(verify(&presented, &client, hash).unwrap().client_id(), ID);
}

#[test]
fn a_basic_secret_that_was_not_encoded_is_accepted_too() {
    assert_eq!(outcome(Some(&basic("imis", SECRET)), "", &confidential("imis")), Ok(()));
}

#[test]
fn the_scheme_name_has_no_case_and_the_same_client_id_may_stand_in_the_body() {
    let header = ENCODED.replace("Basic", "basic");
    assert_eq!(outcome(Some(&header), "client_id=acme%3Aimis", &confidential(ID)), Ok(()));
}

/// [RFC6749-2.3.1]
#[test]
fn a_posted_secret_is_accepted_and_the_older_one_during_a_change() {
    let client = confidential("imis");
    assert_eq!(outcome(None, "client_id=imis&client_secret=older", &client), Ok(()));
}

#[test]
fn tk_06_a_wrong_an_empty_and_a_missing_secret_are_invalid_client() {
    let client = confidential("imis");
    for body in ["client_secret=wrong", "client_secret=", "", "client_secret=older%20"] {
        let body = format!("client_id=imis&{body}");
        assert_eq!(outcome(None, &body, &client), Err(ErrorCode::InvalidClient), "{body}");
    }
    for secret in ["", "wrong", "older:"] {
        let header = basic("imis", secret);
        let outcome = outcome(Some(&header), "", &client);
        assert_eq!(outcome, Err(ErrorCode::InvalidClient), "{secret}");
    }
}

#[test]
fn tk_06_a_public_client_that_sends_a_secret_is_invalid_client() {
    let public = client("app", ClientAuth::None);
    assert_eq!(outcome(None, "client_id=app", &public), Ok(()));
    let refused = Err(ErrorCode::InvalidClient);
    assert_eq!(outcome(None, "client_id=app&client_secret=x", &public), refused);
    assert_eq!(outcome(Some(&basic("app", "x")), "", &public), refused);
}

#[test]
fn a_client_without_any_registered_secret_cannot_authenticate() {
    let locked = client("imis", ClientAuth::Secret(Vec::new()));
    let refused = Err(ErrorCode::InvalidClient);
    assert_eq!(outcome(None, "client_id=imis&client_secret=x", &locked), refused);
    assert_eq!(outcome(None, "client_id=imis", &locked), refused);
}

/// [RFC6749-2.3]
#[test]
fn tk_06_two_methods_at_once_are_an_invalid_request() {
    let header = basic("imis", SECRET);
    let both = outcome(Some(&header), "client_secret=older", &confidential("imis"));
    assert_eq!(both, Err(ErrorCode::InvalidRequest));
    let two_ids = outcome(Some(&header), "client_id=other", &confidential("imis"));
    assert_eq!(two_ids, Err(ErrorCode::InvalidRequest));
    let twice = "client_id=imis&client_secret=a&client_secret=older";
    assert_eq!(outcome(None, twice, &confidential("imis")), Err(ErrorCode::InvalidRequest));
}

#[test]
fn tk_06_malformed_headers_and_other_schemes_are_invalid_client() {
    let headers = [
        "Basic",
        "Basic !",
        "Basic aW1pcw==",
        "Bearer abc",
        "",
        "Basic /w==",
        "Basic OnNlY3JldA==",
    ];
    for header in headers {
        let outcome = outcome(Some(header), "client_id=imis", &confidential("imis"));
        assert_eq!(outcome, Err(ErrorCode::InvalidClient), "{header}");
    }
}

#[test]
fn tk_06_an_assertion_is_not_ignored() {
    let body = "client_id=app&client_assertion=x";
    let refused = outcome(None, body, &client("app", ClientAuth::None));
    assert_eq!(refused, Err(ErrorCode::InvalidClient));
}

#[test]
fn the_secret_of_one_client_does_not_prove_another() {
    let presented = Presented::read(None, &params("client_id=imis&client_secret=older")).unwrap();
    assert!(verify(&presented, &confidential("other"), hash).is_err());
}

#[test]
fn tk_07_an_unknown_client_costs_the_same_hash_and_gets_the_same_answer() {
    let presented = Presented::read(None, &params("client_id=x&client_secret=y")).unwrap();
    let calls = std::cell::Cell::new(0);
    let counting = |secret: &str| {
        calls.set(calls.get() + 1);
        hash(secret)
    };
    let unknown = refuse_unknown(&presented, counting);
    assert_eq!(calls.get(), 1);
    assert_eq!(verify(&presented, &confidential("x"), hash).unwrap_err(), unknown);
}

/// The middle of many measurements, taken in turns, so that what else the machine does falls on
/// all of them alike. A step left out (the hash, the comparison with a second secret) is a multiple.
#[test]
fn tk_07_an_unknown_client_and_near_and_far_secrets_take_the_same_time() {
    const ROUNDS: usize = 4_000;
    let read = |secret: &str| {
        let body = format!("client_id=imis&client_secret={secret}");
        Presented::read(None, &params(&body)).unwrap()
    };
    let registered = "k".repeat(43);
    let near = read(&("k".repeat(42) + "x"));
    let far = read(&"z".repeat(43));
    let known = client("imis", ClientAuth::Secret(vec![hash(&registered)]));
    let public = client("imis", ClientAuth::None);
    // A hash that costs what a keyed one does, so that the clock can see it.
    let slow = |secret: &str| {
        let mut octets = sha256(secret.as_bytes());
        for _ in 0..20 {
            octets = sha256(&octets);
        }
        SecretHash::new(octets)
    };
    let cases: [&dyn Fn(); 4] = [
        &|| assert!(verify(&near, &known, slow).is_err()),
        &|| assert!(verify(&far, &known, slow).is_err()),
        &|| assert!(verify(&near, &public, slow).is_err()),
        &|| assert_eq!(refuse_unknown(&near, slow), FAILED),
    ];
    let mut times = cases.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (case, times) in cases.iter().zip(&mut times) {
            let before = std::time::Instant::now();
            case();
            times.push(before.elapsed().as_nanos());
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    });
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(most * 10 < least * 13, "medians in nanoseconds: {medians:?}");
}

#[test]
fn debug_shows_nothing_of_the_secret() {
    let presented = Presented::read(Some(&basic("imis", "hidden-one")), &params("")).unwrap();
    assert!(!format!("{presented:?}").contains("hidden-one"));
}
