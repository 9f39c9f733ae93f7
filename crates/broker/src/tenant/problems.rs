//! The checks of single settings, which collect what is wrong.

use chrono::TimeDelta;
use oidc::client::PkcePolicy;
use oidc::jose::Alg;
use url::Url;

use super::{ID_TOKEN_LIFETIME, MAX_LIST, SettingError, signing_alg};
use crate::claims::{Layer, Mapping, RowError, Rows};
use crate::settings::{ApplicationSettings, Pkce};

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

    pub(super) fn issuer(&mut self, text: &str) {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.host_str().is_some()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if text.len() > 512 || text.chars().any(char::is_whitespace) || url.is_none() {
            self.add("issuer", "use an address like https://login.example.org, without ? or #");
        } else if text.ends_with("/.well-known/openid-configuration") {
            self.add(
                "issuer",
                "this is the discovery document's address: remove /.well-known/openid-configuration",
            );
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

    /// A public application has no secret and always has to use PKCE. [RFC9700-2.1.1]
    pub(super) fn pkce(&mut self, settings: &ApplicationSettings, preset: Pkce) -> PkcePolicy {
        if settings.public && settings.client_secret.is_some() {
            self.add("client_secret", "a public application has none: remove it, or `public`");
        }
        match settings.pkce.unwrap_or(preset) {
            Pkce::Optional if settings.public => {
                self.add("pkce", "a public application always has to use PKCE");
                PkcePolicy::Required
            }
            Pkce::Optional => PkcePolicy::Optional,
            Pkce::Required => PkcePolicy::Required,
        }
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

    pub(super) fn id_token_lifetime(
        &mut self,
        settings: &ApplicationSettings,
        preset: u32,
    ) -> TimeDelta {
        let seconds = settings.id_token_lifetime.unwrap_or(preset);
        if !ID_TOKEN_LIFETIME.contains(&seconds) {
            self.add("id_token_lifetime", "use 60 to 86400 seconds");
        }
        TimeDelta::seconds(i64::from(seconds))
    }

    pub(super) fn home_url(&mut self, settings: &ApplicationSettings) -> String {
        let given = settings.home_url.as_deref();
        let text = given.or(settings.redirect_uris.first().map(String::as_str)).unwrap_or_default();
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && text.len() <= 2048 => {
                if given.is_some() { url.into() } else { url.origin().ascii_serialization() }
            }
            _ if given.is_some() => {
                self.add("home_url", "use an https address");
                String::new()
            }
            _ => String::new(),
        }
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
