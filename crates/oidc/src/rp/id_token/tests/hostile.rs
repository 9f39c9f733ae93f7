//! Tokens that are meant to cost something, or to be read in two ways.

use std::time::{Duration, Instant};

use super::*;

/// What a refusal may take: a debug build on a busy machine, ten times, and the bar of the row.
fn quickly(token: &str, bar: Duration) -> IdTokenError {
    let fastest = (0..10).map(|_| {
        let begun = Instant::now();
        let refused = raw(token).unwrap_err();
        (begun.elapsed(), refused)
    });
    let (took, refused) = fastest.min_by_key(|(took, _)| *took).unwrap();
    assert!(took <= bar, "{took:?}: {token:.60}");
    refused
}

fn header(members: &Value) -> String {
    base64url(members.to_string())
}

/// Compressed bombs, a billion rounds of key derivation: nobody gets to read of them.
#[test]
fn jw_07_a_token_of_five_parts_is_refused_by_their_number() {
    let bar = Duration::from_millis(1);
    let headers = [
        json!({"alg": "RSA1_5", "enc": "A128CBC-HS256"}),
        json!({"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF"}),
        json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 1_000_000_000, "p2s": "AA"}),
        json!({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}),
        json!({"alg": "ES256", "kid": key().kid()}),
    ];
    for members in headers {
        let token = format!("{}.AAAA.AAAA.{}.AAAA", header(&members), "A".repeat(8000));
        assert_eq!(quickly(&token, bar), IdTokenError::Encrypted, "{members}");
    }
    // Not even its header has to be one.
    assert_eq!(quickly("!.!.!.!.!", bar), IdTokenError::Encrypted);
}

#[test]
fn jw_07_tokens_within_tokens_are_refused() {
    let kid = key().kid();
    let mut token = key().sign(&claims(), "JWT").unwrap();
    for _ in 0..3 {
        token = signed(&json!({"alg": "ES256", "kid": kid, "cty": "JWT"}).to_string(), &token);
        assert_eq!(raw(&token), Err(IdTokenError::Malformed));
    }
}

#[test]
fn jw_08_size_and_parts_are_refused_in_no_time() {
    let bar = Duration::from_millis(5);
    let many_parts = vec!["YQ"; 10_000].join(".");
    for token in [&".".repeat(1 << 20), &"a".repeat(1 << 20), &many_parts, &"é".repeat(1 << 19)] {
        assert_eq!(quickly(token, bar), IdTokenError::TooLarge);
    }
    for token in [".".repeat(10_000), "a.".repeat(5000), ".".repeat(16 * 1024)] {
        assert_eq!(quickly(&token, bar), IdTokenError::Malformed);
    }
}

/// With a good signature: it is what is signed that cannot be read.
#[test]
fn jw_08_payloads_that_are_read_in_two_ways_are_refused() {
    let good = json!({"alg": "ES256", "kid": key().kid()}).to_string();
    let text = Value::Object(claims()).to_string();
    let in_claims = |more: &str| text.replacen('{', &format!("{{{more},"), 1);
    let deep = |depth: usize| format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(raw(&signed(&good, &in_claims(&deep(50)))), Ok(()));
    let refused = [
        in_claims("\"sub\":\"00u2\""),
        in_claims("\"s\\u0075b\":\"00u2\""),
        in_claims("\"aud\":[\"other\"]"),
        in_claims("\"x\":{\"y\":1,\"y\":2}"),
        in_claims(&deep(200)),
        in_claims(&deep(2000)),
        in_claims("\"x\":1e400"),
        in_claims("\"x\":\"\\ud800\""),
        in_claims("\"x\":NaN"),
        format!("{text}{text}"),
        format!("\u{feff}{text}"),
        text.replace('"', "'"),
        "null".to_owned(),
        String::new(),
    ];
    for payload in refused {
        let token = signed(&good, &payload);
        let error = quickly(&token, Duration::from_millis(50));
        assert_eq!(error, IdTokenError::Malformed, "{payload:.80}");
    }
}

