//! What whoever comes to a directory's sign-in, or back from it, is shown and asked before anything
//! changes.

use anyhow::Result;
use tests::agent::Agent;

use super::super::staff::{address, form, invited, member};
use super::{ACCOUNT, ANSWER, acme, connected, connecting, failure, go, link, through, way};
use crate::scene::MEMBER;

/// [THREATS BR-05] A link on another site signs nobody in or out: it shows where it leads, by the
/// organisation's name. Our own page's link leads there at once.
#[tokio::test]
async fn br_05_link_of_another_site_shows_where_it_leads() -> Result<()> {
    let scene = acme().await?;
    let mut owner = connected(&scene).await?;
    let begin = link(&mut Agent::new()?, &scene).await?;
    let http = reqwest::Client::builder().no_proxy();
    let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
    for site in [None, Some("cross-site"), Some("same-site"), Some("none")] {
        let request = http.get(&begin);
        let request = match site {
            Some(site) => request.header("sec-fetch-site", site),
            None => request,
        };
        let answer = request.send().await?;
        assert_eq!(answer.status(), 200, "{site:?}");
        let body = answer.text().await?;
        assert!(!body.contains("http-equiv"), "{site:?}: {body}");
        assert!(
            body.contains("<bdi>Acme Association</bdi>") && body.contains("acme</span>"),
            "{body}"
        );
    }
    let answer = http.get(&begin).header("sec-fetch-site", "same-origin").send().await?;
    assert_eq!(answer.status(), 303, "{answer:?}");
    // Whoever is signed in stays so.
    owner.agent.get(&begin).await?;
    let account = owner.get(ACCOUNT).await?;
    assert!(account.text().contains(&owner.email), "{}", account.text());
    Ok(())
}

/// [THREATS BR-05] [THREATS ID-09] Whoever is signed in in this browser, or came by a setup link, is
/// asked before somebody else is signed in there instead; and the setup link outlives that.
#[tokio::test]
async fn br_05_id_09_whoever_is_signed_in_is_asked_before_somebody_else_is() -> Result<()> {
    let scene = acme().await?;
    let owner = connected(&scene).await?;
    let mut viewer = member(&scene.gateway, "acme", &["--role", "viewer"]).await?;
    let begin = link(&mut Agent::new()?, &scene).await?;
    let leads = way(&viewer.agent.get(&begin).await?)?;
    let asked = go(&mut viewer.agent, &scene, &leads, MEMBER).await?;
    let text = asked.text();
    assert!(text.contains(&viewer.email) && text.contains(&owner.email), "{text}");
    let account = viewer.get(ACCOUNT).await?;
    assert!(account.text().contains(&viewer.email), "{}", account.text());
    // A page of another site does not agree for them.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}{ANSWER}", scene.gateway.url);
    let refused = http.post(url).header("sec-fetch-site", "cross-site").send().await?;
    assert_eq!(refused.status(), 403, "{refused:?}");
    let after = viewer.send(&asked, ANSWER, &[]).await?;
    assert_eq!(after.url.path(), "/dashboard/t/acme", "{}", after.text());
    let account = viewer.get(ACCOUNT).await?;
    assert!(account.text().contains(&owner.email), "{}", account.text());
    // Whoever is signed in as that account already is not asked.
    let leads = way(&viewer.agent.get(&begin).await?)?;
    let again = go(&mut viewer.agent, &scene, &leads, MEMBER).await?;
    assert_eq!(again.url.path(), "/dashboard/t/acme", "{}", again.text());

    let command = ["directory", "setup-link", "okta", "--tenant", "acme"];
    let printed = invited(&scene.gateway, &command).await?;
    let mut helper = Agent::new()?;
    let page = helper.get(address(&printed)?).await?;
    let page = helper.submit(&page, &form(&page, "/dashboard/setup")?, &[]).await?;
    assert_eq!(page.status, 200, "{}", page.text());
    let place = page.url.to_string();
    let leads = way(&helper.get(&begin).await?)?;
    let asked = go(&mut helper, &scene, &leads, MEMBER).await?;
    assert!(asked.text().contains("by a setup link"), "{}", asked.text());
    let mut elsewhere = helper.clone();
    assert_eq!(helper.get(&place).await?.url.as_str(), place);
    let after = helper.submit(&asked, &form(&asked, ANSWER)?, &[]).await?;
    assert_eq!(after.url.path(), "/dashboard/t/acme", "{}", after.text());
    let kept = elsewhere.get(&place).await?;
    assert_eq!((kept.status, kept.url.as_str()), (200, place.as_str()), "{}", kept.text());
    Ok(())
}

/// [THREATS ID-09] Whoever went to the directory may have been somebody else, with the way of whoever
/// connects: who it was is shown, and nothing is connected before that was agreed to, once.
#[tokio::test]
async fn id_09_nothing_is_connected_before_it_was_seen() -> Result<()> {
    let scene = acme().await?;
    let mut owner = member(&scene.gateway, "acme", &["--role", "owner"]).await?;
    let asked = connecting(&scene, &mut owner, MEMBER).await?;
    assert_eq!(asked.url.path(), ANSWER, "{}", asked.text());
    let text = asked.text();
    for shown in ["Acme staff", &scene.directory.issuer, MEMBER, "E-mail, it says", &owner.email] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let account = owner.get(ACCOUNT).await?;
    assert!(account.text().contains("Not connected"), "{}", account.text());
    assert_eq!(failure(&through(&scene, MEMBER).await?.1), "staff_not_connected");
    // To look once more uses nothing up, and writes nothing either.
    let once_more = owner.agent.get(asked.url.as_str()).await?;
    assert!(once_more.text().contains("Is this you?"), "{}", once_more.text());
    let done = owner.send(&asked, ANSWER, &[]).await?;
    assert!(done.text().contains("Connected. You can sign in"), "{}", done.text());
    assert_eq!(through(&scene, MEMBER).await?.1.url.path(), "/dashboard/t/acme");
    let page = owner.send(&asked, ANSWER, &[]).await?;
    assert_eq!(page.status, 400, "{}", page.text());
    Ok(())
}
