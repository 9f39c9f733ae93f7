//! A tenant's configuration, in and out.

use secrecy::{ExposeSecret as _, SecretString};
use store::{ConnectOptions, Role, SecretChange, Store, StoreError, TenantRecord};

use crate::common::connect_as;
use crate::fixture::{World, application_settings, directory_settings, id, now, world};

async fn load(world: &World) -> TenantRecord {
    world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap()
}

#[tokio::test]
async fn tenant_comes_back_as_it_was_written() {
    let world = world().await;
    let record = load(&world).await;
    assert_eq!((record.id, &record.slug, record.name.as_str()), (world.id, &world.slug, "Acme"));
    let [application] = record.applications.as_slice() else { panic!("{record:?}") };
    assert_eq!(application.id, world.application);
    assert_eq!(application.settings, application_settings("imis"));
    assert_eq!(application.secret_hashes, [[1; 32]]);
    let [directory] = record.directories.as_slice() else { panic!("{record:?}") };
    assert_eq!(directory.id, world.directory);
    assert_eq!(directory.settings, directory_settings("okta"));
    let secret = directory.client_secret.as_ref().unwrap();
    assert_eq!(secret.expose_secret(), "upstream secret");
    assert_eq!(world.store.tenant_version(world.id).await.unwrap(), Some(record.version));
}

#[tokio::test]
async fn unknown_tenant_is_none() {
    let world = world().await;
    let unknown = "no-such-tenant".parse().unwrap();
    assert!(world.store.tenant_by_slug(&unknown).await.unwrap().is_none());
    assert_eq!(world.store.tenant_version(broker::id::TenantId(id())).await.unwrap(), None);
    assert!(world.operator.find_tenant(&unknown).await.unwrap().is_none());
}

#[tokio::test]
async fn writing_again_keeps_identifiers_and_secrets() {
    let world = world().await;
    let before = load(&world).await;
    let mut tx = world.operator.begin().await.unwrap();
    assert_eq!(
        tx.put_tenant(&world.slug, "Renamed", broker::settings::TenantPolicy::default(), now())
            .await
            .unwrap(),
        world.id
    );
    let mut application = application_settings("imis");
    application.name = "Other".to_owned();
    let same = tx.put_application(world.id, &application, SecretChange::Keep, now()).await.unwrap();
    assert_eq!(same, world.application);
    let directory = directory_settings("okta");
    let same =
        tx.put_directory(world.id, &directory, SecretChange::Keep.into(), now()).await.unwrap();
    assert_eq!(same, world.directory);
    tx.commit().await.unwrap();
    let after = load(&world).await;
    assert!(after.version > before.version);
    assert_eq!(after.name, "Renamed");
    assert_eq!(after.applications[0].settings.name, "Other");
    assert_eq!(after.applications[0].secret_hashes, [[1; 32]]);
    assert!(after.directories[0].client_secret.is_some());
    let mut tx = world.operator.begin().await.unwrap();
    tx.put_application(world.id, &application, SecretChange::Clear, now()).await.unwrap();
    tx.put_directory(world.id, &directory, SecretChange::Clear.into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let cleared = load(&world).await;
    assert!(cleared.applications[0].secret_hashes.is_empty());
    assert!(cleared.directories[0].client_secret.is_none());
}

#[tokio::test]
async fn dropped_change_is_undone() {
    let world = world().await;
    let mut tx = world.operator.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Renamed", broker::settings::TenantPolicy::default(), now())
        .await
        .unwrap();
    assert!(tx.remove_application(world.id, world.application, now()).await.unwrap());
    drop(tx);
    let record = load(&world).await;
    assert_eq!((record.name.as_str(), record.applications.len()), ("Acme", 1));
}

#[tokio::test]
async fn two_changes_do_not_interleave() {
    let world = world().await;
    let first = world.operator.begin().await.unwrap();
    let operator = world.operator.clone();
    let second = tokio::spawn(async move { operator.begin().await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!second.is_finished());
    // The first key of a tenant aside, logins go on meanwhile.
    world.tenant.commit_login(&world.login("ada")).await.unwrap();
    first.commit().await.unwrap();
    second.await.unwrap().unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn removed_directory_leaves_users_and_history() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_directory(world.id, world.directory, now()).await.unwrap());
    assert!(!tx.remove_directory(world.id, world.directory, now()).await.unwrap());
    tx.commit().await.unwrap();
    for (left, sql) in [
        (1, "select count(*) from users where tenant_id = $1"),
        (1, "select count(*) from logins where tenant_id = $1 and directory_id is null"),
        (0, "select count(*) from identities where tenant_id = $1"),
        (0, "select count(*) from sessions where tenant_id = $1"),
        (0, "select count(*) from grants where tenant_id = $1"),
    ] {
        assert_eq!(world.count(sql).await, left, "{sql}");
    }
}

#[tokio::test]
async fn removed_tenant_takes_everything_along() {
    let world = world().await;
    world.tenant.commit_login(&world.login("ada")).await.unwrap();
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_tenant(world.id, now()).await.unwrap());
    tx.commit().await.unwrap();
    for sql in [
        "select count(*) from tenants where tenant_id = $1",
        "select count(*) from applications where tenant_id = $1",
        "select count(*) from users where tenant_id = $1",
        "select count(*) from logins where tenant_id = $1",
        "select count(*) from grants where tenant_id = $1",
    ] {
        assert_eq!(world.count(sql).await, 0, "{sql}");
    }
    assert!(world.store.tenant_by_slug(&world.slug).await.unwrap().is_none());
}

