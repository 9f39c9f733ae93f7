//! The sheets, as whoever fills in the screens reads them.

use oidc::secret::SecretHash;
use serde_json::{Value, json};

use super::*;
use crate::id::ApplicationId;
use crate::settings::ApplicationSettings;

const ISSUER: &str = "https://login.example.org/t/acme";

fn application(settings: Value) -> Application {
    let settings: ApplicationSettings = serde_json::from_value(settings).unwrap();
    let id = ApplicationId(uuid::Uuid::nil());
    Application::compile(id, &settings, vec![SecretHash::new([0; 32])]).unwrap()
}

fn imis(redirect_uris: &[&str]) -> Application {
    application(json!({
        "client_id": "imis", "name": "iMIS", "preset": "imis", "redirect_uris": redirect_uris,
    }))
}

fn imc(claims: &Value) -> Application {
    application(json!({
        "client_id": "imc", "name": "Learning Suite", "preset": "imc", "claims": claims,
        "redirect_uris": ["https://learn.example/idm/oidc/login"],
    }))
}

fn made(application: &Application, secret: Secret<'_>) -> Sheet {
    sheet(Parts { issuer: ISSUER, application, secret })
}

fn values(section: &Section) -> Vec<(&str, &str)> {
    section.fields.iter().map(|one| (one.label.as_str(), one.value.as_str())).collect()
}

fn field<'a>(sheet: &'a Sheet, label: &str) -> &'a Field {
    sheet.sections.iter().flat_map(|one| &one.fields).find(|one| one.label == label).unwrap()
}

#[test]
fn imis_has_the_thirteen_fields_of_its_screen_in_order() {
    let application = imis(&["https://members.acme.example/"]);
    let secret = SecretString::from("a-new-secret_1");
    let sheet = made(&application, Secret::New(&secret));
    assert_eq!(sheet.sections.len(), 1);
    assert_eq!(sheet.sections[0].place, "Settings > Contacts > Open ID Connect");
    assert_eq!(
        values(&sheet.sections[0]),
        [
            ("OIDC authentication", "Test mode"),
            ("Type", "Okta"),
            ("Name", "Vestibule"),
            ("Client ID", "imis"),
            ("Client Secret", "a-new-secret_1"),
            ("Well-Known URL", "https://login.example.org/t/acme/.well-known/openid-configuration"),
            ("Authority URL", "https://login.example.org/t/acme"),
            ("Redirect login URL", "https://members.acme.example/"),
            ("External ID claim type", "external_id"),
            ("Set login hint", "Enabled"),
            ("Claim type", "staff"),
            ("Claim value", "1"),
            ("Email body", ""),
        ]
    );
    assert_eq!(sheet.warnings, [""; 0]);
}

#[test]
fn imis_is_warned_when_no_redirect_uri_ends_with_a_slash() {
    let without = imis(&["https://members.acme.example/staff"]);
    let sheet = made(&without, Secret::ShownBefore);
    assert!(sheet.warnings[0].contains("ends with a slash"), "{:?}", sheet.warnings);
    assert_eq!(field(&sheet, "Redirect login URL").value, "https://members.acme.example/staff");

    let several = imis(&["https://members.acme.example/staff", "https://members.acme.example/"]);
    let sheet = made(&several, Secret::ShownBefore);
    assert_eq!(sheet.warnings, [""; 0]);
    let field = field(&sheet, "Redirect login URL");
    assert_eq!(field.value, "https://members.acme.example/");
    assert!(field.note.contains("https://members.acme.example/staff"), "{}", field.note);
}

#[test]
fn an_application_without_an_address_is_told_what_is_missing_and_nothing_besides() {
    for preset in ["imis", "imc", "generic"] {
        let waiting = application(json!({
            "client_id": "app", "name": "A", "preset": preset, "redirect_uris": [],
        }));
        let sheet = made(&waiting, Secret::ShownBefore);
        assert_eq!(sheet.warnings.len(), 1, "{preset}: {:?}", sheet.warnings);
        assert!(sheet.warnings[0].starts_with("No redirect URI is registered yet"), "{preset}");
    }
    let sheet = made(&imis(&[]), Secret::ShownBefore);
    assert_eq!(field(&sheet, "Redirect login URL").value, "");
}

#[test]
fn a_secret_is_shown_when_it_is_new_and_its_place_is_named_otherwise() {
    let application = imis(&["https://members.acme.example/"]);
    let told = |secret: Secret<'_>| {
        let sheet = made(&application, secret);
        let field = field(&sheet, "Client Secret");
        (field.value.clone(), field.note.clone())
    };
    let (env, file, literal) = ("${env:IMIS_SECRET}", "${file:imis.secret}", "literal-literal");
    let reference = |text: &str| told(Secret::Reference(&SecretSource::parse(text)));
    assert!(reference(env).1.ends_with("variable IMIS_SECRET"));
    assert!(reference(file).1.ends_with("file imis.secret"));
    for (value, note) in
        [reference(env), reference(file), reference(literal), told(Secret::ShownBefore)]
    {
        assert_eq!(value, "");
        assert!(!note.contains("literal-literal"), "{note}");
    }
}

