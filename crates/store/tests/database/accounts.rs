//! Accounts of the dashboard: who gets a link, what it makes, and what it never does.

use broker::audit::ChainId;
use broker::authority::Role;
use broker::id::{AccountId, AccountSessionId, LinkId};
use broker::seal::MasterKey;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use store::{
    AccountRecord, ConnectOptions, HeldSession, InviteOutcome, InviteScope, NewCredentials,
    NewInvite, SignInMethod, Store, StoreError,
};

use crate::common::{connect_as, create_database};
use crate::fixture::{World, id, now, random, world, world_at, world_with};

pub(crate) const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";
pub(crate) const TOTP: &[u8] = b"twenty bytes of TOTP";

pub(crate) fn email() -> String {
    format!("{}@acme.example", id().simple())
}

pub(crate) fn owner(world: &World) -> InviteScope {
    InviteScope::Member { tenant: world.id, role: Role::Owner, directory: None }
}

pub(crate) fn staff(world: &World, role: Role) -> InviteScope {
    InviteScope::Staff { tenant: world.id, role, directory: None }
}

/// Invites somebody for a day, and says by which link.
pub(crate) async fn invite(
    world: &World,
    email: &str,
    scope: InviteScope,
) -> (InviteOutcome, [u8; 32]) {
    let token_hash = random();
    let new = NewInvite {
        account: AccountId(id()),
        email,
        scope,
        link: LinkId(id()),
        token_hash,
        expires_at: now() + TimeDelta::days(1),
    };
    (world.operator.invite_account(&new, now()).await.unwrap(), token_hash)
}

/// The same where it comes with a link.
pub(crate) async fn linked(
    world: &World,
    email: &str,
    scope: InviteScope,
) -> (AccountId, [u8; 32]) {
    match invite(world, email, scope).await {
        (InviteOutcome::Linked(account), token_hash) => (account, token_hash),
        (other, _) => panic!("{other:?}"),
    }
}

fn passkey() -> Value {
    json!({ "cred": { "counter": 0 } })
}

/// Uses a link with a passkey.
pub(crate) async fn set_up(world: &World, account: AccountId, link: [u8; 32]) -> bool {
    let (credential, passkey) = (random::<32>(), passkey());
    let new = NewCredentials {
        name: "Ada",
        password: None,
        passkey: Some((&credential, "Phone", &passkey)),
        identity: None,
    };
    world.operator.set_up_account(account, link, &new, now()).await.unwrap()
}

async fn set_up_with_password(world: &World, account: AccountId, link: [u8; 32]) -> bool {
    let new =
        NewCredentials { name: "Ada", password: Some((PHC, TOTP, 100)), ..Default::default() };
    world.operator.set_up_account(account, link, &new, now()).await.unwrap()
}

/// An account that is set up.
pub(crate) async fn known(world: &World, email: &str, scope: InviteScope) -> AccountId {
    let (account, link) = linked(world, email, scope).await;
    assert!(set_up(world, account, link).await);
    account
}

pub(crate) async fn account(world: &World, id: AccountId) -> AccountRecord {
    world.operator.account(id).await.unwrap().unwrap()
}

/// A session that begins now, for eight hours.
pub(crate) async fn session(world: &World, account: AccountId) -> (HeldSession, [u8; 32]) {
    let hash = random();
    let (id, end) = (AccountSessionId(id()), now() + TimeDelta::hours(8));
    let begun =
        world.operator.start_session(account, id, hash, SignInMethod::Passkey, end, now()).await;
    assert!(begun.unwrap());
    (held(world, hash, now()).await.unwrap(), hash)
}

pub(crate) async fn held(world: &World, hash: [u8; 32], at: DateTime<Utc>) -> Option<HeldSession> {
    world.operator.held_session(hash, TimeDelta::minutes(30), at).await.unwrap()
}

