//! Every word of the end user's pages, in one file per language.
//!
//! `{application}`, `{tenant}` and `{who}` stand for names. In English, what went wrong is said by
//! [`FailureCode`] itself, except where the reader is the person concerned; the other languages
//! have a sentence for each. What staff and administrators can do about it stays English: they
//! look after the gateway, whose documents and commands are.
//!
//! A text that a language lacks does not compile; that each failure has one, and that the
//! languages say the same things, is tested.

mod english;
mod french;
mod german;
mod spanish;
#[cfg(test)]
mod tests;

use broker::failure::{FailureCode, Fixer};

pub(super) use english::ENGLISH;
pub(super) use french::FRENCH;
pub(super) use german::GERMAN;
pub(super) use spanish::SPANISH;

/// The words of one language.
pub(super) struct Texts {
    pub(super) sign_in: &'static str,
    pub(super) choose: &'static str,
    pub(super) purpose: &'static str,
    pub(super) email: &'static str,
    pub(super) continue_: &'static str,
    pub(super) or: &'static str,
    /// For an address that leads nowhere, whoever's it is, where buttons follow or do not.
    pub(super) unrouted: Unrouted,
    pub(super) signing_in: &'static str,
    pub(super) one_moment: &'static str,
    pub(super) no_script: &'static str,
    pub(super) failed: &'static str,
    pub(super) advice: Advice,
    pub(super) details: &'static str,
    pub(super) details_for: &'static str,
    pub(super) support_code: &'static str,
    pub(super) time: &'static str,
    pub(super) reason: &'static str,
    pub(super) try_again: &'static str,
    pub(super) return_to: Named,
    pub(super) start_again: &'static str,
    pub(super) start_again_hint: Named,
    pub(super) open_application: Named,
    pub(super) unavailable: Said,
    pub(super) internal: Said,
    pub(super) internal_hint: &'static str,
    pub(super) not_found: Said,
    pub(super) not_found_hint: &'static str,
    pub(super) misdirected: Said,
    pub(super) misdirected_hint: &'static str,
    pub(super) too_many: Said,
    pub(super) busy: Said,
    pub(super) unreadable: Said,
    pub(super) logout: Logout,
    pub(super) failures: Failures,
    pub(super) who: Who,
    /// The link to the tenant's own help.
    pub(super) help: &'static str,
    pub(super) broken: &'static str,
}

/// A heading and its sentence.
pub(super) struct Said {
    pub(super) title: &'static str,
    pub(super) sentence: &'static str,
}

/// A text for some of the failures.
type PerFailure = &'static [(FailureCode, &'static str)];

/// What failures are called before the person concerned.
pub(super) struct Failures {
    /// Headings of those that deserve one of their own.
    pub(super) titles: PerFailure,
    /// What went wrong, where the cause that [`FailureCode`] has does not say it in this language
    /// to this reader.
    pub(super) sentences: PerFailure,
    /// What the person can do, where they are the one who can mend it; the same.
    pub(super) mends: PerFailure,
}

/// A sentence with a name in it, and the one to use where the name is not known.
pub(super) struct Named {
    pub(super) known: &'static str,
    pub(super) unknown: &'static str,
}

/// The words of a logout.
pub(super) struct Logout {
    pub(super) ask: &'static str,
    pub(super) ask_sentence: Named,
    pub(super) button: &'static str,
    /// For somebody who did not want it.
    pub(super) otherwise: &'static str,
    pub(super) done: &'static str,
    pub(super) done_sentence: &'static str,
    /// What this did not end.
    pub(super) elsewhere: &'static str,
    pub(super) unregistered: &'static str,
}

/// What is said of an address that leads nowhere.
pub(super) struct Unrouted {
    pub(super) with_buttons: &'static str,
    pub(super) alone: &'static str,
}

/// What to do about a failure that the person cannot mend.
pub(super) struct Advice {
    pub(super) tell: &'static str,
    pub(super) retry: &'static str,
}

/// Who can mend a failure, in the words of the person who reads it.
pub(super) struct Who {
    pub(super) staff: Named,
    pub(super) directory_admin: &'static str,
    pub(super) application_admin: Named,
    pub(super) operator: &'static str,
}

impl Named {
    /// The sentence with `name` at `place`, or the one without.
    pub(super) fn with(&self, place: &str, name: Option<&str>) -> String {
        name.map_or_else(|| self.unknown.to_owned(), |name| self.known.replace(place, name))
    }
}

impl Texts {
    /// The heading and the sentence for a failure.
    pub(super) fn said(&self, failure: FailureCode) -> Said {
        Said {
            title: text(self.failures.titles, failure).unwrap_or(self.failed),
            sentence: text(self.failures.sentences, failure).unwrap_or(failure.cause()),
        }
    }

    /// What the person can do about a failure that they can mend.
    pub(super) fn mend(&self, failure: FailureCode) -> &'static str {
        text(self.failures.mends, failure).unwrap_or(failure.fix())
    }

    /// Whom to turn to; nobody, where the person can mend it.
    pub(super) fn who(
        &self,
        fixer: Fixer,
        tenant: Option<&str>,
        application: Option<&str>,
    ) -> Option<String> {
        match fixer {
            Fixer::Person => None,
            Fixer::Staff => Some(self.who.staff.with("{tenant}", tenant)),
            Fixer::DirectoryAdmin => Some(self.who.directory_admin.to_owned()),
            Fixer::ApplicationAdmin => {
                Some(self.who.application_admin.with("{application}", application))
            }
            Fixer::Operator => Some(self.who.operator.to_owned()),
        }
    }
}

fn text(texts: PerFailure, failure: FailureCode) -> Option<&'static str> {
    texts.iter().find(|(code, _)| *code == failure).map(|(_, text)| *text)
}
