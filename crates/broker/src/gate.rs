//! The one gate: whatever is about to pass, is everything that it depends on still switched on?
//!
//! Every grant and every callback goes through [`pass`], at each step anew, with the configuration
//! of that moment. Something that was switched off and works on one path all the same is the
//! commonest fault of gateways like this one, so nothing else decides it: a path says what it is
//! ([`Passage`]) and is let through or told what is closed (THREATS TK-12, TK-13, UP-09, TN-11).

use crate::failure::FailureCode;
use crate::id::{ApplicationId, DirectoryId};
use crate::settings::DirectoryState;
use crate::tenant::Tenant;

/// What is about to pass, with everything that it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// An application asks something before anybody is known.
    Application(ApplicationId),
    /// Somebody goes to a directory for an application, comes back from it, or is signed in by a
    /// session of it.
    SignIn {
        /// Who asks.
        application: ApplicationId,
        /// Where the person proves, or has proven, who they are.
        directory: DirectoryId,
    },
    /// Something that an application holds is used: a code, an access token, a refresh token.
    Grant {
        /// Who holds it.
        application: ApplicationId,
        /// Where the person proved who they are.
        directory: DirectoryId,
        /// Whether they are blocked, which the database knows.
        user_blocked: bool,
    },
    /// A directory is tested, for no application.
    Test(DirectoryId),
    /// One of the tenant's staff signs in to the dashboard through a directory.
    Staff(DirectoryId),
}

/// What is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The tenant, with everything in it.
    #[error("the organisation is suspended")]
    TenantSuspended,
    /// The application: disabled or removed.
    #[error("the application is switched off")]
    ApplicationDisabled,
    /// The directory was removed, or its settings are not valid.
    #[error("the directory is gone")]
    DirectoryGone,
    /// The directory is not in use.
    #[error("the directory is {}", state_name(*.0))]
    DirectoryInactive(DirectoryState),
    /// The application does not admit the directory's people.
    #[error("the application does not admit the directory")]
    DirectoryNotAdmitted,
    /// The person is blocked.
    #[error("the person is blocked")]
    UserBlocked,
    /// The directory does not sign staff in.
    #[error("the directory does not sign staff in to the dashboard")]
    StaffSignInOff,
}

impl Closed {
    /// Why a login ends here.
    pub const fn failure(self) -> FailureCode {
        match self {
            Self::TenantSuspended => FailureCode::TenantSuspended,
            Self::ApplicationDisabled => FailureCode::ApplicationUnknown,
            Self::DirectoryGone | Self::DirectoryInactive(_) => FailureCode::DirectoryPaused,
            Self::DirectoryNotAdmitted => FailureCode::DirectoryNotAllowed,
            Self::UserBlocked => FailureCode::UserBlocked,
            Self::StaffSignInOff => FailureCode::StaffSignInOff,
        }
    }
}

/// Lets it through, or says what is closed; the widest of it if that is several things.
///
/// # Errors
/// [`Closed`]. It says nothing for good: what is switched on again passes again.
pub fn pass(tenant: &Tenant, passage: Passage) -> Result<(), Closed> {
    if tenant.suspended {
        return Err(Closed::TenantSuspended);
    }
    match passage {
        Passage::Application(application) => enabled(tenant, application),
        Passage::SignIn { application, directory } => sign_in(tenant, application, directory),
        Passage::Grant { application, directory, user_blocked } => {
            sign_in(tenant, application, directory)?;
            if user_blocked { Err(Closed::UserBlocked) } else { Ok(()) }
        }
        Passage::Test(directory) => match state(tenant, directory)? {
            DirectoryState::Testing | DirectoryState::Active => Ok(()),
            other => Err(Closed::DirectoryInactive(other)),
        },
        Passage::Staff(directory) => {
            let directory = tenant.directory_by_id(directory).ok_or(Closed::DirectoryGone)?;
            match directory.state {
                DirectoryState::Active if directory.staff_sign_in => Ok(()),
                DirectoryState::Active => Err(Closed::StaffSignInOff),
                other => Err(Closed::DirectoryInactive(other)),
            }
        }
    }
}

fn enabled(tenant: &Tenant, application: ApplicationId) -> Result<(), Closed> {
    // A disabled application is not among those of a tenant that serves.
    tenant.application_by_id(application).map(|_| ()).ok_or(Closed::ApplicationDisabled)
}

fn state(tenant: &Tenant, directory: DirectoryId) -> Result<DirectoryState, Closed> {
    tenant.directory_by_id(directory).map(|one| one.state).ok_or(Closed::DirectoryGone)
}

fn sign_in(
    tenant: &Tenant,
    application: ApplicationId,
    directory: DirectoryId,
) -> Result<(), Closed> {
    let application = tenant.application_by_id(application).ok_or(Closed::ApplicationDisabled)?;
    let directory = tenant.directory_by_id(directory).ok_or(Closed::DirectoryGone)?;
    if directory.state != DirectoryState::Active {
        return Err(Closed::DirectoryInactive(directory.state));
    }
    if application.admits(directory) { Ok(()) } else { Err(Closed::DirectoryNotAdmitted) }
}

