//! In which language a page speaks: what the application wishes for the person, else what the
//! browser prefers, else English.
//!
//! Nobody is refused over a language: what cannot be read, or is not spoken here, is passed over.
//! [OIDCC-3.1.2.1] [RFC9110-12.5.4]

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::texts::{ENGLISH, FRENCH, GERMAN, SPANISH, Texts};

/// How much of a list of languages is looked at, in bytes. A browser's own has about a hundred.
const LONGEST: usize = 512;
/// How many languages of it. A person who reads more of them has come past one of ours.
const MOST: usize = 16;
/// The weight of a language that is wanted without reserve, in thousandths.
const WHOLE: u16 = 1_000;

/// A language that the end user's pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
}

impl Language {
    /// All of them; the first is spoken where nothing else is wanted.
    pub(crate) const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// Its tag. [RFC5646-2.1]
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// Its words.
    pub(super) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
            Self::Spanish => &SPANISH,
        }
    }

    /// The language of a request whose application may have named some.
    pub(crate) fn choose(ui_locales: Option<&str>, headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
        ui_locales.and_then(Self::wished).or_else(|| accepted(lines)).unwrap_or(Self::English)
    }

    /// The first language of `ui_locales` that is spoken here. [OIDCC-3.1.2.1]
    pub(crate) fn wished(ui_locales: &str) -> Option<Self> {
        bounded(ui_locales, ' ').split(' ').take(MOST).find_map(Self::of_tag)
    }

    /// The language of a tag, whatever region or script it names. Some applications write `de_AT`.
    /// [RFC4647-3.4]
    fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|one| one.tag().eq_ignore_ascii_case(language))
    }
}

/// A language range of `Accept-Language` with its weight. [RFC9110-12.5.4]
struct Range<'h> {
    tag: &'h str,
    weight: u16,
}

impl<'h> Range<'h> {
    fn parse(text: &'h str) -> Option<Self> {
        let (tag, weight) = match text.split_once(';') {
            Some((tag, parameter)) => (tag, weight(parameter)?),
            None => (text, WHOLE),
        };
        Some(Self { tag: tag.trim(), weight })
    }

    fn is_about(&self, language: Language) -> bool {
        Language::of_tag(self.tag) == Some(language)
    }

    /// Whether it refuses the language as such, and not only how some country speaks it.
    fn refuses(&self, language: Language) -> bool {
        self.weight == 0 && self.tag.eq_ignore_ascii_case(language.tag())
    }
}

/// The language that a browser wants most: its ranges from the weightiest on, the first of equals
/// first; `*` is any that no other range is about. [RFC4647-3.4]
fn accepted<'h>(lines: impl Iterator<Item = &'h str>) -> Option<Language> {
    let texts = lines.flat_map(|line| bounded(line, ',').split(',')).take(MOST);
    let mut ranges: Vec<Range<'_>> = texts.filter_map(Range::parse).collect();
    ranges.sort_by_key(|range| Reverse(range.weight));
    let is_refused = |one: &Language| ranges.iter().any(|range| range.refuses(*one));
    let is_named = |one: &Language| ranges.iter().any(|range| range.is_about(*one));
    let wanted = ranges.iter().filter(|range| range.weight > 0);
    wanted.map(|range| range.tag).find_map(|tag| match tag {
        "*" => Language::ALL.into_iter().find(|one| !is_named(one)),
        tag => Language::of_tag(tag).filter(|one| !is_refused(one)),
    })
}

/// `q=0.5`, in thousandths. [RFC9110-12.4.2]
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.trim().split_once('=')?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_fraction = fraction.len() <= 3 && fraction.bytes().all(|octet| octet.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        _ if !name.eq_ignore_ascii_case("q") || !is_fraction => None,
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(WHOLE),
        _ => None,
    }
}

