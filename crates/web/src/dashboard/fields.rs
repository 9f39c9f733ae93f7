//! What a form or an address of a page says.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use oidc::params::{MAX_PARAMETERS, Params};

use super::Refused;
use crate::api::Problem;

/// The fields of a form that was sent.
#[derive(Debug, Default)]
pub(crate) struct Fields(Params);

impl Fields {
    /// The text of a field without the space around it; empty: it was left out, or left empty.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default().trim()
    }

    /// The text of a field as it was typed, for passwords.
    pub(crate) fn verbatim(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default()
    }

    /// Whether a box was ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// The version of the tenant that the form was made of.
    pub(crate) fn version(&self) -> Result<i64, Problem> {
        let version = self.text("version").parse();
        version.map_err(|_| Problem::malformed("the form did not arrive whole"))
    }

    /// The lines of a field, without empty ones.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        self.text(name)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// The fields of a form with a list in it.
#[derive(Debug, Default)]
pub(crate) struct LongFields(pub(crate) Fields);

/// The most fields of such a form: of 200 rows, the most that a mapping has.
const MOST_FIELDS: usize = 1_700;

impl Fields {
    /// The numbers that stand in the names of fields after this, in order: 2 for `row.2.name`.
    pub(crate) fn numbers(&self, before: &str) -> BTreeSet<usize> {
        let names = self.0.iter().filter_map(|(name, _)| name.strip_prefix(before));
        names.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
    }
}

impl<S: Send + Sync> FromRequest<S> for LongFields {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        Fields::read(request, state, MOST_FIELDS).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        Self::read(request, state, MAX_PARAMETERS).await
    }
}

impl Fields {
    async fn read<S: Send + Sync>(
        request: Request,
        state: &S,
        most: usize,
    ) -> Result<Self, Refused> {
        let unreadable = || Refused::from(Problem::malformed("the form did not arrive whole"));
        let body = Bytes::from_request(request, state).await.map_err(|_| unreadable())?;
        let params = Params::parse_up_to(&body, most).map_err(|_| unreadable())?;
        if params.repeated().is_some() {
            return Err(unreadable());
        }
        Ok(Self(params))
    }
}

/// The query of a page's address.
#[derive(Debug, Default)]
pub(crate) struct Query(Params);

impl Query {
    /// The value of a parameter; `None`: it was left out, or left empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The same query with one parameter set, for a link to the next page.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let kept = self.0.iter().filter(|(one, _)| *one != name && *one != "done");
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(kept).append_pair(name, value);
        format!("?{}", pairs.finish())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let query = parts.uri.query().unwrap_or_default();
        let params = Params::parse(query.as_bytes())
            .map_err(|_| Problem::malformed("the address cannot be read"))?;
        Ok(Self(params))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_trimmed_and_passwords_are_not() {
        let fields = Fields(Params::parse(b"a=+x+&b=+y+&c=on&d=+1%0D%0A%0D%0A+2+").unwrap());
        assert_eq!((fields.text("a"), fields.verbatim("b"), fields.text("e")), ("x", " y ", ""));
        assert!(fields.is_ticked("c") && !fields.is_ticked("e"));
        assert_eq!(fields.lines("d"), ["1", "2"]);
    }

    #[test]
    fn rows_of_a_form_are_counted_by_their_numbers() {
        let text = b"row.10.name=a&row.2.name=b&row.2.kind=from&row.x.name=c&rows=3&row.=4";
        let fields = Fields(Params::parse(text).unwrap());
        assert_eq!(fields.numbers("row.").into_iter().collect::<Vec<_>>(), [2, 10]);
    }

    #[test]
    fn query_keeps_its_other_parameters() {
        let query = Query(Params::parse(b"search=a%26b&after=1&done=saved").unwrap());
        assert_eq!(query.with("after", "2"), "?search=a%26b&after=2");
        assert_eq!(query.get("search"), Some("a&b"));
    }
}
