//! What people paste, by vendor.

use proptest::prelude::*;

use super::*;

const GUID: &str = "4f6b2c1e-8a37-4d0b-b1f5-93c7e2a6d018";

fn preset(key: &str) -> DirectoryPreset {
    DirectoryPreset::parse(key).unwrap()
}

/// The one issuer that a text means; it is kept as itself and understood as the same again.
#[track_caller]
fn issuer(key: &str, text: &str) -> String {
    let typed = understand(preset(key), text, &[]).unwrap();
    let issuer = typed.issuer.as_str().to_owned();
    assert_eq!(typed.address, issuer);
    let slashless = issuer.strip_suffix('/').unwrap_or(&issuer);
    assert_eq!(typed.discovery_url, format!("{slashless}/.well-known/openid-configuration"));
    let again = understand(preset(key), &typed.address, &[]).unwrap();
    assert_eq!(again, Typed { note: None, ..typed });
    issuer
}

#[track_caller]
fn all_mean(key: &str, expected: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(issuer(key, text), expected, "{text}");
    }
}

#[track_caller]
fn refused(key: &str, texts: &[&str]) -> String {
    let mut message = String::new();
    for text in texts {
        message = understand(preset(key), text, &[]).expect_err(text);
    }
    message
}

fn note(key: &str, text: &str) -> Option<String> {
    understand(preset(key), text, &[]).unwrap().note
}

#[test]
fn an_issuer_is_kept_octet_for_octet() {
    for text in [
        "https://op.example",
        "https://op.example/",
        "https://OP.example/t/Acme",
        "https://op.example:8443/a/",
        "http://127.0.0.1:4000/oidc",
    ] {
        assert_eq!(issuer("oidc", text), text);
    }
}

#[test]
fn a_bare_host_is_reached_by_https() {
    all_mean("oidc", "https://op.example", &["op.example", " OP.Example\n", "HTTPS://op.example"]);
    all_mean("oidc", "https://op.example:8443/a", &["op.example:8443/a"]);
    all_mean("oidc", "https://localhost:4000", &["localhost:4000"]);
}

/// [OIDCD-4] [RFC8414-3.1]
#[test]
fn the_address_of_a_document_means_its_issuer() {
    all_mean(
        "oidc",
        "https://op.example/t/acme",
        &[
            "https://op.example/t/acme/.well-known/openid-configuration",
            "https://op.example/.well-known/oauth-authorization-server/t/acme",
            "https://op.example/.well-known/openid-configuration/t/acme",
            "op.example/t/acme/.well-known/openid-configuration",
        ],
    );
    let with_slash = "https://op.example/.well-known/oauth-authorization-server/";
    all_mean("oidc", "https://op.example", &[with_slash]);
}

#[test]
fn what_cannot_be_an_issuer_is_answered_with_what_to_type() {
    let texts = [
        "",
        "acme",
        "ftp://op.example",
        "javascript:alert(1)",
        "https:/op.example",
        "https://",
        "https://ann@op.example",
        "ann@op.example",
        "https://op.example/?a=b",
        "https://op.example/#/x",
        "https://op.example/a/../b",
        "https://op.example/%2e%2e/b",
        "https://op.example/a b",
        "https://op.example\\b",
        "https://öp.example",
        "https://[::1",
        "file:///etc/passwd",
    ];
    let message = refused("oidc", &texts);
    assert!(message.ends_with("type the issuer, such as https://auth.members.example"));
    refused("adfs", &["https://", "https:////", "https:///fs.acme.example", "https://:1"]);
    let long = format!("https://op.example/{}", "a".repeat(MAX_TYPED));
    refused("oidc", &[&long]);
}

