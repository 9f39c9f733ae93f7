//! What rows do, and what is refused when they are saved.

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "a `json!` reads better without a borrow")]
fn trace_of(row: Value, claims: Value) -> Outcome {
    let mapping = compile(Layer::Profile, json!({ "x": row })).unwrap();
    mapping.evaluate(&only_claims(claims)).unwrap().trace.remove(0).outcome
}

#[test]
fn the_first_path_that_leads_to_a_value_wins() {
    let row = json!({ "from": ["claims.a", "claims.b", "claims.c"], "transform": ["trim"] });
    for nothing in [json!(null), json!(""), json!([]), json!("  ")] {
        let claims = json!({ "a": nothing, "b": "B", "c": "C" });
        assert_eq!(profile_row(row.clone(), claims.clone()), Ok(Some(json!("B"))));
        assert_eq!(trace_of(row.clone(), claims), Outcome::Source("claims.b".to_owned()));
    }
}

#[test]
fn the_trace_says_where_a_value_came_from() {
    let from = json!({ "from": ["claims.a"] });
    let claims = json!({ "a": 1 });
    assert_eq!(trace_of(from.clone(), claims.clone()), Outcome::Source("claims.a".to_owned()));
    assert_eq!(trace_of(from, json!({})), Outcome::DroppedMissing);
    let default = json!({ "from": ["claims.a"], "default": 2 });
    assert_eq!(trace_of(default, json!({})), Outcome::Default);
    assert_eq!(trace_of(json!({ "value": 1 }), json!({})), Outcome::Constant);
    assert_eq!(trace_of(json!({ "expr": "claims.a" }), claims), Outcome::Expression);
    let when = json!({ "value": 1, "when": "false", "default": 2 });
    assert_eq!(trace_of(when, json!({})), Outcome::DroppedWhen);
}

#[test]
fn the_trace_and_the_errors_hold_no_value() {
    let mapping = compile(
        Layer::Profile,
        json!({
            "a": { "from": ["claims.secret"] },
            "b": { "expr": "claims.secret + 'x'" },
            "c": { "from": ["claims.secret"], "transform": ["upper"], "type": "list" }
        }),
    )
    .unwrap();
    let done = mapping.evaluate(&only_claims(json!({ "secret": "hunter2" }))).unwrap();
    assert!(!format!("{:?}", done.trace).contains("hunter2"));
    for row in [
        json!({ "expr": "claims.secret + 1" }),
        json!({ "expr": "claims.secret.x" }),
        json!({ "expr": "claims[claims.secret]" }),
        json!({ "expr": "int(claims.secret)" }),
        json!({ "expr": "claims.secret < 1" }),
        json!({ "expr": "{claims.secret: 1, 'hunter2': 2}" }),
        json!({ "from": ["claims.secret"], "type": "number" }),
        json!({ "from": ["claims.secret"], "type": "bool" }),
        json!({ "value": 1, "when": "claims.secret" }),
    ] {
        let error = profile_row(row.clone(), json!({ "secret": "hunter2" })).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{row}: {error:?}");
    }
}

