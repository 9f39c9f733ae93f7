//! What is wrong around the gateway: what it may connect to, what the DNS says, where a directory
//! suddenly is.

use anyhow::{Context as _, Result, ensure};
use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::gateway::Options;
use tests::peers::dnsmasq::Dnsmasq;

use super::alone::{right, signs_in};
use super::stage::Stage;
use super::stand::Stand;
use super::{Fault, Peer, fault};

const BLOCKED: Fault = fault(
    "the directory is in a network that the operator has not opened",
    FailureCode::EgressBlocked,
    &["the egress policy forbids connections to 127.0.0.1", "{issuer}/"],
    "whoever runs this gateway has to allow the network",
);
const MOVED: Fault = fault(
    "the directory's discovery document leads to another host than before",
    FailureCode::DirectoryMoved,
    &["now leads to \"localhost:"],
    "presses “Approve these hosts” on the directory's page",
);
const UNPROVEN: Fault = fault(
    "the organisation has not proven the domain of its directory",
    FailureCode::DomainUnproven,
    &["`{tenant}.example` belongs to corp, but {tenant}.example is not proven"],
    "Claim the domain on the page “Domains”, unless it is there already; publish the record that is \
     shown there in the domain's DNS, and press “Check now”.",
);

/// All of them.
pub(crate) const FAULTS: &[Fault] = &[BLOCKED, MOVED, UNPROVEN];

#[tokio::test]
async fn diagnosis_of_a_directory_that_is_blocked_and_of_one_that_moved() -> Result<()> {
    let options = Options { egress_allow: Some(String::new()), ..Options::default() };
    let stage = Stage::alone(options).await?;
    let mut stand = right(&stage, "blocked").await?;
    let end = stage.sign_in(&mut stage.browser(), &stand).await?;
    stage.assert_told(&stand, &BLOCKED, end).await?;
    let opened = |options: &mut Options| options.egress_allow = Some("127.0.0.0/8".to_owned());
    let stage = stage.restart_with(opened).await?;
    signs_in(&stage, &mut stage.browser(), &stand).await?;

    let elsewhere = stand.place.issuer.replace("127.0.0.1", "localhost");
    stand.realm("discovery", json!({ "userinfo_endpoint": format!("{elsewhere}/me") }));
    stage.realms.set(&stand.place.tenant, &stand.realm).await?;
    // Until then it uses the document that it has.
    let stage = stage.restart_with(|_| ()).await?;
    let end = stage.sign_in(&mut stage.browser(), &stand).await?;
    stage.assert_told(&stand, &MOVED, end).await?;
    // What the button does, by the API.
    let hosts = "/tenants/blocked/directories/corp/hosts";
    let found = stage.api().get(hosts).await?.done()?;
    let order = json!({ "hosts": found.get("proposed").context("nothing is proposed")? });
    stage.api().post(&format!("{hosts}/approve"), Some(order)).await?.done()?;
    stage.comes_to_tokens(&stand).await
}

#[tokio::test]
async fn diagnosis_of_a_domain_that_is_not_proven() -> Result<()> {
    let mut dns = Dnsmasq::start().await?;
    let options = Options { dns: Some(dns.addr()), ..Options::default() };
    let stage = Stage::alone(options).await?;
    let mut stand = Stand::right(stage.place("proving", Peer::Library)?, Peer::Library);
    stand.tenant("domain_proof", json!("dns"));
    stand.directory("domains", json!([stand.domain()]));
    stand.other("public", "active");
    stage.apply(std::slice::from_ref(&stand)).await?;
    let end = stage.sign_in(&mut stage.browser(), &stand).await?;
    stage.assert_told(&stand, &UNPROVEN, end).await?;

    // What the page does, by the API.
    let (api, domain) = (stage.api(), stand.domain());
    let claimed =
        api.post("/tenants/proving/domains", Some(json!({ "name": domain }))).await?.done()?;
    let field = |name: &str| claimed.get(name).and_then(Value::as_str).context("no record");
    dns.publish(&[(field("record_name")?, &[field("record_value")?])]).await?;
    let checked =
        api.post(&format!("/tenants/proving/domains/{domain}/check"), None).await?.done()?;
    ensure!(checked.get("found") == Some(&Value::Bool(true)), "{checked}");
    stage.comes_to_tokens(&stand).await
}
