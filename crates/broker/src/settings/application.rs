//! The settings of an application.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{SecretSource, is_default, is_false, schema};
use crate::claims::row::RawRow;
use crate::claims::{Rows, ValueType};
use crate::id::Slug;

/// A downstream application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSettings {
    /// The `client_id`.
    pub client_id: String,
    /// The name that people see.
    pub name: String,
    /// What everything left out here follows.
    #[serde(default)]
    pub preset: ApplicationPreset,
    /// Where its secret comes from. Left out: one is generated and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::secret)]
    pub client_secret: Option<SecretSource>,
    /// A public client has no secret; it then has to use PKCE.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// How it proves who it is, if not with a secret. [OIDCC-9]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    /// The public keys that it signs its assertions with, as a JWK set. [RFC7517-5]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where answers may go, compared exactly. None: it is set up, and nobody signs in to it yet.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after a logout, compared exactly. [OIDCRIL-3.1]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether a person is asked before a logout that does not say whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_confirmation: Option<bool>,
    /// `response_type` values it may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `response_mode` values it may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_modes: Option<Vec<String>>,
    /// Whether it has to send a `code_challenge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkce: Option<Pkce>,
    /// Put every claim into the ID token and userinfo, whatever scopes were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_include_claims: Option<bool>,
    /// How long an ID token is valid, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_lifetime: Option<u32>,
    /// Signature algorithm of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// Whether it gets a refresh token when it asks for `offline_access`. [OIDCC-11]
    #[serde(default, skip_serializing_if = "is_false")]
    pub offline_access: bool,
    /// How long a refresh token works unless it is used, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token_lifetime: Option<u32>,
    /// Whether authorization responses carry `iss`. [RFC9207]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss_parameter: Option<bool>,
    /// Where a person goes to begin again; left out: the origin of the first redirect URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_url: Option<String>,
    /// The directories whose people may sign in; left out: all of the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<Vec<Slug>>,
    /// A disabled application is answered like an unknown one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// What its ID tokens and userinfo call a person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sub: SubPolicy,
    /// Claims without which a login stops here, with their types, over the preset's; `null` takes
    /// one of the preset's away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = schema::contract)]
    pub contract: BTreeMap<String, Option<ValueType>>,
    /// Rows from the profile to its claims, over the preset's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, RawRow>)]
    pub claims: Rows,
}

impl ApplicationSettings {
    /// Whether it has a secret, or would if one were made.
    pub fn has_secret(&self) -> bool {
        !self.public && self.token_endpoint_auth_method.is_none()
    }
}

/// How an application proves who it is at the token endpoint, if not with its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// With an assertion that it signs. [RFC7523-2.2]
    PrivateKeyJwt,
}

/// A named starting point for an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationPreset {
    /// iMIS: `code id_token` by `form_post`, string claims, no PKCE.
    Imis,
    /// imc Learning Suite: the code flow, flat claims under names of the administrator's choice.
    Imc,
    /// Any OpenID Connect application: the code flow with PKCE.
    #[default]
    Generic,
}

/// What an application's ID tokens and userinfo call a person: their `sub`. [OIDCC-8]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubPolicy {
    /// The user's own random `sub`, the same for every application of the tenant.
    #[default]
    Opaque,
    /// Another one for each host of redirect URIs, so that applications cannot compare. [OIDCC-8.1]
    Pairwise,
    /// The user's `external_id`.
    ExternalId,
}

/// Whether an application has to send a `code_challenge`. [RFC9700-2.1.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// It has to.
    Required,
    /// It may leave it out if it sends a `nonce`.
    Optional,
}
