//! What a logout request does to the session of a browser, and where the browser goes then.
//!
//! | the request | the browser has a session | it has none |
//! |---|---|---|
//! | an ID token of this very person | it ends at once | to the registered address |
//! | an ID token of somebody else | a page asks first | to the registered address |
//! | something that should be an ID token | a page asks first, and leads nowhere | a page |
//! | none | a page asks first, unless the application wants it otherwise | a page |
//!
//! Nobody is ever sent to an address that the application of the ID token, or without one an
//! application of this very session, has not registered to the octet. A page that asks sends a
//! [`Confirmation`], which is good for its session alone. (THREATS BR-10)

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::op::logout::{self, Hint, LogoutRequest};
use oidc::redirect_uri::RedirectUri;
use serde::{Deserialize, Serialize};

use crate::id::{ApplicationId, SessionId, TenantId};
use crate::seal::{SealingKey, Unopenable};
use crate::tenant::Application;

/// How long a page that asks may be left open.
pub const CONFIRMATION_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// What came as `id_token_hint`.
#[derive(Debug, Clone, Copy)]
pub enum Hinted<'a> {
    /// Nothing.
    Absent,
    /// No ID token of this tenant, or of an application that is gone, or not of the client that the
    /// request names.
    Unusable,
    /// An ID token of this application.
    Of(&'a Application, &'a Hint),
}

impl<'a> Hinted<'a> {
    /// Judges a hint that was read; `application` is the one that it names.
    pub fn judge(
        request: &LogoutRequest,
        read: Option<&'a Hint>,
        application: Option<&'a Application>,
    ) -> Self {
        if request.id_token_hint.is_none() {
            return Self::Absent;
        }
        let (Some(hint), Some(application)) = (read, application) else { return Self::Unusable };
        let named = request.client_id.as_ref();
        if named.is_some_and(|named| *named != hint.client_id) {
            return Self::Unusable;
        }
        Self::Of(application, hint)
    }
}

/// The live session of the browser.
#[derive(Debug, Clone, Copy)]
pub struct SessionFacts<'a> {
    /// Which.
    pub id: SessionId,
    /// What the hint's application calls its person.
    pub sub: Option<&'a str>,
    /// The applications that were given something by it.
    pub applications: &'a [&'a Application],
    /// Whether a person went here: not an image, a script or a frame of some page.
    pub is_navigation: bool,
}

/// An address that the browser may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Whose it is.
    pub application: ApplicationId,
    /// The name of that application.
    pub name: &'a str,
    /// The address.
    pub uri: &'a RedirectUri,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The session ends now.
    End(Option<Target<'a>>),
    /// The person is asked, and then it ends.
    Ask(Option<Target<'a>>),
    /// There is none.
    Nothing(Option<Target<'a>>),
}

/// Decides. [OIDCRIL-2] [OIDCRIL-3]
pub fn decide<'a>(
    request: &LogoutRequest,
    hinted: Hinted<'a>,
    session: Option<SessionFacts<'a>>,
) -> Decision<'a> {
    let asked = request.post_logout_redirect_uri.as_deref();
    let target = |application: &'a Application| {
        let uri = logout::registered(asked?, &application.post_logout_redirect_uris)?;
        Some(Target { application: application.id, name: &application.name, uri })
    };
    let Some(session) = session else {
        return Decision::Nothing(match hinted {
            Hinted::Of(application, _) => target(application),
            Hinted::Absent | Hinted::Unusable => None,
        });
    };
    match hinted {
        Hinted::Of(application, hint) if is_of(hint, &session) => {
            Decision::End(target(application))
        }
        Hinted::Of(application, _) => Decision::Ask(target(application)),
        Hinted::Unusable => Decision::Ask(None),
        Hinted::Absent => {
            let named = request.client_id.as_ref();
            let ours = session.applications.iter().copied();
            let mut ours =
                ours.filter(|one| named.is_none_or(|named| *named == one.client.client_id));
            match ours.find_map(|one| Some((one, target(one)?))) {
                Some((one, target)) if !one.logout_confirmation && session.is_navigation => {
                    Decision::End(Some(target))
                }
                found => Decision::Ask(found.map(|(_, target)| target)),
            }
        }
    }
}

/// Of this session, or of one that the same person had before at this browser.
fn is_of(hint: &Hint, session: &SessionFacts<'_>) -> bool {
    hint.sid.as_deref() == Some(session.id.to_string().as_str())
        || session.sub == Some(hint.sub.as_str())
}

/// What the button of a page that asks sends: where to go, sealed for one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The application and its address, if there is one to go to.
    pub then: Option<(ApplicationId, String)>,
    /// What goes back with it.
    pub state: Option<String>,
    expires_at: i64,
}

impl Confirmation {
    /// For a decision to ask.
    pub fn new(target: Option<Target<'_>>, state: Option<&str>, now: DateTime<Utc>) -> Self {
        Self {
            then: target.map(|target| (target.application, target.uri.as_str().to_owned())),
            state: state.filter(|_| target.is_some()).map(str::to_owned),
            expires_at: (now + CONFIRMATION_LIFETIME).timestamp(),
        }
    }

    /// The text of the form's field.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn seal(
        &self,
        key: &SealingKey,
        (tenant, session): (TenantId, SessionId),
        nonce: [u8; 12],
    ) -> Result<String, Unopenable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unopenable)?;
        Ok(URL_SAFE_NO_PAD.encode(key.seal(&place(tenant, session), nonce, &plain)?))
    }

    /// Opens what was made for this session. (THREATS BR-05)
    ///
    /// # Errors
    /// [`Unopenable`]: it was made for another session, altered, or is too old.
    pub fn open(
        key: &SealingKey,
        (tenant, session): (TenantId, SessionId),
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Unopenable> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopenable)?;
        let plain = key.open(&place(tenant, session), &sealed)?;
        let this: Self = serde_json::from_slice(&plain).map_err(|_| Unopenable)?;
        if now.timestamp() < this.expires_at { Ok(this) } else { Err(Unopenable) }
    }

    /// The address, if that application still has it.
    pub fn target<'a>(&self, application: Option<&'a Application>) -> Option<&'a RedirectUri> {
        let (id, uri) = self.then.as_ref()?;
        let application = application.filter(|one| one.id == *id)?;
        logout::registered(uri, &application.post_logout_redirect_uris)
    }
}

fn place(tenant: TenantId, session: SessionId) -> [String; 3] {
    ["logout".to_owned(), tenant.to_string(), session.to_string()]
}

#[cfg(test)]
mod tests;
