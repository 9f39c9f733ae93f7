//! English.

use broker::failure::FailureCode as F;

use super::{Advice, Failures, Logout, Named, PerFailure, Said, Texts, Unrouted, Who};

/// English.
pub(in crate::page) const ENGLISH: Texts = Texts {
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
    misdirected: Said {
        title: "This is not the right address",
        sentence: "The sign-in service is not known by the name in the address.",
    },
    misdirected_hint: "To sign in, open the application that you want to use. For whoever runs the \
                       service: the proxy in front has to pass the Host header on unchanged.",
    too_many: Said {
        title: "Please wait a moment",
        sentence: "Too many sign-ins from your network failed just now. Please try again in a few \
                   seconds.",
    },
    busy: Said {
        title: "Back in a moment",
        sentence: "A great many people are signing in right now. Please reload this page in a few \
                   seconds.",
    },
    unreadable: Said {
        title: "You could not be signed in",
        sentence: "What your browser sent is too large, came too slowly, or cannot be read.",
    },
    logout: Logout {
        ask: "Do you want to sign out?",
        ask_sentence: Named {
            known: "This ends your sign-in here, and then takes you back to {application}.",
            unknown: "This ends your sign-in here.",
        },
        button: "Sign out",
        otherwise: "If you do not want to, close this page. Nothing has happened yet.",
        done: "You are signed out",
        done_sentence: "Nobody is signed in here in this browser.",
        elsewhere: "You may still be signed in at the directory that you signed in with. On a \
                    computer that others use, sign out there too, or close the browser.",
        unregistered: "The application wanted to take you to an address that is not registered \
                       here for it.",
    },
    failures: Failures { titles: TITLES, sentences: SENTENCES, mends: &[] },
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
    help: "Help with signing in",
    broken: "Something went wrong while this page was made. Please try again.",
};

const TITLES: PerFailure = &[
    (F::TestLinkInvalid, "This test link does not work"),
    (F::DirectoryLoginRequired, "Please sign in"),
    (F::AttemptMissing, "Let\u{2019}s start again"),
    (F::AttemptExpired, "This took too long"),
    (F::AttemptOutdated, "Let\u{2019}s start again"),
    (F::AttemptUsed, "You have been here before"),
];

const SENTENCES: PerFailure = &[
    (
        F::TestLinkInvalid,
        "It was used before, is older than 15 minutes, or is for another directory.",
    ),
    (
        F::StaffSignInOff,
        "The staff of the organisation cannot sign in to the dashboard with this directory.",
    ),
    (
        F::StaffNotConnected,
        "This sign-in is not connected to any account of the staff, or the directory was set to \
         another provider since.",
    ),
    (
        F::DirectoryLoginRequired,
        "The application tried to sign you in without asking, but you are not signed in yet.",
    ),
    (
        F::AttemptMissing,
        "This sign-in began in another browser, or this browser did not keep its cookie.",
    ),
    (
        F::AttemptExpired,
        "A sign-in has to be finished within 14 minutes. Yours was left open for longer.",
    ),
    (F::AttemptOutdated, "The way to sign in was changed while you were signing in."),
    (
        F::AttemptUsed,
        "This sign-in is finished already. A page was loaded twice, or the Back button was used.",
    ),
    (F::DirectoryNotAssigned, "Your account is not assigned to this application in the directory."),
    (
        F::TenantNotAllowed,
        "You belong to a Microsoft organisation (tenant) whose members may not sign in here.",
    ),
    (
        F::HostedDomainNotAllowed,
        "Your Google account does not belong to an organisation whose members may sign in here.",
    ),
    (F::GuestNotAllowed, "You are a guest of the directory, and guests may not sign in here."),
    (
        F::GroupsIncomplete,
        "You are in so many groups that the directory left all of them out, and the mapping needs \
         them.",
    ),
    (
        F::OtherPerson,
        "You signed in with another account than the one that was signed in to the application \
         before.",
    ),
    (
        F::ClaimContractUnmet,
        "The application requires something about you that is missing, or is of another type.",
    ),
    (
        F::EmailUntrusted,
        "The application requires the e-mail address, and it is not proven that yours belongs to \
         you.",
    ),
    (
        F::ExternalIdTaken,
        "The external identifier for your new account already belongs to somebody else.",
    ),
    (F::UserBlocked, "Your account is blocked here."),
    (F::DatabaseUnavailable, "The sign-in service cannot reach its database at the moment."),
    (F::Internal, "Something went wrong inside the sign-in service."),
];
