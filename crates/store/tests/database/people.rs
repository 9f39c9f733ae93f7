//! Users as staff see them: a list, and whom they keep out.

use broker::email::DomainPattern;
use broker::user::{JoinReason, Resolved};
use secrecy::SecretString;
use store::{
    BlockChange, LoginCommit, LoginOutcome, Move, Moving, PersonQuery, Redeemed, SecretChange,
    StoreError, WhichPerson,
};

use crate::fixture::{World, directory_settings, now, redemption, world};

async fn signed_in(world: &World, subject: &str, email: Option<&str>) -> LoginCommit {
    let login = LoginCommit { email: email.map(str::to_owned), ..world.login(subject) };
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    login
}

async fn found(world: &World, query: PersonQuery<'_>) -> Vec<String> {
    let people = world.operator.people(world.id, &query).await.unwrap();
    people.into_iter().map(|one| one.external_id).collect()
}

async fn acts(world: &World, act: &'static str) -> i64 {
    let mut connection = crate::common::connect_as(world.url, "vestibule_operator").await;
    let count = "select count(*) from audit_events where tenant_id = $1 and act = $2";
    sqlx::query_scalar(count).bind(world.id.0).bind(act).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn list_is_in_pages_and_looks_through_every_name() {
    let (world, theirs) = (world().await, world().await);
    for (subject, email) in
        [("ada", Some("ada@acme.example")), ("bob", None), ("eve", Some("eve@acme.example"))]
    {
        signed_in(&world, subject, email).await;
    }
    signed_in(&theirs, "zoe", None).await;
    let all = PersonQuery { limit: 2, ..PersonQuery::default() };
    assert_eq!(found(&world, all.clone()).await, ["E-ada", "E-bob"]);
    let rest = PersonQuery { after: Some("E-bob"), ..all.clone() };
    assert_eq!(found(&world, rest).await, ["E-eve"]);
    for (search, wanted) in [
        ("EVE@", vec!["E-eve"]),
        ("e-b", vec!["E-bob"]),
        ("acme", vec!["E-ada", "E-eve"]),
        ("%", vec![]),
        ("zoe", vec![]),
    ] {
        let query = PersonQuery { search: Some(search), limit: 10, ..PersonQuery::default() };
        assert_eq!(found(&world, query).await, wanted, "{search}");
    }
    let blocked = PersonQuery { blocked: true, limit: 10, ..PersonQuery::default() };
    assert!(found(&world, blocked).await.is_empty());
}

#[tokio::test]
async fn person_is_found_by_each_name_and_never_guessed() {
    let (world, theirs) = (world().await, world().await);
    let login = signed_in(&world, "ada", Some("ada@acme.example")).await;
    let user = login.user.user();
    for name in ["Ada@acme.example", "E-ada", user.sub.as_str()] {
        let found = world.operator.find_person(world.id, name).await.unwrap();
        assert!(matches!(found, WhichPerson::One(one) if one.id == user.id), "{name}");
        let elsewhere = theirs.operator.find_person(theirs.id, name).await.unwrap();
        assert_eq!(elsewhere, WhichPerson::Nobody, "{name}");
    }
    for name in ["ada", "e-ada", ""] {
        let found = world.operator.find_person(world.id, name).await.unwrap();
        assert_eq!(found, WhichPerson::Nobody, "{name}");
    }
    // Two people of one mailbox: staff have to say which.
    signed_in(&world, "twin", Some("ada@acme.example")).await;
    let several = world.operator.find_person(world.id, "ada@acme.example").await.unwrap();
    assert!(matches!(several, WhichPerson::Several(people) if people.len() == 2));
}

#[tokio::test]
async fn person_is_told_with_identities_and_live_sessions_to_their_tenant_alone() {
    let (world, theirs) = (world().await, world().await);
    let login = signed_in(&world, "ada", Some("ada@acme.example")).await;
    let user = login.user.user().id;
    let told = world.operator.person(world.id, user, now()).await.unwrap().unwrap();
    assert_eq!(told.person.external_id, "E-ada");
    let identities: Vec<_> =
        told.identities.iter().map(|one| (one.directory.as_str(), one.subject.as_str())).collect();
    assert_eq!((identities, told.sessions), (vec![("okta", "ada")], 1));
    let later = login.session.expires_at;
    let told = world.operator.person(world.id, user, later).await.unwrap().unwrap();
    assert_eq!(told.sessions, 0);
    assert_eq!(theirs.operator.person(theirs.id, user, now()).await.unwrap(), None);
    let found = world.operator.login_by_support_code(&login.login.support_code()).await.unwrap();
    let of: Vec<_> = found.into_iter().filter_map(|one| Some(one.user?.external_id)).collect();
    assert_eq!(of, ["E-ada"]);
}

#[tokio::test]
async fn tk_12_blocking_ends_sessions_codes_and_tokens_at_once_and_is_audited() {
    let world = world().await;
    let (login, other) =
        (signed_in(&world, "ada", None).await, signed_in(&world, "eve", None).await);
    let user = login.user.user().id;
    let redeemed = redemption(&login);
    assert_eq!(world.tenant.redeem_code(&redeemed).await.unwrap(), Redeemed::Yes);

    let change = world.operator.block_person(world.id, user, now()).await.unwrap();
    assert_eq!(change, BlockChange { changed: true, sessions: 1, grants: 1 });
    let again = world.operator.block_person(world.id, user, now()).await.unwrap();
    assert_eq!(again, BlockChange { changed: false, sessions: 0, grants: 0 });
    assert_eq!(acts(&world, "user.blocked").await, 1);

    assert!(world.tenant.session(login.session.token_hash, now()).await.unwrap().is_none());
    assert!(world.tenant.session(other.session.token_hash, now()).await.unwrap().is_some());
    let token = redeemed.access_token_hash;
    assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_none());
    let told = "select count(*) from logins where tenant_id = $1 and events::text like \
                '%the user was blocked, and the grant was revoked%'";
    assert_eq!(world.count(told).await, 1);
    let query = PersonQuery { blocked: true, limit: 10, ..PersonQuery::default() };
    assert_eq!(found(&world, query).await, ["E-ada"]);

    let change = world.operator.unblock_person(world.id, user, now()).await.unwrap();
    assert!(change.changed);
    assert_eq!(acts(&world, "user.unblocked").await, 1);
    let known = world.known(&world.identity("ada")).await.unwrap();
    assert!(!known.blocked);
    // What ended stays ended.
    assert!(world.tenant.session(login.session.token_hash, now()).await.unwrap().is_none());
    assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_none());
}

