//! A tenant with an application and a directory, made through the front door, and what happens
//! to it.

use std::time::Duration;

use broker::id::{ApplicationId, DirectoryId, GrantId, LoginId, SessionId, Slug, TenantId, UserId};
use broker::profile::Profile;
use broker::seal::MasterKey;
use broker::settings::{ApplicationSettings, DirectorySettings, TenantPolicy};
use broker::timeline::{Step, Timeline};
use broker::user::{Identity, KnownUser, Resolved, Sighting, User};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::json;
use store::{
    ConnectOptions, LoginCommit, NewGrant, NewRefreshToken, NewSession, Operator, Redemption, Role,
    SecretChange, Store, TenantStore,
};
use uuid::Uuid;

use crate::common::database;

/// A moment; the database's own clock plays no part.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn master() -> MasterKey {
    MasterKey::new(&[7; 32]).unwrap()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

pub(crate) fn id() -> Uuid {
    Uuid::from_bytes(random())
}

pub(crate) struct World {
    pub(crate) url: &'static str,
    pub(crate) store: Store,
    pub(crate) operator: Operator,
    pub(crate) slug: Slug,
    pub(crate) id: TenantId,
    pub(crate) tenant: TenantStore,
    pub(crate) application: ApplicationId,
    pub(crate) directory: DirectoryId,
}

pub(crate) fn application_settings(client_id: &str) -> ApplicationSettings {
    serde_json::from_value(json!({
        "client_id": client_id, "name": "iMIS", "redirect_uris": ["https://imis.example/"],
    }))
    .unwrap()
}

pub(crate) fn directory_settings(slug: &str) -> DirectorySettings {
    serde_json::from_value(json!({
        "slug": slug, "name": "Staff", "issuer": "https://idp.example", "client_id": "vestibule",
    }))
    .unwrap()
}

/// A new tenant, with as many connections as asked for.
pub(crate) async fn world_with(connections: u32) -> World {
    world_at(database().await, connections).await
}

/// The same in a database of one's own, which has to be migrated.
pub(crate) async fn world_at(url: &'static str, connections: u32) -> World {
    let options = |role| ConnectOptions {
        max_connections: connections,
        acquire_timeout: Duration::from_secs(30),
        ..ConnectOptions::new(url, role)
    };
    let store = Store::connect(options(Role::Gateway), master()).unwrap();
    let operator = Store::connect(options(Role::Operator), master()).unwrap().operator();
    let slug: Slug = format!("t-{}", id().simple()).parse().unwrap();
    let mut tx = operator.begin().await.unwrap();
    let tenant = tx.put_tenant(&slug, "Acme", TenantPolicy::default(), now()).await.unwrap();
    let secret = SecretChange::Set(&[[1; 32]][..]);
    let application =
        tx.put_application(tenant, &application_settings("imis"), secret, now()).await.unwrap();
    let secret = SecretString::from("upstream secret");
    let directory = tx
        .put_directory(
            tenant,
            &directory_settings("okta"),
            SecretChange::Set(&secret).into(),
            now(),
        )
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let tenant_store = store.tenant(tenant);
    World { url, store, operator, slug, id: tenant, tenant: tenant_store, application, directory }
}

pub(crate) async fn world() -> World {
    world_with(4).await
}

impl World {
    pub(crate) fn identity(&self, subject: &str) -> Identity {
        Identity {
            directory: self.directory,
            issuer: "https://idp.example".to_owned(),
            subject: subject.to_owned(),
        }
    }

    /// A login of a person who was never seen before, with a code.
    pub(crate) fn login(&self, subject: &str) -> LoginCommit {
        let user = new_user(&format!("E-{subject}"));
        let grant = grant(&user.user().sub);
        LoginCommit {
            login: LoginId(id()),
            application: self.application,
            identity: self.identity(subject),
            email: None,
            user,
            session: session(),
            grant: Some(grant),
            timeline: timeline("done"),
            started_at: now() - TimeDelta::seconds(20),
            now: now(),
        }
    }

    /// The user of an identity, if it was ever seen.
    pub(crate) async fn known(&self, identity: &Identity) -> Option<KnownUser> {
        match self.tenant.known_user(identity, None).await.unwrap() {
            Sighting::Identity(known) => Some(known),
            Sighting::Address(none) => {
                assert!(none.is_empty(), "{none:?}");
                None
            }
        }
    }

    /// A number that a statement of the owner finds, with no row-level security in the way.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = crate::common::connect_as(self.url, "vestibule_operator").await;
        sqlx::query_scalar(sql).bind(self.id.0).fetch_one(&mut connection).await.unwrap()
    }
}

pub(crate) fn new_user(external_id: &str) -> Resolved {
    Resolved::New(User {
        id: UserId(id()),
        sub: id().simple().to_string(),
        external_id: external_id.to_owned(),
    })
}

pub(crate) fn timeline(text: &str) -> Timeline {
    let mut timeline = Timeline::new();
    timeline.note(now(), Step::Answer, text);
    timeline
}

pub(crate) fn session() -> NewSession {
    NewSession {
        id: SessionId(id()),
        token_hash: random(),
        replaces: None,
        profile: Profile(json!({ "email": "ada@example.org" }).as_object().unwrap().clone()),
        auth_time: Some(now() - TimeDelta::seconds(5)),
        acr: Some("urn:acr".to_owned()),
        amr: vec!["pwd".to_owned()],
        expires_at: now() + TimeDelta::hours(8),
    }
}

pub(crate) fn grant(sub: &str) -> NewGrant {
    NewGrant {
        id: GrantId(id()),
        code_hash: random(),
        code_expires_at: now() + TimeDelta::seconds(60),
        redirect_uri: "https://imis.example/".to_owned(),
        code_challenge: Some("challenge".to_owned()),
        nonce: Some("nonce".to_owned()),
        scope: vec!["openid".to_owned(), "email".to_owned()],
        claims: json!({ "staff": "1" }).as_object().unwrap().clone(),
        sub: sub.to_owned(),
    }
}

/// What a token request makes of the code of a login, without a refresh token.
pub(crate) fn redemption(login: &LoginCommit) -> Redemption {
    Redemption {
        code_hash: login.grant.as_ref().unwrap().code_hash,
        client_id: "imis".to_owned(),
        access_token_hash: random(),
        access_token_expires_at: now() + TimeDelta::hours(1),
        refresh: None,
        now: now(),
    }
}

/// The first token of a family.
pub(crate) fn refresh_token() -> NewRefreshToken {
    NewRefreshToken {
        family_hash: random(),
        hash: random(),
        expires_at: now() + TimeDelta::days(14),
        family_expires_at: now() + TimeDelta::days(90),
    }
}
