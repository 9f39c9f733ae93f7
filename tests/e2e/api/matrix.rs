//! Every operation of the `OpenAPI` document, by every token that must not have it: a new operation is
//! in the matrix by being described, without which it cannot be reached.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::gateway::Gateway;

use super::{Api, Reply};
use crate::client::{Client, tenant};

/// What exists in the tenant `acme`, by the names of path parameters.
const NAMES: &[(&str, &str)] = &[
    ("client_id", "app"),
    ("directory", "okta"),
    ("user", "00000000-0000-7000-8000-000000000001"),
    ("session", "00000000-0000-7000-8000-000000000001"),
    ("support_code", "00000-00000"),
    ("token_id", "00000000-0000-7000-8000-000000000001"),
    ("domain", "acme.example"),
    ("host", "login.acme.example"),
    ("account", "00000000-0000-7000-8000-000000000001"),
    ("link", "00000000-0000-7000-8000-000000000001"),
    ("tenant", "acme"),
];

/// Operations that are not about one tenant, and what somebody of one tenant is answered.
const OF_ALL: [(&str, &str, u16); 9] = [
    ("get", "/self", 200),
    ("get", "/tenants", 200),
    ("get", "/tokens", 403),
    ("post", "/tokens", 403),
    ("delete", "/tokens/{token_id}", 403),
    ("get", "/operators", 403),
    ("post", "/operators", 403),
    ("delete", "/operators/{account}", 403),
    ("get", "/expiries", 403),
];

/// An operation of the document.
struct Operation {
    method: Method,
    template: String,
    body: Option<Value>,
}

fn operations() -> Result<Vec<Operation>> {
    let document = serde_json::to_value(web::api::document())?;
    let paths = document.get("paths").and_then(Value::as_object).context("no paths")?;
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, described) in methods.as_object().context("no methods")? {
            let method: Method = method.to_uppercase().parse()?;
            let template = path.strip_prefix("/api/v1").context("not of version 1")?.to_owned();
            let body = described.get("requestBody").map(|_| body(&template, &method));
            all.push(Operation { method, template, body });
        }
    }
    assert!(all.len() >= 60, "{} operations", all.len());
    Ok(all)
}

/// A body that an owner of the tenant could send.
fn body(template: &str, method: &Method) -> Value {
    match template.rsplit('/').next().unwrap_or_default() {
        "domains" => json!({ "name": "evil.example" }),
        "join" => json!({ "user": "00000000-0000-7000-8000-000000000002" }),
        "callback" => json!({ "at": "public_url" }),
        "rotate" => json!({ "alg": "RS256" }),
        "tokens" => json!({ "name": "mine", "role": "viewer" }),
        "preview" => json!({
            "source": { "kind": "pasted", "directory": "okta", "claims": { "sub": "00u1" } },
            "directories": { "okta": { "nickname": { "from": ["claims.nickname"] } } },
        }),
        "staff" => json!({ "email": "eve@evil.example", "role": "owner" }),
        "operators" => json!({ "email": "eve@evil.example" }),
        "{account}" => json!({ "role": "viewer" }),
        "setup-links" => json!({ "note": "Eve" }),
        "replace" => json!({ "by": "entra", "join_by_email": true }),
        "approve" => json!({ "hosts": ["evil.example"] }),
        _ if *method == Method::PATCH => json!({ "name": "Taken over" }),
        "{client_id}" => json!({ "name": "Mine", "redirect_uris": ["https://evil.example/cb"] }),
        "{directory}" => {
            json!({ "name": "Mine", "issuer": "https://evil.example", "client_id": "c" })
        }
        _ => json!({ "name": "Taken over" }),
    }
}

impl Operation {
    fn path(&self, tenant: &str) -> String {
        let mut path = self.template.replace("{tenant}", tenant);
        if path.ends_with("/route") {
            path.push_str("?email=dana@acme.example");
        }
        NAMES.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
    }

    fn of_all(&self) -> Option<u16> {
        let found = OF_ALL.iter().find(|(method, path, _)| {
            *path == self.template && self.method.as_str().eq_ignore_ascii_case(method)
        });
        found.map(|(_, _, status)| *status)
    }

    async fn by(&self, api: &Api, tenant: &str) -> Result<Reply> {
        api.send(self.method.clone(), &self.path(tenant), self.body.clone(), &[]).await
    }

