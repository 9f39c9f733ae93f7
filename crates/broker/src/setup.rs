//! What to enter in an application so that it signs people in here: its own screens, field by
//! field, in their order and words, with the value to paste into each.
//!
//! A [`Sheet`] is the same for everybody who shows it: the command line, the admin API, the
//! dashboard. It is made from the application as it is compiled, so that it cannot say anything
//! else than what the gateway does. One file per preset: [`imis`], [`imc`], [`generic`].

mod generic;
mod imc;
mod imis;

use oidc::client::ClientAuth;
use oidc::op::metadata::{AUTHORIZE_PATH, JWKS_PATH, TOKEN_PATH, USERINFO_PATH};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::settings::{ApplicationPreset, SecretSource, is_false};
use crate::tenant::Application;

/// What is said of an application that has no redirect URI yet.
const NO_ADDRESS: &str = "No redirect URI is registered yet: nobody can sign in until the address \
    that the application is answered at is one.";

/// How to enter an application's side of the connection. It may hold the client secret, so it is
/// shown to whoever asked for it, and never logged.
#[derive(Clone, Serialize, ToSchema)]
pub struct Sheet {
    /// The application's `client_id`.
    pub client_id: String,
    /// The application's name for people.
    pub name: String,
    /// What it follows.
    pub preset: ApplicationPreset,
    /// Its screens, in the order of entering.
    pub sections: Vec<Section>,
    /// What is likely to go wrong with these settings, and what to change.
    pub warnings: Vec<String>,
}

/// A screen, or a tab of one.
#[derive(Clone, Serialize, ToSchema)]
pub struct Section {
    /// Where it is, in the application's own words.
    pub place: String,
    /// How to get there, or what has to be so first; or nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Its fields, in the order of the screen.
    pub fields: Vec<Field>,
}

/// A field of a screen.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Field {
    /// What the screen calls it.
    pub label: String,
    /// What to enter or choose; a line each if there are several; empty if it is not ours to say.
    pub value: String,
    /// Whether it is chosen there, from a list or by a tick, and not typed.
    #[serde(skip_serializing_if = "is_false")]
    pub choice: bool,
    /// Whether it is a secret of which only a hash is kept: to see one, another has to be made.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// What is worth knowing, or nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Section {
    fn new(place: &str, fields: Vec<Field>) -> Self {
        Self { place: place.to_owned(), note: String::new(), fields }
    }

    fn note(self, note: &str) -> Self {
        Self { note: note.to_owned(), ..self }
    }
}

impl Field {
    fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        let (label, value) = (label.into(), value.into());
        Self { label, value, choice: false, hidden: false, note: String::new() }
    }

    fn choice(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { choice: true, ..Self::new(label, value) }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// What is known of an application's secret when its sheet is made.
#[derive(Debug, Clone, Copy)]
pub enum Secret<'a> {
    /// It was made just now, and this is the one time to show it.
    New(&'a SecretString),
    /// It came from here.
    Reference(&'a SecretSource),
    /// It was made when the application was, and shown then.
    ShownBefore,
}

/// What a sheet is made from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The tenant's issuer.
    pub issuer: &'a str,
    /// The application.
    pub application: &'a Application,
    /// What is known of its secret.
    pub secret: Secret<'a>,
}

/// The sheet of an application, as its preset has it.
pub fn sheet(parts: Parts<'_>) -> Sheet {
    let application = parts.application;
    let (sections, mut warnings) = match application.preset {
        ApplicationPreset::Imis => (imis::sections(parts), imis::warnings(application)),
        ApplicationPreset::Imc => (imc::sections(parts), imc::warnings(application)),
        ApplicationPreset::Generic => (generic::sections(parts), Vec::new()),
    };
    if application.client.redirect_uris.is_empty() {
        warnings.insert(0, NO_ADDRESS.to_owned());
    }
    Sheet {
        client_id: application.client.client_id.clone(),
        name: application.name.clone(),
        preset: application.preset,
        sections,
        warnings,
    }
}

/// The addresses that an application's screen shows, sorted by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// Where it takes answers.
    pub redirect_uris: Vec<&'a str>,
    /// Where it goes after signing out.
    pub post_logout_redirect_uris: Vec<String>,
}

/// Reads what was copied from an application's screen, where several stand in one field. An imc
/// Learning Suite that takes answers is known to sign out at the same base address.
pub fn addresses(preset: ApplicationPreset, copied: &str) -> Addresses<'_> {
    let is_imc = preset == ApplicationPreset::Imc;
    let (out, redirect_uris): (Vec<_>, Vec<_>) =
        copied.split_whitespace().partition(|one| is_imc && imc::is_sign_out(one));
    let known = redirect_uris.iter().filter(|_| is_imc).filter_map(|one| imc::sign_out(one));
    let mut post_logout_redirect_uris: Vec<String> = known.collect();
    for one in out {
        if !post_logout_redirect_uris.iter().any(|other| other == one) {
            post_logout_redirect_uris.push(one.to_owned());
        }
    }
    Addresses { redirect_uris, post_logout_redirect_uris }
}

impl Parts<'_> {
    fn discovery(self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer)
    }

    fn endpoint(self, label: &str, path: &str) -> Field {
        Field::new(label, format!("{}{path}", self.issuer))
    }

    /// Labels as the screen has them, in the order authorization, token, userinfo, keys.
    fn endpoints(self, labels: [&str; 4]) -> Vec<Field> {
        let paths = [AUTHORIZE_PATH, TOKEN_PATH, USERINFO_PATH, JWKS_PATH];
        labels.into_iter().zip(paths).map(|(label, path)| self.endpoint(label, path)).collect()
    }

    fn client_id(self, label: &str) -> Field {
        Field::new(label, &self.application.client.client_id)
    }

    fn client_secret(self, label: &str) -> Field {
        match self.application.client.auth {
            ClientAuth::None => {
                return Field::new(label, "").note("none: this is a public application");
            }
            ClientAuth::PrivateKeyJwt(_) => {
                return Field::new(label, "")
                    .note("none: it signs assertions with the private key of its `jwks`");
            }
            ClientAuth::Secret(_) => {}
        }
        match self.secret {
            Secret::New(secret) => Field::new(label, secret.expose_secret())
                .note("shown this once; the secrets from before stay valid"),
            Secret::Reference(SecretSource::Env(name)) => {
                Field::new(label, "").note(format!("the value of the environment variable {name}"))
            }
            Secret::Reference(SecretSource::File(path)) => {
                Field::new(label, "").note(format!("the content of the file {path}"))
            }
            Secret::Reference(SecretSource::Literal(_)) | Secret::ShownBefore => Field {
                hidden: true,
                ..Field::new(label, "")
                    .note("shown once, when it was made; --new-secret makes another")
            },
        }
    }
}

/// Texts as the lines of one field.
fn lines<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join("\n")
}

/// Whether it has addresses, and none of them is as its vendor has them.
fn lacks(application: &Application, is_one: impl Fn(&str) -> bool) -> bool {
    !application.client.redirect_uris.is_empty() && !redirect_uris(application).any(is_one)
}

fn redirect_uris(application: &Application) -> impl Iterator<Item = &str> {
    application.client.redirect_uris.iter().map(oidc::redirect_uri::RedirectUri::as_str)
}

#[cfg(test)]
mod tests;
