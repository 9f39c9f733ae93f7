//! An upstream directory, compiled.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use oidc::jose::Alg;
use oidc::rp::issuer::IssuerRule;
use oidc::rp::metadata::ProviderMetadata;
use secrecy::SecretString;

use super::problems::Problems;
use super::{LoginHintRule, SettingError};
use crate::address::HostName;
use crate::claims::{Layer, Mapping, Rows, Source};
use crate::directory_preset::DirectoryPreset;
use crate::email::DomainPattern;
use crate::id::{DirectoryId, Slug};
use crate::settings::{
    DirectorySettings, DirectoryState, EmailTrust, Forwarded, GroupsOverage,
    TokenEndpointAuthMethod, UserinfoUse,
};
use crate::staff_sign_in;

/// What a directory is told unless its settings say otherwise.
const ALL_FORWARDED: [Forwarded; 4] =
    [Forwarded::Prompt, Forwarded::MaxAge, Forwarded::AcrValues, Forwarded::UiLocales];

/// An upstream directory.
#[derive(Debug)]
pub struct Directory {
    /// Its identifier.
    pub id: DirectoryId,
    /// Its name in the callback's URL.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The preset that it follows.
    pub preset: DirectoryPreset,
    /// The issuers that it may state.
    pub issuer: IssuerRule,
    /// Where its metadata is.
    pub discovery_url: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// Our secrets there, the one that is in use first.
    pub secrets: Vec<DirectorySecret>,
    /// How we authenticate there; `None`: as its metadata allows.
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// Algorithms its ID tokens may have.
    pub algorithms: Vec<Alg>,
    /// When its userinfo endpoint is asked.
    pub userinfo: UserinfoUse,
    /// Claims that the mapping names.
    pub wanted_claims: BTreeSet<String>,
    /// Those of them that userinfo can have, to decide whether it is needed.
    pub userinfo_claims: BTreeSet<String>,
    /// Where it stands in its life.
    pub state: DirectoryState,
    /// Whether the tenant's staff may sign in to the dashboard through it.
    pub staff_sign_in: bool,
    /// Which provider it is to them: [`crate::staff_sign_in::provider`].
    pub provider: String,
    /// Domains routed to it.
    pub domains: Vec<DomainPattern>,
    /// Those that it was given and that the tenant has yet to prove.
    pub unproven_domains: Vec<DomainPattern>,
    /// When its e-mail addresses count as verified.
    pub email_trust: EmailTrust,
    /// Whether guests of a Microsoft tenant may sign in.
    pub allow_guests: bool,
    /// The Google Workspace domains whose people may sign in; empty: any.
    pub hosted_domains: Vec<String>,
    /// Providers behind a user pool whose e-mail addresses count as verified.
    pub trusted_providers: Vec<String>,
    /// What happens when it leaves groups out.
    pub groups_overage: GroupsOverage,
    /// What becomes of a `login_hint`.
    pub login_hint: LoginHintRule,
    /// More parameters of the authorization request.
    pub parameters: BTreeMap<String, String>,
    /// The application's wishes that it is told.
    pub forward: BTreeSet<Forwarded>,
    /// From the application's names of authentication context classes to the directory's.
    pub acr_values: BTreeMap<String, String>,
    /// Members of the discovery document that are replaced.
    pub metadata: BTreeMap<String, String>,
    /// The hosts of its endpoints when somebody first signed in; empty before that.
    pub endpoint_hosts: BTreeSet<String>,
    /// The host of the redirect URI that it knows us by; `None`: that below the public URL.
    pub callback_host: Option<HostName>,
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
        secrets: DirectorySecrets,
    ) -> Result<Self, Vec<SettingError>> {
        let mut problems = Problems::default();
        let preset = settings.preset.data();
        problems.directory(settings);
        let typed = problems.issuer(settings);
        let scopes = settings.scopes.clone().unwrap_or_else(|| {
            let issuer = typed.as_ref().map(|typed| typed.issuer.as_str());
            settings.preset.scopes(issuer.unwrap_or_default())
        });
        problems.scopes(&scopes);
        let algorithms = problems.list(
            "algorithms",
            settings.algorithms.as_ref(),
            &["RS256", "PS256", "ES256", "EdDSA"],
            |text| Alg::parse(text).ok_or_else(|| "use RS256, PS256, ES256 or EdDSA".to_owned()),
        );
        let login_hint = problems.login_hint(settings);
        let profile = problems.rows("profile", Layer::Profile, &preset.profile, &settings.profile);
        let (Some(profile), Some(typed)) = (profile, typed) else { return Err(problems.0) };
        problems.none()?;
        let wanted_claims = wanted_claims(&preset.profile, &settings.profile);
        let forward = settings.forward.as_deref().unwrap_or(&ALL_FORWARDED);
        let parameters = preset.parameters.iter().chain(&settings.parameters);
        Ok(Self {
            id,
            slug: settings.slug.clone(),
            name: settings.name.clone(),
            preset: settings.preset,
            issuer: typed.issuer,
            discovery_url: typed.discovery_url,
            client_id: settings.client_id.clone(),
            secrets: secrets.listed(settings),
            token_endpoint_auth_method: settings
                .token_endpoint_auth_method
                .or(preset.token_endpoint_auth_method),
            scopes,
            algorithms,
            userinfo: settings.userinfo.unwrap_or(preset.userinfo),
            userinfo_claims: preset.in_userinfo(&wanted_claims),
            wanted_claims,
            state: settings.state,
            staff_sign_in: settings.staff_sign_in,
            provider: staff_sign_in::provider(settings),
            domains: settings.domains.clone(),
            unproven_domains: Vec::new(),
            email_trust: settings.email_trust.unwrap_or(preset.email_trust),
            allow_guests: settings.allow_guests.unwrap_or(true),
            hosted_domains: settings.hosted_domains.clone(),
            trusted_providers: settings.trusted_providers.clone(),
            groups_overage: settings.groups_overage,
            login_hint,
            parameters: parameters.map(|(name, value)| (name.clone(), value.clone())).collect(),
            forward: forward.iter().copied().collect(),
            acr_values: settings.acr_values.clone(),
            metadata: settings.metadata.clone(),
            endpoint_hosts: BTreeSet::new(),
            callback_host: None,
            profile,
        })
    }

    /// How we authenticate at its token endpoint: as the settings say, else as its metadata allows,
    /// Basic first. [OIDCC-9]
    pub fn auth_method(&self, metadata: &ProviderMetadata) -> TokenEndpointAuthMethod {
        let announced = &metadata.token_endpoint_auth_methods_supported;
        let has = |name: &str| announced.iter().any(|method| method == name);
        self.token_endpoint_auth_method.unwrap_or(
            if has("client_secret_post") && !has("client_secret_basic") {
                TokenEndpointAuthMethod::ClientSecretPost
            } else {
                TokenEndpointAuthMethod::ClientSecretBasic
            },
        )
    }

    /// Which client we are of which provider, as a short text to compare.
    pub fn registration(&self) -> String {
        let text = format!("{}\n{}", self.discovery_url, self.client_id);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default())
    }

    /// How closely one of its domains fits, `None` if none does.
    pub fn rank(&self, domain: &crate::email::Domain) -> Option<(bool, usize)> {
        self.domains.iter().filter_map(|pattern| pattern.rank(domain)).max()
    }
}

