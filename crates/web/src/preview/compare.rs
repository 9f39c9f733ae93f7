//! Who would become different: what the stored rows make of somebody beside what the edited ones do.

use std::collections::BTreeSet;

use broker::id::LoginId;
use serde_json::{Map, Value};

use super::order::Subject;
use super::result::{ClaimChange, Failure, Happens, Person, Place, PreviewedRow, is_other, kind};
use super::trial::{Mapped, Outcome, Release};

/// What the profile is called.
const PROFILE: &str = "Profile";

/// What becomes of somebody; `before`: with the stored rows, if others were tried.
pub(super) fn person(
    subject: Subject,
    before: Option<&Outcome>,
    after: Outcome,
    is_redacted: bool,
) -> Person {
    // An external ID stays what it was for whoever has one, so a row for it changes nobody known.
    let settled = subject.known.as_ref().map(|_| "external_id");
    let comparing = Comparing { is_redacted, settled: None };
    let of_profile = Comparing { is_redacted, settled };
    let mut places = Vec::new();
    if let Some(profile) = &after.profile {
        let before = before.map(|before| (claims(before.profile.as_ref(), None), None));
        let own = (claims(Some(profile), None), None);
        places.push(Place {
            client_id: None,
            name: PROFILE.to_owned(),
            admitted: true,
            ..of_profile.place(before, own, Some(profile))
        });
    }
    for release in &after.releases {
        let name = &release.client_id;
        let before = before.map(|before| {
            let found = before.releases.iter().find(|one| one.client_id == *name);
            (found.map(received).unwrap_or_default(), found.and_then(|one| one.problem.as_ref()))
        });
        let own = (received(release), release.problem.as_ref());
        places.push(Place {
            client_id: Some(name.clone()),
            name: release.name.clone(),
            admitted: release.admitted,
            ..comparing.place(before, own, release.mapped.as_ref())
        });
    }
    let failure = after.failed.as_ref().map(Failure::from);
    let failure_before = match before {
        Some(before) => before.failed.as_ref().map(Failure::from),
        None => failure.clone(),
    };
    let changed = is_other(failure_before.as_ref(), failure.as_ref())
        || places.iter().any(Place::is_different);
    Person {
        directory: subject.directory,
        user: subject.user,
        support_code: subject.login.map(LoginId::support_code),
        at: subject.at,
        changed,
        failure,
        failure_before,
        places,
        facts: if is_redacted { Vec::new() } else { after.facts },
        said: (!is_redacted).then_some(subject.said),
    }
}

/// What arrives at an application: nothing, where it is refused.
fn received(release: &Release) -> Map<String, Value> {
    claims(release.mapped.as_ref(), release.problem.as_ref().map(|_| ()))
}

fn claims(mapped: Option<&Mapped>, refused: Option<()>) -> Map<String, Value> {
    mapped.filter(|_| refused.is_none()).map(|mapped| mapped.claims.clone()).unwrap_or_default()
}

type Arrived<'a> = (Map<String, Value>, Option<&'a crate::login::Why>);

struct Comparing {
    is_redacted: bool,
    /// A claim that is settled, and does not become different by a row.
    settled: Option<&'static str>,
}

impl Comparing {
    fn place(
        &self,
        before: Option<Arrived<'_>>,
        (after, why): Arrived<'_>,
        mapped: Option<&Mapped>,
    ) -> Place {
        let failure = why.map(Failure::from);
        let (changes, failure_before) = match before {
            Some((before, why)) => (self.changes(&before, &after), why.map(Failure::from)),
            None => (Vec::new(), failure.clone()),
        };
        Place {
            client_id: None,
            name: String::new(),
            admitted: true,
            failure,
            failure_before,
            rows: mapped.map(|mapped| self.rows(mapped)).unwrap_or_default(),
            changes,
        }
    }

