use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::plan::{self, Options, Prune};
use crate::settings::Configuration;

const ACME: TenantId = TenantId(Uuid::from_u128(1));

fn tenant(change: &[(&str, Value)]) -> TenantSettings {
    let mut settings = json!({
        "slug": "acme", "name": "Acme", "domain_proof": "dns",
        "applications": [{"client_id": "app", "name": "App", "redirect_uris": ["https://a.example/cb"]}],
        "directories": [
            {"slug": "okta", "name": "Okta", "issuer": "https://okta.example", "client_id": "c"},
            {"slug": "entra", "name": "Entra", "issuer": "https://entra.example", "client_id": "c"},
        ],
    });
    for (pointer, value) in change {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = settings.pointer_mut(parent).unwrap();
        match (parent, name.parse::<usize>()) {
            (Value::Array(items), Ok(at)) if value.is_null() => {
                items.remove(at);
            }
            (Value::Array(items), _) => items.push(value.clone()),
            (parent, _) => parent[name] = value.clone(),
        }
    }
    serde_json::from_value(settings).unwrap()
}

fn authority(role: Role) -> Authority {
    let directory = (role == Role::DirectoryManager).then(|| "okta".parse().unwrap());
    Authority { tenant: Some(ACME), role, directory }
}

/// The paths that each of operator, owner, editor, manager of `okta` and viewer is denied, by a
/// change of this.
fn denied(change: &[(&str, Value)]) -> [Vec<String>; 5] {
    let (before, after) = (tenant(&[]), tenant(change));
    denied_between(&[before], &Configuration { tenants: vec![after] })
}

fn denied_between(before: &[TenantSettings], after: &Configuration) -> [Vec<String>; 5] {
    let options = Options { prune: Prune::Remove, ..Options::default() };
    let plan = plan::plan(before, after, &options);
    let all = [
        Authority::OPERATOR,
        authority(Role::Owner),
        authority(Role::Editor),
        authority(Role::DirectoryManager),
        authority(Role::Viewer),
    ];
    all.map(|one| {
        let denied = one.denied(&plan, before.first(), after.tenants.first());
        denied.into_iter().map(|one| format!("{} {}", one.path, one.needs)).collect()
    })
}

/// For whom a change is denied, as `oO-eMv`-like letters: who may stands, who may not is a dot.
fn who_may(denied: &[Vec<String>; 5]) -> String {
    let letters = ["O", "o", "e", "m", "v"];
    letters
        .iter()
        .zip(denied)
        .map(|(who, denied)| if denied.is_empty() { who } else { "." })
        .collect()
}

#[test]
fn tn_12_each_field_is_for_those_who_answer_for_it() {
    let okta = "/directories/0";
    let cases: &[(&str, Value, &str)] = &[
        ("/name", json!("Other"), "Oo..."),
        ("/join_by_email", json!(true), "Oo..."),
        ("/forget_claims", json!(true), "Oo..."),
        ("/suspended", json!(true), "O...."),
        ("/domain_proof", json!("operator"), "O...."),
        ("/applications/0/name", json!("Other"), "Ooe.."),
        ("/applications/0/disabled", json!(true), "Ooe.."),
        ("/applications/0", Value::Null, "Oo..."),
        ("/directories/1/state", json!("paused"), "Ooe.."),
        ("/directories/1", Value::Null, "Oo..."),
        (&format!("{okta}/state"), json!("testing"), "Ooem."),
        (&format!("{okta}/state"), json!("active"), "Ooe.."),
        (&format!("{okta}/state"), json!("paused"), "Ooe.."),
        (&format!("{okta}/name"), json!("Other"), "Ooem."),
        (&format!("{okta}/client_id"), json!("other"), "Ooem."),
        (&format!("{okta}/scopes"), json!(["openid"]), "Ooem."),
        (&format!("{okta}/profile"), json!({"staff": {"value": true}}), "Ooem."),
        (&format!("{okta}/profile"), json!({"email": {"value": "boss@acme.example"}}), "Ooe.."),
        (&format!("{okta}/profile"), json!({"external_id": {"value": "1"}}), "Ooe.."),
        (&format!("{okta}/issuer"), json!("https://other.example"), "Ooem."),
        (&format!("{okta}/preset"), json!("okta"), "Ooem."),
        (&format!("{okta}/metadata"), json!({"jwks_uri": "https://evil.example"}), "Ooe.."),
        (&format!("{okta}/algorithms"), json!(["ES256"]), "Ooe.."),
        (&format!("{okta}/acr_values"), json!({"gold": "0"}), "Ooe.."),
        (&format!("{okta}/domains"), json!(["acme.example"]), "Ooe.."),
        (&format!("{okta}/email_trust"), json!("domain"), "Ooe.."),
        (&format!("{okta}/trusted_providers"), json!(["x"]), "Ooe.."),
        (&format!("{okta}/shared_client"), json!(true), "O...."),
        (&format!("{okta}/staff_sign_in"), json!(true), "Oo..."),
        ("/directories/new", json!({"slug": "new", "name": "New", "client_id": "c"}), "Ooe.."),
    ];
    for (pointer, value, expected) in cases {
        let denied = denied(&[(pointer, value.clone())]);
        assert_eq!(who_may(&denied), *expected, "{pointer}: {denied:?}");
    }
}

