//! Every word of the end user's pages, in one place per language.
//!
//! `{application}`, `{tenant}` and `{who}` stand for names. What went wrong and what mends it
//! comes from [`FailureCode`], except where the reader is the person concerned.

use broker::failure::{FailureCode, Fixer};

/// The words of one language.
pub(super) struct Texts {
    /// The language's tag. [RFC5646]
    pub(super) lang: &'static str,
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
    /// What a failure is called before the person concerned, instead of its cause.
    pub(super) said: &'static [(FailureCode, Said)],
    pub(super) who: Who,
    pub(super) broken: &'static str,
}

/// A heading and its sentence.
pub(super) struct Said {
    pub(super) title: &'static str,
    pub(super) sentence: &'static str,
}

/// A sentence with a name in it, and the one to use where the name is not known.
pub(super) struct Named {
    pub(super) known: &'static str,
    pub(super) unknown: &'static str,
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
        self.said.iter().find(|(code, _)| *code == failure).map_or(
            Said { title: self.failed, sentence: failure.cause() },
            |(_, said)| Said { title: said.title, sentence: said.sentence },
        )
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

/// English.
pub(super) const ENGLISH: Texts = Texts {
    lang: "en",
    sign_in: "Sign in",
    choose: "Choose how to sign in",
    purpose: "to continue to {application}",
    email: "E-mail address",
    continue_: "Continue",
    or: "or sign in with",
    unrouted: Unrouted {
        with_buttons: "This address does not lead to a sign-in here. Check its spelling, try \
                       another one, or choose below.",
        alone: "This address does not lead to a sign-in here. Check its spelling, or try another \
                one.",
    },
    signing_in: "Signing you in",
    one_moment: "One moment, please.",
    no_script: "Your browser does not run scripts here. Press the button to go on.",
    failed: "You could not be signed in",
    advice: Advice {
        tell: "You cannot fix this yourself. Please send the details below to {who}.",
        retry: "If trying again does not help, please send the details below to {who}.",
    },
    details: "Details",
    details_for: "For {who}",
    support_code: "Support code",
    time: "Time",
    reason: "Reason",
    try_again: "Try again",
    return_to: Named { known: "Return to {application}", unknown: "Return to the application" },
    start_again: "Start again",
    start_again_hint: Named {
        known: "Start again to sign in to {application}.",
        unknown: "Start again to sign in.",
    },
    open_application: Named {
        known: "Open {application} and sign in from there.",
        unknown: "Open the application that you want to use and sign in from there.",
    },
    unavailable: Said {
        title: "Back in a moment",
        sentence: "Signing in is not possible right now. It will work again by itself: \
                   please reload this page in a few seconds.",
    },
    internal: Said {
        title: "Something went wrong",
        sentence: "Something went wrong inside the sign-in service, and has been noted there.",
    },
    internal_hint: "Please try again from the application that you want to use.",
    not_found: Said {
        title: "There is no page here",
        sentence: "The address may be mistyped or out of date.",
    },
    not_found_hint: "To sign in, open the application that you want to use.",
    said: SAID,
    who: Who {
        staff: Named {
            known: "the staff of {tenant} who look after signing in",
            unknown: "the staff who look after signing in",
        },
        directory_admin: "the administrator of the directory you sign in with",
        application_admin: Named {
            known: "the administrator of {application}",
            unknown: "the administrator of the application",
        },
        operator: "the operator of this sign-in service",
    },
    broken: "Something went wrong while this page was made. Please try again.",
};

const SAID: &[(FailureCode, Said)] = &[
    (
        FailureCode::TestLinkInvalid,
        Said {
            title: "This test link does not work",
            sentence: "It was used before, is older than 15 minutes, or is for another directory.",
        },
    ),
    (
        FailureCode::DirectoryLoginRequired,
        Said {
            title: "Please sign in",
            sentence: "The application tried to sign you in without asking, but you are not \
                       signed in yet.",
        },
    ),
    (
        FailureCode::AttemptMissing,
        Said {
            title: "Let\u{2019}s start again",
            sentence: "This sign-in began in another browser, or this browser did not keep its \
                       cookie.",
        },
    ),
    (
        FailureCode::AttemptExpired,
        Said {
            title: "This took too long",
            sentence: "A sign-in has to be finished within 14 minutes. Yours was left open for \
                       longer.",
        },
    ),
    (
        FailureCode::AttemptUsed,
        Said {
            title: "You have been here before",
            sentence: "This sign-in is finished already. A page was loaded twice, or the Back \
                       button was used.",
        },
    ),
    (
        FailureCode::UserBlocked,
        Said { title: "You could not be signed in", sentence: "Your account is blocked here." },
    ),
    (
        FailureCode::DatabaseUnavailable,
        Said {
            title: "You could not be signed in",
            sentence: "The sign-in service cannot reach its database at the moment.",
        },
    ),
    (
        FailureCode::Internal,
        Said {
            title: "You could not be signed in",
            sentence: "Something went wrong inside the sign-in service.",
        },
    ),
];
