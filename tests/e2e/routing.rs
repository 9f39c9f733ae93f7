//! Which directory? Hints, domains, the last choice, and the chooser page.

use anyhow::{Context as _, Result, ensure};
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, requests_to, tenant};
use crate::scene::STAFF;

/// A tenant `acme` with directories by exact domain (`staff`), by wildcard (`chapters`), and with
/// a button (`public`), one that is being tested (`next`) and one that is switched off (`old`).
/// The application `any` admits all, `only` a single one.
struct Stage {
    gateway: Gateway,
    provider: OidcProvider,
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let slugs = ["staff", "chapters", "public", "next", "old"];
        let provider = provider(&gateway, &slugs.map(|slug| ("acme", slug)), false).await?;
        let issuer = &provider.issuer;
        let with_state = |slug: &str, state: &str| {
            directory(slug, issuer, &[]).replace("state: active", &format!("state: {state}"))
        };
        let directories = [
            directory("staff", issuer, &["domains: [acme.example, sub.chapters.example]"]),
            directory("chapters", issuer, &["domains: [\"*.chapters.example\"]"]),
            directory("public", issuer, &[]),
            with_state("next", "testing"),
            with_state("old", "paused"),
        ];
        let only = Client::item("only") + "        directories: [chapters]\n";
        let acme = tenant("acme", &[Client::item("any"), only], &directories);
        gateway.apply(&format!("tenants:\n{acme}")).await?;
        Ok(Self { gateway, provider })
    }

    fn client(&self, client_id: &str) -> Client {
        Client::new(&self.gateway, "acme", client_id)
    }

    /// The directory that a fresh browser is sent to at once, or `(page)`.
    async fn sent_to(&self, client_id: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let request = self.client(client_id).request(parameters)?;
        self.led_by(&Agent::new()?.get_once(&request).await?)
    }

    /// The directory that an answer leads to, or `(page)`.
    fn led_by(&self, page: &Page) -> Result<String> {
        let Some(target) = page.location() else {
            ensure!(page.status == 200, "{} {}", page.status, page.text());
            return Ok("(page)".to_owned());
        };
        ensure!(target.as_str().starts_with(&self.provider.issuer), "{target}");
        let client_id = target.query_pairs().find(|(name, _)| name == "client_id");
        let (_, client_id) = client_id.context("no client_id")?;
        Ok(client_id.trim_start_matches("at-").to_owned())
    }
}

/// One redirect and no page: the next thing the person sees is their directory.
#[tokio::test]
async fn login_hint_routes_by_domain_without_a_page() -> Result<()> {
    let stage = Stage::set().await?;
    for (hint, wanted) in [
        ("dana@acme.example", "staff"),
        ("Dana@ACME.Example", "staff"),
        ("dana@north.chapters.example", "chapters"),
        ("dana@deep.north.chapters.example", "chapters"),
        // Exact before wildcard.
        ("dana@sub.chapters.example", "staff"),
        // A wildcard is for what is below.
        ("dana@chapters.example", "(page)"),
        ("dana@notacme.example", "(page)"),
        ("dana@acme.example.evil.example", "(page)"),
        ("dana@evil.example@acme.example", "(page)"),
        ("dana", "(page)"),
    ] {
        assert_eq!(stage.sent_to("any", &[("login_hint", hint)]).await?, wanted, "{hint}");
    }

    let mut agent = Agent::new()?;
    let hint = [("login_hint", STAFF)];
    stage.client("any").sign_in(&mut agent, STAFF, &hint).await?;
    let ours = agent.hops().iter().filter(|hop| hop.url.as_str().starts_with(&stage.gateway.url));
    let ours: Vec<_> = ours.map(|hop| (hop.url.path().to_owned(), hop.status)).collect();
    let callback = "/t/acme/directories/staff/callback".to_owned();
    assert_eq!(ours, [("/t/acme/authorize".to_owned(), 303), (callback, 303)]);
    Ok(())
}

/// [OIDCC-3.1.2.1]: the directory gets the hint, so that nobody types an address twice.
#[tokio::test]
async fn login_hint_goes_upstream_and_is_never_sent_empty() -> Result<()> {
    let stage = Stage::set().await?;
    for (parameters, wanted) in [
        (vec![("login_hint", STAFF)], Some(STAFF.to_owned())),
        (vec![("login_hint", ""), ("directory", "staff")], None),
        (vec![("directory", "staff")], None),
    ] {
        let request = stage.client("any").request(&parameters)?;
        let page = Agent::new()?.get_once(&request).await?;
        let target = page.location().context("no redirect")?;
        let hint = target.query_pairs().find(|(name, _)| name == "login_hint");
        assert_eq!(hint.map(|(_, hint)| hint.into_owned()), wanted, "{target}");
    }
    Ok(())
}

#[tokio::test]
async fn explicit_hint_and_its_aliases_win_over_the_domain() -> Result<()> {
    let stage = Stage::set().await?;
    for name in ["directory", "kc_idp_hint", "idp_hint", "domain_hint"] {
        let parameters = [("login_hint", "dana@acme.example"), (name, "public")];
        assert_eq!(stage.sent_to("any", &parameters).await?, "public", "{name}");
    }
    Ok(())
}

/// A hint that names nothing here changes nothing: not a status, not a word.
#[tokio::test]
async fn up_05_hint_that_names_no_usable_directory_is_passed_over() -> Result<()> {
    let stage = Stage::set().await?;
    let plain = Agent::new()?.get_once(&stage.client("any").request(&[])?).await?;
    // What is being tested is reached by its test link alone.
    for hint in ["next", "old", "nowhere", "../staff", ""] {
        let request = stage.client("any").request(&[("directory", hint)])?;
        let page = Agent::new()?.get_once(&request).await?;
        assert_eq!((page.status, page.text()), (plain.status, plain.text()), "{hint}");
        // Nor does it lead out of what the application admits.
        let to = stage.sent_to("only", &[("directory", hint)]).await?;
        assert_eq!(to, "chapters", "{hint}");
    }
    assert_eq!(stage.sent_to("only", &[("directory", "public")]).await?, "chapters");
    Ok(())
}

