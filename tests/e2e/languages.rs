//! In which language a person is spoken to: what the application wishes, else what the browser
//! prefers, else English.

use anyhow::{Context as _, Result, ensure};
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;
use url::Url;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

/// A language, and what its pages are headed.
struct Spoken {
    tag: &'static str,
    /// What a browser of somebody who speaks it sends.
    browser: &'static str,
    chooser: &'static str,
    error: &'static str,
    notice: &'static str,
    not_found: &'static str,
    asks: &'static str,
    signed_out: &'static str,
    form_post: &'static str,
}

const SPOKEN: [Spoken; 4] = [
    Spoken {
        tag: "en",
        browser: "en-US,en;q=0.9,de;q=0.8",
        chooser: "Sign in",
        error: "You could not be signed in",
        notice: "Let\u{2019}s start again",
        not_found: "There is no page here",
        asks: "Do you want to sign out?",
        signed_out: "You are signed out",
        form_post: "Signing you in",
    },
    Spoken {
        tag: "de",
        browser: "nl, de-AT;q=0.9, en;q=0.8",
        chooser: "Anmelden",
        error: "Sie konnten nicht angemeldet werden",
        notice: "Beginnen wir von vorn",
        not_found: "Diese Seite gibt es nicht",
        asks: "Möchten Sie sich abmelden?",
        signed_out: "Sie sind abgemeldet",
        form_post: "Sie werden angemeldet",
    },
    Spoken {
        tag: "fr",
        browser: "en;q=0.2, fr-CA;q=0.3",
        chooser: "Connexion",
        error: "La connexion n’a pas abouti",
        notice: "Reprenons depuis le début",
        not_found: "Cette page n’existe pas",
        asks: "Voulez-vous vous déconnecter",
        signed_out: "Déconnexion effectuée",
        form_post: "Connexion en cours",
    },
    Spoken {
        tag: "es",
        browser: "es-419,es;q=0.9",
        chooser: "Iniciar sesión",
        error: "No se pudo iniciar sesión",
        notice: "Empecemos de nuevo",
        not_found: "Esta página no existe",
        asks: "¿Quiere cerrar la sesión?",
        signed_out: "Sesión cerrada",
        form_post: "Iniciando sesión",
    },
];

/// A tenant where the chooser asks.
struct Stage {
    gateway: Gateway,
    _provider: OidcProvider,
    client: Client,
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let slugs = [("acme", "staff"), ("acme", "public")];
        let provider = provider(&gateway, &slugs, true).await?;
        let directories = [
            directory("staff", &provider.issuer, &["domains: [acme.example]"]),
            directory("public", &provider.issuer, &[]),
        ];
        let acme = tenant("acme", &[Client::item("app")], &directories);
        gateway.apply(&format!("tenants:\n{acme}")).await?;
        let client = Client::new(&gateway, "acme", "app");
        Ok(Self { gateway, _provider: provider, client })
    }

    /// An address of the tenant, with the languages that are wished there.
    fn at(&self, path: &str, wishes: &[(&str, &str)]) -> Result<String> {
        Ok(Url::parse_with_params(&format!("{}{path}", self.client.issuer), wishes)?.into())
    }

    /// Sees every page that needs nobody signed in.
    async fn look_around(
        &self,
        agent: &mut Agent,
        spoken: &Spoken,
        wishes: &[(&str, &str)],
    ) -> Result<()> {
        let asked = self.client.request(wishes)?;
        let chooser = agent.get_once(&asked).await?;
        speaks(&chooser, spoken, "chooser", spoken.chooser)?;
        // Whatever is typed there, the wish is carried along.
        let form = chooser.forms().pop().context("no form")?;
        let again =
            agent.submit(&chooser, &form, &[("login_hint", "dana@nowhere.example")]).await?;
        speaks(&again, spoken, "chooser", spoken.chooser)?;
        ensure!(again.body.contains("email-problem"), "{}", again.text());

        let wrong = asked.replace("app.app.example", "elsewhere.example");
        let page = agent.get_once(&wrong).await?;
        speaks(&page, spoken, "vestibule-error", spoken.error)?;
        let english = page.body.contains("id=\"fix\" lang=\"en\"");
        ensure!(english == (spoken.tag != "en"), "{}", page.body);

        let not_found = agent.get_once(&self.at("/nothing", wishes)?).await?;
        ensure!(not_found.status == 404, "{}", not_found.status);
        speaks(&not_found, spoken, "vestibule-not-found", spoken.not_found)?;

        let nobody = agent.get_once(&self.at("/logout", wishes)?).await?;
        speaks(&nobody, spoken, "vestibule-signed-out", spoken.signed_out)?;

        let silent = [wishes, &[("prompt", "none"), ("response_mode", "form_post")]].concat();
        let form = agent.get_once(&self.client.request(&silent)?).await?;
        speaks(&form, spoken, "form-post", spoken.form_post)
    }

    /// Signs in, is asked whether to sign out, and does.
    async fn sign_out(
        &self,
        agent: &mut Agent,
        spoken: &Spoken,
        wishes: &[(&str, &str)],
    ) -> Result<()> {
        let wishes_too = [wishes, &[("login_hint", STAFF)]].concat();
        self.client.sign_in(agent, STAFF, &wishes_too).await?;
        let asked = agent.get_once(&self.at("/logout", wishes)?).await?;
        speaks(&asked, spoken, "vestibule-logout", spoken.asks)?;
        let form = asked.forms().pop().context("no form")?;
        let done = agent.submit(&asked, &form, &[]).await?;
        speaks(&done, spoken, "vestibule-signed-out", spoken.signed_out)
    }
}

