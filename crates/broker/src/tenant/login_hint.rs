//! What becomes of a `login_hint` on its way to a directory.

use crate::email::Email;

/// The longest template, in bytes.
const MAX_TEMPLATE: usize = 200;
/// The longest hint that is sent, in bytes.
const MAX_HINT: usize = 320;

/// How a directory wants its hints. [OIDCC-3.1.2.1]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginHintRule {
    /// As the application sent it.
    AsSent,
    /// Not at all.
    Never,
    /// By a template with `{login_hint}`, `{local}` and `{domain}`.
    Template(String),
}

impl LoginHintRule {
    /// Reads the setting.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(template: &str) -> Result<Self, &'static str> {
        if template.is_empty() {
            return Ok(Self::Never);
        }
        let rest = ["{login_hint}", "{local}", "{domain}"]
            .iter()
            .fold(template.to_owned(), |text, name| text.replace(name, ""));
        if rest.len() == template.len() {
            return Err("use {login_hint}, {local} or {domain} in it, or leave it empty");
        }
        if rest.contains(['{', '}']) || template.chars().any(char::is_control) {
            return Err("the only placeholders are {login_hint}, {local} and {domain}");
        }
        if template.len() > MAX_TEMPLATE {
            return Err("use at most 200 bytes");
        }
        Ok(Self::Template(template.to_owned()))
    }

    /// The hint to send; never an empty one. Where the template takes an address apart and the hint
    /// is none, the hint goes as it is.
    pub fn apply(&self, login_hint: &str) -> Option<String> {
        let hint = match self {
            Self::Never => return None,
            Self::AsSent => login_hint.to_owned(),
            Self::Template(template) => {
                let parts = Email::parse(login_hint).and_then(|_| login_hint.split_once('@'));
                match parts {
                    Some((local, domain)) => fill(template, login_hint, local, domain),
                    None if template.contains("{local}") || template.contains("{domain}") => {
                        login_hint.to_owned()
                    }
                    None => fill(template, login_hint, "", ""),
                }
            }
        };
        (!hint.trim().is_empty() && hint.len() <= MAX_HINT).then_some(hint)
    }
}

/// One pass over the template, so that a hint that looks like a placeholder stays a hint.
fn fill(template: &str, login_hint: &str, local: &str, domain: &str) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(match name {
            "local" => local,
            "domain" => domain,
            _ => login_hint,
        });
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(template: &str, login_hint: &str) -> Option<String> {
        LoginHintRule::parse(template).unwrap().apply(login_hint)
    }

    #[test]
    fn address_is_taken_apart_and_put_together_again() {
        assert_eq!(sent("{local}@corp.example", "ann@a.example").unwrap(), "ann@corp.example");
        assert_eq!(sent("{domain}\\{local}", "ann@a.example").unwrap(), "a.example\\ann");
        assert_eq!(sent("x-{login_hint}", "{local}@a.example").unwrap(), "x-{local}@a.example");
    }

    #[test]
    fn name_without_a_domain_goes_as_it_is() {
        assert_eq!(sent("{local}@corp.example", "ann").unwrap(), "ann");
        assert_eq!(sent("corp-{login_hint}", "ann").unwrap(), "corp-ann");
    }

    #[test]
    fn hint_is_never_sent_empty() {
        assert_eq!(sent("", "ann@a.example"), None);
        assert_eq!(LoginHintRule::AsSent.apply(" "), None);
        assert_eq!(LoginHintRule::AsSent.apply("ann").unwrap(), "ann");
    }

    #[test]
    fn template_without_a_known_placeholder_is_refused() {
        for bad in ["ann", "{email}", "{local", "{local}{}"] {
            assert!(LoginHintRule::parse(bad).is_err(), "{bad}");
        }
    }
}
