//! Step 5 of a login: the directory's claims become a profile.

use axum::response::Response;
use broker::claims::{EvaluateError, EvaluateErrorKind, RowTrace};
use broker::failure::FailureCode;
use broker::profile::{self, Answer};
use broker::tenant::Directory;
use broker::timeline::Step;

use super::finish::Answered;
use super::{Login, Trace, user};
use crate::refusal::Refused;

/// Maps what the directory said.
pub(crate) async fn profile(mut login: Login, answered: Answered) -> Result<Response, Refused> {
    let answer = Answer { id_token: &answered.id_token, userinfo: answered.userinfo.as_ref() };
    let mapped = profile::map(&login.trace.loaded.tenant, &answered.directory, answer);
    match mapped {
        Ok((profile, trace)) => {
            note(&mut login.trace, Step::Profile, &trace);
            user::user(login, answered, profile).await
        }
        Err(error) => {
            let failure = failure(&error, FailureCode::ProfileFailed);
            let detail = detail(&error, &answered.directory);
            Err(login.fail(Some(answered.directory.id), Step::Profile, failure, detail).into())
        }
    }
}

/// A missing claim has a failure of its own, since another person can mend it.
pub(crate) fn failure(error: &EvaluateError, otherwise: FailureCode) -> FailureCode {
    match error.kind {
        EvaluateErrorKind::Missing => FailureCode::ClaimMissing,
        _ => otherwise,
    }
}

/// What is missing, and what to do about it in this vendor's directories.
pub(crate) fn detail(error: &EvaluateError, directory: &Directory) -> String {
    let hint = match (&error.kind, &error.row) {
        (EvaluateErrorKind::Missing, Some(row)) => profile::hint(directory, row),
        _ => None,
    };
    hint.map_or_else(|| error.to_string(), |hint| format!("{error}. {hint}"))
}

/// Says for each row where its value came from, never the value.
pub(crate) fn note(trace: &mut Trace, step: Step, rows: &[RowTrace]) {
    let rows: Vec<_> = rows.iter().map(ToString::to_string).collect();
    trace.note(step, rows.join("; "));
}
