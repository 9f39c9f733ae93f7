//! What happened in a login, step by step, as it is stored and shown.
//!
//! Events never carry a claim's value, a code, a token or an address of a person: names of claims
//! and rows, hosts and reasons only. Whoever reads a timeline sees what was decided and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::FailureCode;

/// The step of a login that an event belongs to, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 1: the application's request was parsed and checked.
    Authorize,
    /// 2: a directory was chosen.
    Route,
    /// 3: the browser left for the directory.
    Start,
    /// 4: the directory's answer was exchanged and verified.
    Finish,
    /// 5: the directory's claims became a profile.
    Profile,
    /// 6: the user was found or made.
    User,
    /// 7: the profile became the application's claims.
    Release,
    /// 8: the answer went back to the application.
    Answer,
    /// 9: the application redeemed its code.
    Token,
    /// 10: the application asked for userinfo.
    Userinfo,
}

impl Step {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Route => "route",
            Self::Start => "start",
            Self::Finish => "finish",
            Self::Profile => "profile",
            Self::User => "user",
            Self::Release => "release",
            Self::Answer => "answer",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
        }
    }
}

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// Which step.
    pub step: Step,
    /// What happened, in a sentence.
    pub text: String,
    /// Why the login ended here, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureCode>,
}

/// The longest text of an event, in characters.
const MAX_TEXT: usize = 500;
/// The most events kept of one login.
const MAX_EVENTS: usize = 40;

/// The events of one login, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(Vec<Event>);

impl Timeline {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what happened. Control characters are dropped and length is bounded, since parts of
    /// the text may come from outside (THREATS SC-02).
    pub fn note(&mut self, at: DateTime<Utc>, step: Step, text: impl AsRef<str>) {
        self.push(Event { at, step, text: clean(text.as_ref()), failure: None });
    }

    /// Adds why the login ended.
    pub fn fail(
        &mut self,
        at: DateTime<Utc>,
        step: Step,
        failure: FailureCode,
        text: impl AsRef<str>,
    ) {
        self.push(Event { at, step, text: clean(text.as_ref()), failure: Some(failure) });
    }

    /// The events.
    pub fn events(&self) -> &[Event] {
        &self.0
    }

    /// How long all texts are together, in bytes.
    pub fn text_len(&self) -> usize {
        self.0.iter().map(|event| event.text.len()).sum()
    }

    fn push(&mut self, event: Event) {
        if self.0.len() < MAX_EVENTS {
            self.0.push(event);
        }
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !is_bidi(*c)).take(MAX_TEXT).collect()
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_02_text_is_bounded_and_free_of_control_characters() {
        let mut timeline = Timeline::new();
        let hostile = format!("a\r\n\u{1b}[31m\u{202e}b{}", "x".repeat(10_000));
        for _ in 0..100 {
            timeline.note(DateTime::UNIX_EPOCH, Step::Finish, &hostile);
        }
        assert_eq!(timeline.events().len(), MAX_EVENTS);
        let text = &timeline.events()[0].text;
        assert!(text.starts_with("a[31mb") && text.chars().count() == MAX_TEXT);
    }
}