/// [THREATS ID-13] Sixteen who use one link at once: one account is set up, once.
#[tokio::test]
async fn id_13_link_sets_an_account_up_once_however_many_try() {
    let world = world_with(16).await;
    let address = email();
    let (account, link) = linked(&world, &address.to_uppercase(), InviteScope::Operator).await;
    let seen = world.operator.welcome(link, now()).await.unwrap().unwrap().1;
    assert_eq!((seen.id, seen.email.as_str(), seen.is_set_up()), (account, &*address, false));
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..16_u8 {
        let operator = world.operator.clone();
        tries.spawn(async move {
            let passkey = passkey();
            let credential = [&[number][..], &random::<31>()].concat();
            let passkey = Some((&credential[..], "Phone", &passkey));
            let new = NewCredentials { name: "Ada", passkey, ..Default::default() };
            operator.set_up_account(account, link, &new, now()).await.unwrap()
        });
    }
    let won = tries.join_all().await.into_iter().filter(|is_won| *is_won).count();
    assert_eq!(won, 1);
    let record = self::account(&world, account).await;
    assert_eq!((record.name.as_str(), record.passkeys.len()), ("Ada", 1));
    let credential = &record.passkeys[0].credential_id;
    let found = world.operator.account_by_credential(credential).await.unwrap().unwrap();
    assert_eq!(found.id, account);
    assert!(world.operator.welcome(link, now()).await.unwrap().is_none());
}

/// [THREATS ID-13] A link works until its second, for the account it is of, and not after another.
#[tokio::test]
async fn id_13_link_that_expired_was_replaced_or_is_anothers_sets_nothing_up() {
    let world = world().await;
    let address = email();
    let (account, replaced) = linked(&world, &address, InviteScope::Operator).await;
    let (same, link) = linked(&world, &address, staff(&world, Role::Viewer)).await;
    let (other, _) = linked(&world, &email(), InviteScope::Operator).await;
    assert_eq!(account, same);
    let (end, passkey) = (now() + TimeDelta::days(1), passkey());
    let passkey = Some((&[1; 32][..], "Phone", &passkey));
    let new = NewCredentials { name: "Ada", passkey, ..Default::default() };
    let operator = &world.operator;
    for (whose, hash, at) in [
        (account, replaced, now()),
        (account, random(), now()),
        (other, link, now()),
        (account, link, end),
        (account, link, end + TimeDelta::seconds(1)),
    ] {
        assert!(!operator.set_up_account(whose, hash, &new, at).await.unwrap(), "{at}");
    }
    assert!(operator.welcome(link, end).await.unwrap().is_none());
    assert!(!self::account(&world, account).await.is_set_up());
    let last = end - TimeDelta::seconds(1);
    assert!(operator.welcome(link, last).await.unwrap().is_some());
    let none = NewCredentials { passkey: None, ..new };
    let refused = operator.set_up_account(account, link, &none, last).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
    let fresh: [u8; 32] = random();
    let new = NewCredentials { passkey: new.passkey.map(|(_, n, p)| (&fresh[..], n, p)), ..new };
    assert!(operator.set_up_account(account, link, &new, last).await.unwrap());
}

/// [THREATS TN-12] The way back for somebody who lost what they signed in with: an operator's link
/// takes the place of all of it, and ends their sessions.
#[tokio::test]
async fn tn_12_operators_link_lets_somebody_back_in() {
    let world = world().await;
    let address = email();
    let account = known(&world, &address, staff(&world, Role::Owner)).await;
    let (_, cookie) = session(&world, account).await;
    let before = self::account(&world, account).await.passkeys;
    let (same, link) = linked(&world, &address, staff(&world, Role::Owner)).await;
    assert_eq!(same, account);
    assert!(held(&world, cookie, now()).await.is_some(), "until the link is used");
    assert!(set_up_with_password(&world, account, link).await);
    assert!(held(&world, cookie, now()).await.is_none());
    let after = self::account(&world, account).await;
    assert!(after.passkeys.is_empty() && after.password_hash.as_deref() == Some(PHC));
    let lost = &before[0].credential_id;
    assert!(world.operator.account_by_credential(lost).await.unwrap().is_none());
}

/// [THREATS TN-12] An owner never gets a link to an account that somebody uses.
#[tokio::test]
async fn tn_12_invitation_of_an_owner_resets_no_credentials() {
    let world = world().await;
    let address = email();
    let account = known(&world, &address, owner(&world)).await;
    let viewer = InviteScope::Member { tenant: world.id, role: Role::Viewer, directory: None };
    let second = known(&world, &email(), owner(&world)).await;
    let (outcome, link) = invite(&world, &address, viewer).await;
    assert_eq!(outcome, InviteOutcome::AlreadySetUp(account));
    assert!(world.operator.welcome(link, now()).await.unwrap().is_none());
    assert!(!set_up(&world, account, link).await);
    assert!(self::account(&world, account).await.is_set_up());
    let members = world.operator.members(world.id).await.unwrap();
    let role = |whom| members.iter().find(|one| one.account == whom).unwrap().role;
    assert_eq!((role(account), role(second)), (Role::Viewer, Role::Owner));
    // The one owner that is left cannot be invited down.
    let email = self::account(&world, second).await.email;
    assert_eq!(invite(&world, &email, viewer).await.0, InviteOutcome::LastOwner);
}

