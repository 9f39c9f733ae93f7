//! Domains that tenants prove: who holds one, and what the gateway may note.

use broker::domain_proof::{Finding, Proof, claim};
use broker::email::{Domain, DomainPattern};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, Executor as _};
use store::{ProofChange, SecretChange};

use crate::common::connect_as;
use crate::fixture::{World, directory_settings, id, now, world};

const ABSENT: Finding = Finding::Absent { records: 0, other_value: false };

/// A name that no other test has.
fn fresh() -> Domain {
    claim(&format!("d{}.example", id().simple())).unwrap()
}

fn below(parent: &Domain) -> Domain {
    claim(&format!("dept.{}", parent.as_str())).unwrap()
}

async fn claimed(world: &World, domain: &Domain) -> Proof {
    let mut tx = world.operator.begin().await.unwrap();
    let proof = tx.claim_domain(world.id, domain, now()).await.unwrap();
    tx.commit().await.unwrap();
    proof
}

async fn keep(world: &World, before: &Proof, finding: &Finding, at: DateTime<Utc>) -> ProofChange {
    let mut tx = world.operator.begin().await.unwrap();
    let after = before.after(finding, at);
    let change = tx.keep_domain_proof(world.id, before, &after, at).await.unwrap();
    tx.commit().await.unwrap();
    change
}

/// What became of a claim whose record is in the DNS.
async fn prove(world: &World, domain: &Domain) -> ProofChange {
    let before = claimed(world, domain).await;
    keep(world, &before, &Finding::Present, now()).await
}

async fn remove(world: &World, domain: &Domain) -> bool {
    let mut tx = world.operator.begin().await.unwrap();
    let removed = tx.remove_domain_proof(world.id, domain, now()).await.unwrap();
    tx.commit().await.unwrap();
    removed
}

/// What the gateway sees.
async fn in_force(world: &World) -> Vec<Proof> {
    world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().proven_domains
}

async fn acts(world: &World) -> Vec<String> {
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let sql = "select act || ' ' || (subject ->> 'domain') from audit_events
                where tenant_id = $1 and act like 'domain.%' and act <> 'domain.claimed'
                order by at, act";
    sqlx::query_scalar(sql).bind(world.id.0).fetch_all(&mut owner).await.unwrap()
}

#[tokio::test]
async fn claim_keeps_its_token_and_no_two_are_alike() {
    let (ours, theirs, domain) = (world().await, world().await, fresh());
    let first = claimed(&ours, &domain).await;
    assert_eq!(claimed(&ours, &domain).await, first);
    assert_ne!(claimed(&theirs, &domain).await.token, first.token);
    assert_eq!(ours.operator.domain_proofs(ours.id).await.unwrap(), [first]);
    assert!(in_force(&ours).await.is_empty());
}

#[tokio::test]
async fn proof_reaches_the_gateway_with_the_next_version_and_leaves_with_the_claim() {
    let (world, domain) = (world().await, fresh());
    let before = claimed(&world, &domain).await;
    let version = world.store.tenant_version(world.id).await.unwrap();
    assert_eq!(keep(&world, &before, &Finding::Present, now()).await, ProofChange::Kept);
    assert!(world.store.tenant_version(world.id).await.unwrap() > version);
    assert_eq!(in_force(&world).await, [before.after(&Finding::Present, now())]);
    let compiled = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().compile();
    assert!(compiled.proofs.iter().any(|proof| proof.domain == domain));
    // What was known before somebody else looked is not kept.
    assert_eq!(keep(&world, &before, &ABSENT, now()).await, ProofChange::Outdated);
    assert!(remove(&world, &domain).await && !remove(&world, &domain).await);
    assert!(in_force(&world).await.is_empty());
    let name = domain.as_str();
    assert_eq!(
        acts(&world).await,
        [format!("domain.proven {name}"), format!("domain.removed {name}")]
    );
}

#[tokio::test]
async fn id_05_domain_with_what_is_above_and_below_has_one_holder() {
    let (ours, theirs, domain) = (world().await, world().await, fresh());
    assert_eq!(prove(&ours, &below(&domain)).await, ProofChange::Kept);
    assert_eq!(prove(&theirs, &below(&domain)).await, ProofChange::Taken);
    assert_eq!(prove(&theirs, &domain).await, ProofChange::Taken);
    assert_eq!(prove(&theirs, &below(&below(&domain))).await, ProofChange::Taken);
    // Names that merely end alike are not below, and the holder itself may have all of them.
    let alike = claim(&format!("x{}", domain.as_str())).unwrap();
    assert_eq!(prove(&theirs, &alike).await, ProofChange::Kept);
    assert_eq!(prove(&ours, &domain).await, ProofChange::Kept);
    assert_eq!(in_force(&theirs).await.len(), 1);
    // The holder is told; who it was is not said.
    let rejected = format!("domain.claim_rejected {}", domain.as_str());
    assert!(acts(&ours).await.contains(&rejected));
    assert!(!acts(&theirs).await.contains(&rejected));
}

