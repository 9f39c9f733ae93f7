//! The endpoints, which are where the discovery document says.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use super::{Outcome, SECRET, Shared, fixture};
use crate::played::{Answer, fields, hs256, json_reply, now, redirect, sha256, unsigned};

/// Every code ends with as many of these: Microsoft's are that long.
const CODE_PADDING: usize = 1500;
/// An access token that says nothing to anybody else.
const ACCESS_TOKEN: &str = "hush-access-token";

/// Any request; what is at no address of the vendor's is not found.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = format!("http://{host}{}", uri.path());
    let documents = &shared.documents;
    let is = |member: &str| documents.discovery.get(member).is_some_and(|one| *one == *url);
    if url == documents.well_known {
        uri.query().unwrap_or_default().clone_into(&mut shared.known().asked.discovery);
        return json_reply(200, &documents.discovery);
    }
    match method {
        Method::GET if is("jwks_uri") => json_reply(200, &documents.keys),
        Method::GET if is("authorization_endpoint") => {
            shared.authorize(fields(uri.query().unwrap_or_default().as_bytes()))
        }
        Method::POST if is("token_endpoint") => shared.token(&headers, &fields(&body)),
        Method::GET if is("userinfo_endpoint") => shared.userinfo(&headers),
        _ => json_reply(404, &json!({ "error": "not_found", "path": uri.path() })),
    }
}

impl Shared {
    fn authorize(&self, query: HashMap<String, String>) -> Answer {
        let of = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let well_asked = of("response_type") == "code"
            && of("client_id") == self.documents.client_id
            && of("scope").split(' ').any(|scope| scope == "openid")
            && ["state", "nonce", "code_challenge"].iter().all(|name| !of(name).is_empty())
            && of("code_challenge_method") == "S256"
            && matches!(of("response_mode"), "" | "query");
        let (true, Ok(mut target)) = (well_asked, Url::parse(of("redirect_uri"))) else {
            return json_reply(400, &json!({ "error": "invalid_request", "received": query }));
        };
        let mut parameters = match self.script.outcome {
            Outcome::Refused(name) => fixture(name).unwrap_or_default(),
            _ => json!({ "code": self.new_code(&query) }),
        };
        if let Some(members) = parameters.as_object_mut() {
            members.insert("state".to_owned(), of("state").into());
            let discovery = &self.documents.discovery;
            if discovery["authorization_response_iss_parameter_supported"] == true {
                members.insert("iss".to_owned(), discovery["issuer"].clone());
            }
        }
        self.known().asked.authorization = query;
        let texts = parameters.as_object().into_iter().flatten();
        let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        target.query_pairs_mut().extend_pairs(texts);
        redirect(target.as_str())
    }

    fn new_code(&self, query: &HashMap<String, String>) -> String {
        let mut known = self.known();
        let code = format!("hush-code-{}-{}", known.codes.len(), "x".repeat(CODE_PADDING));
        known.codes.insert(code.clone(), query.clone());
        code
    }

    fn token(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> Answer {
        self.known().asked.tokens += 1;
        if let Err((status, refusal)) = self.authenticate(headers, form) {
            return json_reply(status, &refusal);
        }
        if let Outcome::TokenError(status, name) = self.script.outcome {
            return json_reply(status, &fixture(name).unwrap_or_default());
        }
        let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let asked = self.known().codes.remove(of("code")).filter(|asked| {
            let challenge = URL_SAFE_NO_PAD.encode(sha256(of("code_verifier")));
            of("grant_type") == "authorization_code"
                && asked.get("redirect_uri").is_some_and(|uri| uri == of("redirect_uri"))
                && asked.get("code_challenge").is_some_and(|one| *one == challenge)
        });
        let Some(asked) = asked else {
            return json_reply(400, &json!({ "error": "invalid_grant" }));
        };
        let nonce = asked.get("nonce").map(String::as_str).unwrap_or_default();
        match self.tokens(nonce, of("code")) {
            Ok(tokens) => json_reply(200, &tokens),
            Err(error) => json_reply(500, &json!({ "error": error.to_string() })),
        }
    }

    fn tokens(&self, nonce: &str, code: &str) -> Result<Value> {
        let mut tokens = json!({ "token_type": "Bearer", "expires_in": 3600 });
        let members = tokens.as_object_mut().context("no object")?;
        members.extend(self.documents.token_response.as_object().cloned().unwrap_or_default());
        let claims = self.documents.claims(now(), nonce, code, ACCESS_TOKEN);
        members.insert("access_token".to_owned(), ACCESS_TOKEN.into());
        members.insert("id_token".to_owned(), self.signed(&claims)?.into());
        Ok(tokens)
    }

    fn signed(&self, claims: &Value) -> Result<String> {
        let symmetric = self.script.outcome == Outcome::Symmetric;
        let alg = if symmetric { "HS256" } else { "RS256" };
        let header = json!({ "alg": alg, "kid": self.documents.kid, "typ": "JWT" });
        let message = unsigned(&header, claims);
        let signature = if symmetric {
            hs256(SECRET.as_bytes(), message.as_bytes())
        } else {
            self.key.sign(message.as_bytes())?
        };
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn userinfo(&self, headers: &HeaderMap) -> Answer {
        self.known().asked.userinfo += 1;
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if sent != Some(&format!("Bearer {ACCESS_TOKEN}")) {
            return json_reply(401, &json!({ "error": "invalid_token" }));
        }
        json_reply(200, &self.documents.userinfo)
    }
}
