//! The pages of a tenant with a logo, a colour, a text and an address of help.

use broker::settings::{Branding, LogoHash};
use store::LogoRecord;

use super::*;

const SRC: &str = "/t/acme/logo/00.png";

fn branded(name: &str, text: &str) -> &'static Brand {
    let branding = Branding {
        logo: None,
        accent: Some("#ffe600".parse().unwrap()),
        text: Some(text.to_owned()),
        support_url: Some("https://help.acme.example/?a='b'&c".to_owned()),
    };
    let record = LogoRecord { hash: LogoHash([0; 32]), width: 480, height: 64, is_light: true };
    Box::leak(Box::new(Brand::new(name, &branding, Some((record, SRC.to_owned())))))
}

fn chooser_of(language: Language, brand: &'static Brand) -> Response {
    let page = Chooser {
        brand,
        application_name: "iMIS",
        action: "/authorize",
        method: "get",
        carry: &[],
        email: None,
        unrouted: false,
        ask_email: false,
        directories: &[("okta", "Staff")],
    };
    chooser(NONCE, language, &page)
}

fn every(brand: &'static Brand) -> Vec<(&'static str, Response)> {
    let mut failed = error_page(FailureCode::ClaimMissing, "iMIS");
    failed.brand = Some(brand);
    let start = Notice {
        status: StatusCode::BAD_REQUEST,
        brand: Some(brand),
        application_name: None,
        failure: FailureCode::AttemptUsed,
        support_code: None,
        start_again: None,
    };
    let about = logout::Logout { language: EN, brand, application_name: None, unregistered: false };
    vec![
        ("chooser", chooser_of(EN, brand)),
        ("error", error(NONCE, EN, failed)),
        ("notice", notice(NONCE, EN, start)),
        ("logout", logout::ask(NONCE, &about, "/logout".to_owned(), String::new())),
        ("signed_out", logout::signed_out(NONCE, &about)),
    ]
}

/// [CSP3-6] The one thing that a page loads is the logo, from here, into room that is kept for it.
#[tokio::test]
async fn tn_10_every_page_shows_logo_name_text_and_help() {
    for (name, response) in every(branded("Acme & Co", "Ask us.")) {
        let page = Shown::of(response).await;
        let logo = format!(
            "<span class=\"plate dark\"><img src=\"{SRC}\" width=\"240\" height=\"32\" \
             alt=\"Acme &#38; Co\"></span>"
        );
        assert!(page.html.contains(&logo), "{name}: {}", page.html);
        assert_eq!(page.html.matches(" src=").count(), 1, "{name}");
        assert!(page.header("content-security-policy").contains("img-src 'self'"), "{name}");
        // Read out once.
        assert!(page.html.contains("<bdi aria-hidden=\"true\">Acme &#38; Co</bdi>"), "{name}");
        assert!(!page.html.contains("class=\"mark\""), "{name}");
        assert!(page.html.contains("<p dir=\"auto\">Ask us.</p>"), "{name}");
        let help = "href=\"https://help.acme.example/?a=&#39;b&#39;&#38;c\" rel=\"noopener noreferrer\">Help with signing in</a>";
        assert!(page.html.contains(help), "{name}: {}", page.html);
    }
}

#[tokio::test]
async fn tn_10_br_06_no_name_and_no_text_of_an_owner_adds_a_node() {
    let mut plain = Vec::new();
    for (_, response) in every(branded("Acme", "Ask us.")) {
        plain.push(Shown::of(response).await.shape());
    }
    for hostile in HOSTILE {
        for ((name, response), plain) in every(branded(hostile, hostile)).into_iter().zip(&plain) {
            assert_eq!(&Shown::of(response).await.shape(), plain, "{name}: {hostile}");
        }
    }
}

/// The colour stands in the one style that the page has, by day and by night.
#[tokio::test]
async fn colour_is_a_shade_that_can_be_read() {
    let page = Shown::of(chooser_of(EN, branded("Acme", "Ask us."))).await;
    let style = page.html.split_once("</style>").unwrap().0;
    assert!(!style.contains("--accent: #ffe600; --pressed: #ccb800; --on-accent: #ffffff"));
    // By night the yellow is as it is, with a dark text on it.
    let night = ":root { --accent: #ffe600; --pressed: #ffeb33; --on-accent: #0b1530; } }";
    assert!(style.contains(night), "{style}");
    assert_eq!(page.html.matches("<style").count(), 1);
}

#[tokio::test]
async fn help_is_called_in_the_language_of_the_page() {
    let brand = branded("Acme", "Ask us.");
    for (language, called) in
        [(Language::German, "Hilfe bei der Anmeldung"), (Language::French, "Aide à la connexion")]
    {
        let page = Shown::of(chooser_of(language, brand)).await;
        assert!(page.html.contains(called), "{called}");
    }
}

/// Without any of it a page is as small as it was.
#[tokio::test]
async fn tenant_without_branding_has_a_letter_and_nothing_below() {
    let page = Shown::of(chooser_with(EN, "Acme")).await;
    assert!(page.html.contains("<span class=\"mark\" aria-hidden=\"true\">A</span>"));
    assert!(!page.html.contains("<footer") && !page.html.contains("<img"));
}