/// Whether a page is the one with this id, in this language, and headed so.
fn speaks(page: &Page, spoken: &Spoken, id: &str, heading: &str) -> Result<()> {
    let (tag, text) = (spoken.tag, page.text());
    ensure!(page.body.contains(&format!("id=\"{id}\"")), "{id} {tag}: {} {text}", page.status);
    ensure!(page.body.contains(&format!("<html lang=\"{tag}\">")), "{id} {tag}: {text}");
    ensure!(page.body.contains(&format!("<h1>{heading}")), "{id} {tag}: {text}");
    ensure!(page.header("content-language") == tag, "{id} {tag}: {:?}", page.headers);
    ensure!(page.header("vary") == "accept-language", "{id} {tag}: {:?}", page.headers);
    let length = page.header("content-length");
    ensure!(length == page.body.len().to_string(), "{id} {tag}: {length}");
    Ok(())
}

/// [RFC9110-12.5.4]
#[tokio::test]
async fn every_page_speaks_the_language_that_the_browser_prefers() -> Result<()> {
    let stage = Stage::set().await?;
    for spoken in &SPOKEN {
        let mut agent = Agent::preferring(spoken.browser)?;
        stage.look_around(&mut agent, spoken, &[]).await?;
        let callback = format!("{}?state=x&code=y", stage.gateway.callback("acme", "public"));
        let notice = agent.get_once(&callback).await?;
        speaks(&notice, spoken, "vestibule-notice", spoken.notice)?;
        stage.sign_out(&mut agent, spoken, &[]).await?;
    }
    // Nobody is refused over a language, nor over what nobody can read.
    let long = "nl;q=0.1,".repeat(1_500);
    for other in ["it", "", "de;q=0", ";;,=q", long.as_str()] {
        stage.look_around(&mut Agent::preferring(other)?, &SPOKEN[0], &[]).await?;
    }
    stage.look_around(&mut Agent::new()?, &SPOKEN[0], &[]).await
}

/// [OIDCC-3.1.2.1] [OIDCRIL-2]
#[tokio::test]
async fn every_page_speaks_what_the_application_wishes_whatever_the_browser_prefers() -> Result<()>
{
    let stage = Stage::set().await?;
    for (spoken, other) in SPOKEN.iter().zip(SPOKEN.iter().cycle().skip(1)) {
        let wish = format!("it-IT {}-XX {}", spoken.tag, other.tag);
        let wishes = [("ui_locales", wish.as_str())];
        let mut agent = Agent::preferring(other.browser)?;
        stage.look_around(&mut agent, spoken, &wishes).await?;
        stage.sign_out(&mut agent, spoken, &wishes).await?;
        // What nobody speaks here leaves it to the browser.
        let mut agent = Agent::preferring(other.browser)?;
        stage.look_around(&mut agent, other, &[("ui_locales", "it x-klingon *")]).await?;
    }
    Ok(())
}

/// The wish travels in the sealed attempt, so that it is known when the directory has answered.
/// [OIDCC-3.1.2.1]
#[tokio::test]
async fn the_wish_is_still_known_when_the_directory_sends_the_person_back() -> Result<()> {
    let stage = Stage::set().await?;
    let client = &stage.client;
    for (spoken, other) in SPOKEN.iter().zip(SPOKEN.iter().cycle().skip(2)) {
        let mut agent = Agent::preferring(other.browser)?;
        let wishes = [("ui_locales", spoken.tag), ("login_hint", STAFF)];
        let left = agent.get_once(&client.request(&wishes)?).await?.location();
        let left = left.context("nobody was sent to the directory")?;
        let carried = left.query_pairs().find(|(name, _)| name == "state").context("no state")?.1;
        let refused = Url::parse_with_params(
            &stage.gateway.callback("acme", "staff"),
            [("error", "access_denied"), ("state", &carried)],
        )?;
        let page = agent.get_once(refused.as_str()).await?;
        speaks(&page, spoken, "vestibule-error", spoken.error)?;
        // *Try again* wishes the same.
        let again = page.links().into_iter().find(|(_, address)| address.contains("/authorize?"));
        let (_, again) = again.context("no link")?;
        ensure!(again.contains(&format!("ui_locales={}", spoken.tag)), "{again}");
    }
    Ok(())
}

/// [OIDCD-3]
#[tokio::test]
async fn discovery_says_which_languages_are_spoken() -> Result<()> {
    let stage = Stage::set().await?;
    let address = stage.at("/.well-known/openid-configuration", &[])?;
    let document: serde_json::Value = Agent::new()?.get_once(&address).await?.json()?;
    assert_eq!(document["ui_locales_supported"], serde_json::json!(["en", "de", "fr", "es"]));
    Ok(())
}