/// [THREATS TN-12, ID-10] Nor to one that is anything elsewhere, whether it is used yet or not.
#[tokio::test]
async fn tn_12_id_10_owner_gets_no_link_to_an_account_of_others() {
    let (ours, theirs) = (world().await, world().await);
    let (awaited, operator, set) = (email(), email(), email());
    let (account, link) = linked(&ours, &awaited, owner(&ours)).await;
    linked(&ours, &operator, InviteScope::Operator).await;
    known(&ours, &set, owner(&ours)).await;
    for address in [&awaited, &operator, &set] {
        let (outcome, theirs_link) = invite(&theirs, address, owner(&theirs)).await;
        assert_eq!(outcome, InviteOutcome::Elsewhere, "{address}");
        assert!(theirs.operator.welcome(theirs_link, now()).await.unwrap().is_none());
    }
    assert!(theirs.operator.members(theirs.id).await.unwrap().is_empty());
    assert!(set_up(&ours, account, link).await, "our own link is not replaced");
}

/// [THREATS ID-10] Somebody's address, taken before they come: staff who set an account up for
/// themselves are let in nowhere else by it.
#[tokio::test]
async fn id_10_account_that_staff_made_for_themselves_is_let_in_nowhere_else() {
    let (evil, ours) = (world().await, world().await);
    let address = email();
    let account = known(&evil, &address, owner(&evil)).await;
    let (held_by_them, cookie) = session(&evil, account).await;
    assert_eq!(invite(&ours, &address, owner(&ours)).await.0, InviteOutcome::Elsewhere);

    // An operator's invitation is for whom it is handed to: what others made ends.
    let (same, link) = linked(&ours, &address, InviteScope::Operator).await;
    assert_eq!(same, account);
    assert!(!self::account(&ours, account).await.is_set_up());
    assert!(held(&ours, cookie, now()).await.is_none());
    let operator = &evil.operator;
    let made = passkey();
    let added = operator.add_passkey(&held_by_them, &[2; 16], "theirs", &made, now()).await;
    assert!(!added.unwrap(), "a request that was under way");
    assert!(!operator.set_password(&held_by_them, PHC, TOTP, 1, now()).await.unwrap());
    for method in [SignInMethod::Passkey, SignInMethod::Password] {
        let (id, end) = (AccountSessionId(id()), now() + TimeDelta::hours(8));
        let begun = operator.start_session(account, id, random(), method, end, now()).await;
        assert!(!begun.unwrap(), "{method}");
    }

    // Whom an operator vouched for may be let in by anybody.
    assert!(set_up(&ours, account, link).await);
    let (outcome, _) = invite(&ours, &address, owner(&ours)).await;
    assert_eq!(outcome, InviteOutcome::AlreadySetUp(account));
    assert!(self::account(&ours, account).await.is_set_up());
}

/// [THREATS ID-08] Two spellings of one address are one account, and an odd one is none.
#[tokio::test]
async fn id_08_odd_address_is_nobodys() {
    let world = world().await;
    let name = id().simple();
    let address = format!("k{name}@xn--mnchen-3ya.example");
    let (account, _) = linked(&world, &address, InviteScope::Operator).await;
    for same in [format!(" K{name}@MÜNCHEN.example "), address] {
        let found = world.operator.account_by_email(&same).await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(account), "{same}");
    }
    // The sign for kelvin is a k in lower case.
    for odd in [format!("\u{212a}{name}@münchen.example"), format!("k{name}"), String::new()] {
        assert!(world.operator.account_by_email(&odd).await.unwrap().is_none(), "{odd}");
        let (token_hash, expires_at) = (random(), now() + TimeDelta::days(1));
        let (account, link) = (AccountId(id()), LinkId(id()));
        let scope = InviteScope::Operator;
        let new = NewInvite { account, email: &odd, scope, link, token_hash, expires_at };
        let refused = world.operator.invite_account(&new, now()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{odd}: {refused}");
    }
}