/// [THREATS UP-09, ID-06] Of a directory that people sign in through, a manager changes neither which
/// provider it is nor whether it is trusted; they switch it off and on again.
#[test]
fn tn_12_up_09_manager_of_a_directory_in_use_keeps_its_provider() {
    let with = |state: &str, issuer: &str| {
        let okta = "/directories/0";
        tenant(&[
            (&format!("{okta}/state"), json!(state)),
            (&format!("{okta}/issuer"), json!(issuer)),
        ])
    };
    let (here, elsewhere) = ("https://okta.example", "https://evil.example");
    for (before, after, who) in [
        (with("active", here), with("paused", here), "Ooem."),
        (with("paused", here), with("active", here), "Ooem."),
        (with("active", here), with("testing", here), "Ooem."),
        (with("testing", here), with("active", here), "Ooe.."),
        (with("active", here), with("active", elsewhere), "Ooe.."),
        (with("paused", here), with("paused", elsewhere), "Ooe.."),
        (with("testing", here), with("testing", elsewhere), "Ooem."),
        (with("active", here), with("testing", elsewhere), "Ooe.."),
    ] {
        let denied = denied_between(&[before], &Configuration { tenants: vec![after] });
        assert_eq!(who_may(&denied), who, "{denied:?}");
    }
}

/// Through a directory by which staff sign in, whoever decides which provider it is could be each of
/// them; the rest stays with those who look after it.
#[test]
fn tn_12_up_09_provider_that_staff_sign_in_by_is_the_owners() {
    let okta = "/directories/0";
    let on = (format!("{okta}/staff_sign_in"), json!(true));
    for (name, value, who) in [
        ("staff_sign_in", json!(false), "Oo..."),
        ("issuer", json!("https://evil.example"), "Oo..."),
        ("preset", json!("okta"), "Oo..."),
        ("client_id", json!("evil"), "Oo..."),
        ("metadata", json!({"jwks_uri": "https://evil.example"}), "Oo..."),
        ("tenants", json!(["8e4f2a6d-0000-4000-8000-000000000000"]), "Oo..."),
        ("name", json!("Other"), "Ooem."),
        ("domains", json!(["acme.example"]), "Ooe.."),
    ] {
        let path = format!("{okta}/{name}");
        let (before, after) =
            (tenant(&[(&on.0, on.1.clone())]), [(&*on.0, on.1.clone()), (&path, value)]);
        let denied = denied_between(&[before], &Configuration { tenants: vec![tenant(&after)] });
        assert_eq!(who_may(&denied), who, "{name}: {denied:?}");
    }
    let new = json!({"slug": "new", "name": "New", "client_id": "c", "staff_sign_in": true});
    assert_eq!(who_may(&denied(&[("/directories/new", new)])), "Oo...");
}

#[test]
fn tn_12_tenants_come_and_go_by_an_operator_alone() {
    let none = Configuration::default();
    let one = Configuration { tenants: vec![tenant(&[])] };
    assert_eq!(who_may(&denied_between(&one.tenants, &none)), "O....");
    assert_eq!(who_may(&denied_between(&[], &one)), "O....");
}

#[test]
fn id_05_domains_that_nobody_proves_are_the_operators() {
    let vouched = |domains: Value| {
        tenant(&[("/domain_proof", json!("operator")), ("/directories/0/domains", domains)])
    };
    let after = Configuration { tenants: vec![vouched(json!(["other.example"]))] };
    let denied = denied_between(&[vouched(json!([]))], &after);
    assert_eq!(who_may(&denied), "O....", "{denied:?}");
    assert_eq!(denied[1], ["domains an operator"]);
    // With the new directory that names some, too.
    let new = json!({"slug": "new", "name": "N", "client_id": "c", "domains": ["a.example"]});
    let before = vouched(json!([]));
    let mut with = before.clone();
    with.directories.push(serde_json::from_value(new).unwrap());
    let denied = denied_between(&[before], &Configuration { tenants: vec![with] });
    assert_eq!(denied[1], ["domains an operator"]);
}

/// The operator vouches for a tenant; which of its directories a domain leads to, its editors say, as
/// they say which provider each is.
#[test]
fn id_05_domains_are_moved_within_a_tenant_by_its_editors() {
    let with = |okta: &[&str], entra: &[&str]| {
        tenant(&[
            ("/domain_proof", json!("operator")),
            ("/directories/0/domains", json!(okta)),
            ("/directories/1/domains", json!(entra)),
        ])
    };
    let who = |okta: &[&str], entra: &[&str]| {
        let after = Configuration { tenants: vec![with(okta, entra)] };
        who_may(&denied_between(&[with(&["a.example", "*.a.example"], &["b.example"])], &after))
    };
    assert_eq!(who(&[], &["b.example", "a.example", "*.a.example"]), "Ooe..");
    assert_eq!(who(&["b.example"], &["a.example", "*.a.example"]), "Ooe..");
    // One that is new, or that nobody has any more.
    assert_eq!(who(&[], &["b.example", "a.example", "*.a.example", "c.example"]), "O....");
    assert_eq!(who(&[], &["b.example", "a.example"]), "O....");
}

#[test]
fn tn_01_authority_reaches_its_own_tenant_alone() {
    let other = TenantId(Uuid::from_u128(2));
    for role in Role::ALL {
        let one = authority(role);
        assert!(one.reaches(ACME) && !one.reaches(other));
        assert!(!one.has(Need::Operator));
        assert_eq!(role.as_str().parse(), Ok(role));
    }
    assert!(Authority::OPERATOR.reaches(other));
    let reader = Authority { role: Role::Viewer, ..Authority::OPERATOR };
    assert!(!reader.has(Need::Operator) && !reader.has(Need::Editor) && reader.has(Need::Viewer));
}
