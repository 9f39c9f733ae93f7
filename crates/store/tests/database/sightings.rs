//! What was observed of a tenant, and the last requests of its applications.

use broker::id::{ApplicationId, DirectoryId, TenantId};
use chrono::{DateTime, TimeDelta, Utc};
use store::{
    SightingKind, SightingRecord, SightingSubject, StoreError, TraceEntry, TraceRecord, traces,
};

use crate::fixture::{World, application_settings, id, now, world};

impl World {
    /// Something of every kind, and a request of each ring.
    pub(crate) async fn observe(&self) {
        let records: Vec<_> = SightingKind::ALL.into_iter().map(|kind| self.seen(kind)).collect();
        assert_eq!(self.store.record_sightings(&records).await.unwrap(), 9);
        let rings =
            [(None, false), (Some(self.application), false), (Some(self.application), true)];
        let records: Vec<_> =
            rings.map(|(application, proven)| self.request(application, proven, now())).into();
        assert_eq!(self.store.record_traces(&records).await.unwrap(), 3);
    }

    fn seen(&self, kind: SightingKind) -> SightingRecord {
        use SightingKind as Kind;
        let subject = match kind {
            Kind::Discovery | Kind::Keys | Kind::UnknownClient => SightingSubject::Tenant,
            Kind::Authorization
            | Kind::RedirectUriRefused
            | Kind::ClientRefused
            | Kind::Redeemed => SightingSubject::Application(self.application),
            Kind::DirectoryTested | Kind::DirectorySignIn => {
                SightingSubject::Directory(self.directory)
            }
        };
        SightingRecord { tenant: self.id, kind, subject, at: now(), detail: String::new() }
    }

    fn request(
        &self,
        application: Option<ApplicationId>,
        is_proven: bool,
        at: DateTime<Utc>,
    ) -> TraceRecord {
        let pairs = [("scope", "openid \"x\" \\u{e9}"), ("code", "present, 43 characters")];
        let entry = TraceEntry {
            at,
            endpoint: "token".to_owned(),
            method: "POST".to_owned(),
            parameters: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            status: 400,
            error: "invalid_grant".to_owned(),
            is_proven,
        };
        TraceRecord { tenant: self.id, application, entry }
    }