/// A step of the second factor works once, and none before it.
#[tokio::test]
async fn totp_step_is_not_used_twice() {
    let world = world_with(8).await;
    let (account, link) = linked(&world, &email(), InviteScope::Operator).await;
    assert!(!world.operator.use_totp_step(account, 101).await.unwrap(), "it has none");
    assert!(set_up_with_password(&world, account, link).await);
    for (step, works) in [(100, false), (99, false), (101, true), (101, false), (103, true)] {
        let used = world.operator.use_totp_step(account, step).await.unwrap();
        assert_eq!(used, works, "{step}");
    }
    let tries = (0..8).map(|_| world.operator.use_totp_step(account, 104));
    let used = futures_util::future::join_all(tries).await;
    assert_eq!(used.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 1);
}

/// [THREATS BR-01] Whoever takes a passkey away, or sets a password, is left alone: a session that was
/// made by what is gone ends.
#[tokio::test]
async fn br_01_other_sessions_end_with_what_one_signed_in_with() {
    let world = world().await;
    let account = known(&world, &email(), InviteScope::Operator).await;
    let (by, own) = session(&world, account).await;
    let (other, elsewhere) = session(&world, account).await;
    let operator = &world.operator;
    let made = passkey();
    assert!(operator.add_passkey(&by, &[3; 16], "Key", &made, now()).await.unwrap());
    assert!(held(&world, elsewhere, now()).await.is_some());
    assert!(operator.remove_passkey(&by, &[3; 16], now()).await.unwrap());
    assert!(held(&world, elsewhere, now()).await.is_none());
    assert!(held(&world, own, now()).await.is_some());
    let first = self::account(&world, account).await.passkeys.remove(0).credential_id;
    assert!(!operator.remove_passkey(&other, &first, now()).await.unwrap(), "it has ended");
    let (_, third) = session(&world, account).await;
    assert!(operator.set_password(&by, PHC, TOTP, 1, now()).await.unwrap());
    assert!(held(&world, third, now()).await.is_none());
    assert!(held(&world, own, now()).await.is_some());
}

#[tokio::test]
async fn passkeys_come_and_go_but_for_the_last() {
    let world = world().await;
    let account = known(&world, &email(), InviteScope::Operator).await;
    let (by, _) = session(&world, account).await;
    let first = self::account(&world, account).await.passkeys.remove(0);
    let operator = &world.operator;
    assert!(!operator.remove_passkey(&by, &first.credential_id, now()).await.unwrap());
    let made = passkey();
    let mut tries = 0;
    while operator.add_passkey(&by, &random::<16>(), "Key", &made, now()).await.unwrap() {
        tries += 1;
    }
    assert_eq!(tries, 19);
    assert!(operator.remove_passkey(&by, &first.credential_id, now()).await.unwrap());
    let known = &self::account(&world, account).await.passkeys[0].credential_id.clone();
    assert!(!operator.add_passkey(&by, known, "again", &made, now()).await.unwrap());
    let used = json!({ "cred": { "counter": 7 } });
    operator.note_passkey_use(account, known, &used, now()).await.unwrap();
    let record = self::account(&world, account).await;
    let noted = record.passkeys.iter().find(|one| one.credential_id == *known).unwrap();
    assert_eq!((&noted.passkey, noted.last_used_at), (&used, Some(now())));
    // With a password the last one may go.
    assert!(operator.set_password(&by, PHC, TOTP, 5, now()).await.unwrap());
    for one in &record.passkeys {
        assert!(operator.remove_passkey(&by, &one.credential_id, now()).await.unwrap());
    }
    assert!(self::account(&world, account).await.is_set_up());
}

