//! The replacement of the master key, step by step, in a database of its own.

use broker::id::{Slug, TenantId};
use broker::seal::{KeyId, MasterKey};
use broker::settings::TenantPolicy;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::AssertSqlSafe;
use store::{ConnectOptions, KeyInForce, Operator, Role, SecretChange, Store, StoreError};

use crate::common::{connect, create_database};
use crate::fixture::{application_settings, directory_settings, now};

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];

fn ring(keys: &[&[u8; 32]]) -> MasterKey {
    MasterKey::ring(keys).unwrap()
}

fn key_id(key: &[u8; 32]) -> KeyId {
    ring(&[key]).id().unwrap()
}

struct Stage {
    url: String,
}

impl Stage {
    /// A database that was begun with the old key, with some tenants.
    async fn set(tenants: usize) -> Self {
        let stage = Self { url: create_database().await };
        store::migrate(&stage.url).await.unwrap();
        assert!(stage.gateway(&[&OLD]).is_master_key_right().await.unwrap());
        let operator = stage.operator(&[&OLD]);
        for number in 0..tenants {
            make_tenant(&operator, number).await.unwrap();
        }
        stage
    }

    fn gateway(&self, keys: &[&[u8; 32]]) -> Store {
        Store::connect(ConnectOptions::new(&self.url, Role::Gateway), ring(keys)).unwrap()
    }

    fn operator(&self, keys: &[&[u8; 32]]) -> Operator {
        let options = ConnectOptions::new(&self.url, Role::Operator);
        Store::connect(options, ring(keys)).unwrap().operator()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut connect(&self.url).await).await.unwrap()
    }
}

fn slug(number: usize) -> Slug {
    format!("t-{number}").parse().unwrap()
}

