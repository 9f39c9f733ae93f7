//! Client authentication: what was presented, and whether it proves who asks.
//!
//! [`Presented::read`] takes the `Authorization` header and the form, refuses two methods
//! at once, and names the client to load. [`verify`] compares with what is registered; an
//! assertion goes through [`assertion::verify`] instead. The two are the only way to an
//! [`AuthenticatedClient`]. [RFC6749-2.3]

pub mod assertion;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::client::{Client, ClientAuth};
use crate::encoding::form_decode;
use crate::error::OAuthError;
use crate::jose::jws::Jws;
use crate::params::Params;
use crate::rp::client_assertion::ASSERTION_TYPE;
use crate::secret::SecretHash;

/// The longest client id and the longest secret that are looked at.
const MAX_BYTES: usize = 512;

/// The parameters that credentials come in.
const PARAMETERS: [&str; 4] =
    ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// What a client presented about itself at the token endpoint.
#[derive(Debug, Clone)]
pub struct Presented {
    client_id: String,
    credential: Credential,
}

#[derive(Debug, Clone)]
enum Credential {
    Absent,
    Post(SecretString),
    /// The secret after percent-decoding, and as it was sent: many clients do not encode.
    Basic {
        decoded: SecretString,
        raw: SecretString,
    },
    /// A signed assertion. Whoever holds it before it is used can use it.
    Assertion(SecretString),
}

/// A client that has proven who it is, or has nothing to prove it with and is registered so.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatedClient<'a> {
    client: &'a Client,
}

impl<'a> AuthenticatedClient<'a> {
    /// The client.
    pub fn client(&self) -> &'a Client {
        self.client
    }

    /// Its identifier.
    pub fn client_id(&self) -> &'a str {
        &self.client.client_id
    }
}

impl Presented {
    /// Reads the credentials of a request.
    ///
    /// # Errors
    /// `invalid_request` for two methods at once [RFC6749-2.3] or repeated parameters,
    /// `invalid_client` for none at all or a method that is not offered [RFC6749-5.2].
    pub fn read(authorization: Option<&str>, params: &Params) -> Result<Self, OAuthError> {
        if PARAMETERS.iter().any(|name| params.is_repeated(name)) {
            return Err(OAuthError::invalid_request("a parameter is sent more than once"));
        }
        let asserts = ["client_assertion", "client_assertion_type"];
        if asserts.iter().any(|name| params.get(name).is_some()) {
            if authorization.is_some() || params.get("client_secret").is_some() {
                return Err(OAuthError::invalid_request(
                    "a client assertion is sent together with other credentials",
                ));
            }
            return Self::from_assertion(params);
        }
        let Some(header) = authorization else { return Self::from_body(params) };
        let presented = Self::from_basic(header)?;
        if params.get("client_secret").is_some() {
            return Err(OAuthError::invalid_request(
                "client credentials are sent in the Authorization header and in the body",
            ));
        }
        match params.get("client_id") {
            Some(id) if id != presented.client_id => Err(OAuthError::invalid_request(
                "client_id in the body is not the one in the Authorization header",
            )),
            _ => Ok(presented),
        }
    }

    /// The client to load.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whether it is an assertion, which [`assertion::verify`] looks at.
    pub fn is_assertion(&self) -> bool {
        matches!(self.credential, Credential::Assertion(_))
    }

