//! What nobody but the parties of a login may ever see, and whether a text holds some of it
//! (THREATS SC-01). The constants are the secrets that the tests hand out; the forms are those of
//! values that are made while a test runs: our own tokens, JSON Web Tokens, sealed values.

use crate::hostile;

/// The secret of every application and directory of the scenes.
pub const SECRET: &str = "s3cret-of_at-least-sixteen-characters";
/// The verifier of [RFC7636-B], which the applications by hand use.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The shortest run of base64url that no identifier of ours reaches: a hash in hexadecimal digits
/// has 64, a sealed attempt some hundreds.
const SEALED: usize = 120;

/// The lines of a text that hold something they must not, each with what it is.
pub fn found(text: &str, more: &[&str]) -> Vec<String> {
    let constants = [SECRET, VERIFIER, hostile::CLIENT_SECRET, "a-nonce-of-this-test"];
    let more = more.iter().copied().filter(|one| one.len() >= 8);
    let known: Vec<&str> = constants.into_iter().chain([hostile::HUSH]).chain(more).collect();
    let hits = text.lines().filter_map(|line| {
        let known = known.iter().find(|one| line.contains(**one)).map(|one| (*one).to_owned());
        let hit = known.or_else(|| line.split(|c: char| !is_token(c)).find_map(shape))?;
        Some(format!("{hit} in: {line}"))
    });
    hits.collect()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// What a word looks like, if it looks like a secret.
fn shape(word: &str) -> Option<String> {
    let begins = |prefix: &str| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 16);
    if begins("vat_") || begins("vrt_") || begins("vac_") {
        return Some("a token of ours".to_owned());
    }
    if word.starts_with("eyJ") && word.contains(".eyJ") {
        return Some("a JSON Web Token".to_owned());
    }
    let is_checkpoint = word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    (word.len() >= SEALED && !word.contains('.') && !is_checkpoint)
        .then(|| "a sealed value".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_01_every_form_of_a_secret_is_found_and_nothing_else() {
        let sealed = "A".repeat(SEALED);
        for secret in [
            SECRET,
            "vat_0123456789abcdefghij",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x",
            sealed.as_str(),
            "hush-secret-0123456789",
            "the-password",
        ] {
            let line = format!("first\nDEBUG web: x={secret} y=1\nlast");
            assert_eq!(found(&line, &["the-password"]).len(), 1, "{secret}");
        }
        let line = format!("INFO audit checkpoint: vestibule-audit-1 0190 3 {}", "a1".repeat(32));
        assert_eq!(found(&line, &["", "short"]), Vec::<String>::new());
    }
}
