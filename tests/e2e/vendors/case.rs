//! What one case is: documents, settings, and what has to come of them.

use serde_json::Value;
use tests::vendor::Script;

use crate::hostile::slug;

/// Claims with others more, or others in their place.
pub(crate) fn with(mut claims: Value, more: Value) -> Value {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
    claims
}

/// One fact about a vendor's directory.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The fact, as a test's name.
    pub(crate) name: &'static str,
    /// The directory's preset.
    pub(crate) preset: &'static str,
    /// What the directory says.
    pub(crate) script: Script,
    /// What staff typed, with the vendor's real host; `None`: the issuer as it is published.
    pub(crate) typed: Option<&'static str>,
    /// More lines of the directory's settings.
    pub(crate) settings: Vec<&'static str>,
    /// Rows of its profile mapping.
    pub(crate) rows: Vec<String>,
    /// The `login_hint`; its domain is the directory's.
    pub(crate) person: &'static str,
    /// What each application gets.
    pub(crate) ends: Vec<End>,
}

/// How a login at one application ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// It gets exactly these claims, beside those of the protocol.
    Claims(&'static str, Value),
    /// It gets nothing: the failure code, and a text that the timeline has to hold.
    Failure(&'static str, &'static str, &'static str),
}

impl Case {
    /// A case whose end is still to be said.
    pub(crate) fn of(name: &'static str, preset: &'static str, script: Script) -> Self {
        let person = "dana.whitfield@acme-assoc.example";
        let (settings, rows, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, preset, script, typed: None, settings, rows, person, ends }
    }

    pub(crate) fn typed(self, text: &'static str) -> Self {
        Self { typed: Some(text), ..self }
    }

    pub(crate) fn with(mut self, lines: &[&'static str]) -> Self {
        self.settings.extend(lines);
        self
    }

    /// A row of the profile mapping.
    pub(crate) fn row(mut self, name: &str, row: &str) -> Self {
        self.rows.push(format!("  {name}: {{ {row} }}"));
        self
    }

    /// Who belongs to the staff: an expression without double quotes.
    pub(crate) fn staff(self, expression: &str) -> Self {
        self.row("staff", &format!("expr: \"{expression}\", type: bool, default: false"))
    }

    pub(crate) fn person(self, person: &'static str) -> Self {
        Self { person, ..self }
    }

    /// The application iMIS gets these claims.
    pub(crate) fn imis(self, claims: Value) -> Self {
        self.end(End::Claims("imis", claims))
    }

    /// iMIS gets nothing, and this is why.
    pub(crate) fn imis_fails(self, failure: &'static str, said: &'static str) -> Self {
        self.end(End::Failure("imis", failure, said))
    }

    /// An application that gets all claims, `groups` among them, gets these.
    pub(crate) fn app(self, claims: Value) -> Self {
        self.end(End::Claims("app", claims))
    }

    /// That application gets nothing, and this is why.
    pub(crate) fn fails(self, failure: &'static str, said: &'static str) -> Self {
        self.end(End::Failure("app", failure, said))
    }

    fn end(mut self, end: End) -> Self {
        self.ends.push(end);
        self
    }

    /// The tenant's name.
    pub(crate) fn slug(&self) -> String {
        slug(self.name)
    }
}
