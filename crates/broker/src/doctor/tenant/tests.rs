use super::*;
use crate::domain_proof::claim;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

fn acme() -> Slug {
    "acme".parse().unwrap()
}

fn okta() -> Slug {
    "okta".parse().unwrap()
}

fn told(report: &Report) -> (Level, String) {
    let lines: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    (report.level(), lines.join("\n"))
}

#[test]
fn keys_say_which_signs_and_which_will() {
    let key = |alg, from: i64, to: Option<i64>| Key {
        alg,
        active_from: at(from),
        retired_at: to.map(at),
        opens: true,
    };
    let judged = |keys: &[Key<'_>], now| {
        let mut report = Report::default();
        report.signing_keys(&acme(), keys, at(now));
        told(&report)
    };
    assert!(judged(&[], 0).1.contains("the first is made when it is needed"));
    let rotated = [key("RS256", 0, Some(72)), key("RS256", 72, None), key("ES256", 24, None)];
    let (level, text) = judged(&rotated, 30);
    assert_eq!(level, Level::Ok);
    assert!(text.contains("ES256 signs since 1970-01-02, no successor"), "{text}");
    assert!(text.contains("RS256 signs since 1970-01-01, its successor from 1970-01-04"), "{text}");
    assert!(judged(&rotated, 80).1.contains("RS256 signs since 1970-01-04"));
    let (level, text) = judged(&[key("RS256", 0, Some(10))], 30);
    assert!(level == Level::Ok && text.contains("none signs"), "{text}");
    // One that has ended does not matter any more.
    let closed = |key: Key<'static>| Key { opens: false, ..key };
    assert_eq!(judged(&[closed(rotated[0]), rotated[1]], 80).0, Level::Ok);
    for broken in [[closed(rotated[0]), rotated[1]], [rotated[0], closed(rotated[1])]] {
        let (level, text) = judged(&broken, 30);
        assert_eq!(level, Level::Problem, "{text}");
        assert!(text.contains("keys rotate --tenant acme --alg RS256"), "{text}");
    }
}

#[test]
fn row_that_cannot_be_read_is_a_problem() {
    let mut report = Report::default();
    report.left_out(&acme(), "The directory okta");
    let (level, text) = told(&report);
    assert!(level == Level::Problem && text.contains("acme: The directory okta"), "{text}");
}

#[test]
fn host_without_proof_stays_and_is_told() {
    let host = HostName::parse("login.acme.org").unwrap();
    for (is_vouched, level) in [(true, Level::Ok), (false, Level::Warning)] {
        let mut report = Report::default();
        report.own_host(&acme(), &host, is_vouched);
        assert_eq!(report.level(), level);
    }
}

