//! A registered client, as the protocol functions need it.

use serde::{Deserialize, Serialize};

use crate::jose::Jwks;
use crate::redirect_uri::RedirectUri;
use crate::response_mode::ResponseMode;
use crate::response_type::ResponseType;
use crate::secret::SecretHash;

/// A registered client: what it may ask, and where answers may go. [RFC6749-2]
#[derive(Debug, Clone)]
pub struct Client {
    /// Its identifier, compared as exact text. [RFC6749-2.2]
    pub client_id: String,
    /// How it proves who it is at the token endpoint.
    pub auth: ClientAuth,
    /// Where answers may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// The response types it may ask for.
    pub response_types: Vec<ResponseType>,
    /// The response modes it may ask for; the first is where errors go when the asked one
    /// is not among them.
    pub response_modes: Vec<ResponseMode>,
    /// Whether a code challenge must be sent.
    pub pkce: PkcePolicy,
}

/// How a client authenticates. [RFC6749-2.1]
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// A public client: it has no secret, and must not send one.
    None,
    /// A shared secret by Basic or post; several are valid while one is being changed.
    Secret(Vec<SecretHash>),
    /// An assertion that it signs with one of these keys; it has no secret. [OIDCC-9]
    PrivateKeyJwt(Jwks),
}

/// Whether a client that asks for a code must send a challenge. [RFC9700-2.1.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PkcePolicy {
    /// It must; the default for every client.
    Required,
    /// A confidential client may leave it out if it sends a `nonce`: middleware without
    /// PKCE exists. A challenge that is sent is enforced all the same.
    Optional,
}

impl Client {
    /// Whether a code is given to this client only against a challenge. A public client is
    /// never exempt: nothing else binds the code to it. [RFC9700-2.1.1]
    pub fn must_send_challenge(&self) -> bool {
        self.pkce == PkcePolicy::Required || matches!(self.auth, ClientAuth::None)
    }
}
