//! How a vendor's addresses look, as data: what may be typed, and what it becomes.

use regex::Regex;
use serde::Deserialize;

/// What becomes of the text that staff typed.
///
/// `names` are tried on a text that is no address (a pool id, a tenant id); `rules` on an address,
/// in order, each on what the one before it left. A vendor with plain issuers needs none of this.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// The path of the issuer if only a host was typed, such as `/adfs`.
    pub path: Option<String>,
    /// What happens to a slash at the end.
    pub slash: Slash,
    /// What texts without `://` mean; the first that fits wins, else they are a host.
    pub names: Vec<AddressRule>,
    /// What addresses mean that are not yet the issuer's.
    pub rules: Vec<AddressRule>,
}

/// What happens to a slash at the end of an issuer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slash {
    /// It stays, or stays away.
    #[default]
    AsTyped,
    /// The vendor's issuers have one.
    Always,
    /// The vendor's issuers have none.
    Never,
}

/// A text that people type, and what it means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRule {
    /// The text, as a regular expression; it has to fit from the first character on.
    pub find: Pattern,
    /// What takes its place; `${1}` is the first group.
    #[serde(default)]
    pub to: Option<String>,
    /// Or why it cannot be used, and what to type instead.
    #[serde(default)]
    pub refuse: Option<String>,
    /// What to tell staff about the change.
    #[serde(default)]
    pub note: Option<String>,
}

impl AddressRule {
    /// What it makes of a text; `None`: the text is none of its business.
    pub(super) fn apply(&self, text: &str) -> Option<Result<String, String>> {
        if !self.find.0.is_match(text) {
            return None;
        }
        Some(match (&self.refuse, &self.to) {
            (Some(reason), _) => Err(reason.clone()),
            (None, Some(to)) => Ok(self.find.0.replace(text, to.as_str()).into_owned()),
            (None, None) => Ok(text.to_owned()),
        })
    }
}

/// A regular expression that begins where the text begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&format!("^(?:{text})")).map(Self)
    }
}
