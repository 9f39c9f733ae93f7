//! Request parameters, from a query or a form body.

use std::collections::HashMap;

use url::form_urlencoded;

/// More than any request of the protocol carries.
const MOST: usize = 64;

/// Parameters, each at most once. [RFC6749-3.1]
#[derive(Debug)]
pub(crate) struct Params(HashMap<String, String>);

/// The request repeats a parameter, or has absurdly many.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("A parameter is repeated, or there are more than {MOST}.")]
pub(crate) struct Malformed;

impl Params {
    /// Reads an `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(raw: &[u8]) -> Result<Self, Malformed> {
        let mut params = HashMap::new();
        for (name, value) in form_urlencoded::parse(raw) {
            if params.len() == MOST
                || params.insert(name.into_owned(), value.into_owned()).is_some()
            {
                return Err(Malformed);
            }
        }
        Ok(Self(params))
    }

    /// The parameter's value; one sent without a value counts as not sent. [RFC6749-3.1]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter's value in a string of its own.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}

/// `url` with the pairs added to its query, the rest of it untouched.
pub(crate) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", encode(pairs))
}

/// The pairs as `application/x-www-form-urlencoded`.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC6749-3.1]
    #[test]
    fn a_repeated_parameter_is_refused() {
        assert_eq!(Params::parse(b"state=a&state=a").err(), Some(Malformed));
    }

    /// [RFC6749-3.1]
    #[test]
    fn a_parameter_without_a_value_counts_as_not_sent() {
        let params = Params::parse(b"nonce=&state=a").unwrap();
        assert_eq!(params.get("nonce"), None);
        assert_eq!(params.get("state"), Some("a"));
    }

    #[test]
    fn an_address_that_has_a_query_keeps_it() {
        assert_eq!(with_query("http://a/?x=1", &[("s", "a=b&c")]), "http://a/?x=1&s=a%3Db%26c");
        assert_eq!(with_query("http://a/", &[("s", "1")]), "http://a/?s=1");
    }
}
