//! What a tenant's own pages look like to the people who sign in: a logo, a colour, and where help is.
//!
//! All of it is data that Vestibule draws: no markup, no style and no address that a page loads from
//! (THREATS TN-10, BR-06).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::schema;
use crate::contrast::Colour;
use crate::email::Email;
use crate::tenant::SettingError;

/// The longest text, in characters: it stands below every page, on a telephone as well.
const LONGEST_TEXT: usize = 300;
/// The longest address, in bytes.
const LONGEST_ADDRESS: usize = 500;

/// What a tenant's pages look like to its people. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Branding {
    /// The logo: in a configuration file `${file:PATH}`, a PNG, JPEG or WebP. What is read back is
    /// `sha256:` and the SHA-256 of that file; sent back, it leaves the logo as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::logo)]
    pub logo: Option<LogoSource>,
    /// The colour of buttons, `#rrggbb`. Where it is too close to what is around it, a darker or
    /// lighter shade is shown, so that everybody can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::colour)]
    pub accent: Option<Colour>,
    /// A sentence or two below every page, as plain text of 300 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 300)]
    pub text: Option<String>,
    /// Where people find help: `https://…` or `mailto:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub support_url: Option<String>,
}

impl Branding {
    /// Everything that is wrong with it; paths begin with `path`.
    pub(crate) fn problems(&self, path: &str) -> Vec<SettingError> {
        let mut found = Vec::new();
        let mut add = |name: &str, message: &str| {
            let path = format!("{path}.{name}");
            found.push(SettingError { path, message: message.to_owned() });
        };
        let is_text = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && is_plain(text)
        };
        if !self.text.as_deref().is_none_or(is_text) {
            add("text", "use 1 to 300 printable characters on one line");
        }
        if !self.support_url.as_deref().is_none_or(is_support) {
            add("support_url", "use an https address, or mailto: with one e-mail address");
        }
        found
    }
}

/// Whether a text has nothing that breaks a line or turns its direction.
fn is_plain(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || turns(c))
}

/// Whether a page may link there (THREATS AZ-03): an address of the web without a password in it, or
/// one of e-mail alone, since more after it would write the message as well.
fn is_support(text: &str) -> bool {
    if text.len() > LONGEST_ADDRESS || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    if let Some(address) = text.strip_prefix("mailto:") {
        return !address.contains(['?', '%', '&']) && Email::parse(address).is_some();
    }
    let Ok(url) = Url::parse(text) else { return false };
    text.starts_with("https://") && url.username().is_empty() && url.password().is_none()
}

/// Where a logo comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoSource {
    /// A file beside the configuration file.
    File(String),
    /// The one that is stored.
    Stored(LogoHash),
}

impl LogoSource {
    /// Its hash, where it is stored.
    pub fn hash(&self) -> Option<LogoHash> {
        match self {
            Self::Stored(hash) => Some(*hash),
            Self::File(_) => None,
        }
    }
}

impl fmt::Display for LogoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "${{file:{path}}}"),
            Self::Stored(hash) => hash.fmt(f),
        }
    }
}

/// The text names no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write ${{file:PATH}}, or the sha256:… of the logo that is stored")]
pub struct InvalidLogo;

impl FromStr for LogoSource {
    type Err = InvalidLogo;

    fn from_str(text: &str) -> Result<Self, InvalidLogo> {
        let path = text.strip_prefix("${file:").and_then(|rest| rest.strip_suffix('}'));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            _ => text.parse().map(Self::Stored),
        }
    }
}

impl Serialize for LogoSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogoSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The SHA-256 of the file that a logo was made of: its name here, and the end of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogoHash(pub [u8; 32]);

impl LogoHash {
    /// Its 64 hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            for digit in [byte >> 4, byte & 15] {
                hex.extend(char::from_digit(u32::from(digit), 16));
            }
            hex
        })
    }

    /// Reads these.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for LogoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl FromStr for LogoHash {
    type Err = InvalidLogo;

    fn from_str(text: &str) -> Result<Self, InvalidLogo> {
        text.strip_prefix("sha256:").and_then(Self::from_hex).ok_or(InvalidLogo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(branding: serde_json::Value) -> Vec<String> {
        match serde_json::from_value::<Branding>(branding) {
            Ok(read) => read.problems("branding").into_iter().map(|one| one.path).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    #[test]
    fn tn_10_az_03_support_is_an_address_of_the_web_or_of_e_mail() {
        for good in ["https://help.acme.example/a?b=c", "mailto:help@acme.example"] {
            assert!(is_support(good), "{good}");
        }
        let long = format!("https://a.example/{}", "a".repeat(500));
        for bad in [
            "",
            "http://acme.example",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " https://acme.example",
            "https:acme.example",
            "https://",
            "https://user:word@acme.example",
            "https://acme.example/\"onclick=\u{2028}",
            "data:text/html,hello",
            "mailto:",
            "mailto:a@acme.example?subject=Hello&bcc=b@evil.example",
            "mailto:a@acme.example,b@evil.example",
            "mailto:a%0d@acme.example",
            "//acme.example",
            &long,
        ] {
            assert!(!is_support(bad), "{bad}");
        }
    }

    #[test]
    fn tn_10_text_is_one_line_of_plain_text() {
        let long = "\u{e9}".repeat(301);
        for bad in ["", "  ", "a\nb", "a\0", "a\u{202e}b", "\u{2066}", "a\u{2029}b", &long] {
            assert_eq!(wrong(serde_json::json!({ "text": bad })), ["branding.text"], "{bad:?}");
        }
        let fine = "\u{e9}".repeat(300);
        for good in [&fine, "Ask <b>us</b> & call 0800."] {
            assert_eq!(wrong(serde_json::json!({ "text": good })), [""; 0], "{good}");
        }
    }

    #[test]
    fn logo_is_a_file_or_a_hash() {
        let hash = "sha256:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fff";
        for text in ["${file:logo.png}", hash] {
            assert_eq!(text.parse::<LogoSource>().unwrap().to_string(), text);
        }
        let short = &hash[..70];
        let capital = hash.replace("ff", "FF");
        for bad in ["logo.png", "https://a.example/l.png", "${file:}", "${env:A}", short, &capital]
        {
            assert!(bad.parse::<LogoSource>().is_err(), "{bad}");
        }
    }
}