    async fn sighted(&self) -> Vec<(&'static str, String, String)> {
        let all = self.operator.sightings(self.id).await.unwrap();
        all.into_iter().map(|one| (one.kind.as_str(), one.subject, one.detail)).collect()
    }
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

#[tokio::test]
async fn sightings_keep_the_first_and_the_last() {
    let world = world().await;
    let first = SightingRecord { detail: "one".to_owned(), ..world.seen(SightingKind::Redeemed) };
    let last = SightingRecord { detail: "two".to_owned(), at: later(60), ..first.clone() };
    for (records, written) in [
        // Of one batch the latest, in whatever order.
        (vec![SightingRecord { at: later(1), ..first.clone() }, first.clone()], 1),
        (vec![last.clone()], 1),
        // What arrives late changes nothing.
        (vec![SightingRecord { at: later(30), ..first }], 0),
    ] {
        assert_eq!(world.store.record_sightings(&records).await.unwrap(), written);
    }
    let seen = world.operator.sightings(world.id).await.unwrap();
    let [one] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((one.first_at, one.last_at), (later(1), later(60)));
    assert_eq!((one.kind, one.subject.as_str(), one.detail.as_str()), (last.kind, "imis", "two"));
}

#[tokio::test]
async fn every_kind_is_told_with_the_name_of_its_subject() {
    let world = world().await;
    world.observe().await;
    let subjects: Vec<_> = world.sighted().await.into_iter().map(|one| (one.0, one.1)).collect();
    let wanted = [
        ("authorization", "imis"),
        ("client_refused", "imis"),
        ("directory_sign_in", "okta"),
        ("directory_tested", "okta"),
        ("discovery", ""),
        ("keys", ""),
        ("redeemed", "imis"),
        ("redirect_uri_refused", "imis"),
        ("unknown_client", ""),
    ];
    assert_eq!(subjects, wanted.map(|(kind, subject)| (kind, subject.to_owned())));
}

/// Nothing can be kept of what does not exist, of what is another tenant's, or under the wrong kind.
#[tokio::test]
async fn tn_02_sightings_are_of_what_the_tenant_has() {
    let (ours, theirs) = (world().await, world().await);
    let stranger = |subject| SightingRecord { subject, ..ours.seen(SightingKind::Authorization) };
    for subject in [
        SightingSubject::Application(theirs.application),
        SightingSubject::Application(ApplicationId(id())),
        SightingSubject::Directory(DirectoryId(id())),
        SightingSubject::Directory(ours.directory),
        SightingSubject::Tenant,
    ] {
        let written = ours.store.record_sightings(&[stranger(subject)]).await.unwrap();
        assert_eq!(written, 0, "{subject:?}");
    }
    let record = ours.request(Some(theirs.application), true, now());
    assert_eq!(ours.store.record_traces(&[record]).await.unwrap(), 0);
    // Nobody proves to be nobody.
    assert_eq!(ours.store.record_traces(&[ours.request(None, true, now())]).await.unwrap(), 0);
    // One tenant that is gone costs the others nothing.
    let gone = SightingRecord { tenant: TenantId(id()), ..ours.seen(SightingKind::Discovery) };
    let records = [gone, theirs.seen(SightingKind::Keys), ours.seen(SightingKind::Keys)];
    assert_eq!(ours.store.record_sightings(&records).await.unwrap(), 2);
    for world in [&ours, &theirs] {
        assert_eq!(world.sighted().await, [("keys", String::new(), String::new())]);
        assert_eq!(world.operator.trace(world.id, "imis").await.unwrap(), []);
    }
}

#[tokio::test]
async fn trace_comes_back_as_it_was_written() {
    let world = world().await;
    let record = world.request(Some(world.application), false, now());
    let anybody = world.request(None, false, later(1));
    let records = [record.clone(), anybody.clone()];
    assert_eq!(world.store.record_traces(&records).await.unwrap(), 2);
    assert_eq!(world.operator.trace(world.id, "imis").await.unwrap(), [record.entry]);
    assert_eq!(world.operator.trace(world.id, "").await.unwrap(), [anybody.entry]);
    assert_eq!(world.operator.trace(world.id, "other").await.unwrap(), []);
    assert_eq!(world.operator.trace(TenantId(id()), "").await.unwrap(), []);
}

/// [THREATS RX-04] However many come, in batches or one by one, the newest twenty of a ring stay,
/// and one ring pushes nothing out of another.
#[tokio::test]
async fn rx_04_a_ring_keeps_the_newest_and_no_more() {
    let world = world().await;
    let proven = world.request(Some(world.application), true, now());
    world.store.record_traces(std::slice::from_ref(&proven)).await.unwrap();
    let mut second = 0;
    for batch in [1, 7, 50, 1, 1, 30, 3] {
        let mut records: Vec<_> = (0..batch)
            .map(|n| world.request(Some(world.application), false, later(second + n)))
            .collect();
        records.extend((0..batch).map(|n| world.request(None, false, later(second + n))));
        second += batch;
        world.store.record_traces(&records).await.unwrap();
    }
    let newest: Vec<_> = (second - 20..second).rev().map(later).collect();
    let entries = world.operator.trace(world.id, "imis").await.unwrap();
    let of_anybody = entries.iter().filter(|entry| !entry.is_proven).map(|entry| entry.at);
    assert_eq!(of_anybody.collect::<Vec<_>>(), newest);
    assert_eq!(entries.last(), Some(&proven.entry));
    let unknown = world.operator.trace(world.id, "").await.unwrap();
    assert_eq!(unknown.iter().map(|entry| entry.at).collect::<Vec<_>>(), newest);
    let rows = world.count("select count(*) from protocol_traces where tenant_id = $1").await;
    assert_eq!(rows, 2 * i64::try_from(traces::PER_RING).unwrap() + 1);
}

/// Requests end with the timelines of their day, and their slots are free for new ones.
#[tokio::test]
async fn requests_end_with_timelines_and_leave_room() {
    let world = world().await;
    let days = TimeDelta::days;
    let at = |day| world.request(Some(world.application), false, now() + days(day));
    world.store.record_traces(&[at(0), at(1), at(20)]).await.unwrap();
    let removed = |day, limit| world.tenant.cleanup(now() + days(day), limit);
    assert_eq!(removed(29, 100).await.unwrap().traces, 0);
    let report = removed(32, 1).await.unwrap();
    assert_eq!(report.traces, 1);
    assert!(report.reached(1));
    let left = world.operator.trace(world.id, "imis").await.unwrap();
    assert_eq!(left, [at(20).entry, at(1).entry], "the oldest goes first");
    assert_eq!(removed(32, 100).await.unwrap().traces, 1);
    world.store.record_traces(&[at(32)]).await.unwrap();
    let left = world.operator.trace(world.id, "imis").await.unwrap();
    assert_eq!(left, [at(32).entry, at(20).entry]);
}

/// Several nodes write at once: none fails, and the rings stay rings.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_write_at_once_do_not_stop_each_other() {
    let world = world().await;
    let mut tasks = tokio::task::JoinSet::new();
    for node in 0..8 {
        let store = world.store.clone();
        let kinds = SightingKind::ALL
            .into_iter()
            .map(|kind| SightingRecord { at: later(node), ..world.seen(kind) });
        let seen: Vec<_> = kinds.collect();
        let requests: Vec<_> = (0..5)
            .map(|n| world.request(Some(world.application), true, later(node * 5 + n)))
            .collect();
        tasks.spawn(async move {
            store.record_sightings(&seen).await.unwrap();
            assert_eq!(store.record_traces(&requests).await.unwrap(), 5);
        });
    }
    tasks.join_all().await;
    assert_eq!(world.sighted().await.len(), 9);
    assert_eq!(world.operator.trace(world.id, "imis").await.unwrap().len(), traces::PER_RING);
}

