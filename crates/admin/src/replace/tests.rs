use serde_json::{Value, json};

use super::*;
use crate::part::{Part, To, edited};

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn how(directory: &str, by: &str, join_by_email: bool) -> Replacement {
    Replacement { directory: slug(directory), by: slug(by), join_by_email }
}

fn directory(slug: &str, state: &str, domains: &[&str]) -> Value {
    json!({
        "slug": slug, "name": slug, "issuer": format!("https://{slug}.example"),
        "client_id": "c", "state": state, "domains": domains,
    })
}

fn application(client_id: &str, directories: &Value) -> Value {
    let mut one = json!({"client_id": client_id, "name": client_id, "redirect_uris": []});
    if !directories.is_null() {
        one["directories"] = directories.clone();
    }
    one
}

fn tenant() -> TenantSettings {
    let lists = [
        json!(["third", "okta"]),
        json!(["okta", "entra"]),
        json!(["third"]),
        json!([]),
        Value::Null,
    ];
    let names = ["first", "both", "other", "none", "all"];
    let applications: Vec<_> =
        names.iter().zip(&lists).map(|(name, list)| application(name, list)).collect();
    serde_json::from_value(json!({
        "slug": "acme", "name": "Acme",
        "applications": applications,
        "directories": [
            directory("entra", "testing", &["new.example", "acme.example"]),
            directory("okta", "active", &["*.acme.example", "acme.example"]),
            directory("third", "active", &["third.example"]),
        ],
    }))
    .unwrap()
}

fn domains(tenant: &TenantSettings, name: &str) -> Vec<String> {
    find(tenant, &slug(name)).unwrap().domains.iter().map(ToString::to_string).collect()
}

fn state(tenant: &TenantSettings, name: &str) -> DirectoryState {
    find(tenant, &slug(name)).unwrap().state
}

#[test]
fn new_directory_stands_wherever_the_old_one_did_and_the_old_one_is_paused() {
    let after = replaced(&tenant(), &how("okta", "entra", false)).unwrap();
    assert_eq!(domains(&after, "entra"), ["new.example", "acme.example", "*.acme.example"]);
    assert_eq!(domains(&after, "okta"), [""; 0]);
    assert_eq!(state(&after, "entra"), DirectoryState::Active);
    assert_eq!(state(&after, "okta"), DirectoryState::Paused);
    let lists: Vec<_> = after.applications.iter().map(|one| one.directories.clone()).collect();
    let some = |names: &[&str]| Some(names.iter().map(|name| slug(name)).collect::<Vec<_>>());
    let wanted = [some(&["third", "entra"]), some(&["entra"]), some(&["third"]), some(&[]), None];
    assert_eq!(lists, wanted);
    assert!(!after.join_by_email);
    // What neither of the two has to do with is as it was.
    let third = |tenant: &TenantSettings| find(tenant, &slug("third")).cloned();
    assert_eq!(third(&after), third(&tenant()));
}

#[test]
fn second_time_changes_nothing_and_the_other_way_round_takes_it_back() {
    let once = replaced(&tenant(), &how("okta", "entra", true)).unwrap();
    let twice = replaced(&once, &how("okta", "entra", true)).unwrap();
    assert_eq!(json!(twice), json!(once));
    let back = replaced(&once, &how("entra", "okta", false)).unwrap();
    assert_eq!(state(&back, "okta"), DirectoryState::Active);
    assert_eq!(domains(&back, "okta"), ["new.example", "acme.example", "*.acme.example"]);
    assert_eq!(back.applications[0].directories, tenant().applications[0].directories);
}

#[test]
fn join_by_email_is_turned_on_when_asked_and_never_off() {
    for (is_on, asked, wanted) in
        [(false, false, false), (false, true, true), (true, false, true), (true, true, true)]
    {
        let before = TenantSettings { join_by_email: is_on, ..tenant() };
        let after = replaced(&before, &how("okta", "entra", asked)).unwrap();
        assert_eq!(after.join_by_email, wanted, "{is_on} {asked}");
    }
}

