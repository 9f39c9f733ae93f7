//! Where a directory may not be: no address of a tenant's leads into the gateway's own network
//! unless its operator allowed that.

use anyhow::Result;
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::hostile::Lie;

use super::{Stage, case};

/// Not one packet: the server that is there is never asked.
#[tokio::test]
async fn eg_01_directory_on_loopback_is_not_asked_unless_the_operator_allows_it() -> Result<()> {
    let options = Options { egress_allow: Some(String::new()), ..Options::default() };
    let stage = Stage::on(Gateway::start_with(options).await?, &["inside"]).await?;
    let mut agent = Agent::new()?;
    let page = stage.visit(&mut agent, "inside").await?;
    stage.assert_failed(&page, &agent, &case("inside", "egress_blocked", &[])).await?;
    assert_eq!(stage.hostile.asked("inside", "discovery"), 0);
    Ok(())
}

/// The directory itself may be reached; where its discovery document leads may not.
#[tokio::test]
async fn eg_02_endpoints_in_a_discovery_document_do_not_lead_inside() -> Result<()> {
    let inside = [
        "http://127.0.0.2:8080/",
        "http://0x7f.2:8080/",
        "http://[::1]:8080/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "https://172.16.0.1:8443/",
        "http://0.0.0.0:8080/",
        "https://[fd00::1]/",
        "https://[64:ff9b::a00:1]/",
    ];
    let endpoints = ["token_endpoint", "jwks_uri", "userinfo_endpoint"];
    let cases: Vec<_> = endpoints.iter().flat_map(|one| inside.map(|to| (*one, to))).collect();
    let slugs: Vec<_> = (0..cases.len()).map(|number| format!("inside-{number}")).collect();
    let slugs: Vec<_> = slugs.iter().map(String::as_str).collect();
    let options = Options { egress_allow: Some("127.0.0.1/32".to_owned()), ..Options::default() };
    let stage = Stage::on(Gateway::start_with(options).await?, &slugs).await?;
    for ((endpoint, address), slug) in cases.into_iter().zip(slugs) {
        stage.hostile.tells(slug, &[Lie::Member(endpoint, address.to_owned())]);
        let mut agent = Agent::new()?;
        let page = stage.visit(&mut agent, slug).await?;
        stage.assert_failed(&page, &agent, &case(address, "egress_blocked", &[])).await?;
    }
    stage.assert_log_is_discreet();
    Ok(())
}
