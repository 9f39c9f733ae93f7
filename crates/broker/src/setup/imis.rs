//! iMIS: the screen *Settings > Contacts > Open ID Connect*.

use super::{Field, Parts, Section, lacks, redirect_uris};
use crate::tenant::Application;

/// The claims that the screen asks for by name.
const EXTERNAL_ID: &str = "external_id";
const STAFF: &str = "staff";

pub(super) fn sections(parts: Parts<'_>) -> Vec<Section> {
    let fields = vec![
        Field::choice("OIDC authentication", "Test mode")
            .note("until sign-ins work; then Enabled. In test mode staff can still use their iMIS password"),
        Field::choice("Type", "Okta")
            .note("whatever directories there are: it stands for any OpenID Provider"),
        Field::new("Name", "Vestibule").note("anything; it is only a label"),
        parts.client_id("Client ID"),
        parts.client_secret("Client Secret"),
        Field::new("Well-Known URL", parts.discovery())
            .note("iMIS's guide calls it Discovery (Well-Known) URL"),
        Field::new("Authority URL", parts.issuer)
            .note("the Issuer of iMIS's guide, without a slash at its end"),
        redirect_login_url(parts.application),
        Field::new("External ID claim type", EXTERNAL_ID),
        Field::choice("Set login hint", "Enabled")
            .note("iMIS hands over the e-mail address that was typed, so nobody is asked twice"),
        Field::new("Claim type", STAFF).note("under user authentication"),
        Field::new("Claim value", "1"),
        Field::new("Email body", "").note("your own text; iMIS sends it, and nothing here depends on it"),
    ];
    let licence = "In the Staff site. If it is not there, look at Settings > About iMIS: OpenID \
        Connect has to be among the Licensed features.";
    vec![Section::new("Settings > Contacts > Open ID Connect", fields).note(licence)]
}

/// The base address of the site, which is the one with a slash at its end.
fn redirect_login_url(application: &Application) -> Field {
    let all: Vec<_> = redirect_uris(application).collect();
    let base = all.iter().find(|uri| uri.ends_with('/')).or(all.first()).copied();
    let others: Vec<_> = all.iter().copied().filter(|uri| Some(*uri) != base).collect();
    let note = match others.as_slice() {
        [] if base.is_none() => {
            "the address of your site, with https:// and the slash at its end; \
            it has to be registered here as well"
                .to_owned()
        }
        [] => "with https:// and the slash at its end".to_owned(),
        others => format!("registered as well: {}", others.join(" ")),
    };
    Field::new("Redirect login URL", base.unwrap_or_default()).note(note)
}

pub(super) fn warnings(application: &Application) -> Vec<String> {
    let mut warnings = Vec::new();
    if lacks(application, |uri| uri.ends_with('/')) {
        warnings.push(
            "No redirect URI ends with a slash. iMIS sends people back to the base address of its \
             site, such as https://members.example.org/, and the two have to be equal."
                .to_owned(),
        );
    }
    for name in [EXTERNAL_ID, STAFF] {
        if !application.claims.names().any(|set| set == name) {
            warnings.push(format!("No row of `claims` sets {name}, which iMIS is told to read."));
        }
    }
    warnings
}
