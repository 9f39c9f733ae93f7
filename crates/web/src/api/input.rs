//! What a request says: its body, its preconditions, its query.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use broker::attempt::Purpose;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema as _, ToSchema};
use uuid::Uuid;

use super::problem::Problem;

/// The media type of a merge patch. [RFC7396-4]
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A JSON body.
pub(crate) struct Body(pub(crate) Value);

/// A merge patch.
pub(crate) struct Patch(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json(request, state, &["application/json"]).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json(request, state, &[MERGE_PATCH, "application/json"]).await.map(Self)
    }
}

async fn json<S: Send + Sync>(
    request: Request,
    state: &S,
    types: &[&str],
) -> Result<Value, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !types.iter().any(|one| one.eq_ignore_ascii_case(kind)) {
        return Err(Problem::media_type(&types.join(" or ")));
    }
    let body = Bytes::from_request(request, state).await;
    let body = body.map_err(|_| Problem::malformed("the body did not arrive whole"))?;
    oidc::json::parse(&body).map_err(|error| Problem::malformed(format!("the body: {error}")))
}

/// A body of a known shape.
pub(crate) fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| Problem::invalid(error.path().to_string(), error.inner().to_string()))
}

/// A query. What it does not know is refused, so that a misspelt `dry_run` changes nothing.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        #[expect(clippy::disallowed_types, reason = "a struct refuses what is repeated")]
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(asked) = query
            .map_err(|error| Problem::malformed(format!("the query: {}", error.body_text())))?;
        Ok(Self(asked))
    }
}

/// The query of a write.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WriteQuery {
    /// Say what would be changed, and change nothing.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserQuery {
    /// Only those whose address, `external_id` or `sub` holds this text, whatever its case.
    #[param(max_length = 254)]
    pub(crate) search: Option<String>,
    /// Only those who are blocked.
    #[serde(default)]
    pub(crate) blocked: bool,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many at most, 1 to 200; 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u16>,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only acts that begin so, such as `directory.`
    #[param(max_length = 100)]
    pub(crate) act: Option<String>,
    /// The newest first.
    #[serde(default)]
    pub(crate) newest_first: bool,
    /// Only entries after this number in that order: the `next` of the page before.
    #[param(minimum = 0)]
    pub(crate) after: Option<i64>,
    /// How many at most, 1 to 200; 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u16>,
}

/// Where whom would be sent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RouteQuery {
    /// The e-mail address.
    #[param(max_length = 254)]
    pub(crate) email: String,
    /// From this application alone, by its `client_id`.
    pub(crate) application: Option<String>,
}

/// Which logins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoginsQuery {
    /// Only those that are for this.
    pub(crate) purpose: Option<Purpose>,
    /// Only those of this application, by its `client_id`.
    pub(crate) application: Option<String>,
    /// Only those that went to this directory, by its slug.
    pub(crate) directory: Option<String>,
    /// Only those that stand so.
    pub(crate) state: Option<LoginStanding>,
    /// Only those that failed for this reason, by its code.
    pub(crate) failure: Option<String>,
    /// Only those of this user: their `sub`, their `external_id` or their e-mail address, exactly.
    #[param(max_length = 254)]
    pub(crate) person: Option<String>,
    /// The `next` of the page before.
    pub(crate) after: Option<Uuid>,
    /// How many at most, 1 to 200; 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u16>,
}

/// Where a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LoginStanding {
    /// The person left for the directory and has not come back.
    Pending,
    /// The answer went to the application; a code in it has not been redeemed. A login that is for no
    /// application ended well.
    Completed,
    /// The application redeemed its code.
    Redeemed,
    /// It ended without success.
    Failed,
}

impl LoginStanding {
    /// Every one.
    pub(crate) const ALL: [Self; 4] =
        [Self::Pending, Self::Completed, Self::Redeemed, Self::Failed];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Redeemed => "redeemed",
            Self::Failed => "failed",
        }
    }
}

const MATCH: &str = "send the ETag of the last answer about the tenant, such as \"12\"";
const NONE: &str = "only * is understood";

/// What a write is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// The version of the tenant. [RFC9110-13.1.1]
    pub(crate) version: Option<i64>,
    /// Nothing in its place. [RFC9110-13.1.2]
    pub(crate) only_new: bool,
}

impl Conditions {
    /// The tenant is as it was at this version.
    pub(crate) const fn at(version: i64) -> Self {
        Self { version: Some(version), only_new: false }
    }
}

impl IntoParams for Conditions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = |name: &str, description: &str| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Header)
                .description(Some(description))
                .schema(Some(String::schema()))
                .build()
        };
        vec![
            header("If-Match", "The ETag of the tenant: change it only at that version"),
            header("If-None-Match", "`*`: only make what is not there"),
        ]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

impl Conditions {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let only = |name: header::HeaderName, hint: &str| {
            let mut values = headers.get_all(&name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => value
                    .to_str()
                    .map(|text| Some(text.trim()))
                    .map_err(|_| Problem::malformed(format!("{name}: {hint}"))),
                (Some(_), Some(_)) => Err(Problem::malformed(format!("{name}: {hint}"))),
            }
        };
        let version = match only(header::IF_MATCH, MATCH)? {
            None => None,
            Some(tag) => {
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                let version = number.and_then(|number| number.parse().ok());
                Some(version.ok_or_else(|| Problem::malformed(format!("if-match: {MATCH}")))?)
            }
        };
        let only_new = match only(header::IF_NONE_MATCH, NONE)? {
            None => false,
            Some("*") => true,
            Some(_) => return Err(Problem::malformed(format!("if-none-match: {NONE}"))),
        };
        Ok(Self { version, only_new })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn conditions(sent: &[(header::HeaderName, &'static str)]) -> Result<Conditions, ()> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, HeaderValue::from_static(value));
        }
        Conditions::of(&headers).map_err(|_| ())
    }

    #[test]
    fn preconditions_are_understood_or_refused_and_never_passed_over() {
        let (version, none) = (header::IF_MATCH, header::IF_NONE_MATCH);
        let wanted = |version, only_new| Ok(Conditions { version, only_new });
        assert_eq!(conditions(&[]), wanted(None, false));
        assert_eq!(conditions(&[(version.clone(), "\"12\"")]), wanted(Some(12), false));
        assert_eq!(conditions(&[(none.clone(), "*")]), wanted(None, true));
        for bad in ["12", "W/\"12\"", "\"12\", \"13\"", "\"x\"", "*", ""] {
            assert_eq!(conditions(&[(version.clone(), bad)]), Err(()), "{bad}");
        }
        assert_eq!(conditions(&[(none.clone(), "\"12\"")]), Err(()));
        let twice = [(version.clone(), "\"12\""), (version, "\"13\"")];
        assert_eq!(conditions(&twice), Err(()));
    }
}
