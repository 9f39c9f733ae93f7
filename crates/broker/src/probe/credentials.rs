//! Our `client_id` and secret, tried with a code that cannot exist.
//!
//! A token endpoint looks at the client before the code [RFC6749-5.2]: `invalid_client` says that
//! the credentials are wrong, `invalid_grant` that they are right and only the code is not.

use super::{Level, ProbeReport, What};
use crate::failure::FailureCode;
use crate::tenant::{Directory, SecretSlot};

/// What a token endpoint made of a code that cannot exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Which secret was tried; `None`: the tenant's key.
    pub slot: Option<SecretSlot>,
    /// What the answer is called when a login gets it; `None`: it answered with tokens.
    pub failure: Option<FailureCode>,
    /// Its error code and number, in a grammar that no sentence and no secret fits.
    pub said: String,
}

impl ProbeReport {
    /// What the answer means.
    pub fn credentials(&mut self, directory: &Directory, tried: &Tried) {
        let what = What::Credentials;
        let ours = match tried.slot {
            Some(SecretSlot::Current) => "the client secret",
            Some(SecretSlot::Next) => "the next client secret",
            None => "the signed assertion",
        };
        let said = &tried.said;
        let (level, say) = match tried.failure {
            Some(FailureCode::DirectoryCodeRefused) if said.contains("redirect_uri") => (
                Level::Problem,
                "It accepts the client id, but the redirect URI is not registered for it: add the \
                 one that is shown for this directory."
                    .to_owned(),
            ),
            Some(FailureCode::DirectoryCodeRefused) if said.contains("AADSTS9002313") => (
                Level::Ok,
                format!(
                    "It did not object to the client id and {ours}; it refused the made-up code \
                     ({said}). A test login makes sure."
                ),
            ),
            Some(FailureCode::DirectoryCodeRefused) => (
                Level::Ok,
                format!("It accepts the client id and {ours}: it refused the made-up code alone."),
            ),
            Some(FailureCode::DirectoryCredentialsWrong) => {
                (Level::Problem, wrong(directory, ours, said))
            }
            Some(FailureCode::DirectorySecretExpired) => (
                Level::Problem,
                format!("It says that {ours} has expired ({said}): create a new one there."),
            ),
            Some(failure @ FailureCode::DirectoryCredentialsMethod) => {
                (Level::Problem, format!("{} {}", failure.cause(), failure.fix()))
            }
            Some(FailureCode::DirectoryUnreachable | FailureCode::EgressBlocked) => {
                (Level::Problem, "Its token endpoint gave no usable answer.".to_owned())
            }
            Some(failure) => (
                Level::Warning,
                format!(
                    "Whether {ours} is right cannot be told ({said}): {} A test login will tell.",
                    failure.cause()
                ),
            ),
            None => (
                Level::Problem,
                "It gave tokens for a code that nobody was ever given: it must not be trusted."
                    .to_owned(),
            ),
        };
        self.add(level, what, say);
    }

    /// The tenant has not signed anything yet.
    pub fn no_key(&mut self) {
        let say = "The tenant's signing key is made at its first sign-in or test login, so the \
                   signed assertion was not tried.";
        self.add(Level::Warning, What::Credentials, say);
    }

    /// There is no secret to try.
    pub fn no_credentials(&mut self) {
        let say = "No client secret was given, so it was not tried.";
        self.add(Level::Warning, What::Credentials, say);
    }
}

/// Which part is wrong, as far as the answer tells.
fn wrong(directory: &Directory, ours: &str, said: &str) -> String {
    let name = &directory.preset.data().name;
    if said.contains("AADSTS700016") || said.contains("AADSTS90002") {
        return format!(
            "{name} does not know the client id {} in this tenant ({said}): copy the Application \
             (client) ID, and check the tenant.",
            directory.client_id
        );
    }
    if said.contains("AADSTS7000215") {
        return format!(
            "{name} does not accept {ours} ({said}): copy the secret's Value, not its Secret ID."
        );
    }
    if ours == "the signed assertion" {
        return format!(
            "{name} does not accept {ours} ({said}): register the tenant's keys for the \
             application there, and check the client id."
        );
    }
    format!(
        "{name} does not accept the client id with {ours} ({said}): copy both once more, and check \
         that the application authenticates with a client secret."
    )
}
