use proptest::prelude::*;
use serde_json::{Value, json};

use crate::email::Domain;

use super::*;

fn tenants(value: &Value) -> Vec<TenantSettings> {
    serde_json::from_value(value.clone()).unwrap()
}

fn configuration(value: &Value) -> Configuration {
    Configuration { tenants: tenants(value) }
}

fn acme() -> Value {
    json!([{
        "slug": "acme", "name": "Acme Association",
        "applications": [{
            "client_id": "imis", "name": "iMIS", "preset": "imis",
            "client_secret": "${env:IMIS_SECRET}", "redirect_uris": ["https://imis.acme.example/"],
            "claims": {"staff": {"value": "1"}},
        }],
        "directories": [{
            "slug": "okta", "name": "Staff", "preset": "okta",
            "issuer": "https://acme.okta.com", "client_id": "0oa1", "domains": ["acme.example"],
        }],
    }])
}

fn planned(current: &Value, wanted: &Value, options: &Options) -> Plan {
    let current: Vec<_> = tenants(current).iter().map(stored).collect();
    plan(&current, &configuration(wanted), options)
}

fn shown(current: &Value, wanted: &Value) -> String {
    planned(current, wanted, &Options::default()).to_string()
}

fn pruning() -> Options {
    Options { prune: Prune::Remove, ..Options::default() }
}

#[test]
fn everything_of_a_new_tenant_is_added() {
    assert_eq!(
        shown(&json!([]), &acme()),
        r#"+ tenant acme
    name: "Acme Association"
+ application acme/imis
    claims.staff: {"value":"1"}
    client_id: "imis"
    client_secret: "${env:IMIS_SECRET}"
    name: "iMIS"
    preset: "imis"
    redirect_uris: ["https://imis.acme.example/"]
+ directory acme/okta
    client_id: "0oa1"
    domains: ["acme.example"]
    issuer: "https://acme.okta.com"
    name: "Staff"
    preset: "okta"
    slug: "okta"
    state: "draft"
Plan: 3 to add, 0 to change, 0 to remove."#
    );
}

#[test]
fn the_same_again_is_no_changes() {
    assert_eq!(shown(&acme(), &acme()), "No changes.");
}

#[test]
fn each_field_and_each_row_is_named() {
    let mut wanted = acme();
    wanted[0]["name"] = json!("Acme");
    wanted[0]["applications"][0]["claims"] = json!({"member": {"value": "x"}});
    wanted[0]["directories"][0]["state"] = json!("active");
    assert_eq!(
        shown(&acme(), &wanted),
        r#"~ tenant acme
    name: "Acme Association" -> "Acme"
~ application acme/imis
    claims.member: {"value":"x"}
    claims.staff: {"value":"1"} -> (not set)
~ directory acme/okta
    state: "draft" -> "active"
Plan: 0 to add, 3 to change, 0 to remove."#
    );
}

#[test]
fn what_the_file_does_not_name_stays_unless_pruned() {
    let mut wanted = acme();
    wanted[0]["applications"] = json!([]);
    assert_eq!(
        shown(&acme(), &wanted),
        "  application acme/imis: kept, not in the file\nNo changes."
    );
    assert_eq!(
        planned(&acme(), &wanted, &pruning()).to_string(),
        "- application acme/imis\nPlan: 0 to add, 0 to change, 1 to remove."
    );
}

#[test]
fn a_removed_tenant_is_one_entry() {
    let removal = planned(&acme(), &json!([]), &pruning());
    assert_eq!(removal.to_string(), "- tenant acme\nPlan: 0 to add, 0 to change, 1 to remove.");
}

/// [SC-02]
#[test]
fn sc_02_secrets_appear_only_as_changed() {
    let mut wanted = acme();
    wanted[0]["applications"][0]["client_secret"] = json!("hunter2hunter2");
    let target = Target::Application { tenant: "acme".parse().unwrap(), client_id: "imis".into() };
    let secrets = BTreeMap::from([((target, SecretField::Current), SecretChange::Changed)]);
    let plan = planned(&acme(), &wanted, &Options { secrets, ..Options::default() });
    assert_eq!(
        plan.to_string(),
        r#"~ application acme/imis
    client_secret: "${env:IMIS_SECRET}" -> "${env:ACME_IMIS_CLIENT_SECRET}"
    client_secret: (changed)
Plan: 0 to add, 1 to change, 0 to remove."#
    );
    assert!(!format!("{plan:?}").contains("hunter2"));
}

