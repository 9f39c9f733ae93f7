//! What a row becomes, and what contradicts it.

use chrono::DateTime;
use uuid::Uuid;

use super::*;

const OKTA: DirectoryId = DirectoryId(Uuid::from_u128(1));
const ENTRA: DirectoryId = DirectoryId(Uuid::from_u128(2));
const ISSUER: &str = "https://acme.okta.example";

fn directories() -> BTreeMap<String, KnownDirectory> {
    let okta = KnownDirectory { id: OKTA, issuer: Some(ISSUER.to_owned()) };
    let entra = KnownDirectory { id: ENTRA, issuer: None };
    [("okta".to_owned(), okta), ("entra".to_owned(), entra)].into()
}

/// A row of line 2 that is right as it is.
fn row() -> Row {
    Row {
        line: 2,
        external_id: Some("E-1".to_owned()),
        email: Some("Ada@acme.example".to_owned()),
        directory: Some("okta".to_owned()),
        subject: Some("00u1".to_owned()),
        issuer: None,
        sub: Some("sub-1".to_owned()),
    }
}

fn identity(subject: &str) -> Identity {
    Identity { directory: OKTA, issuer: ISSUER.to_owned(), subject: subject.to_owned() }
}

fn wanted() -> Wanted {
    Wanted {
        line: 2,
        external_id: "E-1".to_owned(),
        email: Some("ada@acme.example".to_owned()),
        identity: Some(identity("00u1")),
        sub: Some("sub-1".to_owned()),
    }
}

/// The reason why a row is refused.
fn refusal(row: Row) -> String {
    let checked = check(vec![row], &directories());
    assert!(checked.wanted.is_empty(), "{checked:?}");
    checked.conflicts.into_iter().next().unwrap().reason
}

fn existing(users: &[(u128, &str, &str, Option<&str>)]) -> Existing {
    let mut existing = Existing::default();
    for (id, external_id, sub, email) in users {
        existing.insert(ExistingUser {
            user: User {
                id: UserId(Uuid::from_u128(*id)),
                sub: (*sub).to_owned(),
                external_id: (*external_id).to_owned(),
            },
            email: email.map(str::to_owned),
        });
    }
    existing
}

fn planned(existing: &Existing) -> ImportPlan {
    plan(Checked { wanted: vec![wanted()], conflicts: Vec::new() }, existing)
}

/// The reason why the good row contradicts what is there.
fn contradiction(existing: &Existing) -> String {
    let plan = planned(existing);
    assert!(plan.is_empty(), "{plan:?}");
    plan.conflicts.into_iter().next().unwrap().reason
}

#[test]
fn good_row_is_wanted_with_its_address_as_a_key_and_the_directorys_issuer() {
    let checked = check(vec![row()], &directories());
    assert_eq!(checked, Checked { wanted: vec![wanted()], conflicts: Vec::new() });
}

#[test]
fn bad_field_is_named() {
    let long = |bytes| Some("x".repeat(bytes));
    for (row, column) in [
        (Row { external_id: None, ..row() }, "`external_id`"),
        (Row { external_id: long(256), ..row() }, "`external_id`"),
        (Row { external_id: Some("a\u{0}b".to_owned()), ..row() }, "`external_id`"),
        (Row { email: Some("ada@@acme.example".to_owned()), ..row() }, "`email`"),
        (Row { sub: long(256), ..row() }, "`sub`"),
        (Row { sub: Some("sübject".to_owned()), ..row() }, "`sub`"),
        (Row { subject: long(1025), ..row() }, "`subject`"),
        (Row { subject: None, ..row() }, "`subject`"),
        (Row { directory: None, ..row() }, "`directory`"),
        (Row { directory: Some("ping".to_owned()), ..row() }, "`ping`"),
        (Row { directory: Some("entra".to_owned()), ..row() }, "`issuer`"),
        (Row { issuer: Some("https://other.example".to_owned()), ..row() }, "`issuer` is not"),
        (
            Row { directory: None, subject: None, issuer: Some("i".to_owned()), ..row() },
            "`directory`",
        ),
        (Row { directory: None, subject: None, email: None, ..row() }, "`email`"),
    ] {
        let reason = refusal(row.clone());
        assert!(reason.contains(column), "{row:?}: {reason}");
    }
}

