use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::id::DirectoryId;
use crate::tenant::DirectorySecrets;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn day(days: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(days)
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn pending() -> Proof {
    Proof::new(domain("acme.org"), TOKEN.to_owned())
}

fn proven() -> Proof {
    pending().after(&Finding::Present, day(0))
}

fn silence() -> Finding {
    Finding::Silence("nobody answered".to_owned())
}

const ABSENT: Finding = Finding::Absent { records: 0, other_value: false };

fn records(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn the_record_to_publish_has_a_name_of_its_own_below_the_domain() {
    assert_eq!(pending().record_name(), "_vestibule.acme.org");
    assert_eq!(pending().record_value(), format!("vestibule-domain={TOKEN}"));
}

#[test]
fn a_record_is_found_among_others_however_it_was_pasted() {
    for written in [
        format!("vestibule-domain={TOKEN}"),
        format!("  vestibule-domain= {TOKEN} "),
        format!("Vestibule-Domain={}", TOKEN.to_uppercase()),
    ] {
        let all = records(&["v=spf1 -all", "vestibule-domain=another", &written]);
        assert_eq!(judge(TOKEN, &all), Finding::Present, "{written}");
    }
}

#[test]
fn id_05_only_the_whole_value_proves() {
    let cut = TOKEN.get(..31).unwrap();
    for wrong in [
        TOKEN.to_owned(),
        format!("vestibule-domain={cut}"),
        format!("vestibule-domain={TOKEN}0"),
        format!("vestibule-domain={TOKEN} {TOKEN}"),
        format!("x vestibule-domain={TOKEN}"),
        format!("vestibule-domain:{TOKEN}"),
        "vestibule-domain=".to_owned(),
        "vestibule-domainé=".to_owned(),
        String::new(),
    ] {
        let found = judge(TOKEN, std::slice::from_ref(&wrong));
        assert!(matches!(found, Finding::Absent { records: 1, .. }), "{wrong}: {found:?}");
    }
    assert_eq!(
        judge("", &records(&["vestibule-domain="])),
        judge(TOKEN, &records(&["vestibule-domain="]))
    );
}

#[test]
fn an_old_value_is_told_from_no_record() {
    let other = judge(TOKEN, &records(&["vestibule-domain=old", "x"]));
    assert_eq!(other, Finding::Absent { records: 2, other_value: true });
    assert_eq!(judge(TOKEN, &[]), ABSENT);
}

#[test]
fn seeing_the_record_proves_and_seeing_it_again_keeps_the_date() {
    assert_eq!(pending().state(), State::Pending);
    let proof = proven();
    assert_eq!((proof.state(), proof.proven_at), (State::Proven, Some(day(0))));
    let later = proof.after(&Finding::Present, day(7));
    assert_eq!((later.proven_at, later.seen_at), (Some(day(0)), Some(day(7))));
}

#[test]
fn id_06_a_proof_that_vanished_is_lost_at_the_second_look() {
    let once = proven().after(&ABSENT, day(7));
    assert_eq!((once.state(), once.is_in_force()), (State::Doubtful, true));
    let twice = once.after(&ABSENT, day(8));
    assert_eq!((twice.state(), twice.is_in_force()), (State::Lost, false));
    // It does not count any further, and a new sight proves anew.
    assert_eq!(twice.after(&ABSENT, day(9)).failures, LOST_AFTER);
    let again = twice.after(&Finding::Present, day(10));
    assert_eq!((again.state(), again.proven_at), (State::Proven, Some(day(10))));
}

#[test]
fn id_06_one_miss_is_forgiven_when_the_record_is_back() {
    let back = proven().after(&ABSENT, day(7)).after(&Finding::Present, day(8));
    assert_eq!((back.failures, back.proven_at), (0, Some(day(0))));
    assert_eq!(back.after(&ABSENT, day(15)).state(), State::Doubtful);
}

#[test]
fn id_06_silence_counts_only_after_thirty_days() {
    let mut proof = proven();
    for at in 1..=30 {
        proof = proof.after(&silence(), day(at));
        assert_eq!(proof.state(), State::Proven, "day {at}");
    }
    assert_eq!(proof.after(&silence(), day(31)).state(), State::Lost);
    assert_eq!(pending().after(&silence(), day(40)).state(), State::Pending);
}

#[test]
fn a_proof_is_looked_at_weekly_and_sooner_when_something_was_amiss() {
    let due = |proof: &Proof, hours| proof.is_due_at(day(7) + TimeDelta::hours(hours));
    assert!(!due(&proven(), -1) && due(&proven(), 0));
    let missed = proven().after(&ABSENT, day(7));
    assert!(!due(&missed, 23) && due(&missed, 24));
    let silent = proven().after(&silence(), day(7));
    assert!(!due(&silent, 5) && due(&silent, 6));
    let lost = missed.after(&ABSENT, day(8));
    assert!(!lost.is_due_at(day(400)) && !pending().is_due_at(day(400)));
}

#[test]
fn id_05_public_suffixes_and_consumer_mail_cannot_be_proven() {
    let suffix = |name: &str| Err(Unprovable::PublicSuffix(name.to_owned()));
    for name in ["co.uk", "com.au", "github.io", "xn--55qx5d.cn"] {
        assert_eq!(claim(name), suffix(name), "{name}");
    }
    assert_eq!(claim("公司.cn"), suffix("xn--55qx5d.cn"));
    for name in ["gmail.com", "GMAIL.com", "x.gmail.com", "yahoo.co.uk", "gmx.de"] {
        assert!(matches!(claim(name), Err(Unprovable::ConsumerMail(_))), "{name}");
    }
    for name in ["acme.org", "acme.co.uk", "acme.github.io", "acme.example", "notgmail.com"] {
        assert_eq!(claim(name).as_ref().map(Domain::as_str), Ok(name));
    }
}

#[test]
fn id_08_names_are_compared_as_a_labels_and_malformed_ones_refused() {
    assert_eq!(claim(" BÜCHER.example ").unwrap().as_str(), "xn--bcher-kva.example");
    // A Cyrillic a: another name than acme.org, with another owner.
    assert_ne!(claim("\u{430}cme.org").unwrap(), domain("acme.org"));
    for bad in [
        "com",
        "acme.org.",
        "a b.org",
        "acme..org",
        "127.0.0.1",
        "[::1]",
        "user@acme.org",
        "",
        // RUSTSEC-2024-0421: punycode of what is ASCII already.
        "xn--acme-.org",
    ] {
        assert!(matches!(claim(bad), Err(Unprovable::NotADomain(_))), "{bad}");
    }
    let label = "a".repeat(60);
    let long = format!("{label}.{label}.{label}.{label}.org");
    assert_eq!(claim(&long), Err(Unprovable::TooLong(long)));
}

#[test]
fn a_wildcard_is_proven_by_the_name_it_stands_below() {
    assert_eq!(claim("*.Acme.org"), Err(Unprovable::Wildcard("acme.org".to_owned())));
    assert_eq!(claim("*.co.uk"), Err(Unprovable::PublicSuffix("co.uk".to_owned())));
}

/// The entries of a directory that route and those that do not.
fn routing(rule: DomainProof, proven: &str, entries: &[&str]) -> (Vec<String>, Vec<String>) {
    let settings = json!({
        "slug": "d", "name": "D", "issuer": "https://d.example", "client_id": "c",
        "domains": entries,
    });
    let settings = serde_json::from_value(settings).unwrap();
    let id = DirectoryId(uuid::Uuid::nil());
    let mut directory = Directory::compile(id, &settings, DirectorySecrets::default()).unwrap();
    set_aside(&mut directory, rule, &BTreeSet::from([domain(proven)]));
    let [kept, aside] = [directory.domains, directory.unproven_domains]
        .map(|patterns| patterns.iter().map(ToString::to_string).collect());
    (kept, aside)
}

#[test]
fn id_05_where_domains_are_proven_only_those_route() {
    let ours = ["acme.org", "*.acme.org", "dept.acme.org", "*.dept.acme.org"];
    let others = ["org.example", "notacme.org", "*.other.org", "acme.org.evil.example"];
    let all = [ours, others].concat();
    let (kept, aside) = routing(DomainProof::Dns, "acme.org", &all);
    assert_eq!(
        (kept.as_slice(), aside.as_slice()),
        (&ours.map(str::to_owned)[..], &others.map(str::to_owned)[..])
    );
    // What is proven below says nothing about the name above.
    let (kept, _) = routing(DomainProof::Dns, "dept.acme.org", &ours);
    assert_eq!(kept, ["dept.acme.org", "*.dept.acme.org"]);
}

#[test]
fn what_the_operator_vouches_for_needs_no_proof() {
    let (kept, aside) = routing(DomainProof::Operator, "acme.org", &["other.org", "*.x.org"]);
    assert_eq!((kept, aside.len()), (vec!["other.org".to_owned(), "*.x.org".to_owned()], 0));
}

proptest! {
    /// Whatever a name server says, a domain that was not seen is not in force.
    #[test]
    fn id_05_nothing_but_a_sight_puts_a_domain_in_force(steps in prop::collection::vec(0..3_u8, 0..20)) {
        let (mut proof, mut missed) = (pending(), None);
        for (at, step) in steps.into_iter().enumerate() {
            let finding = match step { 0 => Finding::Present, 1 => ABSENT, _ => silence() };
            proof = proof.after(&finding, day(i64::try_from(at).unwrap()));
            missed = match (finding, missed) {
                (Finding::Present, _) => Some(0),
                (Finding::Absent { .. }, Some(times)) => Some(times + 1),
                (_, missed) => missed,
            };
            prop_assert_eq!(proof.is_in_force(), missed.is_some_and(|times| times < 2));
            prop_assert!(proof.failures <= LOST_AFTER);
        }
    }
}