async fn make_tenant(operator: &Operator, number: usize) -> Result<TenantId, StoreError> {
    let mut tx = operator.begin().await?;
    let tenant = tx.put_tenant(&slug(number), "Acme", TenantPolicy::default(), now()).await?;
    let hashes = SecretChange::Set(&[[1; 32]][..]);
    tx.put_application(tenant, &application_settings("imis"), hashes, now()).await?;
    let secret = SecretString::from("upstream secret");
    let change = SecretChange::Set(&secret);
    tx.put_directory(tenant, &directory_settings("okta"), change.into(), now()).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// Whether a gateway opens everything of a tenant.
async fn opens(store: &Store, number: usize) -> bool {
    match store.tenant_by_slug(&slug(number)).await {
        Ok(Some(record)) => {
            let secret = record.directories[0].client_secret.as_ref().unwrap();
            matches!(secret.expose_secret(), "upstream secret")
        }
        Ok(None) => panic!("no tenant {number}"),
        Err(StoreError::Corrupt { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// [THREATS SC-03] From the first step to the last a gateway with both keys opens every tenant, with
/// the pairwise identifiers and client secrets that it had; afterwards the new key alone does.
#[tokio::test]
async fn sc_03_replacement_can_stop_anywhere_and_goes_on() {
    let stage = Stage::set(7).await;
    let both = stage.gateway(&[&NEW, &OLD]);
    assert_eq!(both.master_key_in_force().await.unwrap(), KeyInForce::Here);
    let hash =
        |keys: &MasterKey| keys.client_secret_hash(TenantId(uuid::Uuid::nil()), "imis", "secret");
    let before = hash(&ring(&[&OLD]));

    assert!(stage.operator(&[&NEW, &OLD]).begin_replacement(now()).await.unwrap());
    let mut rounds = 0;
    loop {
        // Each round is somebody new, who knows nothing of the one before.
        let operator = stage.operator(&[&NEW, &OLD]);
        assert!(!operator.begin_replacement(now()).await.unwrap());
        for number in 0..7 {
            assert!(opens(&both, number).await, "tenant {number}, round {rounds}");
        }
        let old_alone = stage.gateway(&[&OLD]);
        assert_eq!(old_alone.master_key_in_force().await.unwrap(), KeyInForce::Elsewhere);
        let new_alone = stage.gateway(&[&NEW]);
        let standing = if rounds < 3 { KeyInForce::PreviousNeeded } else { KeyInForce::Here };
        assert_eq!(new_alone.master_key_in_force().await.unwrap(), standing);
        let wrapped = operator.replace_batch(3).await.unwrap();
        let left = operator.replacement().await.unwrap();
        let done = [3, 6, 7, 7][rounds];
        assert_eq!(left.get(&Some(key_id(&NEW))), Some(&done));
        assert_eq!(left.values().sum::<i64>(), 7);
        rounds += 1;
        if wrapped == 0 {
            break;
        }
        let ended = operator.end_replacement(now()).await.unwrap();
        assert_eq!(ended, done == 7);
    }
    assert_eq!(rounds, 4);
    let master = ring(&[&NEW]);
    let options = ConnectOptions::new(&stage.url, Role::Gateway);
    let alone = Store::connect(options, master.clone()).unwrap();
    assert_eq!(alone.master_key_in_force().await.unwrap(), KeyInForce::Here);
    assert!(opens(&alone, 0).await && opens(&alone, 6).await);
    assert_eq!(hash(&master), before);
    assert!(!opens(&stage.gateway(&[&OLD]), 0).await);
    let told = "select count(*) from installation_events where act like 'master_key.%'";
    assert_eq!(stage.count(told).await, 2);
}

/// [THREATS SC-03] While it is under way nobody writes with the old key any more.
#[tokio::test]
async fn sc_03_tenant_made_during_a_replacement_is_the_new_keys() {
    let stage = Stage::set(1).await;
    let both = stage.operator(&[&NEW, &OLD]);
    make_tenant(&both, 1).await.unwrap();
    let counted = both.replacement().await.unwrap();
    assert_eq!(counted, [(Some(key_id(&OLD)), 2)].into());
    assert!(both.begin_replacement(now()).await.unwrap());
    make_tenant(&both, 2).await.unwrap();
    let refused = make_tenant(&stage.operator(&[&OLD]), 3).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { table: "installation", .. }), "{refused}");
    let counted = both.replacement().await.unwrap();
    assert_eq!(counted, [(Some(key_id(&OLD)), 2), (Some(key_id(&NEW)), 1)].into());
}

/// [THREATS SC-03] A key that is not here is not replaced, and what it wraps does not open.
#[tokio::test]
async fn sc_03_unknown_key_id_fails_closed_and_stops_a_replacement() {
    let stage = Stage::set(2).await;
    let strange = ring(&[&[9; 32]]);
    let id: uuid::Uuid = sqlx::query_scalar("select tenant_id from tenants where slug = 't-1'")
        .fetch_one(&mut connect(&stage.url).await)
        .await
        .unwrap();
    let wrapped = strange.wrap(TenantId(id), [1; 12], &[2; 32]).unwrap();
    sqlx::query("update tenants set data_key = $1 where tenant_id = $2")
        .bind(wrapped)
        .bind(id)
        .execute(&mut connect(&stage.url).await)
        .await
        .unwrap();
    let both = stage.gateway(&[&NEW, &OLD]);
    assert!(opens(&both, 0).await && !opens(&both, 1).await);
    let error = stage.operator(&[&NEW, &OLD]).begin_replacement(now()).await.unwrap_err();
    assert!(error.to_string().contains(&strange.id().unwrap().to_string()), "{error}");
    assert!(stage.gateway(&[&OLD]).is_master_key_right().await.unwrap(), "nothing was changed");
}

/// What the release before wrote names no key; it is read, counted, and gone after a replacement.
#[tokio::test]
async fn form_without_a_key_id_is_read_and_replaced() {
    let stage = Stage::set(0).await;
    let old_form = |place: &[&str], plain: &[u8]| {
        let salt =
            aws_lc_rs::hkdf::Salt::new(aws_lc_rs::hkdf::HKDF_SHA256, b"vestibule master key v1");
        let mut wrap = [0; 32];
        let master = salt.extract(&OLD);
        let okm = master.expand(&[b"wrap"], aws_lc_rs::hkdf::HKDF_SHA256).unwrap();
        okm.fill(&mut wrap).unwrap();
        broker::seal::SealingKey::new(&wrap).unwrap().seal(place, [1; 12], plain).unwrap()
    };
    let hex = |bytes: Vec<u8>| {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let mark = hex(old_form(&["installation", "key_check"], b"vestibule"));
    let set = format!("update installation set key_check = '\\x{mark}'");
    sqlx::query(AssertSqlSafe(set)).execute(&mut connect(&stage.url).await).await.unwrap();
    make_tenant(&stage.operator(&[&OLD]), 0).await.unwrap();
    let both = stage.operator(&[&NEW, &OLD]);
    // Nodes of the release before still run: what is new has to be readable to them.
    assert_eq!(both.replacement().await.unwrap(), [(None, 1)].into());
    assert!(opens(&stage.gateway(&[&NEW, &OLD]), 0).await);
    assert!(both.begin_replacement(now()).await.unwrap());
    assert_eq!(both.replace_batch(10).await.unwrap(), 1);
    assert!(both.end_replacement(now()).await.unwrap());
    assert_eq!(both.replacement().await.unwrap(), [(Some(key_id(&NEW)), 1)].into());
    assert!(opens(&stage.gateway(&[&NEW]), 0).await);
}

/// A running gateway with both keys learns of it without a restart.
#[tokio::test]
async fn sc_03_running_gateway_seals_with_the_key_in_force() {
    let stage = Stage::set(1).await;
    let master = ring(&[&NEW, &OLD]);
    let options = ConnectOptions::new(&stage.url, Role::Gateway);
    let gateway = Store::connect(options, master.clone()).unwrap();
    gateway.master_key_in_force().await.unwrap();
    assert_eq!(master.id().unwrap(), key_id(&OLD));
    let cookie = master.browser_key().seal(&["p"], [1; 12], b"v").unwrap();
    stage.operator(&[&NEW, &OLD]).begin_replacement(now()).await.unwrap();
    gateway.master_key_in_force().await.unwrap();
    assert_eq!(master.id().unwrap(), key_id(&NEW));
    assert_eq!(master.browser_key().open(&["p"], &cookie).unwrap(), b"v");
}