/// The beginning of a list that is too long, without the item that is cut.
fn bounded(list: &str, separator: char) -> &str {
    if list.len() <= LONGEST {
        return list;
    }
    let beginning = list.get(..LONGEST).and_then(|beginning| beginning.rsplit_once(separator));
    beginning.map_or("", |(whole, _)| whole)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn chosen(ui_locales: Option<&str>, accept_language: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept_language).unwrap());
        Language::choose(ui_locales, &headers).tag()
    }

    /// [RFC9110-12.5.4]
    #[test]
    fn the_weightiest_range_that_is_spoken_here_decides() {
        for (header, expected) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("DE-at", "de"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("en;q=0.8, de-CH;q=0.9", "de"),
            ("fr-CA;q=0.3, es;q=0.2", "fr"),
            ("fr-CA;q=0.3, es;q=0.301", "es"),
            ("it, pt-BR;q=0.9, es-419;q=0.2", "es"),
            ("fr;q=0.5, de;q=0.5", "fr"),
            ("fr ; Q=0.2 , de ;\tq=0.4", "de"),
            ("nl, zh-Hant-TW", "en"),
            ("den, deu, x-de", "en"),
            ("", "en"),
        ] {
            assert_eq!(chosen(None, header), expected, "{header}");
        }
    }

    /// [RFC9110-12.4.2]
    #[test]
    fn a_weight_of_nothing_refuses_and_a_star_is_any_other_language() {
        for (header, expected) in [
            ("de;q=0, fr;q=0.1", "fr"),
            ("de, de;q=0.000, es;q=0.1", "es"),
            ("de-AT;q=0, de;q=0.5, en;q=0.4", "de"),
            ("*", "en"),
            ("it, *;q=0.5", "en"),
            ("fr;q=0.2, *;q=0.5", "en"),
            ("fr;q=0.7, *;q=0.5", "fr"),
            ("en;q=0, *", "de"),
            ("en-US;q=0.1, de;q=0, *;q=0.5", "fr"),
            ("*;q=0", "en"),
            ("en;q=0", "en"),
        ] {
            assert_eq!(chosen(None, header), expected, "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        for header in [
            ";",
            ",,,",
            "q=1",
            "de;q=",
            "de;q=2",
            "de;q=1.1",
            "de;q=0.1234",
            "de;q=-1",
            "de;q=0.x",
            "de;level=1",
            "de;q=1;q=1",
            "\u{7f}de",
            "<de>",
            "d e",
            "*-de",
            "-de",
        ] {
            let mut headers = HeaderMap::new();
            let Ok(value) = HeaderValue::from_str(header) else { continue };
            headers.insert(ACCEPT_LANGUAGE, value);
            assert_eq!(Language::choose(None, &headers), Language::English, "{header}");
            headers.append(ACCEPT_LANGUAGE, HeaderValue::from_static("fr;q=0.1"));
            assert_eq!(Language::choose(None, &headers), Language::French, "{header}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_bytes(b"de\xff").unwrap());
        assert_eq!(Language::choose(None, &headers), Language::English);
        assert_eq!(Language::choose(None, &HeaderMap::new()), Language::English);
    }

    #[test]
    fn no_more_is_looked_at_than_is_bounded() {
        let many = "nl,".repeat(MOST - 1);
        assert_eq!(chosen(None, &format!("{many}de")), "de");
        assert_eq!(chosen(None, &format!("{many}nl,de")), "en");
        let long = "x".repeat(LONGEST);
        assert_eq!(chosen(None, &format!("de,{long}")), "de");
        assert_eq!(chosen(None, &format!("{long},de")), "en");
        // `den` is another language, also where the cut falls after `de`.
        let cut = format!("{}den, nl", " ".repeat(LONGEST - 2));
        assert_eq!(chosen(None, &cut), "en");
        let umlauts = format!("fr {}", "\u{fc}".repeat(LONGEST));
        assert_eq!(Language::wished(&umlauts), None);
        assert_eq!(chosen(Some(&"nl ".repeat(100_000)), "es"), "es");
    }

    /// [OIDCC-3.1.2.1]
    #[test]
    fn ui_locales_win_in_their_order_where_one_of_them_is_spoken_here() {
        for (ui_locales, expected) in [
            ("fr", "fr"),
            ("fr-CA fr en", "fr"),
            ("it pt de_AT en", "de"),
            ("ES", "es"),
            ("en", "en"),
            // None of them: the browser is asked.
            ("it", "de"),
            ("", "de"),
            ("  ", "de"),
            ("*", "de"),
            ("fr,en", "de"),
            ("\u{202e}fr", "de"),
        ] {
            assert_eq!(chosen(Some(ui_locales), "de"), expected, "{ui_locales}");
        }
    }

    #[test]
    fn every_language_is_found_by_its_tag() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
            assert_eq!(chosen(None, language.tag()), language.tag());
        }
    }
}