#[test]
fn a_secret_alone_is_a_change() {
    let target =
        Target::Directory { tenant: "acme".parse().unwrap(), directory: "okta".parse().unwrap() };
    let secrets = BTreeMap::from([((target, SecretField::Current), SecretChange::Changed)]);
    let plan = planned(&acme(), &acme(), &Options { secrets, ..Options::default() });
    assert!(plan.to_string().starts_with("~ directory acme/okta\n    client_secret: (changed)\n"));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let mut wanted = acme();
    wanted[0]["name"] = json!("\u{1b}[2J\u{9b}31m");
    assert!(!shown(&acme(), &wanted).chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn duplicates_are_named_with_the_first() {
    let mut file = acme();
    let again = file[0]["applications"][0].clone();
    file[0]["applications"].as_array_mut().unwrap().push(again);
    let errors: Vec<_> = each(&configuration(&file)).iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        ["tenants[0].applications[1].client_id: application `imis` is there already, at \
          tenants[0].applications[0].client_id"]
    );
}

#[test]
fn az_03_settings_that_do_not_compile_are_named_by_their_place() {
    let mut file = acme();
    file[0]["applications"][0]["redirect_uris"] = json!(["javascript:alert(1)"]);
    let errors = each(&configuration(&file));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].path, "tenants[0].applications[0].redirect_uris[0]");
}

fn claiming(domains: &[&[&str]]) -> Vec<TenantSettings> {
    let tenant = |(at, domains): (usize, &&[&str])| {
        json!({
            "slug": format!("t{at}"), "name": "T",
            "directories": [{
                "slug": "d", "name": "D", "issuer": "https://d.example",
                "client_id": format!("c{at}"),
                "domains": domains,
            }],
        })
    };
    tenants(&domains.iter().enumerate().map(tenant).collect())
}

#[test]
fn id_05_two_tenants_cannot_claim_one_domain() {
    let conflicts = together(&claiming(&[&["other.example", "acme.example"], &["acme.example"]]));
    let named: Vec<_> = conflicts.iter().map(|c| (c.target.to_string(), c.path.as_str())).collect();
    assert_eq!(
        named,
        [("directory t0/d".to_owned(), "domains[1]"), ("directory t1/d".to_owned(), "domains[0]"),]
    );
}

#[test]
fn id_05_a_domain_within_the_wildcard_of_another_tenant_is_a_conflict() {
    for (a, b) in [
        ("*.acme.example", "a.b.acme.example"),
        ("x.acme.example", "*.acme.example"),
        ("*.x.acme.example", "*.acme.example"),
    ] {
        assert_eq!(together(&claiming(&[&[a], &[b]])).len(), 2, "{a} {b}");
    }
}

/// Whoever lists a domain first keeps nobody from proving it.
#[test]
fn id_05_tenants_that_prove_their_domains_may_both_list_one() {
    let mut both = claiming(&[&["acme.example"], &["*.acme.example", "acme.example"]]);
    both[0].domain_proof = DomainProof::Dns;
    assert_eq!(together(&both).len(), 2, "what an operator vouches for is nobody else's");
    both[1].domain_proof = DomainProof::Dns;
    assert_eq!(together(&both), []);
}

#[test]
fn neighbouring_domains_and_one_tenants_own_go_together() {
    for (a, b) in [
        ("acme.example", "*.acme.example"),
        ("acme.example", "notacme.example"),
        ("*.acme.example", "*.notacme.example"),
        ("acme.example", "sub.acme.example"),
    ] {
        assert_eq!(together(&claiming(&[&[a], &[b]])), [], "{a} {b}");
    }
    assert_eq!(together(&claiming(&[&["acme.example", "*.acme.example", "acme.example"]])), []);
}

