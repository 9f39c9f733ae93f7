//! Step 7 of a login: the profile becomes the application's claims, and the user its `sub`.

use broker::claims::RowTrace;
use broker::contract::{Found, Unmet};
use broker::failure::FailureCode;
use broker::release::{self, Sources};
use broker::sub::PairwiseKey;
use broker::timeline::Step;
use oidc::scope::Scope;
use serde_json::{Map, Value};

use super::answer::Authenticated;
use super::profile::{failure, note};
use super::{Failed, Login, Why};

/// What the application that asked gets to know: the same in every token and in userinfo.
pub(super) struct Released {
    pub(super) claims: Map<String, Value>,
    pub(super) sub: String,
}

/// What an application's rows made of a profile.
pub(crate) struct Made {
    pub(crate) claims: Map<String, Value>,
    pub(crate) rows: Vec<RowTrace>,
    /// The `sub`; or why the application gets nothing after all: its contract is not met.
    pub(crate) sub: Result<String, Why>,
}

/// Maps the profile for the application that asked. What it requires has to be there before
/// anything is stored or issued.
pub(super) fn release(
    mut login: Login,
    authenticated: &Authenticated,
) -> Result<(Login, Released), Box<Failed>> {
    let loaded = &login.trace.loaded;
    let sources = Sources {
        tenant: &loaded.tenant,
        application: &login.application,
        directory: &authenticated.directory,
        user: &authenticated.user,
        profile: &authenticated.profile,
    };
    let released = match make(sources, &login.request.scope, &loaded.pairwise) {
        Ok(made) => {
            note(&mut login.trace, Step::Release, &made.rows);
            made.sub.map(|sub| Released { claims: made.claims, sub })
        }
        Err(why) => Err(why),
    };
    match released {
        Ok(released) => Ok((login, released)),
        Err((failure, detail)) => {
            Err(login.fail(Some(authenticated.directory.id), Step::Release, failure, detail))
        }
    }
}

/// The same without a login.
///
/// # Errors
/// A row that failed.
pub(crate) fn make(
    sources: Sources<'_>,
    scope: &Scope,
    pairwise: &PairwiseKey,
) -> Result<Made, Why> {
    let application = sources.application;
    let (claims, rows) = release::release(sources, scope)
        .map_err(|error| (failure(&error, FailureCode::ReleaseFailed), error.to_string()))?;
    let unmet = release::unmet(application, scope, &claims);
    let sub = if unmet.is_empty() {
        let sub = application.sub.apply(sources.user, pairwise);
        sub.map_err(|error| (FailureCode::ClaimContractUnmet, error.to_string()))
    } else {
        Err(explained(sources, &unmet))
    };
    Ok(Made { claims, rows, sub })
}

/// Why they are missing, then the claims, then what to do about them in this directory, where that
/// is known. What several people would have to mend is told as the contract alone.
fn explained(sources: Sources<'_>, unmet: &[Unmet]) -> Why {
    let is_not_asked = |one: &Unmet| matches!(one.found, Found::NotAsked(_));
    let is_untrusted = |one: &Unmet| {
        one.found == Found::Missing && release::is_untrusted_email(sources, &one.claim)
    };
    let claims: Vec<_> = unmet.iter().map(ToString::to_string).collect();
    let sentence = format!("{}.", claims.join("; "));
    if unmet.iter().all(is_not_asked) {
        return (FailureCode::ScopeMissing, sentence);
    }
    if unmet.iter().all(is_untrusted) {
        let (slug, trust) = (&sources.directory.slug, sources.directory.email_trust.as_str());
        let detail = format!("{sentence} {slug} has one, and its email_trust is {trust}.");
        return (FailureCode::EmailUntrusted, detail);
    }
    let missing = unmet.iter().filter(|one| one.found == Found::Missing);
    let advice = missing.filter_map(|one| {
        release::advice(sources.application, sources.directory, &one.claim).map(str::to_owned)
    });
    let text = [sentence].into_iter().chain(advice).collect::<Vec<_>>().join(" ");
    (FailureCode::ClaimContractUnmet, text)
}
