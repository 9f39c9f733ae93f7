//! One whole brokered login by a browser that was never here before, played together with its
//! application; every answer is checked, so that what is fast is also right.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde::Serialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::http::{Answer, Connection};
use crate::target::{Flow, Target};

/// The requests of a login, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// The application's authorization request, answered by a redirect to the directory.
    Authorize,
    /// The directory's page, which the gateway has no part in.
    Directory,
    /// The way back; the gateway asks the directory for tokens and claims meanwhile.
    Callback,
    /// The application redeems its code.
    Token,
    /// The application asks who it is.
    Userinfo,
}

impl Step {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Authorize, Self::Directory, Self::Callback, Self::Token, Self::Userinfo];

    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Directory => "(directory)",
            Self::Callback => "callback",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
        }
    }
}

/// Told after each request.
pub(crate) trait Observer {
    /// `took` is from the first octet sent to the last received.
    fn after(&mut self, step: Step, took: Duration) -> impl Future<Output = Result<()>> + Send;
}

/// A browser and its application. Connections are kept, as a reverse proxy keeps them; cookies
/// are not.
pub(crate) struct Browser {
    target: Arc<Target>,
    gateway: Connection,
    directory: Connection,
    keys: HashMap<String, DecodingKey>,
}

/// What one authorization request is made of.
struct Asked {
    state: String,
    nonce: String,
    verifier: Option<String>,
}

/// What the application finds in the answer to it.
struct Delivered {
    code: String,
    id_token: Option<String>,
}

