//! Whole logins: the sample application pointed straight at the test directory, over the wire.

use std::error::Error;

use demo::application::{self, Application, ResponseType};
use demo::directory::{self, Directory, SigningAlgorithm};
use demo::scripted::login_once;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const DANA: &str = "dana.whitfield@acme-assoc.example";

/// What a test changes about the two parties.
struct Setup {
    response_type: ResponseType,
    secret: &'static str,
    /// From the directory's issuer to the one that the application trusts.
    trusts: fn(&str) -> String,
    auto: bool,
    signing: SigningAlgorithm,
}

const USUAL: Setup = Setup {
    response_type: ResponseType::Code,
    secret: "s3cret",
    trusts: str::to_owned,
    auto: false,
    signing: SigningAlgorithm::Rs256,
};

/// Both parties, each knowing the other's address.
async fn parties(setup: Setup) -> Result<(Application, Directory)> {
    let directory = directory::start(directory::Options {
        listen: "127.0.0.1:0".parse()?,
        issuer: None,
        people: directory::people(),
        clients: Vec::new(),
        signing: setup.signing,
        auto: setup.auto,
    })
    .await?;
    let application = application::start(application::Options {
        listen: "127.0.0.1:0".parse()?,
        issuer: (setup.trusts)(&directory.issuer),
        client_id: "sample".to_owned(),
        client_secret: setup.secret.to_owned(),
        response_type: setup.response_type,
        scope: "openid profile email".to_owned(),
    })
    .await?;
    directory.register(directory::Client {
        client_id: "sample".to_owned(),
        client_secret: "s3cret".to_owned(),
        redirect_uris: vec![application.redirect_uri.clone()],
        post_logout_redirect_uris: Vec::new(),
    });
    Ok((application, directory))
}

#[tokio::test]
async fn a_person_signs_in_by_pressing_their_button() -> Result {
    let (application, directory) = parties(USUAL).await?;
    let outcome = login_once(&application.url, DANA).await?;

    assert_eq!(outcome.id_token_claims["iss"], directory.issuer.as_str());
    assert_eq!(outcome.id_token_claims["email"], DANA);
    assert_eq!(outcome.userinfo["given_name"], "Dana");
    assert!(outcome.hops.iter().any(|hop| hop.contains("POST") && hop.contains("/login")));
    Ok(())
}

/// As Okta's org server: whoever needs the groups has to ask userinfo.
#[tokio::test]
async fn names_and_groups_come_from_userinfo_alone() -> Result {
    let (application, _directory) = parties(USUAL).await?;
    let outcome = login_once(&application.url, DANA).await?;

    assert_eq!(outcome.userinfo["groups"][0], "Staff");
    assert_eq!(outcome.userinfo["employee_number"], "E-1001");
    for thin in ["groups", "name", "given_name", "employee_number"] {
        assert!(!outcome.id_token_claims.contains_key(thin), "{thin}");
    }
    Ok(())
}

/// A directory knows nothing of iMIS's claims; the application says so instead of guessing.
#[tokio::test]
async fn without_the_gateway_nobody_is_staff() -> Result {
    let (application, _directory) = parties(USUAL).await?;
    let outcome = login_once(&application.url, DANA).await?;

    assert_eq!(outcome.verdict, "Public user");
    assert_eq!(outcome.missing, ["external_id"]);
    Ok(())
}

#[tokio::test]
async fn in_auto_mode_the_hint_is_the_person_and_no_page_is_shown() -> Result {
    let setup = Setup { auto: true, signing: SigningAlgorithm::Es256, ..USUAL };
    let (application, _directory) = parties(setup).await?;
    let outcome = login_once(&application.url, DANA).await?;

    assert_eq!(outcome.id_token_claims["email"], DANA);
    assert!(!outcome.hops.iter().any(|hop| hop.contains("/login")), "{:?}", outcome.hops);
    Ok(())
}

#[tokio::test]
async fn someone_the_directory_does_not_know_is_not_signed_in() -> Result {
    let (application, _directory) = parties(USUAL).await?;
    let Err(error) = login_once(&application.url, "nobody@acme-assoc.example").await else {
        return Err("a stranger was signed in".into());
    };
    assert!(error.step.contains("POST") && error.step.ends_with("/login"), "{error}");
    assert!(error.detail.contains("Nobody here has the e-mail"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_error_of_the_issuer_is_shown_in_the_application() -> Result {
    let setup = Setup { response_type: ResponseType::CodeIdToken, ..USUAL };
    let (application, _directory) = parties(setup).await?;
    let Err(error) = login_once(&application.url, DANA).await else {
        return Err("the directory offers no hybrid flow".into());
    };
    assert!(error.step.starts_with("application: GET"), "{error}");
    assert!(error.detail.contains("unsupported_response_type"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_application_with_a_wrong_secret_signs_nobody_in() -> Result {
    let (application, _directory) = parties(Setup { secret: "wrong", ..USUAL }).await?;
    let Err(error) = login_once(&application.url, DANA).await else {
        return Err("a wrong secret redeemed a code".into());
    };
    assert!(error.detail.contains("invalid_client"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_named() -> Result {
    let (application, _directory) =
        parties(Setup { trusts: |issuer| format!("{issuer}/elsewhere"), ..USUAL }).await?;
    let Err(error) = login_once(&application.url, DANA).await else {
        return Err("nobody was there to sign in at".into());
    };
    assert!(error.detail.contains("The issuer does not answer"), "{error}");
    assert!(error.detail.contains("/elsewhere/.well-known/openid-configuration"), "{error}");
    Ok(())
}

/// [OIDCD-4.3]
#[tokio::test]
async fn an_issuer_that_names_itself_differently_is_refused() -> Result {
    let (application, _directory) =
        parties(Setup { trusts: |issuer| issuer.replace("127.0.0.1", "localhost"), ..USUAL })
            .await?;
    let Err(error) = login_once(&application.url, DANA).await else {
        return Err("the same machine under another name is another issuer".into());
    };
    assert!(error.detail.contains("names another issuer: http://127.0.0.1"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_directory_that_was_shut_down_answers_nobody() -> Result {
    let (application, directory) = parties(USUAL).await?;
    directory.shutdown().await;
    assert!(login_once(&application.url, DANA).await.is_err());
    Ok(())
}