    fn changes(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<ClaimChange> {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differ = names.into_iter().filter_map(|name| {
            let (old, new) = (before.get(name), after.get(name));
            let change = match (old, new) {
                _ if old == new || self.settled == Some(name.as_str()) => return None,
                (None, _) => Happens::Added,
                (Some(_), None) => Happens::Removed,
                (Some(_), Some(_)) => Happens::Changed,
            };
            let shown = |value: Option<&Value>| value.filter(|_| !self.is_redacted).cloned();
            let (before, after) = (shown(old), shown(new));
            Some(ClaimChange { claim: name.clone(), change, before, after })
        });
        differ.collect()
    }

    /// What became of each row, then what Vestibule itself adds.
    fn rows(&self, mapped: &Mapped) -> Vec<PreviewedRow> {
        let row = |row: &str, from: &str| {
            let value = mapped.claims.get(row);
            PreviewedRow {
                row: row.to_owned(),
                from: from.to_owned(),
                kind: value.map(kind),
                value: value.filter(|_| !self.is_redacted).cloned(),
            }
        };
        let traced = mapped.rows.iter().map(|one| {
            let text = one.to_string();
            row(&one.row, text.strip_prefix(&one.row).map_or(text.as_str(), str::trim_start))
        });
        let is_row = |name: &str| mapped.rows.iter().any(|one| one.row == name);
        let others = mapped.claims.keys().filter(|name| !is_row(name));
        traced.chain(others.map(|name| row(name, "by Vestibule"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use broker::failure::FailureCode;
    use broker::user::{KnownUser, User};
    use serde_json::json;
    use store::SaidClaims;

    use super::*;

    fn subject(is_known: bool) -> Subject {
        let id = broker::id::UserId(uuid::Uuid::nil());
        let user = User { id, sub: "s".to_owned(), external_id: "E-1".to_owned() };
        Subject {
            directory: "okta".parse().unwrap(),
            known: is_known.then_some(KnownUser { user, blocked: false }),
            user: None,
            login: None,
            at: None,
            said: SaidClaims::of(&Map::new(), None),
        }
    }

    fn mapped(claims: &Value) -> Mapped {
        Mapped { claims: claims.as_object().unwrap().clone(), rows: Vec::new() }
    }

    /// What rows made: the profile, and what iMIS would receive or why it would not.
    fn outcome(profile: &Value, claims: &Value, problem: Option<FailureCode>) -> Outcome {
        let release = Release {
            client_id: "imis".to_owned(),
            name: "iMIS".to_owned(),
            admitted: true,
            mapped: Some(mapped(claims)),
            problem: problem.map(|code| (code, "why".to_owned())),
        };
        Outcome { profile: Some(mapped(profile)), releases: vec![release], ..Outcome::default() }
    }

    fn told(person: &Person) -> Vec<(&str, &str, Happens)> {
        let of = |place: &'_ Place| place.client_id.clone().map_or("profile", |_| "imis");
        let all = person.places.iter().flat_map(|place| {
            place.changes.iter().map(move |one| (of(place), one.claim.as_str(), one.change))
        });
        all.collect()
    }

    #[test]
    fn claims_are_added_changed_and_removed_where_they_arrive() {
        let before = outcome(&json!({ "a": 1, "b": 1 }), &json!({ "x": "1" }), None);
        let after = outcome(&json!({ "b": 2, "c": 3 }), &json!({ "x": 1 }), None);
        let person = person(subject(true), Some(&before), after, false);
        assert!(person.changed);
        assert_eq!(
            told(&person),
            [
                ("profile", "a", Happens::Removed),
                ("profile", "b", Happens::Changed),
                ("profile", "c", Happens::Added),
                // A text is not the number that it looks like.
                ("imis", "x", Happens::Changed),
            ]
        );
    }

    /// [THREATS SC-01] Of people who signed in no value is told, whatever becomes of it.
    #[test]
    fn sc_01_redacted_people_have_kinds_and_no_values() {
        let before = outcome(&json!({ "a": "canary-1" }), &json!({ "x": ["canary-2"] }), None);
        let after = outcome(&json!({ "b": "canary-3" }), &json!({ "x": "canary-4" }), None);
        let redacted = person(subject(true), Some(&before), after, true);
        let text = serde_json::to_string(&redacted).unwrap();
        assert!(!text.contains("canary") && text.contains("text, 8 characters"), "{text}");
    }

    #[test]
    fn external_id_of_the_profile_changes_only_who_is_new() {
        for (is_known, wanted) in [(true, false), (false, true)] {
            let before = outcome(&json!({ "external_id": "a" }), &json!({}), None);
            let after = outcome(&json!({ "external_id": "b" }), &json!({}), None);
            let person = person(subject(is_known), Some(&before), after, true);
            assert_eq!(person.changed, wanted, "{is_known}");
        }
        // What an application receives under that name is its own row's affair.
        let before = outcome(&json!({}), &json!({ "external_id": "a" }), None);
        let after = outcome(&json!({}), &json!({ "external_id": "b" }), None);
        assert!(person(subject(true), Some(&before), after, true).changed);
    }

    #[test]
    fn who_is_refused_by_the_edited_rows_alone_is_changed() {
        let unmet = Some(FailureCode::ClaimContractUnmet);
        let missing = Some(FailureCode::ClaimMissing);
        for (before, after, wanted) in [
            (None, None, false),
            (None, unmet, true),
            (unmet, None, true),
            (unmet, unmet, false),
            (unmet, missing, true),
        ] {
            let made = |problem| outcome(&json!({}), &json!({}), problem);
            let person = person(subject(true), Some(&made(before)), made(after), true);
            assert_eq!((person.changed, person.refused()), (wanted, usize::from(after.is_some())));
        }
        // With the stored rows alone nobody is changed, refused or not.
        let alone = person(subject(true), None, outcome(&json!({}), &json!({}), unmet), true);
        assert!(!alone.changed && alone.refused() == 1);
    }
}
