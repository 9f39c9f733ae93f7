//! A tenant's configuration, compiled: presets filled in, everything proven valid.
//!
//! [`Application::compile`] and [`Directory::compile`] are the one way from
//! [`crate::settings`] to here, used when settings are saved and when they are loaded, so that no
//! path stores what another refuses (THREATS AZ-03).

mod problems;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use oidc::client::{Client, ClientAuth};
use oidc::jose::Alg;
use oidc::redirect_uri::RedirectUri;
use oidc::response_mode::ResponseMode;
use oidc::response_type::ResponseType;
use oidc::secret::SecretHash;
use secrecy::SecretString;

use self::problems::Problems;
use crate::claims::{Layer, Mapping, Rows, Source, application_rows, directory_rows};
use crate::email::DomainPattern;
use crate::id::{ApplicationId, DirectoryId, Slug, TenantId};
use crate::settings::{
    ApplicationPreset, ApplicationSettings, DirectoryPreset, DirectorySettings, DirectoryState,
    EmailTrust, Pkce, TokenEndpointAuthMethod, UserinfoUse,
};

/// The most entries of any list in the settings.
const MAX_LIST: usize = 100;
/// ID tokens live from a minute to a day.
const ID_TOKEN_LIFETIME: std::ops::RangeInclusive<u32> = 60..=86_400;

/// What is wrong with one setting, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SettingError {
    /// Where: `redirect_uris[0]`, `claims.staff`.
    pub path: String,
    /// What to change.
    pub message: String,
}

impl SettingError {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// An organisation, ready to serve.
#[derive(Debug)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// Its name in the issuer.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Its applications.
    pub applications: Vec<Arc<Application>>,
    /// Its directories.
    pub directories: Vec<Arc<Directory>>,
}

impl Tenant {
    /// The enabled application of that `client_id`.
    pub fn application(&self, client_id: &str) -> Option<&Arc<Application>> {
        self.applications.iter().find(|one| one.client.client_id == client_id)
    }

    /// The enabled application of that identifier.
    pub fn application_by_id(&self, id: ApplicationId) -> Option<&Arc<Application>> {
        self.applications.iter().find(|one| one.id == id)
    }

    /// The directory of that slug, in whatever state.
    pub fn directory(&self, slug: &str) -> Option<&Arc<Directory>> {
        self.directories.iter().find(|one| one.slug.as_str() == slug)
    }

    /// The directory of that identifier, in whatever state.
    pub fn directory_by_id(&self, id: DirectoryId) -> Option<&Arc<Directory>> {
        self.directories.iter().find(|one| one.id == id)
    }
}

/// A downstream application.
#[derive(Debug)]
pub struct Application {
    /// Its identifier.
    pub id: ApplicationId,
    /// Its name for people.
    pub name: String,
    /// What the protocol needs to know of it.
    pub client: Client,
    /// The directories whose people may use it; `None`: all.
    pub directories: Option<Vec<Slug>>,
    /// Where a person goes to begin again.
    pub home_url: String,
    /// Every claim in the ID token and userinfo, whatever scopes were asked for.
    pub always_include_claims: bool,
    /// Whether authorization responses carry `iss`. [RFC9207-2]
    pub iss_parameter: bool,
    /// How long its ID tokens are valid.
    pub id_token_lifetime: TimeDelta,
    /// The algorithm that signs them.
    pub id_token_alg: Alg,
    /// From the profile to its claims.
    pub claims: Mapping,
}