    /// `client_id` may be left out: the assertion says whose it is, and [`assertion::verify`]
    /// that it does so rightly. [RFC7521-4.2]
    fn from_assertion(params: &Params) -> Result<Self, OAuthError> {
        if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(OAuthError::invalid_client("this client_assertion_type is not supported"));
        }
        let raw = params
            .get("client_assertion")
            .filter(|raw| raw.len() <= assertion::MAX_BYTES)
            .ok_or(FAILED)?;
        let subject = Jws::parse(raw).ok().and_then(|token| token.unverified_text("sub"));
        let subject = subject.ok_or(FAILED)?;
        if params.get("client_id").is_some_and(|id| id != subject) {
            return Err(FAILED);
        }
        let credential = Credential::Assertion(SecretString::from(raw));
        Ok(Self { client_id: identifier(&subject)?, credential })
    }

    fn from_body(params: &Params) -> Result<Self, OAuthError> {
        let client_id = params
            .get("client_id")
            .ok_or(OAuthError::invalid_client("client authentication is missing"))?;
        let credential = match params.get("client_secret") {
            None => Credential::Absent,
            Some(secret) if secret.len() > MAX_BYTES => return Err(FAILED),
            Some(secret) => Credential::Post(SecretString::from(secret)),
        };
        Ok(Self { client_id: identifier(client_id)?, credential })
    }

    /// [RFC6749-2.3.1] [RFC7617-2]
    fn from_basic(header: &str) -> Result<Self, OAuthError> {
        const MALFORMED: OAuthError =
            OAuthError::invalid_client("the Authorization header is not valid Basic");
        let encoded = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"))
            .map(|(_, rest)| rest.trim())
            .ok_or(MALFORMED)?;
        let octets = STANDARD.decode(encoded).map_err(|_| MALFORMED)?;
        let text = String::from_utf8(octets).map_err(|_| MALFORMED)?;
        let (id, secret) = text.split_once(':').ok_or(MALFORMED)?;
        if secret.len() > MAX_BYTES {
            return Err(FAILED);
        }
        let decode = |part: &str| form_decode(part.as_bytes()).unwrap_or_else(|| part.to_owned());
        let credential = if secret.is_empty() {
            Credential::Absent
        } else {
            Credential::Basic {
                decoded: SecretString::from(decode(secret)),
                raw: SecretString::from(secret),
            }
        };
        Ok(Self { client_id: identifier(&decode(id))?, credential })
    }
}

const FAILED: OAuthError = OAuthError::invalid_client("client authentication failed");

/// [RFC6749-A.1], and nothing that a database cannot hold.
fn identifier(raw: &str) -> Result<String, OAuthError> {
    let plain = !raw.is_empty() && raw.len() <= MAX_BYTES && !raw.chars().any(char::is_control);
    if plain { Ok(raw.to_owned()) } else { Err(FAILED) }
}

/// Compares what was presented with what is registered; `hash` is the function the
/// registered hashes were made with.
///
/// # Errors
/// `invalid_client`, always with the same text: a missing secret, a wrong one, and one of a client
/// that is registered with another method are not told apart. [RFC6749-5.2]
pub fn verify<'a>(
    presented: &Presented,
    client: &'a Client,
    hash: impl Fn(&str) -> SecretHash,
) -> Result<AuthenticatedClient<'a>, OAuthError> {
    // A secret is hashed also for a client that has none, so that the time does not tell them
    // apart (THREATS TK-07).
    let registered = match &client.auth {
        ClientAuth::Secret(registered) => registered.as_slice(),
        ClientAuth::None | ClientAuth::PrivateKeyJwt(_) => &[],
    };
    let agrees = agrees(&presented.credential, registered, hash);
    let proven = match (&client.auth, &presented.credential) {
        (ClientAuth::None, Credential::Absent) => true,
        (ClientAuth::Secret(_), _) => agrees,
        (ClientAuth::None | ClientAuth::PrivateKeyJwt(_), _) => false,
    };
    if proven && presented.client_id == client.client_id {
        Ok(AuthenticatedClient { client })
    } else {
        Err(FAILED)
    }
}

/// The answer for a client id that nobody has, after the work that a known one would cost.
pub fn refuse_unknown(presented: &Presented, hash: impl Fn(&str) -> SecretHash) -> OAuthError {
    // The outcome is of no interest; that the hashing happens, is.
    std::hint::black_box(agrees(&presented.credential, &[SecretHash::new([0; 32])], hash));
    FAILED
}

/// Every candidate is compared with every hash, whatever was found before.
fn agrees(
    credential: &Credential,
    registered: &[SecretHash],
    hash: impl Fn(&str) -> SecretHash,
) -> bool {
    let candidates: Vec<&SecretString> = match credential {
        Credential::Absent | Credential::Assertion(_) => Vec::new(),
        Credential::Post(secret) => vec![secret],
        Credential::Basic { decoded, raw } => vec![decoded, raw],
    };
    let mut found = Choice::from(0);
    for candidate in candidates {
        let presented = hash(candidate.expose_secret());
        for known in registered {
            found |= presented.ct_eq(known);
        }
    }
    found.into()
}

#[cfg(test)]
mod tests;
