//! Step 5 of a login: the directory's claims become a profile, Vestibule's canonical claims.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::claims::{EvaluateError, Inputs, RowTrace};
use crate::email_trust;
use crate::tenant::{Directory, Tenant};

/// A person as one directory describes them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(pub Map<String, Value>);

impl Profile {
    /// The text of a member, if it is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// What a person may type as `login_hint` and mean this profile.
    pub fn known_as(&self) -> Vec<&str> {
        ["email", "preferred_username"].into_iter().filter_map(|name| self.text(name)).collect()
    }
}

/// What a directory said about a person, verified.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The ID token's claims.
    pub id_token: &'a Map<String, Value>,
    /// The userinfo claims, if userinfo was asked.
    pub userinfo: Option<&'a Map<String, Value>>,
}

impl Answer<'_> {
    /// Both together; what the ID token says wins, since it is signed. [OIDCC-5.3.2]
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = self.userinfo.cloned().unwrap_or_default();
        claims.extend(self.id_token.clone());
        claims
    }
}

/// Maps an answer to a profile, and says for each row where its value came from.
///
/// `email_verified` is set here and by nothing else: it follows the directory's `email_trust`,
/// never what a row or a lenient reading makes of it (THREATS ID-03, CL-05).
///
/// # Errors
/// The row that failed and why; the login then ends.
pub fn map(
    tenant: &Tenant,
    directory: &Directory,
    answer: Answer<'_>,
) -> Result<(Profile, Vec<RowTrace>), EvaluateError> {
    let inputs = Inputs::profile(
        Value::Object(answer.claims()),
        Value::Object(answer.id_token.clone()),
        Value::Object(answer.userinfo.cloned().unwrap_or_default()),
        directory_root(directory),
        tenant_root(tenant),
    );
    let evaluated = directory.profile.evaluate(&inputs)?;
    let mut profile = Profile(evaluated.claims);
    if let Some(email) = profile.text("email") {
        let trusted = email_trust::is_trusted(tenant, directory, email, answer);
        profile.0.insert("email_verified".to_owned(), Value::Bool(trusted));
    }
    Ok((profile, evaluated.trace))
}

/// What to do in this directory when a member of the profile is missing, if the preset knows.
pub fn hint<'a>(directory: &'a Directory, member: &str) -> Option<&'a str> {
    directory.preset.data().hints.get(member).map(String::as_str)
}

/// The `directory` root that expressions see.
pub fn directory_root(directory: &Directory) -> Value {
    json!({
        "slug": directory.slug.as_str(),
        "name": directory.name,
        "issuer": directory.issuer.as_str(),
    })
}

/// The `tenant` root that expressions see.
pub fn tenant_root(tenant: &Tenant) -> Value {
    json!({ "slug": tenant.slug.as_str(), "name": tenant.name })
}
