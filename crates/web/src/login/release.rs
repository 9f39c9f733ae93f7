//! Step 7 of a login: the profile becomes the application's claims.

use broker::failure::FailureCode;
use broker::release::{self, Sources};
use broker::timeline::Step;
use serde_json::{Map, Value};

use super::answer::Authenticated;
use super::profile::{failure, note};
use super::{Failed, Login};

/// Maps the profile for the application that asked.
pub(crate) fn release(
    mut login: Login,
    authenticated: &Authenticated,
) -> Result<(Login, Map<String, Value>), Box<Failed>> {
    let sources = Sources {
        tenant: &login.trace.loaded.tenant,
        application: &login.application,
        directory: &authenticated.directory,
        user: &authenticated.user,
        profile: &authenticated.profile,
    };
    match release::release(sources, &login.request.scope) {
        Ok((claims, trace)) => {
            note(&mut login, Step::Release, &trace);
            Ok((login, claims))
        }
        Err(error) => {
            let failure = failure(&error, FailureCode::ReleaseFailed);
            let directory = Some(authenticated.directory.id);
            Err(login.fail(directory, Step::Release, failure, error.to_string()))
        }
    }
}