/// [THREATS SC-03] A sealed value opens in its own row only; what does not open is left out, and
/// the rest of the tenant works.
#[tokio::test]
async fn sc_03_sealed_value_moved_to_another_row_does_not_open() {
    let world = world().await;
    let mut tx = world.operator.begin().await.unwrap();
    let secret = SecretString::from("another secret");
    let other = directory_settings("entra");
    tx.put_directory(world.id, &other, SecretChange::Set(&secret).into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(load(&world).await.directories.len(), 2);
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let sql = "update directories d set sealed_client_secret =
                   (select sealed_client_secret from directories
                     where tenant_id = $1 and slug = 'okta')
                where d.tenant_id = $1 and d.slug = 'entra'";
    sqlx::query(sql).bind(world.id.0).execute(&mut owner).await.unwrap();
    let record = load(&world).await;
    let [left] = record.directories.as_slice() else { panic!("{record:?}") };
    assert_eq!(left.settings.slug.as_str(), "okta");
}

/// [THREATS SC-03]
#[tokio::test]
async fn sc_03_another_master_key_opens_nothing() {
    let world = world().await;
    let other = broker::seal::MasterKey::new(&[8; 32]).unwrap();
    let store = Store::connect(ConnectOptions::new(world.url, Role::Gateway), other).unwrap();
    let error = store.tenant_by_slug(&world.slug).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "tenants", column: "data_key", .. }));
}

/// [THREATS SC-04] What the database holds, as a dump would show it.
#[tokio::test]
async fn sc_04_secrets_are_not_readable_in_the_tables() {
    let world = world().await;
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let dump: String = sqlx::query_scalar(
        "select string_agg(d::text || encode(coalesce(sealed_client_secret, ''), 'escape'), '')
           from directories d where tenant_id = $1",
    )
    .bind(world.id.0)
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert!(dump.contains("okta") && !dump.contains("upstream secret"));
}

#[tokio::test]
async fn one_undecodable_row_does_not_take_the_tenant_down() {
    let world = world().await;
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    sqlx::query("update applications set settings = '{\"name\": 1}' where tenant_id = $1")
        .bind(world.id.0)
        .execute(&mut owner)
        .await
        .unwrap();
    let record = load(&world).await;
    assert_eq!((record.applications.len(), record.directories.len()), (0, 1));
}

#[tokio::test]
async fn literal_secret_in_settings_is_refused() {
    let world = world().await;
    let mut settings = application_settings("x");
    settings.client_secret = Some(broker::settings::SecretSource::Literal("hunter2".into()));
    let mut tx = world.operator.begin().await.unwrap();
    let error =
        tx.put_application(world.id, &settings, SecretChange::Keep, now()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused(why) if !why.contains("hunter2")), "{error:?}");
}

#[tokio::test]
async fn operator_sees_every_tenant_and_the_gateways_role_none() {
    let world = world().await;
    let mut tx = world.operator.begin().await.unwrap();
    let all = tx.tenants().await.unwrap();
    let ours = all.iter().find(|tenant| tenant.id == world.id).unwrap();
    assert_eq!(ours.directories.len(), 1);
    assert_eq!(world.operator.find_tenant(&world.slug).await.unwrap().unwrap().id, world.id);
    let as_gateway = world.store.operator();
    assert!(as_gateway.find_tenant(&world.slug).await.unwrap().is_none());
}