/// Our secrets at a directory, as they come out of storage.
#[derive(Debug, Clone, Default)]
pub struct DirectorySecrets {
    /// The one in use.
    pub current: Option<SecretString>,
    /// The one that takes its place.
    pub next: Option<SecretString>,
    /// Those that the directory itself called expired.
    pub expired: BTreeSet<SecretSlot>,
}

impl DirectorySecrets {
    fn listed(self, settings: &DirectorySettings) -> Vec<DirectorySecret> {
        let one = |slot, secret: Option<SecretString>, expires_at| {
            let is_expired = self.expired.contains(&slot);
            secret.map(|secret| DirectorySecret { slot, secret, expires_at, is_expired })
        };
        let current =
            one(SecretSlot::Current, self.current.clone(), settings.client_secret_expires_at);
        let next = one(SecretSlot::Next, self.next.clone(), settings.next_client_secret_expires_at);
        current.into_iter().chain(next).collect()
    }
}

/// Which of the two secrets it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSlot {
    /// `client_secret`.
    Current,
    /// `next_client_secret`.
    Next,
}

/// Our secret at a directory.
#[derive(Debug, Clone)]
pub struct DirectorySecret {
    /// Which of the two it is.
    pub slot: SecretSlot,
    /// The secret.
    pub secret: SecretString,
    /// When it expires, as staff wrote it.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the directory has called it expired.
    pub is_expired: bool,
}

impl DirectorySecret {
    /// Whether it can still be accepted, as far as we know.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        !self.is_expired && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// The first-level claims that the profile's rows read: from source lists exactly, from
/// expressions by their text.
fn wanted_claims(preset: &Rows, own: &Rows) -> BTreeSet<String> {
    let rows = preset.iter().filter(|(name, _)| !own.contains_key(*name)).chain(own);
    let texts = rows.flat_map(|(_, row)| {
        let source = match &row.source {
            Source::From(paths) => paths.clone(),
            Source::Expr(text) => vec![text.clone()],
            Source::Value(_) => Vec::new(),
        };
        source.into_iter().chain(row.when.clone())
    });
    texts.flat_map(|text| names_after_roots(&text)).collect()
}

/// The names behind each of the roots under which a mapping sees claims.
fn names_after_roots(text: &str) -> Vec<String> {
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
    let after = |root: &'static str| text.split(root).skip(1).map(&name);
    let names = ["claims", "id_token", "userinfo"].into_iter().flat_map(after);
    names.filter(|name| !name.is_empty()).collect()
}