impl Application {
    /// Proves settings valid and fills in the preset. A disabled application compiles too; it is
    /// the caller who leaves it out.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn compile(
        id: ApplicationId,
        settings: &ApplicationSettings,
        secrets: Vec<SecretHash>,
    ) -> Result<Self, Vec<SettingError>> {
        let mut problems = Problems::default();
        let preset = ApplicationDefaults::of(settings.preset);
        problems.name("name", &settings.name);
        problems.client_id(&settings.client_id);

        let redirect_uris = problems.each("redirect_uris", &settings.redirect_uris, |text| {
            RedirectUri::parse(text).map_err(|e| e.to_string())
        });
        if settings.redirect_uris.is_empty() {
            problems.add("redirect_uris", "name at least one address that answers may go to");
        }
        let response_types = problems.list(
            "response_types",
            settings.response_types.as_ref(),
            preset.response_types,
            |text| {
                ResponseType::parse(text)
                    .ok_or_else(|| "use `code`, `id_token` or `code id_token`".to_owned())
            },
        );
        let response_modes = problems.list(
            "response_modes",
            settings.response_modes.as_ref(),
            preset.response_modes,
            |text| {
                ResponseMode::parse(text)
                    .ok_or_else(|| "use `query`, `fragment` or `form_post`".to_owned())
            },
        );
        let pkce = problems.pkce(settings, preset.pkce);
        let id_token_alg = problems.signing_alg(settings);
        let lifetime = problems.id_token_lifetime(settings, preset.id_token_lifetime);
        let home_url = problems.home_url(settings);
        let claims = problems.rows(
            "claims",
            Layer::Release,
            application_rows(settings.preset),
            &settings.claims,
        );

        let (Some(claims), Some(id_token_alg)) = (claims, id_token_alg) else {
            return Err(problems.0);
        };
        problems.none()?;
        let auth = if settings.public { ClientAuth::None } else { ClientAuth::Secret(secrets) };
        Ok(Self {
            id,
            name: settings.name.clone(),
            client: Client {
                client_id: settings.client_id.clone(),
                auth,
                redirect_uris,
                response_types,
                response_modes,
                pkce,
            },
            directories: settings.directories.clone(),
            home_url,
            always_include_claims: settings
                .always_include_claims
                .unwrap_or(preset.always_include_claims),
            iss_parameter: settings.iss_parameter.unwrap_or(true),
            id_token_lifetime: lifetime,
            id_token_alg,
            claims,
        })
    }

    /// Whether people of that directory may use it.
    pub fn admits(&self, directory: &Directory) -> bool {
        self.directories.as_ref().is_none_or(|slugs| slugs.contains(&directory.slug))
    }
}

/// An upstream directory.
#[derive(Debug)]
pub struct Directory {
    /// Its identifier.
    pub id: DirectoryId,
    /// Its name in the callback's URL.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Its issuer, exactly.
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<SecretString>,
    /// How we authenticate there; `None`: as its metadata allows.
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// Algorithms its ID tokens may have.
    pub algorithms: Vec<Alg>,
    /// When its userinfo endpoint is asked.
    pub userinfo: UserinfoUse,
    /// Claims that the mapping names, to decide whether userinfo is needed.
    pub wanted_claims: BTreeSet<String>,
    /// Where it stands in its life.
    pub state: DirectoryState,
    /// Domains routed to it.
    pub domains: Vec<DomainPattern>,
    /// When its e-mail addresses count as verified.
    pub email_trust: EmailTrust,
    /// From its claims to the profile.
    pub profile: Mapping,
}

impl Directory {
    /// Proves settings valid and fills in the preset.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn compile(
        id: DirectoryId,
        settings: &DirectorySettings,
        client_secret: Option<SecretString>,
    ) -> Result<Self, Vec<SettingError>> {
        let mut problems = Problems::default();
        problems.name("name", &settings.name);
        problems.client_id(&settings.client_id);
        problems.issuer(&settings.issuer);
        let scopes = settings.scopes.clone().unwrap_or_else(|| default_scopes(settings));
        problems.scopes(&scopes);
        let algorithms = problems.list(
            "algorithms",
            settings.algorithms.as_ref(),
            &["RS256", "PS256", "ES256", "EdDSA"],
            |text| Alg::parse(text).ok_or_else(|| "use RS256, PS256, ES256 or EdDSA".to_owned()),
        );
        if settings.domains.len() > MAX_LIST {
            problems.add("domains", "use at most 100");
        }
        let email_trust = settings.email_trust.unwrap_or(EmailTrust::VerifiedClaim);
        if email_trust == EmailTrust::Domain && settings.domains.is_empty() {
            problems.add("email_trust", "`domain` needs at least one entry in `domains`");
        }
        let preset = directory_rows(settings.preset);
        let profile = problems.rows("profile", Layer::Profile, preset, &settings.profile);
        let Some(profile) = profile else { return Err(problems.0) };
        problems.none()?;
        Ok(Self {
            id,
            slug: settings.slug.clone(),
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret,
            token_endpoint_auth_method: settings.token_endpoint_auth_method,
            scopes,
            algorithms,
            userinfo: settings.userinfo.unwrap_or(match settings.preset {
                // Okta's ID tokens are thin in the code flow: names come from userinfo.
                DirectoryPreset::Okta => UserinfoUse::Always,
                DirectoryPreset::Oidc => UserinfoUse::WhenNeeded,
            }),
            wanted_claims: wanted_claims(preset, &settings.profile),
            state: settings.state,
            domains: settings.domains.clone(),
            email_trust,
            profile,
        })
    }

    /// How closely one of its domains fits, `None` if none does.
    pub fn rank(&self, domain: &crate::email::Domain) -> Option<(bool, usize)> {
        self.domains.iter().filter_map(|pattern| pattern.rank(domain)).max()
    }
}

