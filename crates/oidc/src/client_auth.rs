//! Client authentication: what was presented, and whether it proves who asks.
//!
//! [`Presented::read`] takes the `Authorization` header and the form, refuses two methods
//! at once, and names the client to load. [`verify`] compares with what is registered and is
//! the only constructor of [`AuthenticatedClient`]. [RFC6749-2.3]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::client::{Client, ClientAuth};
use crate::encoding::form_decode;
use crate::error::OAuthError;
use crate::params::Params;
use crate::secret::SecretHash;

/// The longest client id and the longest secret that are looked at.
const MAX_BYTES: usize = 512;

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
        if ["client_id", "client_secret"].iter().any(|name| params.is_repeated(name)) {
            return Err(OAuthError::invalid_request("a parameter is sent more than once"));
        }
        if params.get("client_assertion").is_some() {
            return Err(OAuthError::invalid_client("client assertions are not supported"));
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
/// `invalid_client`, always with the same text: a missing secret, a wrong one, and one that
/// a public client sent are not told apart. [RFC6749-5.2]
pub fn verify<'a>(
    presented: &Presented,
    client: &'a Client,
    hash: impl Fn(&str) -> SecretHash,
) -> Result<AuthenticatedClient<'a>, OAuthError> {
    let proven = match (&client.auth, &presented.credential) {
        (ClientAuth::None, Credential::Absent) => true,
        (ClientAuth::Secret(registered), credential) => agrees(credential, registered, hash),
        (ClientAuth::None, _) => false,
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
        Credential::Absent => Vec::new(),
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
