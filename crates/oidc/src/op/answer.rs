//! The authorization response: a redirect or a self-posting form.
//!
//! A [`TrustedRedirect`] and what to say enter, an [`AuthorizationResponse`] leaves; the web
//! layer turns it into a 303 or a page. `state` goes back octet for octet, a query that the
//! redirect URI has is kept as it is written. [RFC6749-4.1.2] [OAuth2-FPRM-2]

use crate::encoding;
use crate::error::OAuthError;
use crate::redirect_uri::TrustedRedirect;
use crate::response_mode::ResponseMode;

/// What a successful login gives to the browser for the client.
#[derive(Clone, Copy, Default)]
pub struct Success<'a> {
    /// The authorization code, for response types that have one.
    pub code: Option<&'a str>,
    /// The ID token, for response types that have one.
    pub id_token: Option<&'a str>,
}

/// An answer, ready to be sent to the browser. It holds codes and tokens, so its `Debug`
/// tells the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthorizationResponse {
    /// Send the browser to this URI with 303.
    Redirect(String),
    /// Let the browser post this form.
    FormPost {
        /// The form's target, exactly the redirect URI.
        action: String,
        /// Its hidden fields, not yet escaped for HTML.
        fields: Vec<(&'static str, String)>,
    },
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Redirect(_) => "Redirect(…)",
            Self::FormPost { .. } => "FormPost(…)",
        })
    }
}

/// The response to a request that was granted. `issuer` is sent as `iss` unless the client
/// is exempt from it. [RFC6749-4.1.2] [OIDCC-3.3.2.5] [RFC9207-2]
pub fn success(
    redirect: &TrustedRedirect,
    success: Success<'_>,
    issuer: Option<&str>,
) -> AuthorizationResponse {
    let fields = [("code", success.code), ("id_token", success.id_token)];
    respond(redirect, &fields, issuer)
}

/// The response to a request that was refused. [RFC6749-4.1.2.1] [RFC9207-2]
pub fn refusal(
    redirect: &TrustedRedirect,
    error: &OAuthError,
    issuer: Option<&str>,
) -> AuthorizationResponse {
    let fields =
        [("error", Some(error.code.as_str())), ("error_description", Some(error.description))];
    respond(redirect, &fields, issuer)
}

fn respond(
    redirect: &TrustedRedirect,
    fields: &[(&'static str, Option<&str>)],
    issuer: Option<&str>,
) -> AuthorizationResponse {
    let common: [(&'static str, Option<&str>); 2] = [("state", redirect.state()), ("iss", issuer)];
    let sent = fields.iter().chain(&common).filter_map(|(name, value)| Some((*name, (*value)?)));
    let uri = redirect.uri().as_str();
    match redirect.mode() {
        ResponseMode::Query => {
            AuthorizationResponse::Redirect(encoding::append_query(uri, &encoding::query(sent)))
        }
        ResponseMode::Fragment => {
            AuthorizationResponse::Redirect(format!("{uri}#{}", encoding::query(sent)))
        }
        ResponseMode::FormPost => AuthorizationResponse::FormPost {
            action: uri.to_owned(),
            fields: sent.map(|(name, value)| (name, value.to_owned())).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::redirect_uri::RedirectUri;

    const ISSUER: &str = "https://login.example/t/acme";

    fn redirect(uri: &str, mode: ResponseMode, state: &str) -> TrustedRedirect {
        let registered = [RedirectUri::parse(uri).unwrap()];
        TrustedRedirect::resolve(uri, &registered, mode, Some(state)).unwrap()
    }

    fn code() -> Success<'static> {
        Success { code: Some("abc"), id_token: None }
    }

    /// [RFC6749-4.1.2] [RFC9207-2]
    #[test]
    fn a_code_goes_back_in_the_query_with_state_and_issuer() {
        let redirect = redirect("https://a.example/cb", ResponseMode::Query, "x=y+z ü");
        assert_eq!(
            success(&redirect, code(), Some(ISSUER)),
            AuthorizationResponse::Redirect(
                "https://a.example/cb?code=abc&state=x%3Dy%2Bz%20%C3%BC\
                 &iss=https%3A%2F%2Flogin.example%2Ft%2Facme"
                    .to_owned()
            )
        );
    }

    /// [RFC6749-3.1.2]
    #[test]
    fn the_query_of_the_redirect_uri_is_retained() {
        let redirect = redirect("https://a.example/cb?p=%2f", ResponseMode::Query, "s");
        let AuthorizationResponse::Redirect(target) = success(&redirect, code(), None) else {
            panic!("expected a redirect")
        };
        assert_eq!(target, "https://a.example/cb?p=%2f&code=abc&state=s");
    }

    /// [OIDCC-3.3.2.5]
    #[test]
    fn a_hybrid_answer_goes_back_in_the_fragment() {
        let redirect = redirect("https://a.example/cb?p=1", ResponseMode::Fragment, "s");
        let both = Success { code: Some("abc"), id_token: Some("h.p.s") };
        assert_eq!(
            success(&redirect, both, None),
            AuthorizationResponse::Redirect(
                "https://a.example/cb?p=1#code=abc&id_token=h.p.s&state=s".to_owned()
            )
        );
    }

    /// [OAuth2-FPRM-2]
    #[test]
    fn a_posted_answer_carries_its_values_unescaped() {
        let redirect = redirect("https://a.example/", ResponseMode::FormPost, "a=\"<b>&");
        let error = OAuthError::new(ErrorCode::AccessDenied, "denied");
        assert_eq!(
            refusal(&redirect, &error, Some(ISSUER)),
            AuthorizationResponse::FormPost {
                action: "https://a.example/".to_owned(),
                fields: vec![
                    ("error", "access_denied".to_owned()),
                    ("error_description", "denied".to_owned()),
                    ("state", "a=\"<b>&".to_owned()),
                    ("iss", ISSUER.to_owned()),
                ],
            }
        );
    }

    #[test]
    fn debug_shows_no_code() {
        let redirect = redirect("https://a.example/cb", ResponseMode::Query, "s");
        assert_eq!(format!("{:?}", success(&redirect, code(), None)), "Redirect(…)");
    }
}
