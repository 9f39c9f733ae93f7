//! What is measured: the addresses of a run, the flows, and the people who sign in.

use std::net::SocketAddr;

use clap::ValueEnum;
use serde::Serialize;

/// Everything that a browser has to know of a run.
#[derive(Clone)]
pub(crate) struct Target {
    /// Where the gateway listens.
    pub(crate) gateway: SocketAddr,
    /// What it answers as.
    pub(crate) public_url: String,
    /// The tenant's issuer, and its path.
    pub(crate) issuer: String,
    pub(crate) path: String,
    /// Where the directory listens, and its issuer.
    pub(crate) directory: SocketAddr,
    pub(crate) directory_issuer: String,
    /// The secret of every application.
    pub(crate) secret: String,
}

impl Target {
    /// The tenant and its directory.
    pub(crate) const TENANT: &str = "bench";
    pub(crate) const DIRECTORY: &str = "test";
    /// Where the applications would be; nobody connects to it.
    pub(crate) const REDIRECT_URI: &str = "https://app.bench.example/callback";
}

/// The logins that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flow {
    /// `code`, ID token signed with RS256: what most applications do.
    CodeRs256,
    /// `code`, ID token signed with ES256.
    CodeEs256,
    /// `code id_token` by `form_post`, RS256, with a state of 1.5 KB and without PKCE: iMIS.
    Hybrid,
}

impl Flow {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::CodeRs256, Self::CodeEs256, Self::Hybrid];

    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CodeRs256 => "code, RS256",
            Self::CodeEs256 => "code, ES256",
            Self::Hybrid => "code id_token, form_post, RS256",
        }
    }

    /// The application that uses it.
    pub(crate) const fn client_id(self) -> &'static str {
        match self {
            Self::CodeRs256 => "code-rs256",
            Self::CodeEs256 => "code-es256",
            Self::Hybrid => "imis",
        }
    }

    /// [RFC6749-3.1.1]
    pub(crate) const fn response_type(self) -> &'static str {
        match self {
            Self::CodeRs256 | Self::CodeEs256 => "code",
            Self::Hybrid => "code id_token",
        }
    }

    /// Whether its application sends a `code_challenge`.
    pub(crate) const fn has_pkce(self) -> bool {
        !matches!(self, Self::Hybrid)
    }

    /// What its ID tokens are signed with.
    pub(crate) const fn algorithm(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::CodeRs256 | Self::Hybrid => jsonwebtoken::Algorithm::RS256,
            Self::CodeEs256 => jsonwebtoken::Algorithm::ES256,
        }
    }

    /// How many ID tokens the gateway signs in one login.
    pub(crate) const fn signatures(self) -> u32 {
        match self {
            Self::CodeRs256 | Self::CodeEs256 => 1,
            Self::Hybrid => 2,
        }
    }
}

/// The e-mail address of a person; each simultaneous browser has people of its own.
pub(crate) fn email(person: usize) -> String {
    format!("person{person}@bench.example")
}

/// The configuration file that `vestibule apply` gets.
pub(crate) fn configuration(directory_issuer: &str, secret: &str) -> String {
    let (tenant, directory, redirect_uri) =
        (Target::TENANT, Target::DIRECTORY, Target::REDIRECT_URI);
    let (code, es256, hybrid) =
        (Flow::CodeRs256.client_id(), Flow::CodeEs256.client_id(), Flow::Hybrid.client_id());
    format!(
        r#"tenants:
  - slug: {tenant}
    name: Benchmark
    applications:
      - {{ client_id: {code}, name: Code, client_secret: "{secret}", redirect_uris: ["{redirect_uri}"] }}
      - client_id: {es256}
        name: Code with ES256
        client_secret: "{secret}"
        redirect_uris: ["{redirect_uri}"]
        id_token_signed_response_alg: ES256
      - {{ client_id: {hybrid}, name: Hybrid, preset: imis, client_secret: "{secret}", redirect_uris: ["{redirect_uri}"] }}
    directories:
      - slug: {directory}
        name: Test directory
        preset: okta
        issuer: "{directory_issuer}"
        client_id: vestibule
        client_secret: "{secret}"
        state: active
        domains: [bench.example]
        scopes: [openid, profile, email, groups]
        profile:
          staff: {{ expr: "has(claims.groups) && 'Staff' in claims.groups", type: bool, default: false }}
          external_id: {{ from: [claims.employee_number, claims.sub], type: string }}
"#
    )
}