#[test]
fn okta_is_its_domain_or_a_custom_server() {
    all_mean(
        "okta",
        "https://acme.okta.com",
        &[
            "acme",
            "acme.okta.com",
            "https://acme.okta.com/",
            "https://acme-admin.okta.com/admin/dashboard",
            "acme-admin.okta.com",
            "https://acme.okta.com/.well-known/openid-configuration",
            "https://acme.okta.com/oauth2/v1/authorize",
            "https://acme-admin.okta.com/admin/app/oidc_client/instance/0oa1/#tab-general",
        ],
    );
    all_mean(
        "okta",
        "https://acme.okta.com/oauth2/default",
        &[
            "https://acme.okta.com/oauth2/default/",
            "acme.okta.com/oauth2/default/.well-known/oauth-authorization-server",
            "https://acme.okta.com/oauth2/default/v1/token",
        ],
    );
    all_mean("okta", "https://login.acme.example", &["login.acme.example"]);
    all_mean("okta", "http://127.0.0.1:4000/oauth2/aus1", &["http://127.0.0.1:4000/oauth2/aus1"]);
    refused("okta", &["https://acme.okta.com/oauth2"]);
}

#[test]
fn a_change_that_staff_should_know_of_is_told() {
    let told = note("okta", "acme-admin.okta.com").unwrap();
    assert!(told.contains("-admin"), "{told}");
    assert_eq!(note("okta", "acme.okta.com"), None);
    assert!(note("ping", GUID).unwrap().contains("region"));
}

#[test]
fn cognito_is_a_user_pool_however_it_is_named() {
    all_mean(
        "cognito",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123",
        &[
            "eu-west-1_AbC123",
            "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC123",
            "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123/",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123/.well-known/jwks.json",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123/.well-known/openid-configuration",
        ],
    );
    let china = "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC";
    all_mean("cognito", china, &["cn-north-1_AbC"]);
    let government = "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbC";
    all_mean("cognito", government, &["us-gov-west-1_AbC"]);
    let local = "http://127.0.0.1:4000/us-east-1_Ex";
    all_mean("cognito", local, &["http://127.0.0.1:4000/us-east-1_Ex/.well-known/jwks.json"]);
    let message = refused(
        "cognito",
        &[
            "https://cognito-idp.eu-west-1.amazonaws.com",
            "https://eu-west-1.console.aws.amazon.com/cognito/v2/idp/user-pools/eu-west-1_AbC",
            "https://acme.auth.eu-west-1.amazoncognito.com/login",
        ],
    );
    assert!(message.contains("User pool ID"), "{message}");
}

#[test]
fn google_needs_nothing_and_its_tokens_have_two_spellings() {
    for text in ["", "accounts.google.com", "https://accounts.google.com/"] {
        let typed = understand(preset("google"), text, &[]).unwrap();
        let both = ["https://accounts.google.com", "accounts.google.com"];
        assert_eq!(typed.issuer, IssuerRule::Spellings(both.map(str::to_owned).to_vec()));
        assert_eq!(typed.address, "https://accounts.google.com");
    }
    let local = understand(preset("google"), "http://127.0.0.1:4000", &[]).unwrap();
    let both = ["http://127.0.0.1:4000", "127.0.0.1:4000"];
    assert_eq!(local.issuer, IssuerRule::Spellings(both.map(str::to_owned).to_vec()));
    assert!(refused("google", &["acme.example"]).contains("hosted_domains"));
    refused("google", &["https://console.cloud.google.com/auth/clients?project=x"]);
}

#[test]
fn auth0_and_jumpcloud_end_in_a_slash() {
    all_mean(
        "auth0",
        "https://acme.eu.auth0.com/",
        &[
            "acme.eu.auth0.com",
            "https://acme.eu.auth0.com",
            "https://acme.eu.auth0.com/authorize",
            "https://acme.eu.auth0.com/.well-known/openid-configuration",
            "https://acme.eu.auth0.com/.well-known/jwks.json",
        ],
    );
    all_mean("auth0", "http://127.0.0.1:4000/", &["http://127.0.0.1:4000"]);
    refused("auth0", &["https://manage.auth0.com/dashboard/eu/acme/applications"]);
    all_mean("jumpcloud", "https://oauth.id.jumpcloud.com/", &["", "oauth.id.jumpcloud.com"]);
    all_mean("jumpcloud", "http://127.0.0.1:4000/", &["http://127.0.0.1:4000"]);
    refused("jumpcloud", &["acme.example", "https://console.jumpcloud.com/#/sso"]);
}