    fn says(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

async fn two_tenants() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    let directory = |name: &str| {
        format!(
            "      - {{ slug: okta, name: {name}, issuer: \"https://{name}.example\", client_id: c, \
             client_secret: a-secret-of-this-test, state: testing }}\n"
        )
    };
    let of = |slug: &str| tenant(slug, &[Client::item("app")], &[directory(slug)]);
    gateway.apply(&format!("tenants:\n{}{}", of("acme"), of("other"))).await?;
    Ok(gateway)
}

/// Everything that a request could have changed.
async fn state(gateway: &Gateway) -> Result<(String, String, usize)> {
    let export = gateway.run(&["export"]).await?.success()?;
    let audit = ["audit", "list", "--tenant", "acme", "--json"];
    let audit = gateway.run(&audit).await?.success()?;
    let tokens = ["api-token", "list", "--tenant", "acme", "--json"];
    let tokens = gateway.run(&tokens).await?.success()?;
    Ok((export, audit, tokens.lines().count()))
}

/// [THREATS TN-01] To a token of another tenant, of any role, nothing of a tenant is there: the
/// answers are those about a tenant that does not exist.
#[tokio::test]
async fn tn_01_operations_answer_another_tenants_token_as_if_nothing_were_there() -> Result<()> {
    let gateway = two_tenants().await?;
    let before = state(&gateway).await?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    for role in [&["--role", "owner"][..], &["--role", "editor"], &["--role", "viewer"], &manager] {
        let api = Api::with(&gateway, &[&["--tenant", "other"], role].concat()).await?;
        for operation in operations()? {
            let here = operation.by(&api, "acme").await?;
            let case = format!("{role:?} {}: {here:?}", operation.says());
            if let Some(status) = operation.of_all() {
                assert_eq!(here.status.as_u16(), status, "{case}");
            } else {
                assert_eq!(here.status, StatusCode::NOT_FOUND, "{case}");
                let nowhere = operation.by(&api, "nobody").await?;
                assert_eq!(here.body, nowhere.body, "{case}");
            }
            assert!(!here.body.to_string().contains("acme"), "{case}");
        }
    }
    assert_eq!(state(&gateway).await?, before);
    let violations = gateway.log().matches("tenant.violation").count();
    assert!(violations >= 4 * (operations()?.len() - OF_ALL.len()), "{violations}");
    Ok(())
}

/// [THREATS TN-01] Without a token that works, every operation says the same.
#[tokio::test]
async fn tn_01_operations_answer_nobody_without_a_token_that_works() -> Result<()> {
    let gateway = two_tenants().await?;
    let before = state(&gateway).await?;
    let invented = format!("vapi_{}", "A".repeat(43));
    for token in ["", "vapi_short", &invented] {
        let api = Api::by(&gateway, token)?;
        for operation in operations()? {
            let reply = operation.by(&api, "acme").await?;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}: {reply:?}", operation.says());
            assert_eq!(reply.problem(), "unauthenticated");
            assert_eq!(reply.kind, "application/problem+json");
        }
    }
    assert_eq!(state(&gateway).await?, before);
    Ok(())
}

/// [THREATS TN-12] Whoever may only look changes nothing, and a directory's manager sees and changes
/// nothing besides their directory.
#[tokio::test]
async fn tn_12_viewers_change_nothing_and_managers_touch_their_directory_alone() -> Result<()> {
    let gateway = two_tenants().await?;
    let viewer = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    let reader = Api::with(&gateway, &["--role", "viewer"]).await?;
    let manager = ["--tenant", "acme", "--role", "directory_manager", "--directory", "okta"];
    let manager = Api::with(&gateway, &manager).await?;
    let before = state(&gateway).await?;
    for operation in operations()? {
        // To try rows on claims that one has changes nothing either.
        let tries = operation.template.ends_with("/claims/preview");
        let looks = operation.method == Method::GET || tries;
        for (who, api) in [("viewer", &viewer), ("reader", &reader)] {
            let reply = operation.by(api, "acme").await?;
            let case = format!("{who} {}: {reply:?}", operation.says());
            let ends = |name: &str| operation.template.ends_with(name);
            let owned = ["/tokens", "/staff", "/staff/{account}", "/operators", "/setup-links"];
            let for_owners =
                owned.iter().any(|name| ends(name)) || operation.template == "/expiries";
            // There is no login of that support code, no such user, and no logo.
            let names = |name| operation.template.contains(name);
            let is_there = !["{support_code}", "{user}", "/logo"].into_iter().any(names);
            match (looks && !for_owners, is_there) {
                (true, true) => assert_eq!(reply.status, StatusCode::OK, "{case}"),
                (true, false) => assert_eq!(reply.status, StatusCode::NOT_FOUND, "{case}"),
                (false, _) => assert_eq!(reply.status, StatusCode::FORBIDDEN, "{case}"),
            }
        }
        let template = &operation.template;
        let own = template.contains("{directory}")
            && !template.contains("/setup-links")
            && !template.ends_with("/approve")
            && !template.ends_with("/replace")
            && operation.method != Method::DELETE
            || tries;
        let listed = ["/self", "/tenants", "/tenants/{tenant}/directories"];
        if !own && !listed.contains(&operation.template.as_str()) {
            let reply = operation.by(&manager, "acme").await?;
            let case = format!("manager {}: {reply:?}", operation.says());
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{case}");
        }
    }
    assert_eq!(state(&gateway).await?, before);
    let okta = "/tenants/acme/directories/okta";
    manager.patch(okta, json!({ "name": "Mine", "scopes": ["openid"] })).await?.done()?;
    for (field, value) in [
        ("domains", json!(["acme.example"])),
        ("email_trust", json!("never")),
        ("state", json!("active")),
        ("state", json!("paused")),
        ("profile", json!({ "email": { "value": "boss@acme.example" } })),
        ("shared_client", json!(true)),
        ("staff_sign_in", json!(true)),
    ] {
        let refused = manager.patch(okta, json!({ field: value })).await?;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{field}: {refused:?}");
        let places = refused.places();
        assert!(places.first().is_some_and(|place| place.starts_with(field)), "{places:?}");
    }
    let refused = manager.put("/tenants/acme/directories/new", body("{directory}", &Method::PUT));
    assert_eq!(refused.await?.status, StatusCode::FORBIDDEN);
    Ok(())
}
