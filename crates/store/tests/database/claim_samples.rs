//! What sign-ins said of people, kept to try rows on.

use broker::id::{DirectoryId, LoginId, TenantId, UserId};
use broker::settings::TenantPolicy;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::claim_samples::{MAX_CLAIMS, PER_DIRECTORY};
use store::{ClaimRecord, CleanupReport, LoginOutcome, SaidClaims, WhichSamples};

use crate::common::{connect, connect_as};
use crate::fixture::{World, id, new_user, now, world};

/// What nobody may find outside.
const CANARY: &str = "canary-of-claims@acme.example";

fn said(text: &str) -> SaidClaims {
    SaidClaims::of(json!({ "sub": text, "nonce": "n" }).as_object().unwrap(), None)
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

impl World {
    /// Somebody who signed in.
    async fn somebody(&self) -> UserId {
        let name = id().simple().to_string();
        let login = self.login(&name);
        let login = store::LoginCommit { user: new_user(&name), ..login };
        assert_eq!(self.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
        login.user.user().id
    }

    pub(crate) fn said(&self, user: Option<UserId>, text: &str) -> ClaimRecord {
        let (tenant, directory, login) = (self.id, self.directory, LoginId(id()));
        ClaimRecord { tenant, directory, user, login, at: now(), said: said(text) }
    }

    async fn subjects(&self, which: WhichSamples) -> Vec<String> {
        let all = self.operator.claim_samples(self.id, which).await.unwrap();
        all.into_iter().map(|one| one.said.id_token["sub"].as_str().unwrap().to_owned()).collect()
    }

    async fn people(&self) -> Vec<String> {
        self.subjects(WhichSamples::People(None, 100)).await
    }

    async fn set_policy(&self, forget_claims: bool) {
        let policy = TenantPolicy { forget_claims, ..TenantPolicy::default() };
        let mut tx = self.operator.begin().await.unwrap();
        tx.put_tenant(&self.slug, "Acme", policy, now()).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn newest_claims_of_each_person_are_kept_and_the_last_test_apart() {
    let world = world().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let at = |record: ClaimRecord, seconds| ClaimRecord { at: later(seconds), ..record };
    for (records, written) in [
        // Of one batch the latest, in whatever order.
        (vec![at(world.said(Some(ada), "ada 2"), 2), at(world.said(Some(ada), "ada 1"), 1)], 1),
        (vec![at(world.said(Some(bob), "bob"), 3), at(world.said(None, "test 1"), 3)], 2),
        // What arrives late changes nothing.
        (vec![at(world.said(Some(ada), "ada 0"), 0)], 0),
        (vec![at(world.said(None, "test 2"), 9)], 1),
    ] {
        assert_eq!(world.store.record_claims(&records).await.unwrap(), written);
    }
    assert_eq!(world.people().await, ["bob", "ada 2"]);
    assert_eq!(world.subjects(WhichSamples::People(Some(world.directory), 1)).await, ["bob"]);
    assert_eq!(world.subjects(WhichSamples::Test(world.directory)).await, ["test 2"]);
    let all = world.operator.claim_samples(world.id, WhichSamples::People(None, 9)).await.unwrap();
    let person = all[1].person.as_ref().unwrap();
    assert_eq!((person.id, all[1].at, all[1].directory), (ada, later(2), world.directory));
    assert_eq!(Value::Object(all[1].said.id_token.clone()), json!({ "sub": "ada 2" }));
}

/// [THREATS RX-04] A directory keeps a fixed number of people, and nothing large.
#[tokio::test]
async fn rx_04_directory_keeps_the_last_people_and_nothing_large() {
    let world = world().await;
    let most = usize::from(PER_DIRECTORY);
    let mut records = Vec::new();
    for n in 0..most + 3 {
        let record = world.said(Some(world.somebody().await), &n.to_string());
        records.push(ClaimRecord { at: later(i64::try_from(n).unwrap()), ..record });
    }
    // In two batches, as from two nodes.
    world.store.record_claims(&records[..10]).await.unwrap();
    world.store.record_claims(&records[10..]).await.unwrap();
    let kept = world.people().await;
    assert_eq!((kept.len(), kept.last().map(String::as_str)), (most, Some("3")));
    let large = world.said(Some(world.somebody().await), &"x".repeat(MAX_CLAIMS));
    assert_eq!(world.store.record_claims(&[large]).await.unwrap(), 0);
    assert_eq!(world.people().await, kept);
}

/// [THREATS TN-02] Nothing is kept of what is another tenant's or of nobody, and nothing is found
/// there.
#[tokio::test]
async fn tn_02_claims_are_of_the_tenants_own_people() {
    let (ours, theirs) = (world().await, world().await);
    let (ada, bob) = (ours.somebody().await, theirs.somebody().await);
    for record in [
        ours.said(Some(bob), "their person"),
        ours.said(Some(UserId(id())), "nobody"),
        ClaimRecord { directory: theirs.directory, ..ours.said(Some(ada), "their directory") },
        ClaimRecord { directory: DirectoryId(id()), ..ours.said(None, "no directory") },
        ClaimRecord { tenant: TenantId(id()), ..ours.said(None, "no tenant") },
    ] {
        let case = format!("{record:?}");
        assert_eq!(ours.store.record_claims(&[record]).await.unwrap(), 0, "{case}");
    }
    assert_eq!(ours.store.record_claims(&[ours.said(Some(ada), "ada")]).await.unwrap(), 1);
    assert_eq!(theirs.people().await, [""; 0]);
    assert_eq!(theirs.subjects(WhichSamples::Test(ours.directory)).await, [""; 0]);
    let of_theirs = WhichSamples::People(Some(ours.directory), 9);
    assert_eq!(theirs.subjects(of_theirs).await, [""; 0]);
}

/// [THREATS SC-03] [THREATS SC-04] A dump shows no claim, and a row that was moved opens nowhere.
#[tokio::test]
async fn sc_03_sc_04_claims_are_sealed_for_their_row() {
    let world = world().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let records =
        [world.said(Some(ada), CANARY), world.said(Some(bob), "bob"), world.said(None, CANARY)];
    assert_eq!(world.store.record_claims(&records).await.unwrap(), 3);
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let rows: Vec<(Vec<u8>, String)> =
        sqlx::query_as("select sealed_claims, s::text from claim_samples s where tenant_id = $1")
            .bind(world.id.0)
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert_eq!(rows.len(), 3);
    for (sealed, text) in rows {
        let seen = String::from_utf8_lossy(&sealed).into_owned() + &text;
        assert!(!seen.contains("canary"), "{seen}");
    }
    // Ada's claims under Bob's name.
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    let moved = format!(
        "begin; set local vestibule.tenant_id = '{}';
         update claim_samples s set sealed_claims = o.sealed_claims from claim_samples o
          where s.subject_id = '{}' and o.subject_id = '{}'; commit",
        world.id, bob, ada
    );
    sqlx::raw_sql(AssertSqlSafe(moved)).execute(&mut gateway).await.unwrap();
    assert_eq!(world.people().await, [CANARY]);
}

/// They end with the timelines, the person, the directory, and the word of the tenant.
#[tokio::test]
async fn claims_end_with_timelines_people_directories_and_by_the_tenants_word() {
    let world = world().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let records = [world.said(Some(ada), "ada"), world.said(None, "test")];
    world.store.record_claims(&records).await.unwrap();
    let removed = |days| world.tenant.cleanup(now() + TimeDelta::days(days), 100);
    assert_eq!(removed(29).await.unwrap().claim_samples, 0);
    let report = removed(31).await.unwrap();
    assert_eq!(report.claim_samples, 2);
    assert!(CleanupReport { claim_samples: 5, ..CleanupReport::default() }.reached(5));

    // Whoever forgets has nothing from then on, and nothing new is kept; tests are.
    world.store.record_claims(&records).await.unwrap();
    world.set_policy(true).await;
    assert_eq!(world.people().await, [""; 0]);
    let again = [world.said(Some(bob), "bob"), world.said(None, "test 2")];
    assert_eq!(world.store.record_claims(&again).await.unwrap(), 1);
    assert_eq!(world.subjects(WhichSamples::Test(world.directory)).await, ["test 2"]);
    world.set_policy(false).await;
    assert_eq!(world.store.record_claims(&again[..1]).await.unwrap(), 1);

    let mut owner = connect(world.url).await;
    for (statement, left) in [
        (format!("delete from users where user_id = '{bob}'"), 1),
        (format!("delete from directories where directory_id = '{}'", world.directory), 0),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
        let count = "select count(*) from claim_samples where tenant_id = $1";
        assert_eq!(world.count(count).await, left);
    }
}