struct ApplicationDefaults {
    response_types: &'static [&'static str],
    response_modes: &'static [&'static str],
    pkce: Pkce,
    always_include_claims: bool,
    id_token_lifetime: u32,
}

impl ApplicationDefaults {
    fn of(preset: ApplicationPreset) -> Self {
        match preset {
            // .NET middleware: hybrid without PKCE, claims read from the front-channel ID token,
            // whose lifetime becomes that of the application's session.
            ApplicationPreset::Imis => Self {
                response_types: &["code id_token", "code", "id_token"],
                response_modes: &["form_post", "query"],
                pkce: Pkce::Optional,
                always_include_claims: true,
                id_token_lifetime: 28_800,
            },
            ApplicationPreset::Generic => Self {
                response_types: &["code"],
                response_modes: &["query", "fragment", "form_post"],
                pkce: Pkce::Required,
                always_include_claims: false,
                id_token_lifetime: 3_600,
            },
        }
    }
}

fn default_scopes(settings: &DirectorySettings) -> Vec<String> {
    let mut scopes = vec!["openid", "profile", "email"];
    // Okta's organisation server (an issuer without a path) knows the `groups` scope; a custom
    // authorization server refuses it unless somebody defined it there.
    let address = settings.issuer.split_once("://").map_or("", |(_, address)| address);
    let custom = address.contains('/');
    if settings.preset == DirectoryPreset::Okta && !custom {
        scopes.push("groups");
    }
    scopes.into_iter().map(str::to_owned).collect()
}

fn signing_alg(text: &str) -> Option<Alg> {
    Alg::parse(text).filter(|alg| matches!(alg, Alg::RS256 | Alg::PS256 | Alg::ES256 | Alg::EdDSA))
}

/// The first-level claims that the profile's rows read: from source lists exactly, from
/// expressions by their text.
fn wanted_claims(preset: &Rows, own: &Rows) -> BTreeSet<String> {
    let rows = preset.iter().filter(|(name, _)| !own.contains_key(*name)).chain(own);
    let texts = rows.flat_map(|(_, row)| match &row.source {
        Source::From(paths) => paths.clone(),
        Source::Expr(text) => vec![text.clone(), row.when.clone().unwrap_or_default()],
        Source::Value(_) => vec![row.when.clone().unwrap_or_default()],
    });
    texts.flat_map(|text| names_after_claims(&text)).collect()
}

fn names_after_claims(text: &str) -> Vec<String> {
    let quoted = |rest: &str| {
        let rest = rest.strip_prefix('[')?;
        rest.strip_prefix('?').unwrap_or(rest).strip_prefix(['"', '\'']).map(str::to_owned)
    };
    let name = |rest: &str| match quoted(rest) {
        Some(quoted) => quoted.split(['"', '\'']).next().unwrap_or_default().to_owned(),
        None => rest
            .trim_start_matches(['.', '?'])
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect(),
    };
    text.split("claims").skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests;