/// [THREATS SC-03] The secret of a second factor opens in its own row only, stays readable while the
/// master key is replaced and afterwards, and does not print.
#[tokio::test]
async fn sc_03_totp_secret_is_its_rows_and_outlives_the_master_key() {
    let url = Box::leak(create_database().await.into_boxed_str());
    store::migrate(url).await.unwrap();
    let world = world_at(url, 4).await;
    let (account, link) = linked(&world, &email(), InviteScope::Operator).await;
    assert!(set_up_with_password(&world, account, link).await);
    let record = self::account(&world, account).await;
    assert_eq!(record.totp_secret.as_ref().unwrap().expose_secret(), TOTP);
    let printed = format!("{record:?}");
    assert!(!printed.contains("argon2") && !printed.contains("TOTP"), "{printed}");

    let both = MasterKey::ring(&[&[8; 32], &[7; 32]]).unwrap();
    let options = ConnectOptions::new(url, store::Role::Operator);
    let operator = Store::connect(options, both).unwrap().operator();
    assert!(operator.begin_replacement(now()).await.unwrap());
    let secret = |record: Option<AccountRecord>| record.unwrap().totp_secret.unwrap();
    assert_eq!(secret(operator.account(account).await.unwrap()).expose_secret(), TOTP);
    assert_eq!(operator.replace_batch(10).await.unwrap(), 1, "the tenant's");
    assert!(!operator.end_replacement(now()).await.unwrap());
    assert_eq!(operator.replace_batch(10).await.unwrap(), 1, "the installation's");
    assert_eq!(operator.replace_batch(10).await.unwrap(), 0);
    assert!(operator.end_replacement(now()).await.unwrap());
    let new = MasterKey::new(&[8; 32]).unwrap();
    let operator = Store::connect(options, new).unwrap().operator();
    assert_eq!(secret(operator.account(account).await.unwrap()).expose_secret(), TOTP);
    let old = world.operator.account(account).await.unwrap_err();
    assert!(matches!(old, StoreError::Corrupt { table: "installation_data_key", .. }), "{old}");

    // Copied to another account it does not open.
    let other = email();
    let new = NewInvite {
        account: AccountId(id()),
        email: &other,
        scope: InviteScope::Operator,
        link: LinkId(id()),
        token_hash: [9; 32],
        expires_at: now() + TimeDelta::days(1),
    };
    operator.invite_account(&new, now()).await.unwrap();
    let credentials =
        NewCredentials { name: "Eve", password: Some((PHC, b"another", 1)), ..Default::default() };
    assert!(operator.set_up_account(new.account, [9; 32], &credentials, now()).await.unwrap());
    let copy = "update accounts set sealed_totp_secret =
                    (select sealed_totp_secret from accounts where account_id = $1)
                 where account_id = $2";
    let mut owner = connect_as(url, "vestibule_operator").await;
    sqlx::query(copy).bind(account.0).bind(new.account.0).execute(&mut owner).await.unwrap();
    let moved = operator.account(new.account).await.unwrap_err();
    let expected = StoreError::Corrupt {
        table: "accounts",
        column: "sealed_totp_secret",
        id: new.account.to_string(),
    };
    assert_eq!(moved.to_string(), expected.to_string());
}

/// [THREATS SC-04] What was done is in the log; what it was done with is not, and nowhere readable.
#[tokio::test]
async fn sc_04_log_of_accounts_holds_no_secret() {
    let world = world().await;
    let address = email();
    let (account, link) = linked(&world, &address, staff(&world, Role::Owner)).await;
    assert!(set_up_with_password(&world, account, link).await);
    let (id, hash, end) = (AccountSessionId(id()), random(), now() + TimeDelta::hours(1));
    let method = SignInMethod::Password;
    assert!(world.operator.start_session(account, id, hash, method, end, now()).await.unwrap());
    assert!(world.operator.end_session(account, id, now()).await.unwrap());
    let of_it = |entries: Vec<broker::audit::Entry>| {
        let ours = entries.into_iter().filter(|one| one.subject.contains(&account.to_string()));
        ours.map(|one| (one.act, one.subject)).collect::<Vec<_>>()
    };
    let mut told =
        of_it(world.operator.audit_entries(world.id.into(), 0, 1_000, "member.").await.unwrap());
    let (mut after, mut more) = (0, true);
    while more {
        let page = world.operator.audit_entries(ChainId::INSTALLATION, after, 1_000, "account.");
        let page = page.await.unwrap();
        (after, more) = page.last().map_or((0, false), |last| (last.seq, true));
        told.extend(of_it(page));
    }
    let acts: Vec<_> = told.iter().map(|(act, _)| act.as_str()).collect();
    assert_eq!(
        acts,
        ["member.invited", "account.set_up", "account.signed_in", "account.signed_out"]
    );
    for (_, subject) in &told {
        assert!(!subject.contains("argon2") && !subject.contains("TOTP"), "{subject}");
    }
    let mut operator = connect_as(world.url, "vestibule_operator").await;
    let dump: String = sqlx::query_scalar(
        "select a::text || encode(a.sealed_totp_secret, 'escape') from accounts a where email = $1",
    )
    .bind(&address)
    .fetch_one(&mut operator)
    .await
    .unwrap();
    assert!(dump.contains(&address) && !dump.contains("TOTP"), "{dump}");
}