#[tokio::test]
async fn id_05_what_the_operator_vouches_for_elsewhere_cannot_be_proven() {
    let (ours, theirs, domain) = (world().await, world().await, fresh());
    let mut settings = directory_settings("okta");
    settings.domains = vec![DomainPattern::parse(&format!("*.{}", domain.as_str())).unwrap()];
    let mut tx = ours.operator.begin().await.unwrap();
    tx.put_directory(ours.id, &settings, SecretChange::Keep.into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(prove(&theirs, &domain).await, ProofChange::Taken);
    assert_eq!(prove(&theirs, &below(&domain)).await, ProofChange::Taken);
    assert_eq!(prove(&ours, &domain).await, ProofChange::Kept);
}

/// Of nodes that look at the same moment one is counted, so one missing record is one failure.
#[tokio::test]
async fn id_06_gateway_counts_one_look_and_loses_the_proof_at_the_second() {
    let (world, domain) = (world().await, fresh());
    assert_eq!(prove(&world, &domain).await, ProofChange::Kept);
    let [known] = &in_force(&world).await[..] else { panic!("not one") };
    let later = now() + TimeDelta::days(7);
    let missed = known.after(&ABSENT, later);
    assert!(world.tenant.note_domain_check(known, &missed).await.unwrap());
    assert!(!world.tenant.note_domain_check(known, &missed).await.unwrap());
    assert_eq!(in_force(&world).await, std::slice::from_ref(&missed));
    let lost = missed.after(&ABSENT, later + TimeDelta::days(1));
    assert!(world.tenant.note_domain_check(&missed, &lost).await.unwrap());
    assert!(in_force(&world).await.is_empty());
    assert!(acts(&world).await.contains(&format!("domain.proof_lost {}", domain.as_str())));
    // Bringing it back takes the operator's side, which sees all tenants.
    let back = lost.after(&Finding::Present, later + TimeDelta::days(2));
    assert!(!world.tenant.note_domain_check(&lost, &back).await.unwrap());
    assert_eq!(keep(&world, &lost, &Finding::Present, later).await, ProofChange::Kept);
}

#[tokio::test]
async fn id_06_lost_domain_is_anybodys_who_can_prove_it() {
    let (ours, theirs, domain) = (world().await, world().await, fresh());
    let mut proof = claimed(&ours, &domain).await;
    for (finding, hours) in [(Finding::Present, 0), (ABSENT, 1), (ABSENT, 2)] {
        let at = now() + TimeDelta::hours(hours);
        assert_eq!(keep(&ours, &proof, &finding, at).await, ProofChange::Kept);
        proof = proof.after(&finding, at);
    }
    assert_eq!(prove(&theirs, &domain).await, ProofChange::Kept);
    let at = now() + TimeDelta::hours(3);
    assert_eq!(keep(&ours, &proof, &Finding::Present, at).await, ProofChange::Taken);
}

/// The second net: what the database refuses whoever asks.
#[tokio::test]
async fn id_05_database_has_one_holder_and_the_gateway_cannot_become_it() {
    let (ours, theirs, domain) = (world().await, world().await, fresh());
    assert_eq!(prove(&ours, &domain).await, ProofChange::Kept);
    claimed(&theirs, &domain).await;
    let take = format!(
        "update domain_proofs set proven_at = now(), seen_at = now(), checked_at = now()
          where tenant_id = '{}'",
        theirs.id
    );
    let mut owner = connect_as(ours.url, "vestibule_operator").await;
    let refused = owner.execute(AssertSqlSafe(take.clone())).await.unwrap_err();
    let constraint = refused.as_database_error().and_then(|error| error.constraint());
    assert_eq!(constraint, Some("domain_proofs_one_holder"));

    let mut gateway = connect_as(ours.url, "vestibule_gateway").await;
    let act = |world: &World| format!("set vestibule.tenant_id = '{}'", world.id);
    gateway.execute(AssertSqlSafe(act(&theirs))).await.unwrap();
    for statement in
        [take.as_str(), "delete from domain_proofs", "insert into domain_proofs default values"]
    {
        let refused = gateway.execute(AssertSqlSafe(statement.to_owned())).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
    let touch = "update domain_proofs set failures = 0";
    assert_eq!(gateway.execute(touch).await.unwrap().rows_affected(), 0, "a claim is not a proof");
    gateway.execute(AssertSqlSafe(act(&ours))).await.unwrap();
    assert_eq!(gateway.execute(touch).await.unwrap().rows_affected(), 1);
}
