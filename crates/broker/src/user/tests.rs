//! Who joins whom, and who never does.

use serde_json::{Value, json};

use super::*;

const ADDRESS: &str = "Ada@Acme.example";

/// A profile with an address that its directory is trusted with.
fn profile(external_id: &str) -> Profile {
    with(json!({ "external_id": external_id, "email": ADDRESS, "email_verified": true }))
}

fn with(members: Value) -> Profile {
    let Value::Object(members) = members else { panic!("not an object") };
    Profile(members)
}

fn user(external_id: &str) -> User {
    User::new(None, Some(external_id.to_owned()), DateTime::UNIX_EPOCH, &[3; 32])
}

fn known(external_id: &str, blocked: bool) -> KnownUser {
    KnownUser { user: user(external_id), blocked }
}

/// A user with the address whom the person has not been before.
fn candidate(external_id: &str) -> Candidate {
    Candidate { known: known(external_id, false), awaited: false, in_directory: false }
}

fn decide(
    candidates: &[Candidate],
    profile: &Profile,
    rule: JoinRule,
) -> Result<Resolved, Unresolved> {
    let sighting = Sighting::Address(candidates.to_vec());
    resolve(sighting, profile, rule, DateTime::UNIX_EPOCH, &[9; 32])
}

fn made(profile: &Profile, entropy: [u8; 32]) -> User {
    let nobody = Sighting::Address(Vec::new());
    match resolve(nobody, profile, JoinRule::Imported, DateTime::UNIX_EPOCH, &entropy).unwrap() {
        Resolved::New(user) => user,
        other => panic!("{other:?}"),
    }
}

fn is_new(resolved: &Result<Resolved, Unresolved>) -> bool {
    matches!(resolved, Ok(Resolved::New(_)))
}

#[test]
fn new_user_keeps_the_proposed_external_id_and_a_random_sub() {
    let user = made(&profile("E-1"), [7; 32]);
    assert_eq!(user.external_id, "E-1");
    assert_ne!(user.sub, made(&profile("E-1"), [8; 32]).sub);
    assert_eq!(user.sub.len(), 22);
}

#[test]
fn without_a_proposal_external_id_is_the_sub() {
    for nothing in [Profile::default(), profile("")] {
        let user = made(&nothing, [7; 32]);
        assert_eq!(user.external_id, user.sub);
    }
}

#[test]
fn external_id_that_cannot_be_kept_is_never_replaced_in_silence() {
    let new = |profile: &Profile| decide(&[], profile, JoinRule::Imported);
    assert_eq!(new(&profile(&"x".repeat(256))), Err(Unresolved::ExternalIdTooLong));
    assert!(new(&profile(&"x".repeat(255))).is_ok());
    for odd in [json!(4711), json!(true), json!(["E-1"])] {
        assert_eq!(new(&with(json!({ "external_id": odd }))), Err(Unresolved::ExternalIdNotText));
    }
    for failed in [Unresolved::ExternalIdTooLong, Unresolved::ExternalIdNotText] {
        assert_eq!(failed.failure(), FailureCode::ProfileFailed);
        assert!(failed.to_string().contains("`external_id`"));
    }
}

#[test]
fn known_user_keeps_what_they_have() {
    let resolve = |profile: &Profile| {
        let sighting = Sighting::Identity(known("E-1", false));
        resolve(sighting, profile, JoinRule::Everybody, DateTime::UNIX_EPOCH, &[9; 32])
    };
    assert_eq!(resolve(&profile("E-2")), Ok(Resolved::Known(user("E-1"))));
    // Nor does what could not be kept matter any more.
    assert_eq!(resolve(&profile(&"x".repeat(256))), Ok(Resolved::Known(user("E-1"))));
}

#[test]
fn tk_12_blocked_user_is_refused() {
    let sighting = Sighting::Identity(known("E-1", true));
    let resolved =
        resolve(sighting, &profile("E-1"), JoinRule::Imported, DateTime::UNIX_EPOCH, &[9; 32]);
    assert_eq!(resolved, Err(Unresolved::Blocked));
    assert_eq!(Unresolved::Blocked.failure(), FailureCode::UserBlocked);
}

#[test]
fn id_01_address_joins_only_where_the_tenant_has_asked_for_it() {
    let one = [candidate("E-1")];
    assert!(is_new(&decide(&one, &profile("E-2"), JoinRule::of(false))));
    let joined = Resolved::Joined(user("E-1"), JoinReason::JoinByEmail);
    assert_eq!(decide(&one, &profile("E-2"), JoinRule::of(true)), Ok(joined));
}

#[test]
fn imported_user_is_joined_once_and_without_asking() {
    let awaited = Candidate { awaited: true, ..candidate("E-1") };
    let joined = Resolved::Joined(user("E-1"), JoinReason::Import);
    assert_eq!(decide(&[awaited], &profile("E-2"), JoinRule::Imported), Ok(joined));
    assert!(is_new(&decide(&[candidate("E-1")], &profile("E-2"), JoinRule::Imported)));
}

#[test]
fn id_10_untrusted_address_joins_nobody() {
    let awaited = Candidate { awaited: true, ..candidate("E-1") };
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        let mut profile = profile("E-2");
        profile.0.insert("email_verified".to_owned(), verified);
        assert_eq!(trusted_email(&profile), None);
        assert!(is_new(&decide(std::slice::from_ref(&awaited), &profile, JoinRule::Everybody)));
    }
    let mut unsaid = profile("E-2");
    unsaid.0.remove("email_verified");
    assert!(is_new(&decide(&[awaited], &unsaid, JoinRule::Everybody)));
}

#[test]
fn id_08_only_a_well_formed_address_is_looked_up() {
    assert_eq!(trusted_email(&profile("E")).as_deref(), Some("ada@acme.example"));
    let odd = with(json!({ "email": "ada@acme@example.org", "email_verified": true }));
    assert_eq!(trusted_email(&odd), None);
    assert_eq!(trusted_email(&with(json!({ "email_verified": true }))), None);
}

#[test]
fn address_of_two_users_joins_neither() {
    let awaited = Candidate { awaited: true, ..candidate("E-2") };
    for rule in [JoinRule::Everybody, JoinRule::Imported] {
        let two = [candidate("E-1"), awaited.clone()];
        assert!(is_new(&decide(&two, &profile("E-3"), rule)));
    }
}

/// An account that was deleted and made anew in the directory is somebody else until staff says
/// otherwise: the address may have gone to another person.
#[test]
fn id_04_second_identity_of_one_directory_is_a_new_user() {
    let in_directory = Candidate { in_directory: true, ..candidate("E-1") };
    assert!(is_new(&decide(&[in_directory], &profile("E-2"), JoinRule::Everybody)));
}

#[test]
fn tk_12_blocked_user_does_not_come_back_by_another_directory() {
    let blocked = Candidate { known: known("E-1", true), ..candidate("E-1") };
    let decide = |rule| decide(std::slice::from_ref(&blocked), &profile("E-2"), rule);
    assert_eq!(decide(JoinRule::Everybody), Err(Unresolved::Blocked));
    // Where addresses join nobody, the two have nothing to do with each other.
    assert!(is_new(&decide(JoinRule::Imported)));
}

#[test]
fn joined_user_keeps_sub_and_external_id() {
    let before = candidate("E-1");
    let joined =
        decide(std::slice::from_ref(&before), &profile(&"x".repeat(300)), JoinRule::Everybody)
            .unwrap();
    assert_eq!(joined.user(), &before.known.user);
    assert!(joined.note().contains("joined to a user by a trusted e-mail address"));
}
