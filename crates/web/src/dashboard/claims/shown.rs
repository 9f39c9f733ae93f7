//! What a trial showed, as a page has it: of one person with every value, of several who signed in with
//! none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::page::{Fact, Row, Table, visible};
use crate::preview::result::{ClaimChange, Failure, Happens, Person, Place, Preview};
use crate::test_login::report::raw;

/// What stands for a value that there is none of.
const NOTHING: &str = "–";
/// The most kinds of values that are told of a row.
const MOST_KINDS: usize = 3;

/// What was tried.
pub(super) enum Shown {
    /// Nothing yet.
    Nothing,
    /// One person's claims, which may be read.
    One(Box<One>),
    /// Several people's, which may not.
    Several(Box<Several>),
}

/// One person, with values.
pub(crate) struct One {
    /// When it was said, if it was a test.
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) failure: Option<Failure>,
    pub(crate) refused: usize,
    pub(crate) facts: Vec<Fact>,
    pub(crate) tables: Vec<Table>,
    /// What the edited rows would change; `None`: they are the stored ones.
    pub(crate) differences: Option<Vec<Difference>>,
}

/// A value that would become another.
pub(crate) struct Difference {
    pub(crate) place: String,
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Several people, without values.
pub(super) struct Several {
    pub(super) tried: usize,
    pub(super) changed: usize,
    pub(super) left_out: usize,
    /// Whether other rows than the stored ones were tried.
    pub(super) is_edited: bool,
    /// Those who would become different.
    pub(super) different: Vec<Told>,
    /// Those who are refused something, with the stored rows as well.
    pub(super) refused: Vec<Told>,
    pub(super) sums: Vec<Sum>,
}

/// Somebody, and what is told of them.
pub(super) struct Told {
    pub(super) name: String,
    /// Their page.
    pub(super) href: String,
    pub(super) login: String,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) effects: Vec<Effect>,
}

/// What happens to somebody somewhere.
pub(super) struct Effect {
    pub(super) place: String,
    /// `bad`, `ok` or nothing.
    pub(super) tone: &'static str,
    pub(super) text: String,
}

/// What the rows of one place did for all.
pub(super) struct Sum {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) rows: Vec<RowSum>,
}

/// What a row did for all.
pub(super) struct RowSum {
    pub(super) name: String,
    /// Where its value came from, and for how many.
    pub(super) from: Vec<(String, usize)>,
    pub(super) kinds: String,
}

impl Shown {
    /// What is shown of a preview; `base`: where the tenant's pages are.
    pub(super) fn of(mut preview: Preview, is_edited: bool, base: &str) -> Self {
        if preview.redacted {
            return Self::Several(Box::new(Several::of(&preview, is_edited, base)));
        }
        match preview.people.pop() {
            Some(person) => Self::One(Box::new(One::of(person, is_edited))),
            None => Self::Nothing,
        }
    }
}

impl One {
    /// A test, with what the directory said: as the test's own page was.
    pub(crate) fn of_test(mut person: Person) -> Self {
        let said = person.said.take();
        let mut one = Self::of(person, false);
        let raw = said.iter().flat_map(|said| raw(&said.id_token, said.userinfo.as_ref()));
        one.tables.extend(raw);
        one
    }

    fn of(person: Person, is_edited: bool) -> Self {
        let differences = is_edited.then(|| differences(&person));
        Self {
            at: person.at,
            refused: person.refused(),
            tables: person.places.iter().map(table).collect(),
            failure: person.failure,
            facts: person.facts,
            differences,
        }
    }
}

fn table(place: &Place) -> Table {
    let (id, title) = match &place.client_id {
        None => ("profile".to_owned(), place.name.clone()),
        Some(id) => (format!("application-{id}"), format!("What {} would receive", place.name)),
    };
    let rows = place.rows.iter().map(|row| Row::new(&row.row, row.value.as_ref(), &row.from));
    let note = "It does not admit people of this directory.".to_owned();
    Table {
        note: (!place.admitted).then_some(note),
        problem: place.failure.as_ref().map(|failure| (failure.code, failure.detail.clone())),
        rows: rows.collect(),
        ..Table::new(&id, &title)
    }
}

fn differences(person: &Person) -> Vec<Difference> {
    let ended = |failure: Option<&Failure>| match failure {
        Some(failure) => visible(&format!("{} ({})", failure.detail, failure.code.as_str())),
        None => NOTHING.to_owned(),
    };
    let end = |place: &str, before: Option<&Failure>, after: Option<&Failure>| {
        let (before, after) = (ended(before), ended(after));
        (before != after).then(|| Difference {
            place: place.to_owned(),
            name: "The sign-in ends here".to_owned(),
            before,
            after,
        })
    };
    let everywhere = end("Everywhere", person.failure_before.as_ref(), person.failure.as_ref());
    let mut all: Vec<_> = everywhere.into_iter().collect();
    for place in &person.places {
        let value = |value: Option<&serde_json::Value>| {
            value.map_or_else(|| NOTHING.to_owned(), |value| visible(&value.to_string()))
        };
        let changes = place.changes.iter().map(|one| Difference {
            place: place.name.clone(),
            name: visible(&one.claim),
            before: value(one.before.as_ref()),
            after: value(one.after.as_ref()),
        });
        all.extend(end(&place.name, place.failure_before.as_ref(), place.failure.as_ref()));
        all.extend(changes);
    }
    all
}