/// What to call where a directory stands.
pub const fn state_name(state: DirectoryState) -> &'static str {
    match state {
        DirectoryState::Draft => "a draft",
        DirectoryState::Testing => "being tested",
        DirectoryState::Active => "active",
        DirectoryState::Paused => "paused",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::id::TenantId;
    use crate::tenant::{Application, Directory, DirectorySecrets};

    const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(1));
    const DIRECTORY: DirectoryId = DirectoryId(Uuid::from_u128(2));

    /// Everything that can be about to pass.
    const PASSAGES: [Passage; 5] = [
        Passage::Application(APPLICATION),
        Passage::SignIn { application: APPLICATION, directory: DIRECTORY },
        Passage::Grant { application: APPLICATION, directory: DIRECTORY, user_blocked: false },
        Passage::Test(DIRECTORY),
        Passage::Staff(DIRECTORY),
    ];

    fn tenant(state: &str, admitted: Option<&[&str]>) -> Tenant {
        let directory = json!({
            "slug": "okta", "name": "Okta", "issuer": "https://d.example", "client_id": "c",
            "state": state, "staff_sign_in": true,
        });
        let directory = serde_json::from_value(directory).unwrap();
        let directory =
            Directory::compile(DIRECTORY, &directory, DirectorySecrets::default()).unwrap();
        let application = json!({
            "client_id": "app", "name": "App", "redirect_uris": ["https://app.example/cb"],
            "directories": admitted,
        });
        let application = serde_json::from_value(application).unwrap();
        Tenant {
            id: TenantId(Uuid::from_u128(1)),
            slug: "acme".parse().unwrap(),
            name: "Acme".into(),
            suspended: false,
            join_by_email: false,
            branding: crate::settings::Branding::default(),
            sessions: crate::settings::SessionSettings::default(),
            forget_claims: false,
            applications: vec![Arc::new(
                Application::compile(APPLICATION, &application, vec![]).unwrap(),
            )],
            directories: vec![Arc::new(directory)],
        }
    }

    fn outcomes(tenant: &Tenant) -> [Result<(), Closed>; 5] {
        PASSAGES.map(|passage| pass(tenant, passage))
    }

    #[test]
    fn tk_13_everything_passes_while_everything_is_on() {
        assert_eq!(outcomes(&tenant("active", None)), [Ok(()); 5]);
        assert_eq!(outcomes(&tenant("active", Some(&["okta"]))), [Ok(()); 5]);
    }

    #[test]
    fn tn_11_suspended_tenant_closes_every_passage_whatever_else_is_wrong() {
        for mut tenant in [tenant("active", None), tenant("paused", Some(&[]))] {
            tenant.suspended = true;
            assert_eq!(outcomes(&tenant), [Err(Closed::TenantSuspended); 5]);
        }
    }

    #[test]
    fn tk_12_disabled_application_closes_everything_but_the_test() {
        let mut tenant = tenant("active", None);
        tenant.applications.clear();
        let off = Err(Closed::ApplicationDisabled);
        assert_eq!(outcomes(&tenant), [off, off, off, Ok(()), Ok(())]);
    }

    /// [THREATS UP-09]
    #[test]
    fn tk_12_up_09_directory_that_is_not_active_closes_what_comes_from_it() {
        for (name, state) in [("paused", DirectoryState::Paused), ("draft", DirectoryState::Draft)]
        {
            let off = Err(Closed::DirectoryInactive(state));
            assert_eq!(outcomes(&tenant(name, None)), [Ok(()), off, off, off, off], "{name}");
        }
        let off = Err(Closed::DirectoryInactive(DirectoryState::Testing));
        assert_eq!(outcomes(&tenant("testing", None)), [Ok(()), off, off, Ok(()), off]);
        let mut removed = tenant("active", None);
        removed.directories.clear();
        let gone = Err(Closed::DirectoryGone);
        assert_eq!(outcomes(&removed), [Ok(()), gone, gone, gone, gone]);
    }

    #[test]
    fn tk_12_directory_that_is_no_longer_admitted_closes_what_comes_from_it() {
        let off = Err(Closed::DirectoryNotAdmitted);
        assert_eq!(
            outcomes(&tenant("active", Some(&["other"]))),
            [Ok(()), off, off, Ok(()), Ok(())]
        );
    }

    #[test]
    fn tn_12_directory_signs_staff_in_only_where_an_owner_wants_it() {
        let mut tenant = tenant("active", None);
        let mut directory = Arc::into_inner(tenant.directories.remove(0)).unwrap();
        directory.staff_sign_in = false;
        tenant.directories.push(Arc::new(directory));
        let off = Err(Closed::StaffSignInOff);
        assert_eq!(outcomes(&tenant), [Ok(()), Ok(()), Ok(()), Ok(()), off]);
    }

    #[test]
    fn tk_12_blocked_user_closes_what_is_held_of_them() {
        let grant =
            Passage::Grant { application: APPLICATION, directory: DIRECTORY, user_blocked: true };
        assert_eq!(pass(&tenant("active", None), grant), Err(Closed::UserBlocked));
    }
}
