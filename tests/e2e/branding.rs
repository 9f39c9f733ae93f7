//! What a tenant puts on its own pages, by file, API and page: what is served of it, and what a hostile
//! owner gets out of it. And how long its sessions and timelines last.

use std::io::Cursor;

use anyhow::{Context as _, Result, ensure};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::peers::browser;

use crate::api::Api;
use crate::client::{Client, directory, provider, requests_to, tenant};
use crate::dashboard::browser::{assert_fine, gateway as named_gateway, looked_at};
use crate::dashboard::staff;
use crate::scene::STAFF;

/// A wide picture with a transparent ground, of this colour.
fn picture(kind: ImageFormat, colour: [u8; 3]) -> Result<Vec<u8>> {
    let [red, green, blue] = colour;
    let drawn = RgbaImage::from_fn(300, 80, |x, y| {
        let alpha = if (x / 20 + y / 20) % 2 == 0 { 255 } else { 0 };
        Rgba([red, green, blue, alpha])
    });
    let mut drawn = DynamicImage::from(drawn);
    if kind == ImageFormat::Jpeg {
        drawn = drawn.into_rgb8().into();
    }
    let mut file = Cursor::new(Vec::new());
    drawn.write_to(&mut file, kind)?;
    Ok(file.into_inner())
}

const NAVY: [u8; 3] = [20, 30, 90];

/// A tenant whose chooser has two buttons, and another tenant. `branding` is YAML.
fn two_tenants(branding: &str) -> String {
    let of = |slug: &str| {
        let issuer = format!("https://idp.{slug}.example");
        let idps = ["one", "two"].map(|one| directory(one, &issuer, &[]));
        tenant(slug, &[Client::item("app")], &idps)
    };
    let acme = of("acme").replacen("    applications:", &format!("{branding}    applications:"), 1);
    format!("tenants:\n{acme}{}", of("other"))
}

async fn chooser(gateway: &Gateway, slug: &str) -> Result<String> {
    let asked = Client::new(gateway, slug, "app").request(&[])?;
    let page = Agent::new()?.get_once(&asked).await?;
    ensure!(page.body.contains("id=\"chooser\""), "{}", page.text());
    Ok(page.body)
}

/// The address of the logo on a page.
fn source(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("<img src=\"")?;
    rest.split_once('"').map(|(src, _)| src.to_owned())
}

async fn fetch(gateway: &Gateway, path: &str) -> Result<Response> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    Ok(http.get(format!("{}{path}", gateway.url)).send().await?)
}

