//! Form and query parameters: bounded, strictly decoded, with repeats remembered.
//!
//! Raw octets enter, [`Params`] leaves. Parameters without a value count as not sent
//! [RFC6749-3.1], so they are dropped here and never seen again. A repeated parameter is not
//! refused here, because who is told about it differs: a page for `redirect_uri`, a redirect
//! for `scope`. Callers ask [`Params::repeated`].

use crate::encoding;

/// The longest text that is looked at; no specified message comes near it.
pub const MAX_BYTES: usize = 64 * 1024;

/// The largest number of parameters; real requests carry under thirty.
pub const MAX_PARAMETERS: usize = 200;

/// Why a text is not a list of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Longer than [`MAX_BYTES`].
    #[error("the parameters are longer than 64 KiB")]
    TooLong,
    /// More than [`MAX_PARAMETERS`], or than the caller takes.
    #[error("there are too many parameters")]
    TooMany,
    /// A percent escape is broken or the octets are not UTF-8.
    #[error("the parameters are not valid application/x-www-form-urlencoded UTF-8")]
    Encoding,
}

/// The parameters of a request, in the order they were sent.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Params {
    entries: Vec<(String, String)>,
}

/// Names only: values hold codes and secrets.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` text: a query without its `?`, or a body.
    ///
    /// # Errors
    /// See [`ParamsError`]; the sender sees a plain 400 or 413, because no redirect target
    /// can be trusted yet.
    pub fn parse(raw: &[u8]) -> Result<Self, ParamsError> {
        Self::parse_up_to(raw, MAX_PARAMETERS)
    }

    /// The same with up to `most` parameters, for a form of our own that has a list in it.
    ///
    /// # Errors
    /// See [`ParamsError`].
    pub fn parse_up_to(raw: &[u8], most: usize) -> Result<Self, ParamsError> {
        if raw.len() > MAX_BYTES {
            return Err(ParamsError::TooLong);
        }
        let mut entries = Vec::new();
        let pairs = raw.split(|octet| *octet == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= most {
                return Err(ParamsError::TooMany);
            }
            let mut halves = pair.splitn(2, |octet| *octet == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if !value.is_empty() {
                entries.push((name, value));
            }
        }
        Ok(Self { entries })
    }

    /// The value of a parameter, or `None` if it was not sent or sent empty. [RFC6749-3.1]
    ///
    /// Of a repeated parameter the first value is returned; callers for whom that matters
    /// have asked [`Params::repeated`] before.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Whether a parameter was sent more than once. [RFC6749-3.1]
    pub fn is_repeated(&self, name: &str) -> bool {
        self.values(name).nth(1).is_some()
    }

    /// The name of some parameter that was sent more than once. [RFC6749-3.1]
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = std::collections::HashSet::new();
        self.entries.iter().map(|(name, _)| name.as_str()).find(|name| !seen.insert(*name))
    }

    /// All parameters in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same parameters as text again, every reserved octet escaped.
    pub fn to_urlencoded(&self) -> String {
        encoding::query(self.iter())
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(move |(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }
}

fn decode(raw: &[u8]) -> Result<String, ParamsError> {
    encoding::form_decode(raw).ok_or(ParamsError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Params {
        Params::parse(raw.as_bytes()).unwrap()
    }

    #[test]
    fn plus_and_percent_are_decoded() {
        let params = parse("scope=openid+profile&name=%C3%A9%2B");
        assert_eq!(params.get("scope"), Some("openid profile"));
        assert_eq!(params.get("name"), Some("é+"));
    }

    #[test]
    fn only_the_first_equals_sign_divides() {
        assert_eq!(parse("state=a=b==").get("state"), Some("a=b=="));
    }

    /// [RFC6749-3.1]
    #[test]
    fn parameters_without_a_value_count_as_not_sent() {
        let params = parse("state=&nonce&scope=openid&state=x");
        assert_eq!(params.get("nonce"), None);
        assert_eq!(params.get("state"), Some("x"));
        assert!(!params.is_repeated("state"));
        assert_eq!(params.repeated(), None);
    }

    /// [RFC6749-3.1]
    #[test]
    fn az_04_a_repeat_is_found_also_under_an_escaped_name() {
        let params = parse("client_id=a&scope=x&client%5Fid=b");
        assert!(params.is_repeated("client_id"));
        assert_eq!(params.repeated(), Some("client_id"));
        assert!(!params.is_repeated("scope"));
    }

    #[test]
    fn broken_escapes_and_broken_utf8_are_refused() {
        for raw in ["a=%", "a=%4", "a=%zz", "a=%FF", "%C3=a"] {
            assert_eq!(Params::parse(raw.as_bytes()), Err(ParamsError::Encoding), "{raw}");
        }
    }

    #[test]
    fn az_15_length_and_number_are_bounded() {
        let long = vec![b'a'; MAX_BYTES + 1];
        assert_eq!(Params::parse(&long), Err(ParamsError::TooLong));
        let many = "a=&".repeat(MAX_PARAMETERS + 1);
        assert_eq!(Params::parse(many.as_bytes()), Err(ParamsError::TooMany));
        assert!(Params::parse("a=&".repeat(MAX_PARAMETERS).as_bytes()).is_ok());
    }

    #[test]
    fn debug_shows_names_without_values() {
        assert_eq!(format!("{:?}", parse("code=abc123")), "[\"code\"]");
    }
}
