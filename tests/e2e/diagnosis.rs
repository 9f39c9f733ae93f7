//! Diagnosis, measured: one misconfiguration after another, an attempt to sign in, what its timeline
//! calls the cause, what the fix of that code says to do, exactly that done, and the same sign-in
//! again, which then ends with tokens.
//!
//! A [`Fault`] is what is wrong and how it has to be told; a [`Case`] also has how it comes about and
//! how it is mended. Each case is a tenant of its own on one gateway ([`stage`]). Its directory is
//! somebody else's provider wherever that can make the mistake ([`tests::peers::realms`]), and the
//! hostile one where no real server does.
//!
//! - [`application`], [`routing`], [`discovery`], [`answer`], [`credentials`], [`id_token`],
//!   [`claims`]: the tables, in the order of a login;
//! - [`alone`], [`entra`], [`network`]: what takes more than other settings;
//! - [`token`]: what an application does wrong after its login, which is told as likely;
//! - [`page`]: `docs/diagnosis.md`, which is made of all of them.

mod alone;
mod answer;
mod application;
mod claims;
mod credentials;
mod discovery;
mod entra;
mod id_token;
mod network;
mod page;
mod routing;
mod stage;
mod stand;
mod token;

use anyhow::Result;
use broker::failure::FailureCode;

use self::stage::Stage;
use self::stand::Stand;

/// Something that somebody did wrong, or that broke.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// What is wrong, as the page says it.
    pub(crate) wrong: &'static str,
    /// What the timeline calls it; `None`: the login is shown as one that left for the directory and
    /// did not come back.
    pub(crate) code: Option<FailureCode>,
    /// What the timeline has to name besides; [`Stand::filled`] fills in what a test makes up.
    pub(crate) names: &'static [&'static str],
    /// The words of the code's fix, or of the timeline where there is no code, that the mending
    /// follows.
    pub(crate) fix: &'static str,
}

/// A fault that other settings make and mend.
pub(crate) struct Case {
    pub(crate) fault: Fault,
    pub(crate) peer: Peer,
    /// Makes the mistake in what is right.
    pub(crate) broken: fn(&mut Stand),
    /// Does what the fix says, and no more.
    pub(crate) mended: fn(&mut Stand),
    /// Somebody who signs in before, while it is broken already.
    pub(crate) earlier: bool,
}

/// Who plays the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The certified npm `oidc-provider`.
    Library,
    /// The hostile directory of the tests.
    Liar,
}

pub(crate) const fn fault(
    wrong: &'static str,
    code: FailureCode,
    names: &'static [&'static str],
    fix: &'static str,
) -> Fault {
    Fault { wrong, code: Some(code), names, fix }
}

/// What a real provider is part of.
pub(crate) const fn library(fault: Fault, broken: fn(&mut Stand), mended: fn(&mut Stand)) -> Case {
    Case { fault, peer: Peer::Library, broken, mended, earlier: false }
}

/// What no real provider says; it is mended by telling the truth again.
pub(crate) const fn liar(fault: Fault, broken: fn(&mut Stand)) -> Case {
    let mended: fn(&mut Stand) = |stand| stand.lies.clear();
    Case { fault, peer: Peer::Liar, broken, mended, earlier: false }
}

/// Every table.
pub(crate) const TABLES: [(&str, &[Case]); 7] = [
    ("application", application::CASES),
    ("routing", routing::CASES),
    ("discovery", discovery::CASES),
    ("answer", answer::CASES),
    ("credentials", credentials::CASES),
    ("id-token", id_token::CASES),
    ("claims", claims::CASES),
];

#[tokio::test]
async fn diagnosis_names_what_is_wrong_and_what_mends_it() -> Result<()> {
    Stage::set(&TABLES).await?.play().await
}
