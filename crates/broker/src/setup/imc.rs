//! imc Learning Suite: the page *OpenID Configuration* of the configuration manager with its four
//! tabs, and the switch of the client.

use oidc::response_mode::ResponseMode;
use oidc::response_type::ResponseType;

use super::{Field, Parts, Section, lacks, lines, redirect_uris};
use crate::tenant::Application;

/// The claim of the preset that says who somebody is, which never changes.
const LOGIN: &str = "Login";
/// Where the preset's claims go, and the one that most organisations add.
const TARGETS: [(&str, &str); 5] = [
    (LOGIN, "LOGIN"),
    ("first_name", "FIRSTNAME"),
    ("last_name", "LASTNAME"),
    ("user_email", "EMAIL"),
    ("Membership Status", "MEMBERSHIP_STATUS"),
];
/// What the screen calls the two sides of a mapping entry.
const SOURCE: &str = "Source Field";
const TARGET: &str = "Target Field";
/// Where the Learning Suite expects answers, under its base address.
const CALLBACK: &str = "/idm/oidc/login";
/// Where it goes after signing out.
const SIGN_OUT: &str = "/idm/logoff";
/// The name that the tabs refer to each other by.
const PROVIDER_ID: &str = "vestibule";
/// How to get to a tab, and what to press there.
const NEW_INSTANCE: &str = "A tab of that page: a new instance, by the sheet of paper at the side.";
/// As long as a person may take to sign in, in seconds.
const EXPIRY: &str = "840";

pub(super) fn sections(parts: Parts<'_>) -> Vec<Section> {
    vec![
        Section::new("Configuration > OpenID Configuration", page())
            .note("Search for OpenID, choose Edit, and in its menu the environment."),
        Section::new("Identity Provider", identity_provider(parts)).note(NEW_INSTANCE),
        Section::new("Client Application", client_application(parts)).note(NEW_INSTANCE),
        Section::new("Client Mapping", client_mapping(parts.application)).note(NEW_INSTANCE),
        Section::new("Mapping Entries", mapping_entries(parts.application))
            .note("A tab of that page: a new instance for each pair. Then save and close."),
        Section::new("Clients > Access and Security", vec![Field::choice("OpenID Connect", "on")])
            .note("Choose Edit at your client, in its menu the environment, and the tab."),
    ]
}

fn page() -> Vec<Field> {
    vec![
        Field::choice("Enable OpenID", "on"),
        Field::choice("Use PKCE", "on"),
        Field::new("Request expiry time", EXPIRY)
            .note("14 minutes, as long as a sign-in may take; in minutes if the page counts them"),
        Field::choice("OIDC Profile Identifier Attribute", "LOGIN"),
        Field::choice("OIDC Default Fallback Attribute", "LOGIN")
            .note("not an e-mail address, which may pass to somebody else"),
    ]
}

fn identity_provider(parts: Parts<'_>) -> Vec<Field> {
    let mut fields = vec![
        Field::new("Provider ID", PROVIDER_ID)
            .note("any name, the same as in the tab Client Application"),
        Field::new("Discovery URL", parts.discovery())
            .note("where the screen asks for it; the values below are what it says"),
        Field::new("Issuer", parts.issuer).note("without a slash at its end"),
    ];
    fields.extend(parts.endpoints([
        "Authorization endpoint",
        "Token endpoint",
        "Userinfo endpoint",
        "JWKS URI",
    ]));
    fields
}

fn client_application(parts: Parts<'_>) -> Vec<Field> {
    let application = parts.application;
    let (kind, mode) = flow(application);
    vec![
        Field::new("Provider ID", PROVIDER_ID),
        parts.client_id("Client ID"),
        parts.client_secret("Client Secret"),
        Field::new("Redirect URL", redirect_url(application))
            .note("where people come back to, and where they go after signing out"),
        Field::choice("Response type", kind.as_str()),
        Field::new("Scope", "openid profile email"),
        Field::choice("Response mode", mode.as_str())
            .note("query is for code alone: with id_token it has to be form_post"),
    ]
}

