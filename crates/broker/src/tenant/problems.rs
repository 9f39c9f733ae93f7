//! The checks of single settings, which collect what is wrong.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use oidc::client::PkcePolicy;
use oidc::jose::Alg;
use oidc::redirect_uri::RedirectUri;
use oidc::rp::metadata::REPLACEABLE;
use url::Url;

use super::{LoginHintRule, MAX_LIST, SettingError};
use crate::claims::{Layer, Mapping, RowError, Rows};
use crate::directory_preset::{EmailEvidence, Typed, understand};
use crate::email::Domain;
use crate::settings::{
    ApplicationSettings, DirectorySettings, DirectoryState, EmailTrust, Pkce,
    TokenEndpointAuthMethod,
};
use crate::sub::SubRule;

/// Refresh tokens live from five minutes to 90 days, which is the end of every family of them.
const REFRESH_TOKEN_LIFETIME: std::ops::RangeInclusive<u32> = 300..=7_776_000;
/// A fortnight: who has not used an application for so long signs in again.
const DEFAULT_REFRESH_TOKEN_LIFETIME: u32 = 1_209_600;
/// ID tokens live from a minute to a day.
const ID_TOKEN_LIFETIME: std::ops::RangeInclusive<u32> = 60..=86_400;
/// Parameters of the authorization request that settings cannot set.
const RESERVED_PARAMETERS: [&str; 17] = [
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];
/// Collects what is wrong, so that staff see all of it at once.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<SettingError>);

