//! Step 6 of a login: which user is this? Found by identity alone, or proposed as a new one.

use axum::response::Response;
use broker::profile::Profile;
use broker::timeline::Step;
use broker::user::{self, Resolved};

use super::finish::Answered;
use super::{Login, answer};
use crate::entropy;
use crate::refusal::Refused;

/// Finds or proposes the user, then lets steps 7 and 8 run.
///
/// Two first sights of one identity may race: the commit then says that the identity has appeared,
/// and this runs once more and finds it (THREATS ID-12).
pub(crate) async fn user(
    mut login: Login,
    answered: Answered,
    profile: Profile,
) -> Result<Response, Refused> {
    let store = login.trace.app.store.tenant(login.trace.loaded.tenant.id);
    let known = store.known_user(&answered.identity).await?;
    let resolved = user::resolve(known, &profile, login.trace.now, &entropy::bytes()?);
    match resolved {
        Ok(resolved) => {
            login.trace.note(
                Step::User,
                match &resolved {
                    Resolved::Known(_) => "The identity belongs to a user.",
                    Resolved::New(_) => "First sight of the identity: a new user.",
                },
            );
            Box::pin(answer::from_directory(login, answered, profile, resolved)).await
        }
        Err(failure) => {
            let directory = Some(answered.directory.id);
            Err(login.fail(directory, Step::User, failure, failure.cause()).into())
        }
    }
}