/// Sends a picture to the API: the status, and the answer.
async fn send(api: &Api, path: &str, kind: &str, file: Vec<u8>) -> Result<(u16, Value)> {
    let request = api.client.put(format!("{}{path}", api.root)).bearer_auth(&api.token);
    let answer = request.header("content-type", kind).body(file).send().await?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

/// [THREATS TN-10] A file names a picture beside it; the pages show what was made of it, under an
/// address that answers with a PNG and nothing else; and what is exported leaves it as it is.
#[tokio::test]
async fn tn_10_logo_of_a_file_is_shown_and_survives_export_and_apply() -> Result<()> {
    let gateway = Gateway::start().await?;
    let file = picture(ImageFormat::WebP, NAVY)?;
    std::fs::write(gateway.path("logo.webp"), &file)?;
    let branding = "    branding: { logo: \"${file:logo.webp}\", accent: \"#aa0044\" }\n";
    let text = two_tenants(branding);
    let planned = gateway.apply(&text).await?;
    assert!(planned.contains("branding.logo: \"sha256:"), "{planned}");
    assert!(gateway.apply(&text).await?.contains("No changes."));
    let exported = gateway.run(&["export"]).await?.success()?;
    assert!(exported.contains("logo: sha256:"), "{exported}");
    assert!(gateway.apply(&exported).await?.contains("No changes."));

    let body = chooser(&gateway, "acme").await?;
    let src = source(&body).with_context(|| body.clone())?;
    for part in ["width=\"240\" height=\"64\" alt=\"", "--accent: #aa0044", "class=\"plate\""] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let answer = fetch(&gateway, &src).await?;
    assert_eq!(answer.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(answer.headers().get(name).context(name)?, value, "{name}");
    }
    let served = answer.bytes().await?;
    let read = image::load_from_memory_with_format(&served, ImageFormat::Png)?;
    assert_eq!((read.width(), read.height()), (300, 80));
    assert_ne!(served, file);

    // Another tenant neither shows nor serves it, and no other name is anybody's.
    assert_eq!(source(&chooser(&gateway, "other").await?), None);
    let zeros = format!("/t/acme/logo/{}.png", "0".repeat(64));
    let theirs = src.replace("/t/acme/", "/t/other/");
    for path in [&theirs, &zeros, &src.replace(".png", ".svg"), &src.replace(".png", "")] {
        let refused = fetch(&gateway, path).await?;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(refused.headers().get("cache-control").context("none")?, "no-store");
    }
    // Without it the pages are as they were.
    gateway.apply(&two_tenants("")).await?;
    assert_eq!(source(&chooser(&gateway, "acme").await?), None);
    assert_eq!(fetch(&gateway, &src).await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

/// [THREATS TN-10] [THREATS AZ-03] The API takes pictures from owners, and nothing else from anybody.
#[tokio::test]
async fn tn_10_az_03_api_takes_pictures_from_owners_alone() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&two_tenants("")).await?;
    let of = async |role: &str| Api::with(&gateway, &["--tenant", "acme", "--role", role]).await;
    let (owner, editor) = (of("owner").await?, of("editor").await?);
    let logo = "/tenants/acme/logo";
    let (jpeg, png) = (picture(ImageFormat::Jpeg, NAVY)?, picture(ImageFormat::Png, [250; 3])?);
    for api in [&editor, &of("viewer").await?] {
        assert_eq!(send(api, logo, "image/png", png.clone()).await?.0, 403);
        assert_eq!(api.delete(logo).await?.status, StatusCode::FORBIDDEN);
    }
    let foreign = Api::with(&gateway, &["--tenant", "other"]).await?;
    assert_eq!(send(&foreign, logo, "image/png", png.clone()).await?.0, 404);
    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (kind, file, status) in [
        ("image/svg+xml", script.to_vec(), 415),
        ("text/html", script.to_vec(), 415),
        ("image/png", script.to_vec(), 422),
        ("image/png", Vec::new(), 422),
        ("image/png", png.get(..60).context("short")?.to_vec(), 422),
        ("image/png", vec![0; 256 * 1024 + 1], 422),
        ("image/png", vec![0; 300 * 1024], 413),
    ] {
        let (found, problem) = send(&owner, logo, kind, file).await?;
        assert_eq!(found, status, "{kind}: {problem:#}");
    }
    assert_eq!(owner.get(logo).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.delete(logo).await?.status, StatusCode::NOT_FOUND);

    let dry = send(&owner, &format!("{logo}?dry_run=true"), "image/jpeg", jpeg.clone()).await?;
    assert_eq!((dry.0, &dry.1["dry_run"]), (200, &json!(true)), "{:#}", dry.1);
    assert_eq!(owner.get(logo).await?.status, StatusCode::NOT_FOUND);
    // What it is, its bytes say, not what it is sent as.
    let (status, written) = send(&owner, logo, "image/png", jpeg.clone()).await?;
    assert_eq!(status, 200, "{written:#}");
    assert_eq!(written["changes"][0]["fields"][0]["path"], "branding.logo", "{written:#}");
    let (_, again) = send(&owner, logo, "image/jpeg", jpeg).await?;
    assert_eq!(again["changes"], json!([]), "{again:#}");
    send(&owner, logo, "application/octet-stream", png).await?;
    let body = chooser(&gateway, "acme").await?;
    assert!(body.contains("class=\"plate dark\""), "{body}");

    // A setting that names something else than what is stored.
    let zeros = format!("sha256:{}", "0".repeat(64));
    for (named, status) in [
        ("${file:/etc/hostname}", 409),
        (zeros.as_str(), 409),
        ("https://evil.example/logo.png", 422),
        ("javascript:alert(1)", 422),
    ] {
        let refused =
            owner.patch("/tenants/acme", json!({ "branding": { "logo": named } })).await?;
        assert_eq!(refused.status.as_u16(), status, "{named}: {refused:?}");
        assert_eq!(refused.places().len(), 1, "{refused:?}");
    }
    for branding in [
        json!({ "support_url": "javascript:alert(1)" }),
        json!({ "support_url": "http://acme.example" }),
        json!({ "text": "two\nlines" }),
        json!({ "accent": "red;}body{display:none" }),
        json!({ "style": "body{}" }),
    ] {
        let refused = owner.patch("/tenants/acme", json!({ "branding": branding })).await?;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{branding}: {refused:?}");
    }
    let settings = owner.get("/tenants/acme").await?.done()?;
    owner.put("/tenants/acme", settings.clone()).await?.done()?;
    assert_eq!(owner.get("/tenants/acme").await?.done()?, settings);
    owner.delete(logo).await?.done()?;
    assert_eq!(source(&chooser(&gateway, "acme").await?), None);
    let audit = owner.get("/tenants/acme/audit?act=tenant.changed").await?.done()?;
    let told = audit["items"].as_array().context("no items")?;
    assert_eq!(told.len(), 3, "{audit:#}");
    Ok(())
}

/// [THREATS TN-10] [THREATS BR-06] What a hostile owner writes is text, on every page.
#[tokio::test]
async fn tn_10_br_06_text_of_a_hostile_owner_is_text() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&two_tenants("")).await?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let evil = "</style></footer><script>alert(1)</script><img src=x onerror='alert(1)'>";
    let settings = json!({ "name": format!("Acme {evil}"), "branding": {
        "text": evil, "support_url": "https://evil.example/%22%3E?a='onmouseover=alert(1)",
        "accent": "#FFFFFF",
    }});
    owner.patch("/tenants/acme", settings).await?.done()?;
    let client = Client::new(&gateway, "acme", "app");
    let wrong = client.request(&[])?.replace("app.app.example", "elsewhere.example");
    let error = Agent::new()?.get_once(&wrong).await?.body;
    for body in [chooser(&gateway, "acme").await?, error] {
        assert!(!body.contains("<script") && !body.contains("onerror='"), "{body}");
        assert!(!body.contains("<img"), "{body}");
        assert_eq!(body.matches("</style>").count(), 1, "{body}");
        assert!(body.contains("&#60;script&#62;") && body.contains("id=\"support\""), "{body}");
        assert!(!body.contains("'onmouseover"), "{body}");
        // White buttons are seen by night alone.
        assert_eq!(body.matches(":root { --accent: #ffffff;").count(), 1, "{body}");
    }
    Ok(())
}

