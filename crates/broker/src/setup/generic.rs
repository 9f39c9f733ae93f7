//! Any OpenID Connect application: most ask for the first three values and discover the rest.

use super::{Field, Parts, Section, lines, redirect_uris};
use crate::tenant::Application;

pub(super) fn sections(parts: Parts<'_>) -> Vec<Section> {
    let mut discovered =
        vec![Field::new("Issuer", parts.issuer).note("without a slash at its end")];
    discovered.extend(parts.endpoints([
        "Authorization endpoint",
        "Token endpoint",
        "Userinfo endpoint",
        "JWKS URI",
    ]));
    vec![
        Section::new(
            "OpenID Provider",
            vec![
                Field::new("Discovery URL", parts.discovery()),
                parts.client_id("Client ID"),
                parts.client_secret("Client secret"),
            ],
        ),
        Section::new("Where there is no discovery", discovered),
        Section::new("Settings of the client", client(parts.application)),
    ]
}

fn client(application: &Application) -> Vec<Field> {
    let client = &application.client;
    let pkce = if client.must_send_challenge() { "S256" } else { "S256, or none with a nonce" };
    vec![
        Field::new("Redirect URI", lines(redirect_uris(application)))
            .note("registered exactly so, character for character"),
        Field::choice("Response type", lines(client.response_types.iter().map(|one| one.as_str()))),
        Field::choice("Response mode", lines(client.response_modes.iter().map(|one| one.as_str()))),
        Field::new("Scope", "openid profile email"),
        Field::choice("PKCE", pkce),
        Field::choice("ID token signature", application.id_token_alg.as_str()),
        Field::choice("Claims", lines(application.claims.names())),
    ]
}