#[test]
fn imc_has_every_tab_with_its_values() {
    let sheet = made(&imc(&json!({})), Secret::ShownBefore);
    let places: Vec<_> = sheet.sections.iter().map(|one| one.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "Configuration > OpenID Configuration",
            "Identity Provider",
            "Client Application",
            "Client Mapping",
            "Mapping Entries",
            "Clients > Access and Security",
        ]
    );
    assert_eq!(
        values(&sheet.sections[1]),
        [
            ("Provider ID", "vestibule"),
            ("Discovery URL", "https://login.example.org/t/acme/.well-known/openid-configuration"),
            ("Issuer", ISSUER),
            ("Authorization endpoint", "https://login.example.org/t/acme/authorize"),
            ("Token endpoint", "https://login.example.org/t/acme/token"),
            ("Userinfo endpoint", "https://login.example.org/t/acme/userinfo"),
            ("JWKS URI", "https://login.example.org/t/acme/jwks"),
        ]
    );
    assert_eq!(
        values(&sheet.sections[2]),
        [
            ("Provider ID", "vestibule"),
            ("Client ID", "imc"),
            ("Client Secret", ""),
            (
                "Redirect URL",
                "https://learn.example/idm/oidc/login\nhttps://learn.example/idm/logoff"
            ),
            ("Response type", "code"),
            ("Scope", "openid profile email"),
            ("Response mode", "query"),
        ]
    );
    assert_eq!(field(&sheet, "Person Identifier").value, "Login");
    assert_eq!(
        values(&sheet.sections[4]),
        [
            ("Source Field", "Login"),
            ("Target Field", "LOGIN"),
            ("Source Field", "first_name"),
            ("Target Field", "FIRSTNAME"),
            ("Source Field", "last_name"),
            ("Target Field", "LASTNAME"),
            ("Source Field", "user_email"),
            ("Target Field", "EMAIL"),
        ]
    );
    assert_eq!(values(&sheet.sections[5]), [("OpenID Connect", "on")]);
    assert_eq!(sheet.warnings, [""; 0]);
}

#[test]
fn imc_mapping_entries_are_the_rows_of_the_application() {
    let own = json!({
        "Membership Status": { "from": ["profile.membership_status"] },
        "cost_centre": { "from": ["profile.cost_centre"] },
    });
    let sheet = made(&imc(&own), Secret::ShownBefore);
    assert_eq!(
        values(&sheet.sections[4])[6..],
        [
            ("Source Field", "user_email"),
            ("Target Field", "EMAIL"),
            ("Source Field", "Membership Status"),
            ("Target Field", "MEMBERSHIP_STATUS"),
            ("Source Field", "cost_centre"),
            ("Target Field", ""),
        ]
    );
}

#[test]
fn what_the_learning_suite_shows_is_sorted_by_what_it_is_for() {
    let (answers, out) =
        ("https://learn.example/idm/oidc/login", "https://learn.example/idm/logoff");
    let both = format!("{answers} \n {out}");
    for (copied, redirect_uris, post_logout) in [
        (answers, vec![answers], vec![out]),
        (both.as_str(), vec![answers], vec![out]),
        (out, vec![], vec![out]),
        ("https://learn.example/cb", vec!["https://learn.example/cb"], vec![]),
        ("", vec![], vec![]),
    ] {
        let read = addresses(ApplicationPreset::Imc, copied);
        assert_eq!(
            (read.redirect_uris, read.post_logout_redirect_uris),
            (redirect_uris, { post_logout.into_iter().map(str::to_owned).collect::<Vec<_>>() })
        );
    }
    let read = addresses(ApplicationPreset::Generic, &both);
    assert_eq!(read, Addresses { redirect_uris: vec![answers, out], ..Addresses::default() });
}

#[test]
fn imc_is_told_a_response_mode_that_suits_the_response_type() {
    let hybrid = application(json!({
        "client_id": "imc", "name": "Learning Suite", "preset": "imc",
        "redirect_uris": ["https://learn.example/cb"], "response_types": ["code id_token"],
    }));
    let sheet = made(&hybrid, Secret::ShownBefore);
    assert_eq!(field(&sheet, "Response type").value, "code id_token");
    assert_eq!(field(&sheet, "Response mode").value, "form_post");
    assert!(sheet.warnings[0].contains("/idm/oidc/login"), "{:?}", sheet.warnings);
}

#[test]
fn generic_has_what_most_applications_ask_for_first() {
    let public = application(json!({
        "client_id": "spa", "name": "A", "public": true, "redirect_uris": ["https://a.example/cb"],
    }));
    let sheet = made(&public, Secret::ShownBefore);
    assert_eq!(
        values(&sheet.sections[0]),
        [
            ("Discovery URL", "https://login.example.org/t/acme/.well-known/openid-configuration"),
            ("Client ID", "spa"),
            ("Client secret", ""),
        ]
    );
    assert!(field(&sheet, "Client secret").note.contains("public"));
    assert_eq!(field(&sheet, "PKCE").value, "S256");
}

#[test]
fn a_sheet_is_the_same_value_for_programs() {
    let sheet = made(&imis(&["https://members.acme.example/"]), Secret::ShownBefore);
    let json = serde_json::to_value(&sheet).unwrap();
    assert_eq!(json["preset"], "imis");
    let fields = &json["sections"][0]["fields"];
    assert_eq!(fields[3], json!({ "label": "Client ID", "value": "imis" }));
    assert_eq!((&fields[1]["value"], &fields[1]["choice"]), (&json!("Okta"), &json!(true)));
}