#[test]
fn jw_08_octets_that_are_no_text_are_refused() {
    let good = base64url(json!({"alg": "ES256", "kid": key().kid()}).to_string());
    let bad = base64url([b'{', b'"', 0xff, b'"', b':', b'1', b'}']);
    assert_eq!(raw(&format!("{bad}.{good}.AAAA")), Err(IdTokenError::Malformed));
    let encoding = jsonwebtoken::EncodingKey::from_ec_der(&key().to_pkcs8().unwrap());
    let message = format!("{good}.{bad}");
    let algorithm = jsonwebtoken::Algorithm::ES256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &encoding, algorithm).unwrap();
    assert_eq!(raw(&format!("{message}.{signature}")), Err(IdTokenError::Malformed));
}

/// Each part has one spelling: padding, another alphabet, and bits that mean nothing are refused.
#[test]
fn jw_08_other_spellings_of_the_same_octets_are_refused() {
    let token = key().sign(&claims(), "JWT").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let [head, payload, signature] = parts[..] else { panic!("{token}") };
    let spare = |part: &str| {
        let (body, last) = part.split_at(part.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).unwrap();
        format!("{body}{}", &alphabet[(at ^ 1)..=(at ^ 1)])
    };
    for other in [
        format!("{head}=.{payload}.{signature}"),
        format!("{head}.{payload}=.{signature}"),
        format!("{head}.{payload}.{signature}=="),
        format!("{head}\n.{payload}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{head}.{payload}.{}", spare(signature)),
        token.replace('-', "+").replace('_', "/") + "A",
        format!("Bearer {token}"),
    ] {
        assert!(raw(&other).is_err(), "{other}");
    }
}

/// An extension that we do not know changes what is signed; one that we would know is none either.
#[test]
fn jw_01_no_critical_extension_is_understood() {
    let kid = key().kid();
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!("b64"), json!(null), json!(1)] {
        let header = json!({"alg": "ES256", "kid": kid, "crit": crit, "b64": false});
        assert_eq!(with_header(&header), Err(IdTokenError::Critical), "{header}");
    }
    // Without `crit` the payload is base64url as ever, whatever `b64` says.
    let header = json!({"alg": "ES256", "kid": kid, "b64": false});
    assert_eq!(with_header(&header), Ok(()));
    let payload = Value::Object(claims()).to_string().replace('.', "");
    let good = base64url(json!({"alg": "ES256", "kid": kid, "b64": false}).to_string());
    assert!(raw(&format!("{good}.{payload}.AAAA")).is_err());
}

/// A signature of one algorithm under the name of every other, with a key that leaves it open.
#[test]
fn jw_02_an_algorithm_that_was_swapped_fits_no_key() {
    let mut open = key().public_jwk();
    open.as_object_mut().unwrap().remove("alg");
    let keys = keys_of(&[open]);
    let payload = Value::Object(claims()).to_string();
    let widened = Expected { algs: &Alg::ALL, ..expected() };
    let names = ["HS256", "HS384", "HS512", "RS1", "none", "ES256K", "RS256", "PS256", "ES384"];
    for alg in names.into_iter().chain(["ES512", "EdDSA", "Ed25519", "es256", "ES256 "]) {
        let token = signed(&json!({"alg": alg, "kid": key().kid()}).to_string(), &payload);
        assert!(verify(&token, &keys, &widened, now()).is_err(), "{alg}");
    }
    let token = signed(&json!({"alg": "ES256", "kid": key().kid()}).to_string(), &payload);
    assert!(verify(&token, &keys, &widened, now()).is_ok());
}

/// The left half of the hash that the signature uses, without padding.
#[test]
fn jw_06_half_hashes_of_another_algorithm_or_length_are_wrong() {
    let with_token = Expected { access_token: Some("at"), ..expected() };
    let right = left_half_hash(Alg::ES256, "at");
    for hash in ["", &right[..right.len() - 1], &format!("{right}="), &right.to_uppercase()] {
        let token = key().sign(&with("at_hash", json!(hash)), "JWT").unwrap();
        let refused = verify(&token, &keys(), &with_token, now()).unwrap_err();
        assert_eq!(refused, IdTokenError::AccessTokenHash, "{hash}");
    }
}
