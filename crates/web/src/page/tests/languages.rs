//! The pages in every language; what holds for the words alone is tested beside them.

use http::HeaderValue;
use http::header::{CONTENT_LENGTH, RETRY_AFTER, SET_COOKIE};

use super::*;

/// [RFC9110-8.5] [RFC9110-12.5.5]
#[tokio::test]
async fn every_page_says_which_language_it_speaks_and_that_the_browser_had_a_say() {
    for language in Language::ALL {
        for (name, response) in all_in(language, "Acme") {
            let page = Shown::of(response).await;
            let tag = language.tag();
            assert_eq!(page.header("content-language"), tag, "{name}");
            assert_eq!(page.header("vary"), "accept-language", "{name}");
            assert!(page.html.contains(&format!("<html lang=\"{tag}\">")), "{name} {tag}");
        }
    }
    let test = Shown::of(test_login_with("Acme")).await;
    assert_eq!((test.header("content-language"), test.header("vary")), ("en", ""));
}

#[tokio::test]
async fn a_page_is_the_same_in_every_language_but_for_its_words() {
    for (index, (name, english)) in all_in(EN, "Acme").into_iter().enumerate() {
        let english = Shown::of(english).await;
        for language in Language::ALL.into_iter().skip(1) {
            let (_, other) = all_in(language, "Acme").swap_remove(index);
            let other = Shown::of(other).await;
            assert_eq!(other.status, english.status, "{name}");
            let plain = |shown: &Shown| -> Vec<String> {
                shown.shape().iter().map(|tag| tag.replace(" lang=", "")).collect()
            };
            assert_eq!(plain(&other), plain(&english), "{name} {language:?}");
            for header in ["cache-control", "referrer-policy", "retry-after", "content-type"] {
                assert_eq!(other.header(header), english.header(header), "{name}");
            }
            let words = |shown: &Shown| shown.html.split_once("<main").unwrap().1.to_owned();
            assert_ne!(words(&other), words(&english), "{name} {language:?}");
            assert!(!words(&other).contains(['{', '}']), "{name} {language:?}");
        }
    }
}

/// What staff read stays English, and says so, so that it is also read out as such.
#[tokio::test]
async fn every_failure_is_explained_in_every_language_and_its_fix_is_marked_as_english() {
    for language in Language::ALL {
        let texts = language.texts();
        for failure in FailureCode::ALL {
            let page = error(NONCE, language, error_page(*failure, "Acme"));
            let page = Shown::of(page).await;
            let escaped = |text: &str| text.replace('\'', "&#39;");
            let said = texts.said(*failure);
            assert!(
                page.html.contains(&crate::coded::coded(said.sentence).0),
                "{language:?} {failure:?}"
            );
            assert!(page.html.contains(&format!("<h1>{}</h1>", said.title)), "{failure:?}");
            let mark = if language == EN { "" } else { " lang=\"en\"" };
            let fix = format!("<p id=\"fix\"{mark}>{}</p>", crate::coded::coded(failure.fix()).0);
            assert_eq!(page.html.contains(&fix), failure.fixer() != Fixer::Person, "{failure:?}");
            assert!(page.html.contains(&format!("<p id=\"detail\"{mark}>Acme</p>")));
            if failure.fixer() == Fixer::Person {
                assert!(page.html.contains(&escaped(texts.mend(*failure))), "{failure:?}");
            }
        }
    }
}

/// The button posts the language along, so that the page that follows does not change it.
/// [OIDCRIL-2]
#[tokio::test]
async fn the_button_that_signs_out_carries_the_language() {
    let page = Shown::of(logout_with(Language::Spanish, "iMIS")).await;
    assert!(page.html.contains("<input type=\"hidden\" name=\"ui_locales\" value=\"es\">"));
    assert!(page.html.contains("id=\"sign-out\">Cerrar sesión</button>"));
}

#[tokio::test]
async fn what_was_said_besides_a_page_stays_when_it_is_told_in_another_language() {
    let busy = Fixed::TurnedAway(StatusCode::SERVICE_UNAVAILABLE, Turned::Busy);
    let mut response = busy.into_response();
    for (name, value) in [(RETRY_AFTER, "7"), (SET_COOKIE, "a=b"), (CONTENT_LENGTH, "1")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let page = Shown::of(retold(response, || Language::French)).await;
    assert_eq!((page.header("set-cookie"), page.header("retry-after")), ("a=b", "7"));
    assert_eq!(page.header("content-length"), "");
    assert!(page.html.contains("<html lang=\"fr\">") && page.html.contains("De retour"));
    let policy = page.header("content-security-policy");
    let nonce = policy.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0;
    assert!(page.html.contains(&format!("<style nonce=\"{nonce}\">")), "{policy}");
    // Whatever is no such page is left alone.
    let plain = Shown::of(retold(chooser_with(EN, "Acme"), || Language::French)).await;
    assert!(plain.html.contains("<html lang=\"en\">"));
}
