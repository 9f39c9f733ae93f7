//! Percent and base64url encodings, in the one form each that we write and accept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// base64url without padding. [RFC7515-2]
pub(crate) fn base64url(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Decodes base64url; padding, other alphabets and stray trailing bits are refused, so that
/// one value has one spelling. [RFC7515-2]
pub(crate) fn base64url_decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes `application/x-www-form-urlencoded` octets, or `None` for a broken escape or
/// octets that are not UTF-8.
pub(crate) fn form_decode(raw: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut octets = raw.iter();
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'+' => b' ',
            b'%' => hex(*octets.next()?)? << 4 | hex(*octets.next()?)?,
            other => *other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends a value with everything but unreserved characters escaped.
///
/// A space becomes `%20` and not `+`: both decode in a query, but scripts that read a
/// fragment with a plain percent decoder would keep the plus sign.
pub(crate) fn push_escaped(out: &mut String, value: &str) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            for nibble in [octet >> 4, octet & 15] {
                out.extend(DIGITS.get(usize::from(nibble)));
            }
        }
    }
}

/// `name=value` pairs joined by `&`, escaped.
pub(crate) fn query<'n, 'v>(pairs: impl IntoIterator<Item = (&'n str, &'v str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        push_escaped(&mut out, name);
        out.push('=');
        push_escaped(&mut out, value);
    }
    out
}

/// Appends a query to a URI whose own query is kept as it is written. [RFC6749-3.1.2]
pub(crate) fn append_query(uri: &str, query: &str) -> String {
    let separator = match uri.find('?') {
        None => "?",
        Some(_) if uri.ends_with(['?', '&']) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jw_08_padded_or_non_canonical_base64url_is_refused() {
        assert_eq!(base64url_decode("_-8"), Some(vec![0xff, 0xef]));
        for text in ["_-8=", "/+8", "_-9", "_-8 ", "a"] {
            assert_eq!(base64url_decode(text), None, "{text}");
        }
    }

    #[test]
    fn reserved_characters_are_escaped_and_a_space_is_not_a_plus() {
        assert_eq!(query([("a", "x y+&=é~")]), "a=x%20y%2B%26%3D%C3%A9~");
    }

    /// [RFC6749-3.1.2]
    #[test]
    fn an_existing_query_is_retained() {
        assert_eq!(append_query("https://a/cb", "x=1"), "https://a/cb?x=1");
        assert_eq!(append_query("https://a/cb?p=%20", "x=1"), "https://a/cb?p=%20&x=1");
        assert_eq!(append_query("https://a/cb?", "x=1"), "https://a/cb?x=1");
    }
}