/// The registered ones, and beside the Learning Suite's callback its address for signing out.
fn redirect_url(application: &Application) -> String {
    let mut all: Vec<String> = redirect_uris(application).map(str::to_owned).collect();
    let sign_out = all.iter().find_map(|uri| sign_out(uri));
    all.extend(sign_out.filter(|uri| !all.contains(uri)));
    lines(all.iter().map(String::as_str))
}

/// Where the Learning Suite that takes answers there goes after signing out.
pub(super) fn sign_out(redirect_uri: &str) -> Option<String> {
    Some(format!("{}{SIGN_OUT}", redirect_uri.strip_suffix(CALLBACK)?))
}

/// Whether it is where a Learning Suite goes after signing out.
pub(super) fn is_sign_out(address: &str) -> bool {
    address.ends_with(SIGN_OUT)
}

/// The first response type that the application may use, and a response mode that suits it.
fn flow(application: &Application) -> (ResponseType, ResponseMode) {
    let kind = application.client.response_types.first().copied().unwrap_or(ResponseType::Code);
    let suits = |mode: &&ResponseMode| !(kind.has_id_token() && **mode == ResponseMode::Query);
    let mode = application.client.response_modes.iter().find(suits).copied();
    (kind, mode.unwrap_or_else(|| kind.default_mode()))
}

fn client_mapping(application: &Application) -> Vec<Field> {
    vec![
        Field::new("Client", "").note("the client of the Learning Suite that this is for"),
        Field::new("Person Identifier", person_identifier(application))
            .note("the claim that says who somebody is; it never changes, an e-mail address may"),
        Field::choice("Update existing user", "on").note("names follow the directory then"),
        Field::choice("Import without self-registration", "on")
            .note("makes an account for who has none; off if accounts are made another way"),
    ]
}

/// `Login`, unless the administrator has chosen another name for it.
fn person_identifier(application: &Application) -> String {
    let names: Vec<_> = application.claims.names().collect();
    let renamed = || names.iter().find(|name| name.eq_ignore_ascii_case(LOGIN));
    let found = names.iter().find(|name| **name == LOGIN).or_else(renamed);
    found.map_or_else(String::new, |name| (*name).to_owned())
}

/// The vendor's own entries in the vendor's order, then what else the administrator has added.
fn mapping_entries(application: &Application) -> Vec<Field> {
    let names: Vec<_> =
        application.claims.names().filter(|name| *name != "email_verified").collect();
    let known = TARGETS.iter().flat_map(|(source, target)| {
        let same = names.iter().filter(|name| is_same(name, source));
        same.map(|name| (*name, Field::new(TARGET, *target)))
    });
    let others = names.iter().filter(|name| !TARGETS.iter().any(|(one, _)| is_same(name, one)));
    let others =
        others.map(|name| (*name, Field::new(TARGET, "").note("the attribute that it is for")));
    known.chain(others).flat_map(|(name, target)| [Field::new(SOURCE, name), target]).collect()
}

/// `Membership Status` and `membership_status` are for the same attribute.
fn is_same(name: &str, source: &str) -> bool {
    let folded = |text: &str| text.to_ascii_lowercase().replace(' ', "_");
    folded(name) == folded(source)
}

pub(super) fn warnings(application: &Application) -> Vec<String> {
    let mut warnings = Vec::new();
    if lacks(application, |uri| uri.ends_with(CALLBACK)) {
        warnings.push(format!(
            "No redirect URI ends with {CALLBACK}, where the Learning Suite expects answers."
        ));
    }
    if person_identifier(application).is_empty() {
        warnings.push(format!(
            "No row of `claims` sets {LOGIN}: choose a claim that never changes as the Person \
             Identifier."
        ));
    }
    warnings
}
