//! Step 5 of a login: the directory's claims become a profile.

use axum::response::Response;
use broker::claims::{EvaluateError, EvaluateErrorKind, RowTrace};
use broker::failure::FailureCode;
use broker::profile::{self, Answer};
use broker::timeline::Step;

use super::finish::Answered;
use super::{Login, user};
use crate::refusal::Refused;

/// Maps what the directory said.
pub(crate) async fn profile(mut login: Login, answered: Answered) -> Result<Response, Refused> {
    let answer = Answer { id_token: &answered.id_token, userinfo: answered.userinfo.as_ref() };
    let mapped = profile::map(&login.trace.loaded.tenant, &answered.directory, answer);
    match mapped {
        Ok((profile, trace)) => {
            note(&mut login, Step::Profile, &trace);
            user::user(login, answered, profile).await
        }
        Err(error) => {
            let failure = failure(&error, FailureCode::ProfileFailed);
            Err(login
                .fail(Some(answered.directory.id), Step::Profile, failure, error.to_string())
                .into())
        }
    }
}

/// A missing claim has a failure of its own, since another person can mend it.
pub(super) fn failure(error: &EvaluateError, otherwise: FailureCode) -> FailureCode {
    match error.kind {
        EvaluateErrorKind::Missing => FailureCode::ClaimMissing,
        _ => otherwise,
    }
}

/// Says for each row where its value came from, never the value.
pub(super) fn note(login: &mut Login, step: Step, trace: &[RowTrace]) {
    let rows: Vec<_> = trace.iter().map(ToString::to_string).collect();
    login.trace.note(step, rows.join("; "));
}
