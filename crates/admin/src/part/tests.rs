use serde_json::json;

use super::*;

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn acme() -> TenantSettings {
    serde_json::from_value(json!({
        "slug": "acme", "name": "Acme", "join_by_email": true,
        "applications": [{"client_id": "app", "name": "App", "client_secret": "${env:APP}",
                          "redirect_uris": ["https://a.example/cb"]}],
        "directories": [{"slug": "okta", "name": "Okta", "client_id": "c", "domains": ["a.example"]}],
    }))
    .unwrap()
}

fn result(part: &Part, to: &To) -> Result<Value, PartError> {
    let tenant = edited(&slug("acme"), Some(&acme()), part, to)?;
    Ok(tenant.as_ref().and_then(json).unwrap_or_default())
}

fn changed(part: &Part, to: &To, expected: &[(&str, Value)]) {
    let mut wanted = json(&acme()).unwrap();
    for (pointer, value) in expected {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        wanted.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    assert_eq!(result(part, to).unwrap(), wanted, "{part:?} {to:?}");
}

/// Appendix A of RFC 7396: target, patch, result.
#[test]
fn merge_is_the_specifications() {
    let cases = json!([
        [{"a": "b"}, {"a": "c"}, {"a": "c"}],
        [{"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}],
        [{"a": "b"}, {"a": null}, {}],
        [{"a": "b", "b": "c"}, {"a": null}, {"b": "c"}],
        [{"a": ["b"]}, {"a": "c"}, {"a": "c"}],
        [{"a": "c"}, {"a": ["b"]}, {"a": ["b"]}],
        [{"a": {"b": "c"}}, {"a": {"b": "d", "c": null}}, {"a": {"b": "d"}}],
        [{"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}],
        [["a", "b"], ["c", "d"], ["c", "d"]],
        [{"a": "b"}, ["c"], ["c"]],
        [{"a": "foo"}, null, null],
        [{"a": "foo"}, "bar", "bar"],
        [{"e": null}, {"a": 1}, {"e": null, "a": 1}],
        [[1, 2], {"a": "b", "c": null}, {"a": "b"}],
        [{}, {"a": {"bb": {"ccc": null}}}, {"a": {"bb": {}}}],
    ]);
    for case in cases.as_array().unwrap() {
        let mut value = case[0].clone();
        merge(&mut value, &case[1]);
        assert_eq!(value, case[2], "{case}");
    }
}

#[test]
fn part_is_put_merged_or_removed_and_the_rest_stays() {
    let application = Part::Application("app".to_owned());
    let directory = Part::Directory(slug("okta"));
    changed(
        &directory,
        &To::Merge(json!({"state": "paused"})),
        &[("/directories/0/state", json!("paused"))],
    );
    changed(
        &application,
        &To::Merge(json!({"disabled": true, "name": "Other"})),
        &[("/applications/0/disabled", json!(true)), ("/applications/0/name", json!("Other"))],
    );
    changed(&Part::Tenant, &To::Merge(json!({"name": "B"})), &[("/name", json!("B"))]);
    let put = result(&Part::Tenant, &To::Put(json!({"name": "B"}))).unwrap();
    assert_eq!((put.get("join_by_email"), &put["applications"][0]["name"]), (None, &json!("App")));
    let new = To::Put(json!({"name": "New", "client_id": "n"}));
    let put = result(&Part::Directory(slug("new")), &new).unwrap();
    assert_eq!(put["directories"][1]["slug"], "new");
    assert_eq!(result(&directory, &To::Gone).unwrap().get("directories"), None);
    assert_eq!(result(&application, &To::Gone).unwrap().get("applications"), None);
    assert_eq!(result(&Part::Tenant, &To::Gone).unwrap(), Value::Null);
    let whole = To::Put(json!({"name": "Only this"}));
    let put = result(&Part::Configuration, &whole).unwrap();
    assert_eq!(put, json!({"slug": "acme", "name": "Only this"}));
}

#[test]
fn what_is_not_there_is_neither_merged_nor_removed() {
    for part in [Part::Application("x".to_owned()), Part::Directory(slug("x"))] {
        for to in [To::Merge(json!({})), To::Gone] {
            assert_eq!(result(&part, &to), Err(PartError::Missing));
        }
    }
    let put = To::Put(json!({"name": "N", "client_id": "c"}));
    let nowhere = edited(&slug("acme"), None, &Part::Directory(slug("x")), &put);
    assert_eq!(nowhere.unwrap_err(), PartError::Missing);
}

#[test]
fn mistake_is_named_by_its_place() {
    let place = |part: &Part, to: To| match result(part, &to).unwrap_err() {
        PartError::Shape { path, .. } => path,
        PartError::Missing => String::new(),
    };
    let application = Part::Application("app".to_owned());
    let claims = json!({"claims": {"staff": {"from": 5}}});
    assert!(place(&application, To::Merge(claims)).starts_with("claims.staff"));
    assert_eq!(place(&application, To::Merge(json!({"client_id": "b"}))), "client_id");
    assert_eq!(place(&application, To::Merge(json!({"redirect_uris": null}))), ".");
    assert_eq!(place(&application, To::Put(json!([]))), ".");
    assert_eq!(place(&Part::Tenant, To::Put(json!({"slug": "b", "name": "N"}))), "slug");
    assert_eq!(place(&Part::Tenant, To::Merge(json!({"applications": []}))), "applications");
    assert_eq!(place(&Part::Tenant, To::Merge(json!({"color": "red"}))), "color");
}
