//! May this browser's session answer for a new request, without the directory?

use chrono::{DateTime, TimeDelta, Utc};
use oidc::op::authorize::CheckedRequest;
use oidc::prompt::PromptValue;

use crate::email::Email;
use crate::id::DirectoryId;
use crate::settings::SessionSettings;

/// What is looked at of a live session.
#[derive(Debug, Clone, Copy)]
pub struct SessionFacts<'a> {
    /// The directory it came from.
    pub directory: DirectoryId,
    /// When the person authenticated there, if the directory said so.
    pub auth_time: Option<DateTime<Utc>>,
    /// What the application calls the person.
    pub sub: Option<&'a str>,
    /// The addresses the person is known by, to compare with `login_hint`.
    pub known_as: &'a [&'a str],
}

/// Whether the session may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reuse {
    /// It answers.
    Yes,
    /// The person has to go to the directory, for this reason.
    No(String),
}

/// Decides. `routed` is the directory that hints chose, if they chose one.
///
/// That its directory is in use and that the application admits it, the gate has found out
/// ([`crate::gate`]). A session whose age the request refuses is never used [OIDCC-3.1.2.1].
pub fn reuse(
    session: SessionFacts<'_>,
    request: &CheckedRequest,
    routed: Option<DirectoryId>,
    now: DateTime<Utc>,
) -> Reuse {
    let no = |why: &str| Reuse::No(why.to_owned());
    if routed.is_some_and(|routed| routed != session.directory) {
        return no("the request leads to another directory");
    }
    let fresh = [PromptValue::Login, PromptValue::SelectAccount, PromptValue::Consent];
    if fresh.into_iter().any(|value| request.prompt.contains(value)) {
        return no("the request asks for a fresh sign-in");
    }
    if request.max_age.is_some_and(|max_age| !is_fresh(session.auth_time, max_age, now)) {
        return no("the session is older than max_age allows");
    }
    if request.expected_sub.as_deref().is_some_and(|expected| session.sub != Some(expected)) {
        return no("id_token_hint names somebody else");
    }
    if request.login_hint.as_deref().is_some_and(|hint| !names(hint, session.known_as)) {
        return no("login_hint names somebody else");
    }
    Reuse::Yes
}

/// When a session began and was last used.
#[derive(Debug, Clone, Copy)]
pub struct SessionTimes {
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When an application was last entered by it.
    pub last_used_at: DateTime<Utc>,
}

/// Whether a session has outlived what its tenant allows at this moment, whatever was allowed when it
/// began: a shorter time is in force at its next use.
pub fn has_lapsed(times: SessionTimes, allowed: &SessionSettings, now: DateTime<Utc>) -> bool {
    times.created_at + allowed.lifetime() <= now
        || allowed.idle().is_some_and(|idle| times.last_used_at + idle <= now)
}

/// Whether an authentication is no older than `max_age` seconds. One of unknown time is not.
/// [OIDCC-3.1.2.1]
pub fn is_fresh(auth_time: Option<DateTime<Utc>>, max_age: u32, now: DateTime<Utc>) -> bool {
    auth_time.is_some_and(|at| at + TimeDelta::seconds(i64::from(max_age)) >= now)
}

fn names(hint: &str, known_as: &[&str]) -> bool {
    match Email::parse(hint) {
        Some(hint) => {
            known_as.iter().any(|one| Email::parse(one).is_some_and(|e| e.is_same_as(&hint)))
        }
        None => known_as.iter().any(|one| one.eq_ignore_ascii_case(hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_lapses_at_its_end_or_unused() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let allowed = |lifetime, idle| SessionSettings { lifetime, idle };
        for (allowed, used, now, has_ended) in [
            (allowed(None, None), 0, 479, false),
            (allowed(None, None), 479, 480, true),
            (allowed(Some(600), None), 9, 9, false),
            (allowed(Some(600), None), 9, 10, true),
            (allowed(None, Some(600)), 0, 9, false),
            (allowed(None, Some(600)), 0, 10, true),
            (allowed(None, Some(600)), 5, 14, false),
            (allowed(None, Some(600)), 5, 15, true),
        ] {
            let times = SessionTimes { created_at: at(0), last_used_at: at(used) };
            let ended = has_lapsed(times, &allowed, at(now));
            assert_eq!(ended, has_ended, "{allowed:?} used {used} now {now}");
        }
    }
}