#[test]
fn rows_that_claim_the_same_are_all_refused() {
    let other = || Row {
        line: 3,
        external_id: Some("E-2".to_owned()),
        email: Some("eve@acme.example".to_owned()),
        subject: Some("00u2".to_owned()),
        sub: Some("sub-2".to_owned()),
        ..row()
    };
    assert_eq!(check(vec![row(), other()], &directories()).wanted.len(), 2);
    for (column, other) in [
        ("external_id", Row { external_id: row().external_id, ..other() }),
        ("email", Row { email: Some("ADA@ACME.example".to_owned()), ..other() }),
        ("subject", Row { subject: row().subject, ..other() }),
        ("sub", Row { sub: row().sub, ..other() }),
    ] {
        let checked = check(vec![row(), other], &directories());
        let reason = |line| format!("`{column}` is the same as on line {line}");
        let conflicts =
            vec![Conflict { line: 2, reason: reason(3) }, Conflict { line: 3, reason: reason(2) }];
        assert_eq!(checked, Checked { wanted: Vec::new(), conflicts });
    }
}

#[test]
fn unknown_user_is_added() {
    let other = existing(&[(9, "E-9", "sub-9", Some("nine@acme.example"))]);
    assert_eq!(planned(&other).add, [wanted()]);
}

#[test]
fn second_import_of_the_same_row_has_nothing_to_do() {
    let mut there = existing(&[(1, "E-1", "sub-1", Some("ada@acme.example"))]);
    there.insert_identity(identity("00u1"), UserId(Uuid::from_u128(1)));
    let plan = planned(&there);
    assert!(plan.is_empty() && plan.conflicts.is_empty(), "{plan:?}");
    assert_eq!(plan.unchanged, 1);
}

#[test]
fn identity_that_a_user_lacks_is_attached() {
    // Nobody has vouched for an address of theirs yet, which contradicts nothing.
    for email in [Some("ada@acme.example"), None] {
        let plan = planned(&existing(&[(1, "E-1", "sub-1", email)]));
        assert_eq!(plan.attach, [(UserId(Uuid::from_u128(1)), identity("00u1"))]);
        assert!(plan.add.is_empty() && plan.conflicts.is_empty(), "{plan:?}");
    }
}

#[test]
fn id_01_what_belongs_to_another_user_is_a_conflict() {
    let nine = |sub, email| existing(&[(9, "E-9", sub, email)]);
    let says = |existing: &Existing, column: &str| {
        let reason = contradiction(existing);
        assert_eq!(reason, format!("`{column}` belongs to the user with external_id `E-9`"));
    };
    says(&nine("sub-9", Some("ada@acme.example")), "email");
    says(&nine("sub-1", None), "sub");
    let mut theirs = nine("sub-9", None);
    theirs.insert_identity(identity("00u1"), UserId(Uuid::from_u128(9)));
    says(&theirs, "subject");
    // Also if the row's own user is there.
    let both = [
        (1, "E-1", "sub-1", Some("ada@acme.example")),
        (9, "E-9", "sub-9", Some("ada@acme.example")),
    ];
    says(&existing(&both), "email");
}

#[test]
fn external_id_of_somebody_else_is_a_conflict() {
    let other = existing(&[(1, "E-1", "sub-1", Some("eve@acme.example"))]);
    assert!(contradiction(&other).contains("another `email`"));
    let other = existing(&[(1, "E-1", "sub-9", None)]);
    assert!(contradiction(&other).contains("another `sub`"));
}

#[test]
fn conflicts_of_the_file_and_of_the_database_are_listed_by_line() {
    let rows = vec![
        row(),
        Row { line: 3, email: Some("?".to_owned()), ..row() },
        Row {
            line: 4,
            external_id: Some("E-9".to_owned()),
            email: Some("new@acme.example".to_owned()),
            ..Row::default()
        },
    ];
    let checked = check(rows, &directories());
    let plan = plan(checked, &existing(&[(9, "E-9", "sub-9", Some("nine@acme.example"))]));
    assert_eq!(plan.conflicts.iter().map(|one| one.line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(plan.add.len(), 1);
}

#[test]
fn added_user_has_what_the_row_says() {
    let made =
        User::new(Some("sub-1".to_owned()), Some("E-1".to_owned()), DateTime::UNIX_EPOCH, &[1; 32]);
    assert_eq!((made.sub.as_str(), made.external_id.as_str()), ("sub-1", "E-1"));
}