#[test]
fn ping_is_an_environment_of_pingone_or_a_server_of_ones_own() {
    let one = format!("https://auth.pingone.com/{GUID}/as");
    let without_as = format!("https://auth.pingone.com/{GUID}");
    let authorize = format!("{one}/authorize");
    all_mean("ping", &one, &[GUID, &one, &without_as, &authorize, &format!("{one}/")]);
    let europe = format!("https://auth.pingone.eu/{GUID}/as");
    all_mean("ping", &europe, &[&format!("{europe}/.well-known/openid-configuration")]);
    all_mean(
        "ping",
        "https://sso.acme.example:9031",
        &["sso.acme.example:9031", "https://sso.acme.example:9031/as/authorization.oauth2"],
    );
    let console = format!("https://console.pingone.eu/?env={GUID}");
    refused("ping", &["https://auth.pingone.eu", &console]);
}

#[test]
fn onelogin_is_a_subdomain_and_its_first_version_is_gone() {
    all_mean(
        "onelogin",
        "https://acme.onelogin.com/oidc/2",
        &[
            "acme",
            "acme.onelogin.com",
            "https://acme.onelogin.com/portal/",
            "https://acme.onelogin.com/oidc/2/",
            "https://acme.onelogin.com/oidc/2/auth",
            "https://acme.onelogin.com/oidc",
            "https://acme.onelogin.com/oidc/2/.well-known/openid-configuration",
        ],
    );
    all_mean("onelogin", "http://127.0.0.1:4000/oidc/2", &["http://127.0.0.1:4000"]);
    let message = refused("onelogin", &["https://openid-connect.onelogin.com/oidc"]);
    assert!(message.contains("retired"), "{message}");
}

#[test]
fn keycloak_is_a_realm_of_a_server() {
    all_mean(
        "keycloak",
        "https://sso.acme.example/realms/main",
        &[
            "sso.acme.example/realms/main",
            "https://sso.acme.example/realms/main/",
            "https://sso.acme.example/realms/main/account/#/personal-info",
            "https://sso.acme.example/realms/main/protocol/openid-connect/auth?client_id=x",
            "https://sso.acme.example/realms/main/.well-known/openid-configuration",
            "https://sso.acme.example/admin/master/console/#/main/clients",
            "https://sso.acme.example/admin/main/console/",
        ],
    );
    all_mean(
        "keycloak",
        "https://sso.acme.example/auth/realms/main",
        &["https://sso.acme.example/auth/admin/master/console/#/main"],
    );
    all_mean("keycloak", "http://127.0.0.1:4000/realms/a", &["http://127.0.0.1:4000/realms/a"]);
    let message = refused("keycloak", &["https://sso.acme.example/auth", "sso.acme.example"]);
    assert!(message.contains("realm"), "{message}");
}

#[test]
fn salesforce_is_my_domain_or_the_common_host() {
    all_mean(
        "salesforce",
        "https://acme.my.salesforce.com",
        &[
            "acme",
            "acme.my.salesforce.com",
            "https://acme.lightning.force.com/lightning/page/home",
            "https://acme.my.salesforce-setup.com/lightning/setup/OrgDomain/home",
            "https://acme.my.salesforce.com/services/oauth2/authorize",
        ],
    );
    let sandbox = "https://acme--test.sandbox.my.salesforce.com";
    all_mean("salesforce", sandbox, &["https://acme--test.sandbox.lightning.force.com/x"]);
    all_mean("salesforce", "https://login.salesforce.com", &["login.salesforce.com"]);
    let site = "https://acme.my.site.com/members";
    all_mean("salesforce", site, &[site, &format!("{site}/services/oauth2/token")]);
}

#[test]
fn adfs_is_a_host_with_a_path_of_its_own() {
    all_mean(
        "adfs",
        "https://fs.acme.example/adfs",
        &[
            "fs.acme.example",
            "https://fs.acme.example/adfs/",
            "https://fs.acme.example/adfs/ls/IdpInitiatedSignOn.aspx",
            "http://fs.acme.example/adfs/services/trust",
            "https://fs.acme.example/FederationMetadata/2007-06/FederationMetadata.xml",
            "https://fs.acme.example/adfs/oauth2/authorize/",
            "https://fs.acme.example/adfs/.well-known/openid-configuration",
        ],
    );
    all_mean("adfs", "http://127.0.0.1:4000/adfs", &["http://127.0.0.1:4000"]);
}