/// What is too long or cannot be seen is not kept, whoever forgets to make it short and visible.
#[tokio::test]
async fn rx_04_the_database_refuses_what_is_too_much() {
    let world = world().await;
    for detail in ["x".repeat(501), "a\nb".to_owned(), "\u{202e}".to_owned(), "é".to_owned()] {
        let record = SightingRecord { detail, ..world.seen(SightingKind::UnknownClient) };
        assert_eq!(world.store.record_sightings(&[record]).await.unwrap(), 0);
    }
    let mut record = world.request(None, false, now());
    record.entry.parameters = vec![("scope".to_owned(), "x".repeat(1_800))];
    assert_eq!(world.store.record_traces(&[record]).await.unwrap(), 0);
    let with_nul =
        SightingRecord { detail: "\0".to_owned(), ..world.seen(SightingKind::UnknownClient) };
    assert_eq!(world.store.record_sightings(&[with_nul]).await.unwrap(), 0);
    assert_eq!(world.sighted().await, []);
}

/// What was observed goes with what it was observed of.
#[tokio::test]
async fn observations_end_with_their_application_directory_and_tenant() {
    let world = world().await;
    world.observe().await;
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_application(world.id, world.application, now()).await.unwrap());
    let other = application_settings("other");
    tx.put_application(world.id, &other, store::SecretChange::Keep, now()).await.unwrap();
    tx.commit().await.unwrap();
    let kinds = world.sighted().await.into_iter().map(|one| one.0);
    let left = ["directory_sign_in", "directory_tested", "discovery", "keys", "unknown_client"];
    assert_eq!(kinds.collect::<Vec<_>>(), left);
    let rows = "select count(*) from protocol_traces where tenant_id = $1";
    assert_eq!(world.count(rows).await, 1);
    // One that is written late finds nothing to belong to.
    let late = world.request(Some(world.application), true, now());
    assert_eq!(world.store.record_traces(&[late]).await.unwrap(), 0);
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_tenant(world.id, now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(world.sighted().await, []);
    assert_eq!(world.count(rows).await, 0);
}

#[tokio::test]
async fn database_that_is_away_is_told() {
    let world = world().await;
    world.store.close().await;
    let error = world.store.record_sightings(&[world.seen(SightingKind::Keys)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}