#[test]
fn what_cannot_take_the_place_is_refused_at_by() {
    let mut tenant = tenant();
    let place = |tenant: &TenantSettings, directory: &str, by: &str| match replaced(
        tenant,
        &how(directory, by, false),
    )
    .unwrap_err()
    {
        PartError::Missing => "missing".to_owned(),
        PartError::Shape { path, message } => format!("{path}: {message}"),
    };
    assert!(place(&tenant, "okta", "okta").starts_with("by: a directory does not take its own"));
    assert!(place(&tenant, "okta", "nobody").starts_with("by: there is no directory `nobody`"));
    assert_eq!(place(&tenant, "nobody", "okta"), "missing");
    tenant.directories[0].client_id = "to-be-entered-acme-entra".to_owned();
    assert_eq!(place(&tenant, "okta", "entra"), "by: the values of `entra` are yet to be entered");
    // Through the door that every face uses.
    let to = To::Replaced(how("okta", "third", false));
    let after = edited(&slug("acme"), Some(&tenant), &Part::Configuration, &to).unwrap().unwrap();
    assert_eq!(state(&after, "okta"), DirectoryState::Paused);
    let nowhere = edited(&slug("acme"), None, &Part::Configuration, &to);
    assert_eq!(nowhere.unwrap_err(), PartError::Missing);
}

/// A directory that trusts the addresses of its domains has none while it is replaced.
#[test]
fn result_is_valid_whatever_the_old_one_trusts() {
    let mut tenant = tenant();
    tenant.applications.clear();
    tenant.directories[1].email_trust = Some(EmailTrust::Domain);
    let after = replaced(&tenant, &how("okta", "entra", true)).unwrap();
    let wanted = broker::settings::Configuration { tenants: vec![after.clone()] };
    assert_eq!(broker::plan::each(&wanted), []);
    // In use without them it would trust nobody, which somebody should hear of.
    let mut odd = after;
    odd.directories[1].state = DirectoryState::Active;
    let wanted = broker::settings::Configuration { tenants: vec![odd] };
    assert_eq!(broker::plan::each(&wanted).len(), 1);
}

#[test]
fn id_07_numbers_follow_what_the_new_directory_is_trusted_with() {
    let moving = Moving { users: 100, known: 10, own_domain: 60, no_domain: 20 };
    for (trust, join, by_email, strangers) in [
        (EmailTrust::Never, true, 0, 90),
        (EmailTrust::Domain, true, 60, 30),
        (EmailTrust::VerifiedClaim, true, 80, 10),
        (EmailTrust::VerifiedClaim, false, 80, 90),
    ] {
        let found = Recognition::of(moving, trust, join);
        assert_eq!((found.by_email, found.strangers()), (by_email, strangers), "{trust:?} {join}");
    }
}

#[test]
fn rows_that_speak_of_the_old_directory_and_staff_are_remarked() {
    let mut tenant = tenant();
    assert_eq!(remarks(&tenant, &how("okta", "entra", false)), []);
    let rows = json!({
        "one": {"expr": "directory.slug == 'okta'"},
        "two": {"from": ["profile.x"], "when": "directory.slug == \"okta\""},
        "three": {"from": ["directory.slug"], "transform": [{"map": {"okta": "O"}}]},
        "not": {"value": "okta"},
        "nor": {"expr": "directory.slug == 'okta-2'"},
    });
    tenant.applications[0].claims = serde_json::from_value(rows).unwrap();
    tenant.directories[1].staff_sign_in = true;
    let how = how("okta", "entra", false);
    let found = remarks(&tenant, &how);
    let row = |name: &str| Remark::Row("first".to_owned(), name.to_owned());
    assert_eq!(found, [Remark::StaffSignIn, row("one"), row("three"), row("two")]);
    assert!(
        found.iter().all(|one| one.say(&how).contains("okta") && one.say(&how).contains("entra"))
    );
}
