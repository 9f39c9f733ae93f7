//! Step 6 of a login: which user is this? Found by identity, joined to one by a trusted e-mail
//! address, or proposed as a new one (the rules are in [`broker::user`]).

use axum::response::Response;
use broker::profile::Profile;
use broker::timeline::Step;
use broker::user::{self, Identity, JoinRule, Resolved};

use super::finish::Answered;
use super::{Login, Trace, Why, answer};
use crate::entropy;
use crate::refusal::Refused;

/// Finds or proposes the user, then lets steps 7 and 8 run.
pub(crate) async fn user(
    login: Login,
    answered: Answered,
    profile: Profile,
) -> Result<Response, Refused> {
    let (login, resolved) = resolve(login, &answered, &profile).await?;
    Box::pin(answer::from_directory(login, answered, profile, resolved)).await
}

/// Finds or proposes the user, and tells the timeline.
///
/// Two first sights of one identity may race, and so may two joins: the commit then says that
/// things are not what they were, and this runs once more (THREATS ID-12).
pub(super) async fn resolve(
    mut login: Login,
    answered: &Answered,
    profile: &Profile,
) -> Result<(Login, Resolved), Refused> {
    match look_up(&login.trace, &answered.identity, profile).await {
        Err(refused) => Err(login.interrupted(answered.directory.id, Step::User, refused)),
        Ok(Ok(resolved)) => {
            login.trace.note(Step::User, resolved.note());
            Ok((login, resolved))
        }
        Ok(Err((failure, detail))) => {
            Err(login.fail(Some(answered.directory.id), Step::User, failure, detail).into())
        }
    }
}

/// The user of an identity with this profile, as a commit at this moment would have it.
pub(crate) async fn look_up(
    trace: &Trace,
    identity: &Identity,
    profile: &Profile,
) -> Result<Result<Resolved, Why>, Refused> {
    let tenant = &trace.loaded.tenant;
    let email = user::trusted_email(profile);
    let store = trace.app.store.tenant(tenant.id);
    let sighting = store.known_user(identity, email.as_deref()).await?;
    let rule = JoinRule::of(tenant.join_by_email);
    let resolved = user::resolve(sighting, profile, rule, trace.now, &entropy::bytes()?);
    Ok(resolved.map_err(|why| (why.failure(), why.to_string())))
}