#[test]
fn an_own_row_replaces_the_presets_row_whole() {
    let preset = rows(json!({ "a": { "from": ["claims.a"], "default": 1 }, "b": { "value": 2 } }));
    let own = rows(json!({ "a": { "from": ["claims.z"] }, "c": { "value": 3 } }));
    let mapping = Mapping::compile(Layer::Profile, &preset, &own).unwrap();
    let done = mapping.evaluate(&only_claims(json!({ "a": 9 }))).unwrap();
    assert_eq!(Value::Object(done.claims), json!({ "b": 2, "c": 3 }));
    let without = rows(json!({ "b": { "value": null } }));
    let mapping = Mapping::compile(Layer::Profile, &preset, &without).unwrap();
    let done = mapping.evaluate(&only_claims(json!({}))).unwrap();
    assert_eq!(Value::Object(done.claims), json!({ "a": 1 }));
    assert_eq!(mapping.names().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_missing_value_follows_the_row() {
    let row = |extra: Value| {
        let mut row = json!({ "from": ["claims.a"] });
        row.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        profile_row(row, json!({}))
    };
    assert_eq!(row(json!({})), Ok(None));
    assert_eq!(row(json!({ "on_missing": "drop" })), Ok(None));
    assert_eq!(row(json!({ "on_missing": "fail" })), Err(EvaluateErrorKind::Missing));
    assert_eq!(row(json!({ "default": 1 })), Ok(Some(json!(1))));
    assert_eq!(row(json!({ "default": "1", "type": "number" })), Ok(Some(json!(1))));
}

/// THREATS CL-03
#[test]
fn cl_03_a_claim_that_an_expression_misses_fails_closed_unless_the_row_says_otherwise() {
    let in_groups = "'Staff' in claims.groups";
    let error = profile_row(json!({ "expr": in_groups }), json!({})).unwrap_err();
    assert!(error.to_string().contains("claims.groups is missing"), "{error}");
    let row = json!({ "expr": in_groups, "type": "bool", "default": false });
    assert_eq!(profile_row(row, json!({})), Ok(Some(json!(false))));
    let row = json!({ "expr": in_groups, "on_missing": "drop" });
    assert_eq!(profile_row(row, json!({})), Ok(None));
    // A condition decides whether something is released: it has no default.
    let row = json!({ "value": 1, "when": in_groups, "default": 2 });
    assert!(profile_row(row, json!({})).is_err());
    // What is there but does not fit is not missing.
    let row = json!({ "expr": in_groups, "default": false });
    assert!(profile_row(row, json!({ "groups": 7 })).is_err());
}

#[test]
fn an_empty_optional_value_is_missing() {
    let row = json!({ "expr": "claims.?a", "default": "d" });
    assert_eq!(profile_row(row.clone(), json!({})), Ok(Some(json!("d"))));
    assert_eq!(profile_row(row, json!({ "a": "x" })), Ok(Some(json!("x"))));
}

/// THREATS CL-03
#[test]
fn cl_03_a_wrong_type_fails_closed() {
    let row = json!({ "from": ["claims.a"], "type": "bool", "default": false });
    let error = profile_row(row, json!({ "a": "perhaps" })).unwrap_err();
    assert_eq!(error, EvaluateErrorKind::WrongType { expected: "bool", found: "string" });
    let object = profile_row(json!({ "from": ["claims.a"] }), json!({ "a": { "b": 1 } }));
    assert!(matches!(object, Err(EvaluateErrorKind::WrongType { found: "object", .. })));
}

#[test]
fn claims_come_in_the_order_of_their_names() {
    let written = json!({ "b": { "value": 1 }, "a": { "value": 2 }, "c": { "value": 3 } });
    let mapping = compile(Layer::Release, written).unwrap();
    assert_eq!(mapping.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    let done = mapping.evaluate(&only_profile(json!({}))).unwrap();
    assert_eq!(done.claims.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(done.trace.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn all_errors_are_reported_at_once() {
    let errors = compile(
        Layer::Profile,
        json!({
            "iss": { "from": ["cliams.a"], "transform": [{ "split": "" }] },
            "ok": { "value": 1 },
            "z": { "expr": "claims.", "when": "1 +" }
        }),
    )
    .unwrap_err();
    let rows: Vec<_> = errors.iter().map(|error| error.row.as_str()).collect();
    assert_eq!(rows, ["iss", "iss", "iss", "z", "z"], "{errors:?}");
}

#[test]
fn rows_that_cannot_work_are_refused_with_advice() {
    for (row, advice) in [
        (json!({ "from": [] }), "1 to 16"),
        (json!({ "from": ["profile.a"] }), "claims, id_token, userinfo, directory, tenant"),
        (json!({ "value": 1, "transform": ["trim"] }), "no `transform`"),
        (json!({ "value": { "a": 1 } }), "object"),
        (json!({ "value": "x", "type": "number" }), "`value` is not a number"),
        (json!({ "from": ["claims.a"], "default": "x", "type": "bool" }), "`default` is not"),
        (json!({ "from": ["claims.a"], "default": "" }), "on_missing: drop"),
        (json!({ "from": ["claims.a"], "on_missing": "default" }), "needs a `default`"),
        (json!({ "from": ["claims.a"], "default": 1, "on_missing": "fail" }), "contradict"),
        (json!({ "from": ["claims.a"], "default": 1, "on_missing": "drop" }), "contradict"),
        (json!({ "expr": "claims.a", "when": "'yes'" }), "true or false"),
        (json!({ "expr": "claims.a ||" }), "ends too early"),
    ] {
        let error = refused(Layer::Profile, row.clone());
        assert!(error.contains(advice), "{row}: {error}");
    }
}

#[test]
fn each_layer_sees_its_own_inputs_only() {
    for root in ["claims", "id_token", "userinfo"] {
        let row = json!({ "from": [format!("{root}.a")] });
        assert!(compile(Layer::Profile, json!({ "x": row })).is_ok());
        assert!(refused(Layer::Release, row).contains("profile, user, directory, application"));
        assert!(refused(Layer::Release, json!({ "expr": format!("{root}.a") })).contains(root));
    }
    for root in ["profile", "user", "application"] {
        let row = json!({ "from": [format!("{root}.a")] });
        assert!(compile(Layer::Release, json!({ "x": row })).is_ok());
        assert!(refused(Layer::Profile, row).contains("claims, id_token"));
        assert!(refused(Layer::Profile, json!({ "expr": format!("{root}.a") })).contains(root));
    }
}

/// THREATS CL-01: a stored row can be older than the rule.
#[test]
fn cl_01_a_reserved_name_is_dropped_also_at_evaluation() {
    let mut mapping = compile(Layer::Release, json!({ "x": { "value": "admin" } })).unwrap();
    mapping.rows[0].name = "sub".to_owned();
    let done = mapping.evaluate(&only_profile(json!({}))).unwrap();
    assert!(done.claims.is_empty());
    assert_eq!(done.trace[0].outcome, Outcome::DroppedReserved);
}

/// THREATS CL-05
#[test]
fn cl_05_no_row_makes_an_address_verified() {
    for row in [
        json!({ "value": true }),
        json!({ "expr": "true" }),
        json!({ "from": ["profile.other"] }),
        json!({ "from": ["profile.email_verified", "profile.other"] }),
        json!({ "from": ["profile.email_verified"], "default": true }),
        json!({ "from": ["profile.email_verified"], "transform": [{ "map": { "false": true } }] }),
    ] {
        let written = json!({ "email_verified": row });
        let errors = compile(Layer::Release, written).unwrap_err();
        assert!(errors[0].message.contains("email_trust"), "{errors:?}");
    }
    for row in [
        json!({ "from": ["profile.email_verified"], "default": false, "type": "string" }),
        json!({ "value": null }),
        json!({ "value": false }),
    ] {
        assert!(compile(Layer::Release, json!({ "email_verified": row })).is_ok());
    }
}

/// THREATS CL-05
#[test]
fn cl_05_email_verified_does_not_vouch_for_another_address() {
    let release = |email: &str| {
        let written = json!({
            "email": { "from": [email], "transform": ["lower"] },
            "email_verified": { "from": ["profile.email_verified"] }
        });
        let profile = json!({
            "email": "Ann@a.example", "alias": "ceo@a.example", "email_verified": true
        });
        compile(Layer::Release, written).unwrap().evaluate(&only_profile(profile)).unwrap()
    };
    assert_eq!(release("profile.email").claims["email_verified"], json!(true));
    let other = release("profile.alias");
    assert_eq!(other.claims.get("email_verified"), None);
    assert_eq!(other.trace[1].outcome, Outcome::DroppedReserved);
}

/// THREATS CL-05
#[test]
fn cl_05_nothing_passes_that_no_row_names() {
    let mapping = compile(Layer::Profile, json!({ "x": { "from": ["claims.x"] } })).unwrap();
    let claims = json!({ "x": 1, "roles": ["admin"], "a.b": 1, "https://e.example": 1 });
    let done = mapping.evaluate(&only_claims(claims)).unwrap();
    assert_eq!(Value::Object(done.claims), json!({ "x": 1 }));
}

#[test]
fn a_list_is_a_first_class_value() {
    for (row, expected) in [
        (json!({ "from": ["claims.l"], "type": "list" }), json!(["a", "b"])),
        (json!({ "from": ["claims.l"], "transform": ["first"] }), json!("a")),
        (json!({ "from": ["claims.l"], "transform": [{ "join": " " }] }), json!("a b")),
        (json!({ "from": ["claims.one"], "type": "string" }), json!("a")),
        (json!({ "from": ["claims.text"], "type": "list" }), json!(["a"])),
    ] {
        let claims = json!({ "l": ["a", "b"], "one": ["a"], "text": "a" });
        assert_eq!(profile_row(row.clone(), claims), Ok(Some(expected)), "{row}");
    }
}