#[tokio::test]
async fn only_directory_of_an_application_needs_no_choice() -> Result<()> {
    let stage = Stage::set().await?;
    assert_eq!(stage.sent_to("only", &[]).await?, "chapters");
    // Somebody else's domain leads nowhere else.
    assert_eq!(stage.sent_to("only", &[("login_hint", STAFF)]).await?, "chapters");
    Ok(())
}

/// An address that is typed routes; a directory without domains has a button; nothing else does.
#[tokio::test]
async fn chooser_routes_by_the_typed_address_or_by_a_button() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.client("any");
    let mut agent = Agent::new()?;
    let page = agent.get(&client.request(&[])?).await?;
    assert!(page.text().contains("to continue to The any"), "{}", page.text());
    let [form] = &page.forms()[..] else { panic!("not one form: {}", page.body) };
    let buttons: Vec<_> = form.buttons.iter().map(|one| one.value.as_str()).collect();
    assert_eq!(buttons, ["", "public"]);

    let typed = follow(&mut agent, &page, |form| form.fill("login_hint", STAFF)).await?;
    assert_eq!(stage.led_by(&typed)?, "staff");
    let answer = client.go_on(&mut agent, STAFF, &typed).await?;
    assert_eq!(answer.parameter("state"), "a state & more");
    let claims = client.claims(answer.code()?).await?;
    assert_eq!(
        (&claims["email"], &claims["nonce"]),
        (&STAFF.into(), &"a-nonce-of-this-test".into())
    );

    let pressed = follow(&mut Agent::new()?, &page, |form| form.press("public")).await?;
    assert_eq!(stage.led_by(&pressed)?, "public");
    Ok(())
}

/// An address that leads nowhere gets a sentence, the same for everybody, and keeps what was typed.
#[tokio::test]
async fn id_11_chooser_says_of_an_unknown_address_only_that_it_leads_nowhere() -> Result<()> {
    let stage = Stage::set().await?;
    let mut agent = Agent::new()?;
    let page = agent.get(&stage.client("any").request(&[])?).await?;
    let mut texts = Vec::new();
    for typed in ["nobody@elsewhere.example", "root@localhost", "<b>@x.example"] {
        let again = follow(&mut agent, &page, |form| form.fill("login_hint", typed)).await?;
        assert_eq!(again.status, 200);
        let forms = again.forms();
        let field = forms.first().and_then(|form| form.field("login_hint"));
        assert_eq!(field.context("no box")?.value, typed);
        texts.push(again.text());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    assert!(texts[0].contains("does not lead to a sign-in here"), "{}", texts[0]);
    for name in ["staff", "chapters", "next", "old"] {
        assert!(!texts[0].contains(&format!("The {name}")), "{}", texts[0]);
    }
    Ok(())
}

#[tokio::test]
async fn last_choice_is_remembered_when_the_session_is_gone() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.client("any");
    let mut agent = Agent::new()?;
    client.sign_in(&mut agent, "someone", &[("directory", "public")]).await?;
    agent.lose_cookies("vestibule-session");
    agent.forget_hops();
    client.sign_in(&mut agent, "someone", &[]).await?;
    assert_eq!(requests_to(&agent, &format!("{}/auth?", stage.provider.issuer)), 1);
    // A person who says who they are is believed before a memory.
    agent.lose_cookies("vestibule-session");
    let page = agent.get_once(&client.request(&[("login_hint", STAFF)])?).await?;
    assert_eq!(stage.led_by(&page)?, "staff");
    Ok(())
}

#[tokio::test]
async fn route_command_explains_what_a_browser_would_meet() -> Result<()> {
    let stage = Stage::set().await?;
    for (email, application, said) in [
        ("dana@acme.example", "any", "goes to staff"),
        ("dana@north.chapters.example", "any", "goes to chapters"),
        ("dana@elsewhere.example", "any", "is asked to choose between chapters, public, staff"),
        ("dana@acme.example", "only", "goes to chapters"),
    ] {
        let arguments = ["route", email, "--tenant", "acme", "--application", application];
        let explained = stage.gateway.run(&arguments).await?.success()?;
        assert!(explained.contains(said), "{email}: {explained}");
        let met = stage.sent_to(application, &[("login_hint", email)]).await?;
        let named = said.strip_prefix("goes to ").unwrap_or("(page)");
        assert_eq!(met, named, "{email}");
    }
    let all = stage.gateway.run(&["route", STAFF, "--tenant", "acme"]).await?.success()?;
    assert!(all.contains("any:\n") && all.contains("only:\n"), "{all}");
    let nobody = stage.gateway.run(&["route", STAFF, "--tenant", "nobody"]).await?;
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("no tenant `nobody`"), "{}", nobody.stderr);
    Ok(())
}

/// Fills in the page's only form and sends it, without following the answer.
async fn follow(
    agent: &mut Agent,
    page: &Page,
    fill: impl Fn(&mut tests::agent::Form),
) -> Result<Page> {
    let mut form = page.forms().into_iter().next().context("no form")?;
    fill(&mut form);
    let mut url = page.url.join(&form.action)?;
    ensure!(!form.is_post, "the request came by GET, and so goes the form");
    url.query_pairs_mut().clear().extend_pairs(form.pairs());
    agent.get_once(url.as_str()).await
}
