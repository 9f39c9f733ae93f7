//! The form: whose claims are looked at, and the rows, with what is wrong at the box where it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::authority::Authority;
use broker::claims::Rows;
use serde_json::{Map, Value};
use store::TenantRecord;

use super::draft::Draft;
use super::mapping::Of;
use crate::api::Problem;
use crate::api::problem::Mistake;
use crate::dashboard::applications::claims::{remarks, source};
use crate::dashboard::choice::Choice;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::Notice;
use crate::preview::{MOST_PEOPLE, Source};

/// The largest claim set, in bytes: larger than any directory sends.
const MOST_CLAIMS: usize = 32 * 1024;
/// The most rows of a form.
const MOST_ROWS: usize = 200;
/// The boxes of a row that a message may be about, by the words that messages use.
const BOXES: [(&str, &str); 9] = [
    ("from", "source"),
    ("value", "source"),
    ("expr", "source"),
    ("transform", "transform"),
    ("regex", "transform"),
    ("type", "type"),
    ("default", "default"),
    ("on_missing", "on_missing"),
    ("when", "when"),
];

/// What is in the form.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    /// `test`, `pasted` or `recorded`.
    pub(super) source: String,
    /// The directory whose claims are looked at, of an application's rows.
    pub(super) through: String,
    /// How many people.
    pub(super) most: String,
    pub(super) claims: String,
    pub(super) wrong_claims: String,
    pub(super) version: String,
    /// The rows of their own.
    pub(super) rows: Vec<Draft>,
}