#[test]
fn only_microsoft_has_tenants() {
    let error = understand(preset("okta"), "acme.okta.com", &[GUID.to_owned()]).unwrap_err();
    assert!(error.contains("remove `tenants`"), "{error}");
}

/// Found by the fuzzer: each was kept, and fetched from another host than the one that is written.
#[test]
fn rx_06_a_host_that_is_read_as_another_is_refused() {
    for typed in [
        "https://0x7f.1/",
        "https://0",
        "https://127.1",
        "http://localhost:",
        "a.example:",
        "https://a.example:0443",
    ] {
        let refused = understand(preset("oidc"), typed, &[]).unwrap_err();
        assert!(refused.contains("plain form"), "{typed}: {refused}");
    }
    for typed in ["https://127.0.0.1:8443/x", "https://[::1]", "HTTPS://Op.Example:443"] {
        assert!(understand(preset("oidc"), typed, &[]).is_ok(), "{typed}");
    }
}

#[test]
fn rx_06_what_looks_like_the_admin_console_within_a_host_is_left_as_it_is() {
    for typed in
        ["https://tax-admin.okta.comsx.example", "https://a-admin.okta.com.b-admin.okta.com"]
    {
        assert_eq!(understand(preset("okta"), typed, &[]).unwrap().address, typed);
    }
    let twice = understand(preset("okta"), "https://acme-admin-admin.okta.com/x", &[]).unwrap();
    assert_eq!(twice.address, "https://acme.okta.com/x");
}

/// Pieces of addresses, put together at random.
const PIECES: &str = "https:// http:// HTTPS:// acme .okta.com -admin login. / // ? # @ : %2e .. ö \
    /realms/ /adfs /oauth2/ v2.0 organizations {tenantid} .ciamlogin.com eu-west-1_A [::1] \
    /.well-known/ openid-configuration ?appid= 4f6b2c1e-8a37-4d0b-b1f5-93c7e2a6d018 localhost";

fn typed_text() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split_whitespace().chain([" ", "\u{0}"]).collect();
    let joined = prop::collection::vec(prop::sample::select(pieces), 0..8);
    prop_oneof![joined.prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn whatever_is_typed_is_refused_or_becomes_one_plain_address(
        text in typed_text(),
        at in 0..DirectoryPreset::all().count(),
        listed in any::<bool>(),
    ) {
        let preset = DirectoryPreset::all().nth(at).unwrap();
        let tenants = if listed { vec![GUID.to_owned()] } else { Vec::new() };
        if let Ok(typed) = understand(preset, &text, &tenants) {
            let url = Url::parse(&typed.discovery_url).unwrap();
            prop_assert!(url.username().is_empty() && url.fragment().is_none());
            let plain = typed.discovery_url.starts_with("http://");
            prop_assert!(!plain || text.trim().to_ascii_lowercase().starts_with("http://"));
            let again = understand(preset, &typed.address, &tenants).unwrap();
            prop_assert_eq!(&again, &Typed { note: again.note.clone(), ..typed });
        }
    }
}

/// A vendor whose addresses need rules of their own is not just any provider.
#[test]
fn id_03_vendors_with_a_preset_of_their_own_are_not_taken_for_any_provider() {
    let oidc = DirectoryPreset::parse("oidc").unwrap();
    for (typed, preset) in [
        ("https://accounts.google.com", "google"),
        ("accounts.google.com", "google"),
        ("https://login.microsoftonline.com/organizations/v2.0", "entra"),
        ("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ex4mpleAB", "cognito"),
    ] {
        let refused = understand(oidc, typed, &[]).unwrap_err();
        assert!(refused.contains(&format!("preset: {preset}")), "{typed}: {refused}");
    }
}