/// Blocking is the operator's: the gateway's role may not.
#[tokio::test]
async fn tk_12_gateway_can_neither_block_nor_unblock() {
    let world = world().await;
    let login = signed_in(&world, "ada", None).await;
    let user = login.user.user().id;
    let gateway = world.store.operator();
    let refused = gateway.block_person(world.id, user, now()).await;
    assert!(
        matches!(refused, Err(StoreError::Refused(_) | StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(!world.known(&world.identity("ada")).await.unwrap().blocked);
}

/// Whoever would come over to another directory is counted by what is stored of them, in their tenant
/// alone.
#[tokio::test]
async fn people_of_a_directory_that_is_replaced_are_counted() {
    let (world, theirs) = (world().await, world().await);
    let other = {
        let mut tx = world.operator.begin().await.unwrap();
        let settings = directory_settings("entra");
        let secret = SecretString::from("upstream secret");
        let secret = SecretChange::Set(&secret).into();
        let other = tx.put_directory(world.id, &settings, secret, now()).await.unwrap();
        tx.commit().await.unwrap();
        other
    };
    for (subject, email) in [
        ("none", None),
        ("ours", Some("a@acme.example")),
        ("below", Some("a@sub.new.example")),
        ("parent", Some("a@new.example")),
        ("twin", Some("twin@acme.example")),
        ("twin-2", Some("twin@acme.example")),
        ("theirs", Some("a@third.example")),
        ("beside", Some("a@xthird.example")),
        ("known", Some("known@acme.example")),
    ] {
        let mut login = signed_in(&world, subject, email).await;
        if subject == "known" {
            let known = login.user.user().clone();
            login = LoginCommit { email: login.email, ..world.login(subject) };
            login.identity.directory = other;
            login.user = Resolved::Joined(known, JoinReason::JoinByEmail);
            let outcome = world.tenant.commit_login(&login).await.unwrap();
            assert_eq!(outcome, LoginOutcome::Committed);
        }
    }
    signed_in(&theirs, "zoe", Some("zoe@acme.example")).await;
    let patterns = |texts: &[&str]| -> Vec<DomainPattern> {
        texts.iter().filter_map(|text| DomainPattern::parse(text)).collect()
    };
    let (domains, others) = (
        patterns(&["acme.example", "*.new.example"]),
        patterns(&["third.example", "*.third.example"]),
    );
    let of = Move { from: world.directory, to: other, domains: &domains, others: &others };
    let counted = world.operator.moving(world.id, &of).await.unwrap();
    // Of nobody's domain are `parent` and `beside`.
    assert_eq!(counted, Moving { users: 9, known: 1, own_domain: 2, no_domain: 2 });
    let nobodys = Move { domains: &[], others: &[], ..of };
    let counted = world.operator.moving(world.id, &nobodys).await.unwrap();
    assert_eq!(counted, Moving { users: 9, known: 1, own_domain: 0, no_domain: 5 });
    let back = Move { from: other, to: world.directory, ..of };
    let counted = world.operator.moving(world.id, &back).await.unwrap();
    assert_eq!(counted, Moving { users: 1, known: 1, own_domain: 0, no_domain: 0 });
    let elsewhere = theirs.operator.moving(theirs.id, &of).await.unwrap();
    assert_eq!(elsewhere, Moving::default());
}
