//! A downstream application, compiled.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use oidc::client::Client;
use oidc::jose::Alg;
use oidc::redirect_uri::RedirectUri;
use oidc::response_mode::ResponseMode;
use oidc::response_type::ResponseType;
use oidc::secret::SecretHash;

use super::authentication::authentication;
use super::problems::Problems;
use super::{Directory, SettingError};
use crate::claims::{Layer, Mapping, ValueType, application_rows};
use crate::id::{ApplicationId, Slug};
use crate::settings::{ApplicationPreset, ApplicationSettings, Pkce};
use crate::sub::SubRule;

/// A downstream application.
#[derive(Debug)]
pub struct Application {
    /// Its identifier.
    pub id: ApplicationId,
    /// Its name for people.
    pub name: String,
    /// The preset that it follows.
    pub preset: ApplicationPreset,
    /// What the protocol needs to know of it.
    pub client: Client,
    /// Where a browser may go after a logout. [OIDCRIL-3.1]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether a person is asked before a logout that does not say whose it is.
    pub logout_confirmation: bool,
    /// The directories whose people may use it; `None`: all.
    pub directories: Option<Vec<Slug>>,
    /// Where a person goes to begin again; empty while that is not known.
    pub home_url: String,
    /// Every claim in the ID token and userinfo, whatever scopes were asked for.
    pub always_include_claims: bool,
    /// Whether authorization responses carry `iss`. [RFC9207-2]
    pub iss_parameter: bool,
    /// How long its ID tokens are valid.
    pub id_token_lifetime: TimeDelta,
    /// The algorithm that signs them.
    pub id_token_alg: Alg,
    /// How long a refresh token works unless it is used; `None`: it gets none. [OIDCC-11]
    pub refresh_token_lifetime: Option<TimeDelta>,
    /// What it calls a person.
    pub sub: SubRule,
    /// From the profile to its claims.
    pub claims: Mapping,
    /// The claims without which a login stops here, with their types.
    pub contract: BTreeMap<String, ValueType>,
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

        let (redirect_uris, post_logout_redirect_uris) = problems.redirect_uris(settings);
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
        let sub = problems.sub(settings, &redirect_uris);
        let pkce = problems.pkce(settings, preset.pkce);
        let id_token_alg = problems.signing_alg(settings);
        let lifetimes = problems.lifetimes(settings, preset.id_token_lifetime);
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
        let contract = contract(&mut problems, &preset, settings, &claims);
        let auth = authentication(&mut problems, settings, secrets);
        problems.none()?;
        Ok(Self {
            id,
            name: settings.name.clone(),
            preset: settings.preset,
            client: Client {
                client_id: settings.client_id.clone(),
                auth,
                redirect_uris,
                response_types,
                response_modes,
                pkce,
            },
            post_logout_redirect_uris,
            logout_confirmation: settings.logout_confirmation.unwrap_or(true),
            directories: settings.directories.clone(),
            home_url,
            always_include_claims: settings
                .always_include_claims
                .unwrap_or(preset.always_include_claims),
            iss_parameter: settings.iss_parameter.unwrap_or(true),
            id_token_lifetime: lifetimes.0,
            id_token_alg,
            refresh_token_lifetime: lifetimes.1,
            sub,
            claims,
            contract,
        })
    }

    /// Whether people of that directory may use it.
    pub fn admits(&self, directory: &Directory) -> bool {
        self.directories.as_ref().is_none_or(|slugs| slugs.contains(&directory.slug))
    }
}

/// The preset's claims, the application's own over them. A claim that no row sets could never be
/// there.
fn contract(
    problems: &mut Problems,
    preset: &ApplicationDefaults,
    settings: &ApplicationSettings,
    claims: &Mapping,
) -> BTreeMap<String, ValueType> {
    let mut contract: BTreeMap<_, _> =
        preset.contract.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    for (name, kind) in &settings.contract {
        match kind {
            Some(kind) => contract.insert(name.clone(), *kind),
            None => contract.remove(name),
        };
    }
    for name in contract.keys().filter(|name| !claims.names().any(|set| set == *name)) {
        let message = format!("no row of `claims` sets it: add one, or write `{name}: null` here");
        problems.add(format!("contract.{name}"), message);
    }
    contract
}

struct ApplicationDefaults {
    response_types: &'static [&'static str],
    response_modes: &'static [&'static str],
    pkce: Pkce,
    always_include_claims: bool,
    id_token_lifetime: u32,
    contract: &'static [(&'static str, ValueType)],
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
                // It makes an account out of these, and a broken one out of less.
                contract: &[
                    ("external_id", ValueType::String),
                    ("family_name", ValueType::String),
                    ("given_name", ValueType::String),
                ],
            },
            // Endpoints are typed there, claims read from the ID token under names of its own.
            ApplicationPreset::Imc => Self {
                response_types: &["code", "id_token", "code id_token"],
                response_modes: &["query", "form_post"],
                pkce: Pkce::Optional,
                always_include_claims: true,
                id_token_lifetime: 3_600,
                contract: &[("Login", ValueType::String)],
            },
            ApplicationPreset::Generic => Self {
                response_types: &["code"],
                response_modes: &["query", "fragment", "form_post"],
                pkce: Pkce::Required,
                always_include_claims: false,
                id_token_lifetime: 3_600,
                contract: &[],
            },
        }
    }
}
