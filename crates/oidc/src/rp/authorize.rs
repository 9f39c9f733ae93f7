//! The authorization request we send to a directory. [OIDCC-3.1.2.1]

use crate::encoding;
use crate::pkce::{self, CodeChallenge};

/// A request for a code, always with `state`, `nonce` and an S256 challenge. [RFC9700-2.1]
#[derive(Debug, Clone)]
pub struct AuthorizationRequest<'a> {
    /// The directory's authorization endpoint; its query, if it has one, is kept.
    pub endpoint: &'a str,
    /// Who we are to the directory.
    pub client_id: &'a str,
    /// The callback of exactly this directory. [RFC9700-4.4.2.2]
    pub redirect_uri: &'a str,
    /// The scope, words divided by spaces.
    pub scope: &'a str,
    /// Binds the answer to this browser's login.
    pub state: &'a str,
    /// Binds the ID token to this login.
    pub nonce: &'a str,
    /// Binds the code to this login.
    pub code_challenge: &'a CodeChallenge,
    /// What the directory's settings add: `login_hint`, `prompt`, `response_mode`, ...
    pub extra: &'a [(String, String)],
}

const PROTOCOL: [&str; 10] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// The URI to send the browser to. Empty extra parameters are left out, and none can take
/// the place of a parameter of the protocol.
pub fn url(request: &AuthorizationRequest<'_>) -> String {
    let challenge = request.code_challenge.to_text();
    let protocol = [
        ("response_type", "code"),
        ("client_id", request.client_id),
        ("redirect_uri", request.redirect_uri),
        ("scope", request.scope),
        ("state", request.state),
        ("nonce", request.nonce),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", pkce::METHOD),
    ];
    let extra = request
        .extra
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, value)| !value.is_empty() && !PROTOCOL.contains(name));
    let query = encoding::query(protocol.into_iter().chain(extra));
    encoding::append_query(request.endpoint, &query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_06_a_request_is_bound_and_extras_cannot_unbind_it() {
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        let extra = [("login_hint", "a@b.example"), ("nonce", "forged"), ("prompt", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = AuthorizationRequest {
            endpoint: "https://op.example/authorize?p=policy",
            client_id: "0oa1",
            redirect_uri: "https://login.example/t/acme/directories/okta/callback",
            scope: "openid email",
            state: "s",
            nonce: "n",
            code_challenge: &challenge,
            extra: &extra,
        };
        assert_eq!(
            url(&request),
            "https://op.example/authorize?p=policy&response_type=code&client_id=0oa1\
             &redirect_uri=https%3A%2F%2Flogin.example%2Ft%2Facme%2Fdirectories%2Fokta%2Fcallback\
             &scope=openid%20email&state=s&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256&login_hint=a%40b.example"
        );
    }
}