#[test]
fn id_06_domain_that_is_or_will_be_lost_is_told() {
    let proven = |failures, seen_days_ago: i64| Proof {
        proven_at: Some(at(0)),
        seen_at: Some(at(1000) - TimeDelta::days(seen_days_ago)),
        checked_at: Some(at(1000)),
        failures,
        ..Proof::new(claim("acme.org").unwrap(), "0123".to_owned())
    };
    let pending = Proof::new(claim("acme.org").unwrap(), "0123".to_owned());
    let (absent, silent) =
        (Look::Absent { records: 0, other_value: false }, Look::Silence("late".to_owned()));
    for (proof, used, look, level, words) in [
        (proven(0, 3), true, None, Level::Ok, "is proven"),
        (proven(0, 3), true, Some(&Look::Present), Level::Ok, "is there"),
        (proven(0, 3), true, Some(&silent), Level::Ok, "is proven"),
        (proven(0, 20), true, Some(&silent), Level::Warning, "for 20 days"),
        (proven(0, 3), true, Some(&absent), Level::Warning, "domain challenge acme.org"),
        (proven(1, 3), true, None, Level::Warning, "domain challenge acme.org --tenant acme"),
        (proven(1, 3), true, Some(&Look::Present), Level::Ok, "is there"),
        (proven(2, 3), true, None, Level::Problem, "proven no longer"),
        (proven(2, 3), false, None, Level::Warning, "domain remove acme.org --tenant acme"),
        (pending.clone(), true, None, Level::Warning, "not proven yet"),
        (pending, false, None, Level::Ok, "no directory uses it"),
    ] {
        let mut report = Report::default();
        report.domain(&acme(), (&proof, used), look, at(1000));
        let (found, text) = told(&report);
        assert_eq!(found, level, "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn directory_that_is_well_is_one_line_and_each_fault_is_one_more() {
    let (acme, okta) = (acme(), okta());
    let of = Of::directory(&acme, &okta);
    let judged = |findings: &[(Level, What)]| {
        let mut probed = ProbeReport::default();
        for (level, what) in findings {
            probed.add(*level, *what, "Said.");
        }
        let mut report = Report::default();
        report.directory(of, &probed, "https://login.example.org/cb");
        told(&report)
    };
    let fine = [(Level::Ok, What::Discovery), (Level::Set, What::Scopes)];
    let (level, text) = judged(&[fine.as_slice(), &[(Level::Ok, What::Credentials)]].concat());
    assert!(level == Level::Ok && text.contains("accepts our credentials"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let (level, text) = judged(&fine);
    assert!(level == Level::Ok && !text.contains("credentials"), "{text}");
    let (level, text) = judged(&[(Level::Warning, What::Scopes), (Level::Ok, What::Credentials)]);
    assert_eq!((level, text.lines().count()), (Level::Warning, 3), "{text}");
    for (what, words) in [
        (What::Discovery, "its administrator has to mend it"),
        (What::Issuer, "Correct `issuer`"),
        (What::Keys, "administrator"),
        (What::Credentials, "https://login.example.org/cb"),
        (What::Settings, "Change the setting"),
    ] {
        let (level, text) = judged(&[(Level::Problem, what)]);
        assert_eq!((level, text.lines().count()), (Level::Problem, 2), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(text.contains("vestibule directory probe okta --tenant acme"), "{text}");
    }
}

#[test]
fn what_ends_is_told_louder_as_it_comes_closer() {
    let (acme, okta) = (acme(), okta());
    let judged = |kind, urgency, days_left, ends_at: Option<DateTime<Utc>>| {
        let mut report = Report::default();
        let name = Some("our scripts");
        let end = End { kind, name, urgency, ends_at, days_left, is_accepted: false };
        report.end(Of::directory(&acme, &okta), &end);
        told(&report)
    };
    let (secret, date) = (Ends::DirectorySecret, Some(at(0)));
    for (kind, urgency, days, date, level, words) in [
        (secret, Urgency::Notice, 45, date, Level::Warning, "expires in 45 days, on 1970-01-01"),
        (secret, Urgency::Warning, 20, date, Level::Warning, "this week"),
        (secret, Urgency::Urgent, 1, date, Level::Warning, "tomorrow"),
        (secret, Urgency::Urgent, 0, date, Level::Warning, "today"),
        (secret, Urgency::Expired, 0, date, Level::Problem, "expired on 1970-01-01"),
        (secret, Urgency::Expired, 0, None, Level::Problem, "no longer accepts it"),
        (Ends::NextDirectorySecret, Urgency::Urgent, 3, date, Level::Warning, "The next client"),
        (Ends::ApiToken, Urgency::Expired, 0, date, Level::Warning, "api-token create"),
        (Ends::ApiToken, Urgency::Urgent, 3, date, Level::Warning, "\"our scripts\""),
    ] {
        let (found, text) = judged(kind, urgency, days, date);
        assert_eq!(found, level, "{text}");
        assert!(text.contains(words), "{text}");
    }
    // A date that was written down wrongly keeps nobody out.
    let mut report = Report::default();
    let (urgency, ends_at) = (Urgency::Expired, date);
    let end = End { kind: secret, name: None, urgency, ends_at, days_left: 0, is_accepted: true };
    report.end(Of::directory(&acme, &okta), &end);
    let (level, text) = told(&report);
    assert!(level == Level::Warning && text.contains("still accepts it"), "{text}");
}

#[test]
fn up_08_move_that_nobody_approved_is_told_with_the_command() {
    let (acme, okta) = (acme(), okta());
    let mut report = Report::default();
    let hosts = BTreeSet::from(["new.acme.example".to_owned()]);
    report.moved(Of::directory(&acme, &okta), &hosts, at(0));
    let (level, text) = told(&report);
    assert_eq!(level, Level::Problem);
    assert!(text.contains("new.acme.example"), "{text}");
    assert!(text.contains("vestibule directory approve okta --tenant acme"), "{text}");
}