impl Browser {
    /// Connects.
    ///
    /// # Errors
    /// When somebody does not listen.
    pub(crate) async fn open(target: Arc<Target>) -> Result<Self> {
        let gateway = Connection::open(target.gateway).await?;
        let directory = Connection::open(target.directory).await?;
        Ok(Self { target, gateway, directory, keys: HashMap::new() })
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// With the first answer that is not as it should be.
    pub(crate) async fn login(
        &mut self,
        flow: Flow,
        email: &str,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let target = Arc::clone(&self.target);
        let asked = Asked::new(flow)?;

        let begun = Instant::now();
        let answer = self.gateway.get(&asked.path(&target, flow, email), "").await?;
        observer.after(Step::Authorize, begun.elapsed()).await?;
        let cookies = cookies(&answer)?;
        let away = path_below(answer.location()?, &target.directory_issuer, "/authorize?")?;

        let begun = Instant::now();
        let answer = self.directory.get(away, "").await?;
        observer.after(Step::Directory, begun.elapsed()).await?;
        let callback = format!("{}/directories/{}/callback?", target.issuer, Target::DIRECTORY);
        let back = answer.location()?;
        ensure!(back.starts_with(&callback), "the directory redirects to {back}");
        let back = back.get(target.public_url.len()..).unwrap_or_default();

        let begun = Instant::now();
        let answer = self.gateway.get(back, &format!("cookie: {cookies}\r\n")).await?;
        observer.after(Step::Callback, begun.elapsed()).await?;
        let delivered = delivered(&target, flow, &asked, &answer)?;
        let subject = match &delivered.id_token {
            Some(id_token) => Some(self.verify(flow, id_token, &asked.nonce).await?),
            None => None,
        };

        let begun = Instant::now();
        let form = token_form(flow, &asked, &delivered.code);
        let basic = STANDARD.encode(format!("{}:{}", flow.client_id(), target.secret));
        let authorization = format!("authorization: Basic {basic}\r\n");
        let path = format!("{}/token", target.path);
        let answer = self.gateway.post(&path, &authorization, &form).await?;
        observer.after(Step::Token, begun.elapsed()).await?;
        let tokens = json(&answer)?;
        let again = self.verify(flow, text(&tokens, "id_token")?, &asked.nonce).await?;
        ensure!(subject.is_none_or(|first| first == again), "two ID tokens, two subjects");

        let begun = Instant::now();
        let bearer = format!("authorization: Bearer {}\r\n", text(&tokens, "access_token")?);
        let answer = self.gateway.get(&format!("{}/userinfo", target.path), &bearer).await?;
        observer.after(Step::Userinfo, begun.elapsed()).await?;
        let claims = json(&answer)?;
        ensure!(text(&claims, "sub")? == again, "userinfo is about somebody else");
        ensure!(text(&claims, "email")? == email, "{email} came back as {claims:?}");
        Ok(())
    }

    /// Verifies an ID token as its application does and returns whom it is about. The keys are
    /// fetched when one is new. [OIDCC-3.1.3.7]
    async fn verify(&mut self, flow: Flow, id_token: &str, nonce: &str) -> Result<String> {
        let kid = jsonwebtoken::decode_header(id_token)?.kid.context("an ID token without kid")?;
        if !self.keys.contains_key(&kid) {
            let answer = self.gateway.get(&format!("{}/jwks", self.target.path), "").await?;
            let set: JwkSet = serde_json::from_slice(&answer.body)?;
            for jwk in &set.keys {
                let name = jwk.common.key_id.clone().context("a key without kid")?;
                self.keys.insert(name, DecodingKey::from_jwk(jwk)?);
            }
        }
        let key = self.keys.get(&kid).context("the ID token names a key that is not published")?;
        let mut validation = Validation::new(flow.algorithm());
        validation.set_issuer(&[&self.target.issuer]);
        validation.set_audience(&[flow.client_id()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = jsonwebtoken::decode::<Map<String, Value>>(id_token, key, &validation)
            .context("an ID token that does not verify")?
            .claims;
        ensure!(text(&claims, "nonce")? == nonce, "the ID token answers another request");
        Ok(text(&claims, "sub")?.to_owned())
    }
}

impl Asked {
    fn new(flow: Flow) -> Result<Self> {
        let verifier = if flow.has_pkce() { Some(random::<32>()?) } else { None };
        // .NET middleware keeps its state in the browser: about 1.5 KB of it.
        let state = if flow == Flow::Hybrid { random::<1_125>()? } else { random::<24>()? };
        Ok(Self { state, nonce: random::<24>()?, verifier })
    }

    fn path(&self, target: &Target, flow: Flow, email: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", flow.client_id())
            .append_pair("response_type", flow.response_type())
            .append_pair("redirect_uri", Target::REDIRECT_URI)
            .append_pair("scope", "openid profile email")
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("login_hint", email);
        if flow == Flow::Hybrid {
            query.append_pair("response_mode", "form_post");
        }
        if let Some(verifier) = &self.verifier {
            let challenge = digest::digest(&digest::SHA256, verifier.as_bytes());
            query
                .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
                .append_pair("code_challenge_method", "S256");
        }
        format!("{}/authorize?{}", target.path, query.finish())
    }
}

fn random<const LENGTH: usize>() -> Result<String> {
    let mut octets = [0; LENGTH];
    rand::fill(&mut octets).ok().context("the system has no random octets")?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}

/// What a browser sends back of the cookies that it was given.
fn cookies(answer: &Answer) -> Result<String> {
    let pairs = answer.header("set-cookie").map(|line| line.split(';').next().unwrap_or_default());
    let pairs = pairs.collect::<Vec<_>>().join("; ");
    ensure!(!pairs.is_empty(), "no cookie came\n{}", answer.shown());
    Ok(pairs)
}

/// The path of a URL that has to be this one's.
fn path_below<'a>(url: &'a str, issuer: &str, path: &str) -> Result<&'a str> {
    let below = url.strip_prefix(issuer).filter(|rest| rest.starts_with(path));
    below.with_context(|| format!("the redirect leads to {url}, not to {issuer}{path}"))
}

/// The authorization response, by redirect or by form. [OIDCC-3.1.2.5] [OIDCC-3.3.2.5]
fn delivered(target: &Target, flow: Flow, asked: &Asked, answer: &Answer) -> Result<Delivered> {
    let fields: Vec<(String, String)> = if flow == Flow::Hybrid {
        let page = std::str::from_utf8(&answer.body)?;
        ensure!(answer.status == 200, "{}", answer.shown());
        ensure!(page.contains(&format!("action=\"{}\"", Target::REDIRECT_URI)), "{page}");
        hidden_fields(page)
    } else {
        let query = path_below(answer.location()?, Target::REDIRECT_URI, "?")?;
        form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect()
    };
    let field = |name: &str| {
        let mut values = fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    };
    ensure!(field("state") == Some(&asked.state), "another state came back: {fields:?}");
    ensure!(field("iss") == Some(&target.issuer), "another issuer came back: {fields:?}");
    let code = field("code").context("no code came")?.clone();
    let id_token = field("id_token").cloned();
    ensure!(id_token.is_some() == (flow == Flow::Hybrid), "an ID token too many or too few");
    Ok(Delivered { code, id_token })
}

/// The hidden fields of the page; none of our values holds a character that HTML escapes.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let inputs = page.split("<input").skip(1);
    let tags = inputs.filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    let hidden = tags.filter(|tag| tag.contains("type=\"hidden\""));
    hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect()
}

fn token_form(flow: Flow, asked: &Asked, code: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", Target::REDIRECT_URI);
    if let Some(verifier) = asked.verifier.as_ref().filter(|_| flow.has_pkce()) {
        form.append_pair("code_verifier", verifier);
    }
    form.finish()
}

fn json(answer: &Answer) -> Result<Map<String, Value>> {
    ensure!(answer.status == 200, "{}", answer.shown());
    serde_json::from_slice(&answer.body).with_context(|| answer.shown())
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str> {
    object.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in {object:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_are_read_in_any_order_of_their_attributes() {
        let page = r#"<form action="x"><input type="hidden" name="code" value="c">
            <input name="id_token" value="t" type="hidden"><input type="text" name="n" value="v">"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(hidden_fields(page), [pair("code", "c"), pair("id_token", "t")]);
    }

    #[test]
    fn a_redirect_to_anywhere_else_is_wrong() {
        assert_eq!(path_below("http://a/x?y", "http://a", "/x?").unwrap(), "/x?y");
        assert!(path_below("http://b/x?y", "http://a", "/x?").is_err());
    }
}