/// What is said about the form.
#[derive(Default)]
pub(super) struct Said {
    pub(super) notice: Option<Notice>,
    pub(super) claims: String,
    /// By the row's place among the rows, and the box.
    rows: Vec<(usize, &'static str, String)>,
}

/// A row in the list: one that is edited, or one of the preset's.
pub(super) struct Listed {
    /// Its number in the form; `None`: it is the preset's as it is.
    pub(super) number: Option<usize>,
    pub(super) draft: Draft,
    /// Whether the preset has one of that name.
    pub(super) is_over: bool,
    /// What the preset's row says, in words.
    pub(super) told: String,
    pub(super) remarks: Vec<String>,
    wrong: Vec<(&'static str, String)>,
}

impl Listed {
    /// What is wrong with a box; empty: nothing.
    pub(super) fn wrong(&self, part: &str) -> String {
        let all = self.wrong.iter().filter(|(one, _)| *one == part);
        all.map(|(_, message)| message.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Whether its further boxes are shown.
    pub(super) fn is_open(&self) -> bool {
        self.draft.has_more()
            || self.wrong.iter().any(|(part, _)| !["name", "source", "kind"].contains(part))
    }
}

impl Typed {
    /// The rows that are stored.
    pub(super) fn stored(tenant: &TenantRecord, of: &Of) -> Self {
        let rows = of.own(tenant).into_iter().flatten();
        Self {
            source: "test".to_owned(),
            rows: rows.map(|(name, row)| Draft::of(name, row)).collect(),
            ..Self::default()
        }
    }

    /// What was sent.
    pub(super) fn sent(fields: &Fields) -> Self {
        let numbers = fields.numbers("row.").into_iter().take(MOST_ROWS);
        Self {
            source: fields.text("source").to_owned(),
            through: fields.text("through").to_owned(),
            most: fields.text("most").to_owned(),
            claims: fields.text("claims").to_owned(),
            wrong_claims: String::new(),
            version: fields.text("version").to_owned(),
            rows: numbers.map(|number| Draft::sent(fields, number)).collect(),
        }
    }

    /// Adds a row, takes one away, or makes one of the preset's one's own; `None`: there is no such act.
    pub(super) fn edit(&mut self, act: &str, tenant: &TenantRecord, of: &Of) -> Option<()> {
        match act.split_once('.') {
            None if act == "add" && self.rows.len() < MOST_ROWS => self.rows.push(Draft::new()),
            None if act == "add" => {}
            Some(("remove", number)) => {
                let number: usize = number.parse().ok()?;
                if number < self.rows.len() {
                    self.rows.remove(number);
                }
            }
            Some(("override", name)) => {
                let row = of.preset_row(tenant, name)?;
                if !self.rows.iter().any(|one| one.name == name) {
                    self.rows.push(Draft::of(name, row));
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The rows that it says; those that nobody filled in are left out.
    pub(super) fn rows(&self) -> Result<Rows, Problem> {
        let (mut rows, mut wrong) = (Rows::new(), Vec::new());
        for (number, draft) in self.rows.iter().enumerate().filter(|(_, draft)| !draft.is_empty()) {
            let mut no = |part: &str, message: String| {
                wrong.push(Mistake { path: format!("row.{number}.{part}"), message });
            };
            if draft.name.is_empty() {
                no("name", "name the claim".to_owned());
            } else if rows.contains_key(&draft.name) {
                no("name", "there is another row of this name".to_owned());
            }
            match draft.row() {
                Ok(row) => {
                    rows.insert(draft.name.clone(), row);
                }
                Err(mistakes) => mistakes.into_iter().for_each(|one| no(&one.path, one.message)),
            }
        }
        if wrong.is_empty() { Ok(rows) } else { Err(Problem::mistaken(wrong)) }
    }

    /// Whose claims are looked at.
    pub(super) fn source(&self, of: &Of) -> Result<Source, Problem> {
        let directory = match of {
            Of::Directory(slug) => slug.to_string(),
            Of::Application(_) => self.through.clone(),
        };
        let one = |directory: String| {
            let message = "choose the directory that they come through";
            if directory.is_empty() {
                Err(Problem::invalid("through", message))
            } else {
                Ok(directory)
            }
        };
        match self.source.as_str() {
            "recorded" => Ok(Source::Recorded {
                directory: Some(directory).filter(|slug| !slug.is_empty()),
                most: self.most.parse().ok(),
            }),
            "pasted" => {
                let claims = pasted(&self.claims)?;
                Ok(Source::Pasted { directory: one(directory)?, claims, userinfo: None })
            }
            _ => Ok(Source::Test { directory: one(directory)? }),
        }
    }

    /// What is to be said about a problem, each thing where it belongs.
    pub(super) fn said(&self, problem: &Problem, of: &Of, notice: Notice) -> Said {
        let mut said = Said::default();
        let mut others = Vec::new();
        for one in problem.mistakes() {
            match self.place(of, &one.path) {
                Some((number, part)) => {
                    let part = part.unwrap_or_else(|| box_of(&one.message));
                    said.rows.push((number, part, one.message.clone()));
                    let name = self.rows.get(number).map_or("", |draft| draft.name.as_str());
                    others.push(format!(
                        "{}: {}",
                        if name.is_empty() { "a row without a name" } else { name },
                        one.message
                    ));
                }
                None if one.path == "claims" => said.claims.clone_from(&one.message),
                None if one.path == "through" || one.path == "source.directory" => {
                    others.push(one.message.clone());
                }
                None => others.push(one.to_string()),
            }
        }
        let has_mistakes = problem.mistakes().next().is_some();
        let lines = if has_mistakes && !others.is_empty() { others } else { notice.lines };
        said.notice = Some(Notice { lines, ..notice });
        said
    }

    /// Which row a path is about, and which box if it says so.
    fn place(&self, of: &Of, path: &str) -> Option<(usize, Option<&'static str>)> {
        if let Some((number, part)) =
            path.strip_prefix("row.").and_then(|rest| rest.split_once('.'))
        {
            let known = ["name", "kind", "source", "transform", "default", "when"];
            let part = known.into_iter().find(|one| *one == part)?;
            return Some((number.parse().ok()?, Some(part)));
        }
        let tried = match of {
            Of::Directory(slug) => format!("directories.{slug}"),
            Of::Application(client_id) => format!("applications.{client_id}"),
        };
        let rest = path.strip_prefix(&tried).or_else(|| path.strip_prefix(of.member()))?;
        let name = rest.strip_prefix('.')?;
        let number = self.rows.iter().position(|draft| draft.name == name)?;
        Some((number, None))
    }

    /// All rows: those that are edited, then the preset's that none of them stands over.
    pub(super) fn listed(&self, tenant: &TenantRecord, of: &Of, said: &Said) -> Vec<Listed> {
        let preset = of.preset(tenant);
        let told = |name: &str| {
            let row = preset.and_then(|rows| rows.get(name));
            (
                row.map(|row| source(&row.source)).unwrap_or_default(),
                row.map(remarks).unwrap_or_default(),
            )
        };
        let own = self.rows.iter().enumerate().map(|(number, draft)| {
            let wrong = said.rows.iter().filter(|(one, ..)| *one == number);
            let (told, remarks) = told(&draft.name);
            Listed {
                number: Some(number),
                draft: draft.clone(),
                is_over: preset.is_some_and(|rows| rows.contains_key(&draft.name)),
                told,
                remarks,
                wrong: wrong.map(|(_, part, message)| (*part, message.clone())).collect(),
            }
        });
        let rest = preset.into_iter().flatten();
        let rest = rest.filter(|(name, _)| !self.rows.iter().any(|draft| draft.name == **name));
        let rest = rest.map(|(name, row)| Listed {
            number: None,
            draft: Draft::of(name, row),
            is_over: false,
            told: source(&row.source),
            remarks: remarks(row),
            wrong: Vec::new(),
        });
        own.chain(rest).collect()
    }

    /// What rows can be tried on.
    pub(super) fn sources(&self, can_record: bool) -> Vec<Choice> {
        let offered = [
            ("test", "The last test of the directory"),
            ("recorded", "The last people who signed in"),
            ("pasted", "Claims that you paste"),
        ];
        let offered = offered.into_iter().filter(|(value, _)| can_record || *value != "recorded");
        Choice::all(offered.map(|(value, label)| (value, label.to_owned())), Some(&self.source))
    }

    /// The directories whose claims can be looked at.
    pub(super) fn through(&self, tenant: &TenantRecord, authority: &Authority) -> Vec<Choice> {
        let all = tenant.directories.iter().map(|one| &one.settings);
        let seen = all.filter(|one| authority.sees_directory(&one.slug));
        Choice::all(seen.map(|one| (one.slug.as_str(), one.name.clone())), Some(&self.through))
    }

    /// How many people rows can be tried on.
    pub(super) fn amounts(&self) -> Vec<Choice> {
        let most = MOST_PEOPLE.to_string();
        let chosen = if self.most.is_empty() { "20" } else { &self.most };
        let offered = ["10", "20", most.as_str()];
        Choice::all(offered.into_iter().map(|one| (one, one.to_owned())), Some(chosen))
    }
}

/// The box that a message is about, by the first of its words that names one.
fn box_of(message: &str) -> &'static str {
    let words = message.split('`').skip(1).step_by(2);
    let mut boxes = words.filter_map(|word| {
        let key = word.split(':').next().unwrap_or(word);
        BOXES.into_iter().find(|(name, _)| *name == key).map(|(_, part)| part)
    });
    boxes.next().unwrap_or("name")
}

/// The claims that were pasted: JSON, or a whole token, of which only what it says is looked at.
fn pasted(text: &str) -> Result<Map<String, Value>, Problem> {
    let wrong = |message: String| Problem::invalid("claims", message);
    if text.len() > MOST_CLAIMS {
        return Err(wrong("paste 32 KiB at most".to_owned()));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let payload = match &parts[..] {
        [_, payload, _] if !text.starts_with('{') => URL_SAFE_NO_PAD.decode(payload).ok(),
        _ => None,
    };
    let json = payload.as_deref().unwrap_or(text.as_bytes());
    match oidc::json::parse(json) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err(wrong("paste an object: a JSON text that begins with {".to_owned())),
        // The parser names a place, and nothing that stands there.
        Err(error) => Err(wrong(format!("this is no JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_said_at_the_box_that_it_names() {
        for (message, wanted) in [
            ("`expr`: unknown name", "source"),
            ("`when`: it is no condition", "when"),
            ("`default` and this `on_missing` contradict each other; keep one", "default"),
            ("a constant takes no `transform`; write the result", "transform"),
            ("`on_missing: default` needs a `default`", "on_missing"),
            ("the name `sub` is reserved", "name"),
            ("this takes the role editor", "name"),
        ] {
            assert_eq!(box_of(message), wanted, "{message}");
        }
    }
}
