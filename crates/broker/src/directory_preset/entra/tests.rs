//! Microsoft's addresses: tenants, shared endpoints, clouds, and what of them is let in.

use oidc::rp::issuer::IssuerRule;

use crate::directory_preset::{DirectoryPreset, Typed, understand};

const TENANT: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";
const ISSUER: &str = "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

fn entra(text: &str, tenants: &[&str]) -> Result<Typed, String> {
    let tenants: Vec<String> = tenants.iter().map(|one| (*one).to_owned()).collect();
    let typed = understand(DirectoryPreset::parse("entra").unwrap(), text, &tenants)?;
    let again = understand(DirectoryPreset::parse("entra").unwrap(), &typed.address, &tenants);
    assert_eq!(again, Ok(Typed { note: None, ..typed.clone() }));
    Ok(typed)
}

fn exact(text: &str) -> IssuerRule {
    IssuerRule::Exact(text.to_owned())
}

#[test]
fn a_tenant_is_its_id_wherever_it_is_copied_from() {
    for text in [
        TENANT,
        "7D1C0F3A-52B4-4E7E-9C61-2F0C8F6B1A11",
        ISSUER,
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/",
        "login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0/",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/oauth2/v2.0/token",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/.well-known/openid-configuration",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0/.well-known/openid-configuration",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/discovery/v2.0/keys",
    ] {
        let typed = entra(text, &[]).unwrap();
        assert_eq!((&typed.issuer, typed.address.as_str()), (&exact(ISSUER), ISSUER), "{text}");
        assert_eq!(typed.discovery_url, format!("{ISSUER}/.well-known/openid-configuration"));
    }
}

#[test]
fn jw_10_a_shared_endpoint_is_refused_without_the_tenants_that_are_let_in() {
    for text in ["organizations", "common", TEMPLATE, "https://login.microsoftonline.com/common"] {
        let error = entra(text, &[]).unwrap_err();
        assert!(error.contains("`tenants`"), "{text}: {error}");
    }
}

#[test]
fn jw_10_a_shared_endpoint_is_a_template_with_a_list() {
    for (text, endpoint) in [
        ("organizations", "organizations"),
        ("Common", "common"),
        (TEMPLATE, "organizations"),
        ("https://login.microsoftonline.com/organizations/v2.0", "organizations"),
    ] {
        let typed = entra(text, &[TENANT]).unwrap();
        let tenants = vec![TENANT.to_owned()];
        assert_eq!(typed.issuer, IssuerRule::Tenants { template: TEMPLATE.to_owned(), tenants });
        let address = format!("https://login.microsoftonline.com/{endpoint}/v2.0");
        assert_eq!(typed.discovery_url, format!("{address}/.well-known/openid-configuration"));
        assert_eq!(typed.address, address);
    }
}

#[test]
fn a_list_of_tenants_beside_one_tenants_own_address_is_a_mistake() {
    for text in [TENANT, "acme.onmicrosoft.com"] {
        let error = entra(text, &[TENANT]).unwrap_err();
        assert!(error.contains("remove `tenants`"), "{error}");
    }
}

#[test]
fn a_domain_of_the_tenant_leaves_its_id_to_the_document() {
    for text in ["Acme.example", "https://login.microsoftonline.com/acme.example/v2.0"] {
        let typed = entra(text, &[]).unwrap();
        assert_eq!(typed.issuer, IssuerRule::Domain { template: TEMPLATE.to_owned() });
        assert_eq!(typed.address, "https://login.microsoftonline.com/acme.example/v2.0");
    }
}

#[test]
fn version_one_is_an_issuer_with_a_slash_elsewhere() {
    let issuer = format!("https://sts.windows.net/{TENANT}/");
    let typed = entra(&issuer, &[]).unwrap();
    assert_eq!(typed.issuer, exact(&issuer));
    let document = format!("https://sts.windows.net/{TENANT}/.well-known/openid-configuration");
    assert_eq!(typed.discovery_url, document);
    let local = format!("http://127.0.0.1:4000/{TENANT}/");
    assert_eq!(entra(&local, &[]).unwrap().issuer, exact(&local));
}

#[test]
fn national_clouds_and_other_hosts_keep_theirs() {
    for host in ["https://login.microsoftonline.us", "https://login.partner.microsoftonline.cn"] {
        let typed = entra(&format!("{host}/{TENANT}"), &[]).unwrap();
        assert_eq!(typed.issuer, exact(&format!("{host}/{TENANT}/v2.0")));
    }
    let local = format!("http://127.0.0.1:4000/{TENANT}/v2.0");
    assert_eq!(entra(&local, &[]).unwrap().issuer, exact(&local));
    let shared = entra("http://127.0.0.1:4000/organizations/v2.0", &[TENANT]).unwrap();
    assert_eq!(shared.issuer.as_str(), "http://127.0.0.1:4000/{tenantid}/v2.0");
}

#[test]
fn an_external_tenant_states_its_id_as_its_host() {
    let typed = entra(&format!("https://acme.ciamlogin.com/{TENANT}"), &[]).unwrap();
    let issuer = format!("https://{TENANT}.ciamlogin.com/{TENANT}/v2.0");
    assert_eq!(typed.issuer, exact(&issuer));
    assert!(typed.discovery_url.starts_with("https://acme.ciamlogin.com/"));
    assert_eq!(entra(&issuer, &[]).unwrap().issuer, exact(&issuer));
    for text in ["acme.ciamlogin.com", "https://acme.ciamlogin.com/acme.onmicrosoft.com/v2.0"] {
        let error = entra(text, &[]).unwrap_err();
        assert!(error.contains("ID") || error.contains("id"), "{error}");
    }
}

#[test]
fn an_application_with_keys_of_its_own_has_a_document_of_its_own() {
    let app = "4b6f2c1e-8a37-4d0b-b1f5-93c7e2a6d018";
    let url = format!("{ISSUER}/.well-known/openid-configuration?appid={app}");
    let typed = entra(&url, &[]).unwrap();
    assert_eq!((typed.issuer, typed.discovery_url), (exact(ISSUER), url));
    for query in ["?appid=x", "?appid=", "?p=policy", "?appid=4b6f2c1e&x=y"] {
        assert!(entra(&format!("{ISSUER}{query}"), &[]).is_err(), "{query}");
    }
}

#[test]
fn what_names_no_tenant_is_refused() {
    for text in [
        "",
        "acme",
        "consumers",
        "https://login.microsoftonline.com/consumers/v2.0",
        "login.microsoftonline.com",
        "https://login.microsoftonline.com",
        "https://sts.windows.net/",
        "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/TenantOverview.ReactView",
        "https://login.microsoftonline.com/not-a-tenant/v2.0",
        "https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_in/v2.0",
        "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0/more",
    ] {
        assert!(entra(text, &[TENANT]).is_err(), "{text}");
    }
}