/// An owner uploads a logo on the settings page and writes the rest; people see it at both widths, by
/// day and by night, and axe finds nothing.
#[tokio::test]
async fn owner_brands_the_pages_in_chromium() -> Result<()> {
    let gateway = named_gateway().await?;
    gateway.apply(&two_tenants("")).await?;
    std::fs::write(gateway.path("logo.png"), picture(ImageFormat::Png, NAVY)?)?;
    std::fs::write(gateway.path("logo.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>")?;
    let path = |name: &str| gateway.path(name).to_string_lossy().into_owned();
    let command = ["staff", "invite", "ann@acme.example", "--tenant", "acme", "--role", "owner"];
    let printed = staff::invited(&gateway, &command).await?;
    let press = |name: &str| json!({"click": {"role": "button", "name": name}});
    let settings = format!("{}/dashboard/t/acme/settings", gateway.url);
    let mut steps = vec![
        json!({"passkeys": true}),
        json!({"goto": staff::address(&printed)?}),
        json!({"fill": {"css": "#who"}, "with": "Ann"}),
        press("Make a passkey"),
        json!({"wait_for": {"text": "Overview"}}),
        json!({"goto": settings}),
        json!({"upload": {"css": "#logo"}, "with": path("logo.svg")}),
        press("Save the logo"),
        json!({"wait_for": {"text": "The logo was not saved"}}),
        json!({"read": "body", "as": "refused"}),
        json!({"upload": {"css": "#logo"}, "with": path("logo.png")}),
        press("Save the logo"),
        json!({"wait_for": {"text": "Saved."}}),
        json!({"fill": {"css": "#accent"}, "with": "#ffe600"}),
        json!({"fill": {"css": "#text"}, "with": "Members of Acme: your number is on your card."}),
        json!({"fill": {"css": "#support_url"}, "with": "mailto:help@acme.example"}),
        press("Save the look"),
        json!({"wait_for": {"text": "Saved."}}),
        json!({"fill": {"css": "#lifetime"}, "with": "1.5"}),
        press("Save the times"),
        json!({"wait_for": {"text": "were not saved"}}),
        json!({"fill": {"css": "#lifetime"}, "with": "600"}),
        json!({"fill": {"css": "#idle"}, "with": "30"}),
        json!({"fill": {"css": "#logins_days"}, "with": "90"}),
        press("Save the times"),
        json!({"wait_for": {"text": "Saved."}}),
    ];
    steps.extend(looked_at("settings"));
    let client = Client::new(&gateway, "acme", "app");
    steps.push(json!({"goto": client.request(&[])?}));
    steps.push(json!({"wait_for": "#chooser"}));
    steps.push(json!({
        "evaluate": "() => { const it = document.querySelector('header img'); \
            return [it.complete, it.naturalWidth, it.width, it.height, it.alt]; }",
        "as": "logo",
    }));
    steps.extend(looked_at("branded-chooser"));
    steps.push(json!({"goto": format!("{}/logout", gateway.issuer("acme"))}));
    steps.extend(looked_at("branded-signed-out"));
    let mut report = browser::run(&steps.into()).await?;
    // A browser reports every page with an error status; anything else is ours.
    report.complaints.retain(|one| !one.contains("status of 4"));
    assert_fine(&report);
    let refused = report.values["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("the file is no PNG, JPEG or WebP"), "{refused}");
    assert_eq!(report.values["logo"], json!([true, 300, 240, 64, "The acme"]), "{report:?}");
    let exported = gateway.run(&["export", "--tenant", "acme"]).await?.success()?;
    for line in ["lifetime: 36000", "idle: 1800", "logins_days: 90", "accent: \"#ffe600\""] {
        assert!(exported.contains(line), "{line}: {exported}");
    }
    Ok(())
}

/// The error page of a branded tenant, at both widths, by day and by night.
#[tokio::test]
async fn branded_error_page_is_fine_in_chromium() -> Result<()> {
    let gateway = named_gateway().await?;
    std::fs::write(gateway.path("logo.png"), picture(ImageFormat::Png, [255; 3])?)?;
    let branding = "    branding: { logo: \"${file:logo.png}\", accent: \"#000000\", text: \"Ask us.\", \
                    support_url: \"https://help.acme.example/\" }\n";
    gateway.apply(&two_tenants(branding)).await?;
    let client = Client::new(&gateway, "acme", "app");
    let wrong = client.request(&[])?.replace("app.app.example", "elsewhere.example");
    let mut steps = vec![json!({"goto": wrong}), json!({"wait_for": "#vestibule-error"})];
    steps.extend(looked_at("branded-error"));
    steps.push(json!({"read": "footer", "as": "footer"}));
    let mut report = browser::run(&steps.into()).await?;
    report.complaints.retain(|one| !one.contains("status of 4"));
    assert_fine(&report);
    assert_eq!(report.values["footer"], "Ask us.\n\nHelp with signing in", "{report:?}");
    Ok(())
}

/// A session ends unused, or when its time is over, by what the tenant says at that moment, and at no
/// other tenant.
#[tokio::test]
async fn session_ends_by_the_times_of_its_tenant() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta"), ("other", "idp")], true).await?;
    let of = |slug: &str, idp: &str| {
        tenant(slug, &[Client::item("app")], &[directory(idp, &provider.issuer, &[])])
    };
    gateway.apply(&format!("tenants:\n{}{}", of("acme", "okta"), of("other", "idp"))).await?;
    let api = Api::with(&gateway, &[]).await?;
    let execute = async |sql: &'static str| -> Result<()> {
        let mut database = PgConnection::connect(&gateway.database_url).await?;
        sqlx::query(sql).execute(&mut database).await?;
        Ok(database.close().await?)
    };
    let mut agent = Agent::new()?;
    // Whether the browser's session answers: silently, since whoever comes often is stopped otherwise.
    let mut lives = async |slug: &str| -> Result<bool> {
        let client = Client::new(&gateway, slug, "app");
        let answer = client.ask(&mut agent, STAFF, &[("prompt", "none")]).await?;
        let error = answer.parameter("error");
        ensure!(error.is_empty() || error == "login_required", "{error}");
        if error.is_empty() {
            return Ok(true);
        }
        agent.forget_hops();
        client.ask(&mut agent, STAFF, &[]).await?.code()?;
        ensure!(requests_to(&agent, &format!("{}/auth?", provider.issuer)) == 1, "not asked");
        Ok(false)
    };
    assert_eq!((lives("acme").await?, lives("other").await?), (false, false));
    assert_eq!((lives("acme").await?, lives("other").await?), (true, true));
    let two_hours_ago = "update sessions set created_at = created_at - interval '2 hours',
                         last_used_at = last_used_at - interval '2 hours'";
    execute(two_hours_ago).await?;
    assert!(lives("acme").await?);

    // It was used just now, so that an idle time ends nothing.
    let idle = json!({ "sessions": { "idle": 3600 } });
    api.patch("/tenants/acme", idle).await?.done()?;
    assert!(lives("acme").await?);
    execute(two_hours_ago).await?;
    assert_eq!((lives("acme").await?, lives("other").await?), (false, true));

    // A shorter time is in force at once, for a session of before.
    assert!(lives("acme").await?);
    execute("update sessions set created_at = created_at - interval '20 minutes'").await?;
    assert!(lives("acme").await?);
    let short = json!({ "sessions": { "lifetime": 600, "idle": null } });
    api.patch("/tenants/acme", short).await?.done()?;
    assert_eq!((lives("acme").await?, lives("other").await?), (false, true));
    assert!(lives("acme").await?);
    Ok(())
}
