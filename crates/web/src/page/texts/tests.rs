use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::page::Language;

/// Every text of a language by its place.
type Every = BTreeMap<String, &'static str>;

fn every(texts: &'static Texts) -> Every {
    let mut every = Every::new();
    texts.collect("texts", &mut every);
    every
}

/// A part of the words of a language, or a single text.
trait Part {
    fn collect(&'static self, place: &str, every: &mut Every);
}

impl Part for &'static str {
    fn collect(&'static self, place: &str, every: &mut Every) {
        let twice = every.insert(place.to_owned(), self);
        assert_eq!(twice, None, "{place} is there twice");
    }
}

impl Part for PerFailure {
    fn collect(&'static self, place: &str, every: &mut Every) {
        for (failure, text) in *self {
            text.collect(&format!("{place}.{}", failure.as_str()), every);
        }
    }
}

/// Whatever these types get has to be listed, or this does not compile.
macro_rules! parts {
    ($($kind:ident { $($name:ident),+ $(,)? })+) => {
        $(impl Part for $kind {
            fn collect(&'static self, place: &str, every: &mut Every) {
                let Self { $($name),+ } = self;
                $($name.collect(&format!("{place}.{}", stringify!($name)), every);)+
            }
        })+
    };
}

parts! {
    Texts {
        sign_in, choose, purpose, email, continue_, or, unrouted, signing_in, one_moment,
        no_script, failed, advice, details, details_for, support_code, time, reason, try_again,
        return_to, start_again, start_again_hint, open_application, unavailable, internal,
        internal_hint, not_found, not_found_hint, misdirected, misdirected_hint, too_many, busy,
        unreadable, logout, failures, who, help, broken,
    }
    Said { title, sentence }
    Named { known, unknown }
    Unrouted { with_buttons, alone }
    Advice { tell, retry }
    Logout {
        ask, ask_sentence, button, otherwise, done, done_sentence, elsewhere, unregistered,
    }
    Failures { titles, sentences, mends }
    Who { staff, directory_admin, application_admin, operator }
}

/// The names that a text leaves room for.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

fn others() -> impl Iterator<Item = Language> {
    Language::ALL.into_iter().filter(|language| *language != Language::English)
}

#[test]
fn every_language_says_what_english_says() {
    let english = every(Language::English.texts());
    let german = every(Language::German.texts());
    for language in others() {
        let texts = every(language.texts());
        let missing: Vec<_> = english.keys().filter(|place| !texts.contains_key(*place)).collect();
        assert_eq!(missing, [""; 0], "{language:?}");
        assert!(texts.keys().eq(german.keys()), "{language:?} and German say different things");
        for (place, text) in &texts {
            let known = english.get(place).copied().unwrap_or_default();
            assert_eq!(places(text), places(known), "{language:?} {place}: {text}");
        }
        let titles = |one: &Every| -> Vec<String> {
            one.keys().filter(|place| place.starts_with("texts.failures.titles")).cloned().collect()
        };
        assert_eq!(titles(&texts), titles(&english), "{language:?}");
    }
}

/// English takes the sentence of the failure itself.
#[test]
fn every_failure_has_a_sentence_and_what_a_person_can_do_in_every_other_language() {
    for language in others() {
        let Failures { sentences, mends, .. } = language.texts().failures;
        let codes = |texts: PerFailure| -> Vec<FailureCode> {
            texts.iter().map(|(failure, _)| *failure).collect()
        };
        assert_eq!(codes(sentences), FailureCode::ALL, "{language:?}");
        let persons = FailureCode::ALL.iter().filter(|one| one.fixer() == Fixer::Person).copied();
        assert_eq!(codes(mends), persons.collect::<Vec<_>>(), "{language:?}");
    }
}

#[test]
fn a_name_has_its_place_where_it_is_known_and_none_where_it_is_not() {
    for language in Language::ALL {
        for (place, text) in every(language.texts()) {
            let expected = match place.trim_start_matches("texts.").rsplit_once('.') {
                Some(("who.staff", "known")) => Some("tenant"),
                Some((_, "known")) => Some("application"),
                None if place == "texts.purpose" => Some("application"),
                Some(("advice", _)) => Some("who"),
                None if place == "texts.details_for" => Some("who"),
                _ => None,
            };
            let found: Vec<&str> = places(text).into_iter().collect();
            assert_eq!(found, expected.as_slice(), "{language:?} {place}: {text}");
            assert_eq!(text.matches('{').count(), found.len(), "{language:?} {place}: {text}");
        }
    }
}

#[test]
fn no_text_is_empty_or_untidy() {
    for language in Language::ALL {
        for (place, text) in every(language.texts()) {
            assert!(!text.is_empty() && text.trim() == text, "{language:?} {place}: {text:?}");
            let untidy = text.contains("  ") || text.contains(['\'', '"', '<', '>', '\n', '\t']);
            assert!(!untidy, "{language:?} {place}: {text}");
            let is_whole = ["sentence", "mends", "hint", "advice"].iter();
            let is_whole = is_whole.into_iter().any(|part| place.contains(part));
            assert!(!is_whole || text.ends_with('.'), "{language:?} {place}: {text}");
        }
    }
}

#[test]
fn no_two_languages_share_a_text() {
    let mut seen: BTreeMap<&str, Language> = BTreeMap::new();
    for language in Language::ALL {
        for (place, text) in every(language.texts()) {
            let first = *seen.entry(text).or_insert(language);
            assert_eq!(first, language, "{place}: {text}");
        }
    }
    for language in others() {
        for failure in FailureCode::ALL {
            assert_ne!(language.texts().said(*failure).sentence, failure.cause());
        }
    }
}

/// A failure that nobody has translated yet is explained all the same.
#[test]
fn what_a_language_lacks_is_said_in_english() {
    let none = Failures { titles: &[], sentences: &[], mends: &[] };
    let bare = Texts { failures: none, ..GERMAN };
    let said = bare.said(FailureCode::OtherPerson);
    assert_eq!((said.title, said.sentence), (GERMAN.failed, FailureCode::OtherPerson.cause()));
    assert_eq!(bare.mend(FailureCode::OtherPerson), FailureCode::OtherPerson.fix());
}