impl Problems {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(SettingError::new(path, message));
    }

    pub(super) fn none(self) -> Result<(), Vec<SettingError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    pub(super) fn name(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            self.add(path, "use 1 to 200 printable characters");
        }
    }

    pub(super) fn client_id(&mut self, text: &str) {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            self.add("client_id", "use 1 to 255 printable ASCII characters");
        }
    }

    /// Whatever was typed, understood as the preset's vendor means it.
    pub(super) fn issuer(&mut self, settings: &DirectorySettings) -> Option<Typed> {
        // Where tenants mean nothing, they are named as such and the issuer is not to blame.
        let is_microsoft = settings.preset.data().email_evidence == EmailEvidence::Microsoft;
        let tenants = if is_microsoft { settings.tenants.as_slice() } else { &[] };
        let typed = understand(settings.preset, &settings.issuer, tenants);
        typed.map_err(|message| self.add("issuer", message)).ok()
    }

    /// What can be said of a directory's settings without compiling anything.
    pub(super) fn directory(&mut self, settings: &DirectorySettings) {
        self.name("name", &settings.name);
        self.client_id(&settings.client_id);
        if settings.domains.len() > MAX_LIST {
            self.add("domains", "use at most 100");
        }
        // One that was replaced has lost its domains to another, and trusts nobody meanwhile.
        let is_paused = settings.state == DirectoryState::Paused;
        let trusts_domains = settings.email_trust == Some(EmailTrust::Domain);
        if trusts_domains && settings.domains.is_empty() && !is_paused {
            self.add("email_trust", "`domain` needs at least one entry in `domains`");
        }
        self.vendor(settings);
        self.parameters(&settings.parameters);
        self.metadata(&settings.metadata);
    }

    /// Settings that mean something with one vendor only.
    fn vendor(&mut self, settings: &DirectorySettings) {
        let preset = settings.preset.data();
        let other = |names: &str| format!("this belongs to preset {names}; remove it");
        if preset.email_evidence != EmailEvidence::Microsoft {
            if !settings.tenants.is_empty() {
                self.add("tenants", other("entra"));
            }
            if settings.allow_guests.is_some() {
                self.add("allow_guests", other("entra"));
            }
        }
        if preset.email_evidence != EmailEvidence::Google && !settings.hosted_domains.is_empty() {
            self.add("hosted_domains", other("google"));
        }
        if preset.email_evidence != EmailEvidence::Cognito && !settings.trusted_providers.is_empty()
        {
            self.add("trusted_providers", other("cognito"));
        }
        let is_guid = |text: &String| uuid::Uuid::try_parse(text).is_ok() && text.len() == 36;
        if settings.tenants.len() > MAX_LIST || !settings.tenants.iter().all(is_guid) {
            self.add(
                "tenants",
                "write tenant ids such as 72f988bf-86f1-41af-91ab-2d7cd011db47, at most 100",
            );
        }
        let is_domain = |text: &String| Domain::parse(text).is_some();
        if !settings.hosted_domains.iter().all(is_domain) {
            self.add("hosted_domains", "write domains such as acme.org");
        }
        let is_name = |text: &String| !text.is_empty() && text.len() <= 255;
        for (path, names) in [
            ("hosted_domains", &settings.hosted_domains),
            ("trusted_providers", &settings.trusted_providers),
        ] {
            if names.len() > MAX_LIST || !names.iter().all(is_name) {
                self.add(path, "use at most 100 names");
            }
        }
        if settings.token_endpoint_auth_method == Some(TokenEndpointAuthMethod::PrivateKeyJwt)
            && !preset.private_key_jwt
        {
            let message = format!("{} does not support private_key_jwt", preset.name);
            self.add("token_endpoint_auth_method", message);
        }
    }

    /// What the gateway itself puts into the request stays its own (THREATS AZ-13).
    fn parameters(&mut self, parameters: &BTreeMap<String, String>) {
        if parameters.len() > 20 {
            self.add("parameters", "use at most 20");
        }
        for (name, value) in parameters {
            let path = format!("parameters.{name}");
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            if name.is_empty() || name.len() > 64 || !plain {
                self.add(path, "use letters, digits, `_`, `-` and `.` in the name");
            } else if RESERVED_PARAMETERS.contains(&name.as_str()) {
                self.add(path, "Vestibule sets this one itself");
            } else if name == "response_mode" && !["query", "form_post"].contains(&value.as_str()) {
                self.add(path, "use query or form_post");
            } else if value.is_empty() || value.len() > 512 || value.chars().any(char::is_control) {
                self.add(path, "use 1 to 512 printable characters");
            }
        }
    }

    fn metadata(&mut self, overrides: &BTreeMap<String, String>) {
        for (name, value) in overrides {
            let path = format!("metadata.{name}");
            let url = Url::parse(value).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http")
                    && url.host_str().is_some()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.fragment().is_none()
            });
            if !REPLACEABLE.contains(&name.as_str()) {
                self.add(path, format!("only these can be replaced: {}", REPLACEABLE.join(", ")));
            } else if !url || value.len() > 2048 {
                self.add(path, "use an https address");
            }
        }
    }

    pub(super) fn login_hint(&mut self, settings: &DirectorySettings) -> LoginHintRule {
        match settings.login_hint.as_deref() {
            None if settings.preset.data().login_hint => LoginHintRule::AsSent,
            None => LoginHintRule::Never,
            Some(template) => LoginHintRule::parse(template).unwrap_or_else(|message| {
                self.add("login_hint", message);
                LoginHintRule::Never
            }),
        }
    }

    pub(super) fn scopes(&mut self, scopes: &[String]) {
        let token = |scope: &String| {
            !scope.is_empty()
                && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        if scopes.len() > 50 || !scopes.iter().all(token) {
            self.add("scopes", "use at most 50 scopes without spaces or quotes");
        } else if !scopes.iter().any(|scope| scope == "openid") {
            self.add("scopes", "`openid` has to be among them");
        }
    }

    /// A public application always has to use PKCE. [RFC9700-2.1.1]
    pub(super) fn pkce(&mut self, settings: &ApplicationSettings, preset: Pkce) -> PkcePolicy {
        match settings.pkce.unwrap_or(preset) {
            Pkce::Optional if settings.public => {
                self.add("pkce", "a public application always has to use PKCE");
                PkcePolicy::Required
            }
            Pkce::Optional => PkcePolicy::Optional,
            Pkce::Required => PkcePolicy::Required,
        }
    }

    /// A pairwise `sub` needs one host. [OIDCC-8.1]
    pub(super) fn sub(&mut self, settings: &ApplicationSettings, uris: &[RedirectUri]) -> SubRule {
        SubRule::compile(settings.sub, uris).unwrap_or_else(|message| {
            self.add("sub", message);
            SubRule::default()
        })
    }

    pub(super) fn signing_alg(&mut self, settings: &ApplicationSettings) -> Option<Alg> {
        let alg = match settings.id_token_signed_response_alg.as_deref() {
            None => Some(Alg::RS256),
            Some(text) => signing_alg(text),
        };
        if alg.is_none() {
            self.add("id_token_signed_response_alg", "use RS256, PS256, ES256 or EdDSA");
        }
        alg
    }

    /// How long ID tokens live, and refresh tokens if there are any.
    pub(super) fn lifetimes(
        &mut self,
        settings: &ApplicationSettings,
        preset: u32,
    ) -> (TimeDelta, Option<TimeDelta>) {
        (self.id_token_lifetime(settings, preset), self.refresh_token_lifetime(settings))
    }

    fn id_token_lifetime(&mut self, settings: &ApplicationSettings, preset: u32) -> TimeDelta {
        let seconds = settings.id_token_lifetime.unwrap_or(preset);
        if !ID_TOKEN_LIFETIME.contains(&seconds) {
            self.add("id_token_lifetime", "use 60 to 86400 seconds");
        }
        TimeDelta::seconds(i64::from(seconds))
    }

    /// Nobody is given refresh tokens who was not named for it: they outlive the browser's session.
    fn refresh_token_lifetime(&mut self, settings: &ApplicationSettings) -> Option<TimeDelta> {
        let seconds = settings.refresh_token_lifetime.unwrap_or(DEFAULT_REFRESH_TOKEN_LIFETIME);
        if !REFRESH_TOKEN_LIFETIME.contains(&seconds) {
            self.add("refresh_token_lifetime", "use 300 to 7776000 seconds (90 days)");
        }
        if settings.refresh_token_lifetime.is_some() && !settings.offline_access {
            self.add("refresh_token_lifetime", "set `offline_access: true` as well");
        }
        settings.offline_access.then(|| TimeDelta::seconds(i64::from(seconds)))
    }

    pub(super) fn home_url(&mut self, settings: &ApplicationSettings) -> String {
        let given = settings.home_url.as_deref();
        let text = given.or(settings.redirect_uris.first().map(String::as_str)).unwrap_or_default();
        // The same validator as for every address that browsers are sent to (THREATS AZ-03).
        let read = RedirectUri::parse(text).map_err(|error| error.to_string());
        match (read, Url::parse(text)) {
            (Ok(_), Ok(url)) if matches!(url.scheme(), "https" | "http") => {
                if given.is_some() {
                    url.into()
                } else {
                    url.origin().ascii_serialization()
                }
            }
            (Err(error), _) if given.is_some() => {
                self.add("home_url", format!("use an https address: this one {error}"));
                String::new()
            }
            (Ok(_), _) if given.is_some() => {
                self.add("home_url", "use an https address");
                String::new()
            }
            _ => String::new(),
        }
    }

    /// Where answers may go, and where browsers may after a logout: one validator for both.
    pub(super) fn redirect_uris(
        &mut self,
        settings: &ApplicationSettings,
    ) -> (Vec<RedirectUri>, Vec<RedirectUri>) {
        let parse = |text: &str| RedirectUri::parse(text).map_err(|e| e.to_string());
        let after_logout = &settings.post_logout_redirect_uris;
        (
            self.each("redirect_uris", &settings.redirect_uris, parse),
            self.each("post_logout_redirect_uris", after_logout, parse),
        )
    }

    pub(super) fn each<T>(
        &mut self,
        path: &str,
        texts: &[String],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        if texts.len() > MAX_LIST {
            self.add(path, "use at most 100");
        }
        let mut values = Vec::new();
        for (at, text) in texts.iter().take(MAX_LIST).enumerate() {
            match parse(text) {
                Ok(value) => values.push(value),
                Err(message) => self.add(format!("{path}[{at}]"), message),
            }
        }
        values
    }

    pub(super) fn list<T>(
        &mut self,
        path: &str,
        given: Option<&Vec<String>>,
        preset: &[&str],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let texts: Vec<String> = match given {
            Some(texts) => texts.clone(),
            None => preset.iter().map(|text| (*text).to_owned()).collect(),
        };
        if texts.is_empty() {
            self.add(path, "name at least one, or leave the key out");
        }
        self.each(path, &texts, parse)
    }

    pub(super) fn rows(
        &mut self,
        path: &str,
        layer: Layer,
        preset: &Rows,
        own: &Rows,
    ) -> Option<Mapping> {
        match Mapping::compile(layer, preset, own) {
            Ok(mapping) => Some(mapping),
            Err(errors) => {
                for RowError { row, message } in errors {
                    self.add(format!("{path}.{row}"), message);
                }
                None
            }
        }
    }
}

fn signing_alg(text: &str) -> Option<Alg> {
    Alg::parse(text).filter(|alg| matches!(alg, Alg::RS256 | Alg::PS256 | Alg::ES256 | Alg::EdDSA))
}