#[test]
fn an_application_names_directories_of_its_tenant() {
    let mut file = acme();
    file[0]["applications"][0]["directories"] = json!(["okta", "entra"]);
    let conflicts = together(&tenants(&file));
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].path, "directories[1]");
}

/// Few names, so that two configurations have much in common.
fn any_tenants() -> impl Strategy<Value = Value> {
    let rows = prop::collection::btree_map("[ab]", 0..3_u8, 0..3);
    let application =
        (rows, any::<bool>(), prop::option::of(0..3_u32)).prop_map(|(rows, disabled, lifetime)| {
            let rows: serde_json::Map<_, _> =
                rows.into_iter().map(|(name, value)| (name, json!({ "value": value }))).collect();
            json!({"name": "A", "redirect_uris": ["https://a.example/"], "claims": rows,
                   "disabled": disabled, "id_token_lifetime": lifetime})
        });
    let directory = (0..2_u8, prop::option::of("[pq]")).prop_map(|(issuer, secret)| {
        json!({"name": "D", "issuer": format!("https://{issuer}.example"), "client_id": "c",
               "client_secret": secret.map(|name| format!("${{env:{name}}}"))})
    });
    let parts = (
        prop::collection::btree_map("[xy]", application, 0..3),
        prop::collection::btree_map("[xy]", directory, 0..3),
        "[MN]",
    );
    prop::collection::btree_map("[rst]", parts, 0..4).prop_map(|tenants| {
        let named = |key: &str, map: BTreeMap<String, Value>| -> Value {
            map.into_iter()
                .map(|(name, mut value)| {
                    value[key] = json!(name);
                    value
                })
                .collect()
        };
        tenants
            .into_iter()
            .map(|(slug, (applications, directories, name))| {
                json!({"slug": slug, "name": name, "applications": named("client_id", applications),
                       "directories": named("slug", directories)})
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_configuration_planned_against_itself_is_empty(wanted in any_tenants()) {
        let mut reversed = tenants(&wanted);
        reversed.reverse();
        for tenant in &mut reversed {
            tenant.applications.reverse();
        }
        let plan = plan(&reversed, &configuration(&wanted), &pruning());
        prop_assert_eq!(plan.changes, []);
    }

    #[test]
    fn a_plan_carried_out_leaves_what_was_wanted(current in any_tenants(), wanted in any_tenants()) {
        let before = tenants(&current);
        let once = plan(&before, &configuration(&wanted), &pruning());
        let after = outcome(&before, &once);
        let sorted = outcome(&tenants(&wanted), &Plan::default());
        prop_assert_eq!(serde_json::to_value(&after).unwrap(), serde_json::to_value(sorted).unwrap());
        prop_assert!(plan(&after, &configuration(&wanted), &pruning()).is_empty());
    }

    #[test]
    fn without_pruning_nothing_goes(current in any_tenants(), wanted in any_tenants()) {
        let before = tenants(&current);
        let kept = plan(&before, &configuration(&wanted), &Options::default());
        let after = outcome(&before, &kept);
        for tenant in &before {
            let still = after.iter().find(|one| one.slug == tenant.slug).unwrap();
            prop_assert!(still.applications.len() >= tenant.applications.len());
            prop_assert!(still.directories.len() >= tenant.directories.len());
        }
    }
}

/// Two tenants with a directory each; what is written for it is laid over the same one.
fn registered(each: &[Value; 2]) -> Vec<TenantSettings> {
    let of = |(slug, extra): (&str, &Value)| {
        let mut directory = json!({
            "slug": "staff", "name": "Staff", "issuer": "https://op.example", "client_id": "c",
        });
        for (name, value) in extra.as_object().unwrap() {
            directory[name] = value.clone();
        }
        json!({ "slug": slug, "name": slug, "directories": [directory] })
    };
    let file: Vec<_> = ["acme", "beta"].into_iter().zip(each).map(of).collect();
    tenants(&json!(file))
}

#[test]
fn up_05_one_registration_for_two_tenants_is_a_conflict_unless_both_say_that_it_is_meant() {
    let same = |extra: Value| registered(&[json!({}), extra]);
    let conflicts = together(&same(json!({})));
    let targets: Vec<_> = conflicts.iter().map(|one| one.target.to_string()).collect();
    assert_eq!(targets, ["directory acme/staff", "directory beta/staff"]);
    assert!(conflicts[0].message.contains("directory beta/staff"), "{}", conflicts[0].message);
    // Another spelling of the same provider, or the word of only one of them, changes nothing.
    let discovery = "https://op.example/.well-known/openid-configuration";
    assert_eq!(together(&same(json!({ "issuer": discovery }))).len(), 2);
    assert_eq!(together(&same(json!({ "shared_client": true }))).len(), 2);
    let shared = json!({ "shared_client": true });
    assert_eq!(together(&registered(&[shared.clone(), shared])), []);
    assert_eq!(together(&same(json!({ "client_id": "C" }))), []);
    assert_eq!(together(&same(json!({ "issuer": "https://other.example" }))), []);
}

#[test]
fn up_05_another_spelling_of_a_registration_is_the_same() {
    let generic = |issuer: &str| json!({ "issuer": issuer });
    for other in ["https://OP.example", "https://op.example:443", "https://op.example."] {
        assert_eq!(together(&registered(&[json!({}), generic(other)])).len(), 2, "{other}");
    }
    let entra = |issuer: &str, client_id: &str, tenants: Value| json!({ "preset": "entra", "issuer": issuer, "client_id": client_id, "tenants": tenants });
    let (id, tid) =
        ("0f5c1b2e-6d3f-4a55-9d61-1f1f6c2d9a01", "72f988bf-86f1-41af-91ab-2d7cd011db47");
    let own = entra(&format!("https://login.microsoftonline.com/{tid}/v2.0"), id, json!([]));
    let shared = "https://login.microsoftonline.com/organizations/v2.0";
    for other in [
        entra(shared, id, json!([tid])),
        entra(
            &format!("https://login.microsoftonline.com/{tid}/v2.0"),
            &id.to_uppercase(),
            json!([]),
        ),
    ] {
        assert_eq!(together(&registered(&[own.clone(), other])).len(), 2);
    }
}

#[test]
fn id_05_what_a_tenant_has_proven_is_nobody_elses_by_the_operators_word() {
    let proven = [("acme".parse().unwrap(), Domain::parse("acme.example").unwrap())];
    let found = |domain: &str| {
        let file = registered(&[json!({}), json!({ "client_id": "d", "domains": [domain] })]);
        proven_elsewhere(&file, &proven).len()
    };
    for near in ["acme.example", "*.acme.example", "sub.acme.example", "*.sub.acme.example"] {
        assert_eq!(found(near), 1, "{near}");
    }
    for other in ["notacme.example", "acme.example.org", "beta.example"] {
        assert_eq!(found(other), 0, "{other}");
    }
    // Its own tenant may.
    let own =
        registered(&[json!({ "domains": ["sub.acme.example"] }), json!({ "client_id": "d" })]);
    assert_eq!(proven_elsewhere(&own, &proven), []);
}

#[test]
fn cl_02_f_20_a_tenant_has_a_bounded_number_of_regular_expressions() {
    let with = |count: usize| {
        let rule = json!({ "regex": { "find": "a", "replace": "b" } });
        let rows: serde_json::Map<String, Value> = (0..count)
            .map(|at| (format!("row_{at}"), json!({ "from": ["claims.x"], "transform": [rule] })))
            .collect();
        let file = json!([{ "slug": "a", "name": "A", "directories": [{
            "slug": "staff", "name": "Staff", "issuer": "https://op.example", "client_id": "c",
            "profile": rows,
        }] }]);
        each(&Configuration { tenants: tenants(&file) })
    };
    assert!(with(100).iter().all(|error| !error.message.contains("regular expressions")));
    let errors = with(101);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("101 regular expressions"), "{}", errors[0]);
}

#[test]
fn up_05_one_tenant_may_use_its_registration_twice() {
    let mut file = registered(&[json!({}), json!({ "client_id": "d" })]);
    let mut second = file[0].directories[0].clone();
    second.slug = "members".parse().unwrap();
    file[0].directories.push(second);
    assert_eq!(together(&file), []);
}
