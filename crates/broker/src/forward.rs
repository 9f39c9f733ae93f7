//! What an application wishes for, in the directory's words, and the directory's answer in the
//! application's. [OIDCC-3.1.2.1]
//!
//! A directory is told what its settings let through (`forward`), with values of `prompt` and
//! authentication context classes by the names that it knows. What was asked for is checked on the
//! way back, whether the directory was told or not.

use crate::settings::Forwarded;
use crate::tenant::Directory;

/// What the application asked for; nothing, in a login that no application began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// Who will probably sign in.
    pub login_hint: Option<&'a str>,
    /// Words of `prompt`, divided by spaces.
    pub prompt: Option<&'a str>,
    /// How many seconds ago the authentication may be.
    pub max_age: Option<u32>,
    /// Authentication context classes, divided by spaces.
    pub acr_values: Option<&'a str>,
    /// Languages, divided by spaces.
    pub ui_locales: Option<&'a str>,
}

/// The same, as the directory is told. Nothing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<u32>,
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
}

/// What the directory is told of an application's wishes.
pub fn told(directory: &Directory, wishes: &Wishes<'_>) -> Told {
    let lets = |wish| directory.forward.contains(&wish);
    let prompts = &directory.preset.data().prompts;
    let prompt = wishes.prompt.filter(|_| lets(Forwarded::Prompt));
    // Who asks for the chooser does not want one account to be proposed; Microsoft refuses both.
    let chooses = prompt.is_some_and(|prompt| words(prompt).any(|word| word == "select_account"));
    let hint = wishes.login_hint.filter(|_| !chooses);
    Told {
        login_hint: hint.and_then(|hint| directory.login_hint.apply(hint)),
        prompt: prompt.and_then(|prompt| {
            joined(words(prompt).map(|word| prompts.get(word).map_or(word, String::as_str)))
        }),
        max_age: wishes.max_age.filter(|_| lets(Forwarded::MaxAge)),
        acr_values: wishes.acr_values.filter(|_| lets(Forwarded::AcrValues)).and_then(|classes| {
            joined(words(classes).filter_map(|class| upward(directory, class)))
        }),
        ui_locales: wishes
            .ui_locales
            .filter(|_| lets(Forwarded::UiLocales))
            .and_then(|tags| joined(words(tags))),
    }
}

/// The application's name for an authentication context class that the directory states. Where the
/// settings list the classes, one that they do not list means nothing here (THREATS AZ-12).
pub fn acr<'a>(directory: &'a Directory, stated: &'a str) -> Option<&'a str> {
    let listed = &directory.acr_values;
    if listed.is_empty() {
        return Some(stated);
    }
    listed.iter().find(|(_, theirs)| *theirs == stated).map(|(ours, _)| ours.as_str())
}

/// The directory's name for one that the application asks for.
fn upward<'a>(directory: &'a Directory, class: &'a str) -> Option<&'a str> {
    let listed = &directory.acr_values;
    if listed.is_empty() { Some(class) } else { listed.get(class).map(String::as_str) }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// Each word once, in the order of the first.
fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut distinct: Vec<&str> = Vec::new();
    for word in words {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    (!distinct.is_empty()).then(|| distinct.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture::directory;

    fn wishes() -> Wishes<'static> {
        Wishes {
            login_hint: Some("ann@acme.example"),
            prompt: Some("login consent"),
            max_age: Some(0),
            acr_values: Some("gold silver"),
            ui_locales: Some("de en"),
        }
    }

    #[test]
    fn everything_goes_as_it_is_unless_the_settings_say_otherwise() {
        let expected = Told {
            login_hint: Some("ann@acme.example".to_owned()),
            prompt: Some("login consent".to_owned()),
            max_age: Some(0),
            acr_values: Some("gold silver".to_owned()),
            ui_locales: Some("de en".to_owned()),
        };
        assert_eq!(told(&directory("oidc", &json!({})), &wishes()), expected);
    }

    #[test]
    fn what_the_settings_do_not_forward_stays_here() {
        let quiet = directory("oidc", &json!({ "forward": [], "login_hint": "" }));
        assert_eq!(told(&quiet, &wishes()), Told::default());
        let some = directory("oidc", &json!({ "forward": ["max_age"] }));
        let told = told(&some, &wishes());
        assert_eq!((told.max_age, told.prompt, told.acr_values), (Some(0), None, None));
    }

    #[test]
    fn az_12_context_classes_are_renamed_both_ways_and_unlisted_ones_are_dropped() {
        let names = json!({ "acr_values": { "gold": "urn:okta:loa:2fa:any" } });
        let listed = directory("oidc", &names);
        let up = told(&listed, &wishes()).acr_values;
        assert_eq!(up.as_deref(), Some("urn:okta:loa:2fa:any"));
        assert_eq!(acr(&listed, "urn:okta:loa:2fa:any"), Some("gold"));
        // Also not a name that the directory merely happens to share with us.
        assert_eq!((acr(&listed, "gold"), acr(&listed, "silver")), (None, None));
        let unlisted = directory("oidc", &json!({}));
        assert_eq!(acr(&unlisted, "silver"), Some("silver"));
    }

    #[test]
    fn google_is_asked_for_the_chooser_where_it_knows_no_fresh_sign_in() {
        let told = told(&directory("google", &json!({})), &wishes());
        assert_eq!(told.prompt.as_deref(), Some("select_account consent"));
        assert_eq!(told.login_hint.as_deref(), Some("ann@acme.example"));
    }

    #[test]
    fn nobody_is_proposed_to_a_person_who_wants_to_choose() {
        let choosing = Wishes { prompt: Some("select_account"), ..wishes() };
        assert_eq!(told(&directory("oidc", &json!({})), &choosing).login_hint, None);
    }

    #[test]
    fn nothing_is_told_empty() {
        let empty = Wishes {
            login_hint: Some(" "),
            prompt: Some(""),
            max_age: None,
            acr_values: Some(""),
            ui_locales: Some(""),
        };
        assert_eq!(told(&directory("oidc", &json!({})), &empty), Told::default());
    }
}
