//! The request once more, as an application would send it: for *Try again*.

use super::CheckedRequest;
use crate::encoding;
use crate::pkce::CodeChallenge;

impl CheckedRequest {
    /// The query of an authorization request that asks the same for the same client, without the
    /// directory hint, so that a person who was led astray can choose. [OIDCC-3.1.2.1]
    pub fn to_query(&self, client_id: &str) -> String {
        let scope = self.scope.to_string();
        let prompt = self.prompt.to_string();
        let max_age = self.max_age.map(|seconds| seconds.to_string());
        let challenge = self.code_challenge.as_ref().map(CodeChallenge::to_text);
        let method = challenge.as_ref().map(|_| crate::pkce::METHOD);
        let fields = [
            ("client_id", Some(client_id)),
            ("redirect_uri", Some(self.redirect.uri().as_str())),
            ("response_type", Some(self.response_type.as_str())),
            ("response_mode", Some(self.redirect.mode().as_str())),
            ("scope", Some(scope.as_str())),
            ("state", self.redirect.state()),
            ("nonce", self.nonce.as_deref()),
            ("code_challenge", challenge.as_deref()),
            ("code_challenge_method", method),
            ("prompt", Some(prompt.as_str()).filter(|text| !text.is_empty())),
            ("max_age", max_age.as_deref()),
            ("login_hint", self.login_hint.as_deref()),
            ("acr_values", self.acr_values.as_deref()),
            ("ui_locales", self.ui_locales.as_deref()),
        ];
        encoding::query(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}