impl Several {
    fn of(preview: &Preview, is_edited: bool, base: &str) -> Self {
        let all = || preview.people.iter();
        let is_refused = |person: &Person| person.failure.is_some() || person.refused() > 0;
        let refused = all().filter(|person| is_refused(person) && !person.changed);
        Self {
            tried: preview.tried,
            changed: preview.changed,
            left_out: preview.left_out,
            is_edited,
            different: all()
                .filter(|person| person.changed)
                .map(|person| told(person, base, change_effects(person)))
                .collect(),
            refused: refused.map(|person| told(person, base, refusals(person))).collect(),
            sums: sums(&preview.people),
        }
    }
}

fn told(person: &Person, base: &str, effects: Vec<Effect>) -> Told {
    let user = person.user.as_ref();
    let code = person.support_code.clone().unwrap_or_default();
    Told {
        name: user.map(|user| user.external_id.clone()).unwrap_or_default(),
        href: user.map(|user| format!("{base}users/{}", user.id)).unwrap_or_default(),
        login: format!("{base}logins/{code}"),
        at: person.at,
        effects,
    }
}

/// What would become different for somebody.
fn change_effects(person: &Person) -> Vec<Effect> {
    let everywhere = "Everywhere";
    let whole = outcome(everywhere, person.failure_before.as_ref(), person.failure.as_ref());
    let mut effects: Vec<_> = whole.into_iter().collect();
    for place in person.places.iter().filter(|place| place.is_different()) {
        let end = outcome(&place.name, place.failure_before.as_ref(), place.failure.as_ref());
        let is_refused = place.failure.is_some();
        effects.extend(end);
        if !is_refused && !place.changes.is_empty() {
            let (place, text) = (place.name.clone(), changes(&place.changes));
            effects.push(Effect { place, tone: "", text });
        }
    }
    // A profile that came to nothing leaves no places to compare.
    effects
}

/// Whether the sign-in would end, or no longer would.
fn outcome(place: &str, before: Option<&Failure>, after: Option<&Failure>) -> Option<Effect> {
    let place = place.to_owned();
    match (before, after) {
        (before, Some(after)) if before.map(|one| one.code) != Some(after.code) => {
            let text = format!("would be refused: {} ({})", after.detail, after.code.as_str());
            Some(Effect { place, tone: "bad", text })
        }
        (Some(_), None) => {
            let text = "would no longer be refused".to_owned();
            Some(Effect { place, tone: "ok", text })
        }
        _ => None,
    }
}

fn changes(changes: &[ClaimChange]) -> String {
    let kinds =
        [(Happens::Added, "gains"), (Happens::Changed, "has another"), (Happens::Removed, "loses")];
    let parts = kinds.into_iter().filter_map(|(kind, verb)| {
        let names = changes.iter().filter(|one| one.change == kind);
        let names: Vec<_> = names.map(|one| visible(&one.claim)).collect();
        (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")))
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn refusals(person: &Person) -> Vec<Effect> {
    let whole = person.failure.iter().map(|failure| ("Everywhere".to_owned(), failure));
    let places = person
        .places
        .iter()
        .filter_map(|place| place.failure.as_ref().map(|failure| (place.name.clone(), failure)));
    let all = whole.chain(places).map(|(place, failure)| Effect {
        place,
        tone: "bad",
        text: format!("refused: {} ({})", failure.detail, failure.code.as_str()),
    });
    all.collect()
}

/// The rows of each place for all people together, in the order of the places.
fn sums(people: &[Person]) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    let mut counted: BTreeMap<(String, String), Counted> = BTreeMap::new();
    for place in people.iter().flat_map(|person| &person.places) {
        let id = place.client_id.as_ref().map(|id| format!("application-{id}"));
        let id = id.unwrap_or_else(|| "profile".to_owned());
        if !sums.iter().any(|sum| sum.id == id) {
            let title = match &place.client_id {
                None => place.name.clone(),
                Some(_) => format!("What {} would receive", place.name),
            };
            sums.push(Sum { id: id.clone(), title, rows: Vec::new() });
        }
        for row in &place.rows {
            let one = counted.entry((id.clone(), row.row.clone())).or_default();
            *one.from.entry(row.from.clone()).or_default() += 1;
            if let Some(kind) = &row.kind {
                *one.kinds.entry(kind.clone()).or_default() += 1;
            }
        }
    }
    for ((id, name), one) in counted {
        if let Some(sum) = sums.iter_mut().find(|sum| sum.id == id) {
            sum.rows.push(RowSum {
                name: visible(&name),
                from: often(one.from).collect(),
                kinds: kinds(one.kinds),
            });
        }
    }
    sums.retain(|sum| !sum.rows.is_empty());
    sums
}

#[derive(Default)]
struct Counted {
    from: BTreeMap<String, usize>,
    kinds: BTreeMap<String, usize>,
}

/// The most frequent first.
fn often(counts: BTreeMap<String, usize>) -> impl Iterator<Item = (String, usize)> {
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.into_iter()
}

fn kinds(counts: BTreeMap<String, usize>) -> String {
    let more = counts.len().saturating_sub(MOST_KINDS);
    let told: Vec<_> = often(counts).take(MOST_KINDS).map(|(kind, _)| kind).collect();
    let told = told.join("; ");
    if more > 0 { format!("{told}; and {more} more") } else { told }
}
