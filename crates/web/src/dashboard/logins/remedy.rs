//! Where staff mend what ended a login: the very page, its box where there is one, and what to do
//! there in the words of a link.
//!
//! [`place`] says it for each failure code; what a login does not name, and what its reader may not
//! do, is settled by [`resolve`].

use broker::authority::{Authority, Need};
use broker::failure::FailureCode;
use broker::settings::DomainProof;
use broker::token_refusal;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::api::records::Login;
use crate::dashboard::applications::has_page;

/// Where staff mend what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// There, by whoever reads it.
    Link { label: String, href: String },
    /// By others.
    Note(&'static str),
}

/// A page on which a failure is mended.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its path, with the names of what varies in braces as in [`crate::dashboard::PAGES`]; a query
    /// and the name of a box may follow.
    pub path: &'static str,
    /// What somebody there is about to do.
    pub label: &'static str,
    /// What that takes.
    pub need: Need,
}

macro_rules! directory {
    ($rest:literal) => {
        concat!("/dashboard/t/{tenant}/directories/{directory}", $rest)
    };
}

macro_rules! application {
    ($rest:literal) => {
        concat!("/dashboard/t/{tenant}/applications/{client_id}", $rest)
    };
}

const fn at(need: Need, path: &'static str, label: &'static str) -> Place {
    Place { path, label, need }
}

macro_rules! look {
    ($path:expr, $label:literal) => {
        Some(at(Need::Viewer, $path, $label))
    };
}

macro_rules! edit {
    ($path:expr, $label:literal) => {
        Some(at(Need::Editor, $path, $label))
    };
}

macro_rules! own {
    ($path:expr, $label:literal) => {
        Some(at(Need::Owner, $path, $label))
    };
}

/// Not on a page of the dashboard: in the person's own browser, or on the machine.
const NOWHERE: Option<Place> = None;
const DIRECTORIES: &str = "/dashboard/t/{tenant}/directories";
const APPLICATIONS: &str = "/dashboard/t/{tenant}/applications";
const BLOCKED: &str = "/dashboard/t/{tenant}/users?blocked=on";
const ROUTING: &str = "/dashboard/t/{tenant}/routing";
const SECRETS: &str = application!("/secrets");
const REQUESTS: &str = application!("/requests");
const ROWS_OF_DIRECTORY: &str = "/dashboard/t/{tenant}/claims?of=directory%3A{directory}";
const ROWS_OF_APPLICATION: &str = "/dashboard/t/{tenant}/claims?of=application%3A{client_id}";
/// To look at what it has, and to check or test it.
const DIRECTORY: Option<Place> = look!(directory!(""), "Open the directory");
const CHECK: Option<Place> = edit!(directory!("#next"), "Check the connection");
const ADDRESS: Option<Place> = edit!(directory!("/edit#issuer"), "Correct the address");
const CALLBACK: Option<Place> = look!(directory!("#register"), "Compare the redirect URI");
const SECRET: Option<Place> = edit!(directory!("/secret"), "Enter the new secret");
/// What has no box of its own.
const DIRECTORY_TEXT: Option<Place> =
    edit!(directory!("/configuration"), "Change its configuration");
const DIRECTORY_ROWS: Option<Place> = edit!(ROWS_OF_DIRECTORY, "Mend the row");
const APPLICATION_ROWS: Option<Place> = edit!(ROWS_OF_APPLICATION, "Mend the row");
const WHAT_IT_SENDS: Option<Place> = look!(REQUESTS, "See what the application sends");

macro_rules! places {
    ($($name:ident: $place:expr;)+) => {
        /// Where a failure is mended by staff; `None`: not on a page of the dashboard.
        #[must_use]
        pub const fn place(code: FailureCode) -> Option<Place> {
            match code { $(FailureCode::$name => $place,)+ }
        }
    };
}

places! {
    ApplicationUnknown: look!(application!(""), "See its client id");
    ApplicationDisabled: edit!(application!("/settings"), "Enable the application");
    TenantSuspended: Some(at(
        Need::Operator,
        "/dashboard/t/{tenant}/settings#general",
        "Take back the suspension"
    ));
    RedirectUriUnknown: edit!(application!("/settings#redirect_uris"), "Register the address");
    RequestInvalid: WHAT_IT_SENDS;
    RequestTooLarge: WHAT_IT_SENDS;
    SignInLoop: WHAT_IT_SENDS;
    DirectoryNone: edit!(directory!("#next"), "Activate the directory");
    DirectoryNotAllowed: edit!(application!("/settings"), "Choose whose people may sign in");
    DomainUnrouted: edit!(directory!("/edit#domains"), "Add the domain");
    DomainUnproven: edit!("/dashboard/t/{tenant}/domains", "Prove the domain");
    DirectoryPaused: edit!(directory!("#next"), "Activate the directory");
    DirectoryHostUnknown: ADDRESS;
    DirectoryUnreachable: CHECK;
    DirectoryCertificate: CHECK;
    EgressBlocked: ADDRESS;
    DiscoveryNotFound: ADDRESS;
    DiscoveryInvalid: CHECK;
    KeysInvalid: CHECK;
    IssuerMismatch: ADDRESS;
    DirectoryMoved: own!(directory!("#moved"), "See where it leads, and approve it");
    TestLinkInvalid: edit!(directory!("#next"), "Test it again");
    StaffSignInOff: own!(directory!("/staff-sign-in"), "Let staff sign in through it");
    StaffNotConnected: look!("/dashboard/account", "Connect it under Your account");
    AttemptMissing: NOWHERE;
    AttemptExpired: NOWHERE;
    AttemptOutdated: NOWHERE;
    AttemptUsed: NOWHERE;
    CallbackInvalid: DIRECTORY_TEXT;
    CallbackIssuerMismatch: CALLBACK;
    DirectoryRefused: DIRECTORY;
    DirectoryNotAssigned: DIRECTORY;
    DirectoryConsentRequired: DIRECTORY;
    DirectoryScopeRefused: DIRECTORY_TEXT;
    DirectoryFlowRefused: DIRECTORY;
    DirectoryRequestRefused: DIRECTORY_TEXT;
    DirectoryLoginRequired: NOWHERE;
    DirectoryCredentialsWrong: SECRET;
    DirectorySecretExpired: SECRET;
    DirectoryCredentialsMethod: edit!(
        directory!("/edit#token_endpoint_auth_method"),
        "Choose how we prove who we are there"
    );
    DirectoryKeyUnknown: edit!(
        directory!("/edit#token_endpoint_auth_method"),
        "See the address of the keys"
    );
    DirectoryCodeRefused: CALLBACK;
    TokenResponseInvalid: DIRECTORY_TEXT;
    IdTokenMissing: CHECK;
    IdTokenMalformed: DIRECTORY;
    IdTokenEncrypted: DIRECTORY;
    IdTokenType: DIRECTORY;
    IdTokenAlgorithm: DIRECTORY_TEXT;
    IdTokenKeyUnknown: CHECK;
    IdTokenSignature: CHECK;
    IdTokenIssuer: ADDRESS;
    TenantNotAllowed: edit!(directory!("/edit#tenants"), "Let that tenant in");
    HostedDomainNotAllowed: edit!(directory!("/edit#hosted_domains"), "Add the domain");
    GuestNotAllowed: DIRECTORY_TEXT;
    GroupsIncomplete: DIRECTORY_ROWS;
    IdTokenAudience: DIRECTORY;
    IdTokenNonce: DIRECTORY;
    IdTokenExpired: DIRECTORY;
    IdTokenHash: DIRECTORY;
    UserinfoInvalid: DIRECTORY_TEXT;
    UserinfoSigned: DIRECTORY_TEXT;
    UserinfoSubjectMismatch: DIRECTORY;
    AuthenticationTooOld: DIRECTORY_TEXT;
    OtherPerson: NOWHERE;
    ProfileFailed: DIRECTORY_ROWS;
    ReleaseFailed: APPLICATION_ROWS;
    ClaimMissing: DIRECTORY_ROWS;
    ClaimContractUnmet: edit!(ROWS_OF_APPLICATION, "See what the claim is made of");
    ScopeMissing: edit!(application!("/configuration"), "Change its configuration");
    EmailUntrusted: edit!(directory!("/edit#email_trust"), "Choose when addresses are trusted");
    ExternalIdTaken: DIRECTORY_ROWS;
    UserBlocked: edit!("/dashboard/t/{tenant}/users/{user}", "Let the person in again");
    DatabaseUnavailable: NOWHERE;
    Internal: NOWHERE;
}

/// What a login is about, by the names in addresses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) tenant: &'a str,
    pub(super) directory: Option<&'a str>,
    pub(super) client_id: Option<&'a str>,
    pub(super) user: Option<Uuid>,
    /// The step at which it ended.
    pub(super) step: &'a str,
}

impl<'a> About<'a> {
    /// What this login is about. Where it went to no directory and there is one alone, that is it.
    pub(super) fn of(login: &'a Login, tenant: &'a store::TenantRecord) -> Self {
        let only = match tenant.directories.as_slice() {
            [only] => Some(only.settings.slug.as_str()),
            _ => None,
        };
        let failed = login.timeline.iter().rfind(|step| step.failure.is_some());
        Self {
            tenant: tenant.slug.as_str(),
            directory: login.directory.as_deref().or(only),
            client_id: login.client_id.as_deref().filter(|name| has_page(name)),
            user: login.user.as_ref().map(|user| user.id),
            step: failed.map(|step| step.name).unwrap_or_default(),
        }
    }

    /// The address of a page, and another label if it is one where the reader still has to choose.
    fn fill(&self, path: &str) -> (String, Option<&'static str>) {
        let missing = |name: &str, value: Option<&str>| path.contains(name) && value.is_none();
        let (path, label) = if missing("{directory}", self.directory) {
            (DIRECTORIES, Some("Open the directories"))
        } else if missing("{client_id}", self.client_id) {
            (APPLICATIONS, Some("Open the applications"))
        } else if path.contains("{user}") && self.user.is_none() {
            (BLOCKED, Some("Find the person among those who are blocked"))
        } else {
            (path, None)
        };
        let client_id = self.client_id.unwrap_or_default();
        let client_id = match path.split_once('?') {
            // In a query more has a meaning than in a path.
            Some(_) => byte_serialize(client_id.as_bytes()).collect(),
            None => client_id.to_owned(),
        };
        let user = self.user.map(|id| id.to_string()).unwrap_or_default();
        let address = path
            .replace("{tenant}", self.tenant)
            .replace("{directory}", self.directory.unwrap_or_default())
            .replace("{user}", &user)
            .replace("{client_id}", &client_id);
        (address, label)
    }

    fn at(&self, place: Place, reader: &Authority) -> Remedy {
        if !reader.has(place.need) {
            return Remedy::Note(match place.need {
                Need::Operator => "Only whoever runs this gateway can do that.",
                Need::Owner => "An owner of the tenant can do that.",
                _ => "An editor or an owner of the tenant can do that.",
            });
        }
        let (href, other) = self.fill(place.path);
        Remedy::Link { label: other.unwrap_or(place.label).to_owned(), href }
    }
}

/// Where a failure is mended, for this reader.
pub(super) fn resolve(
    code: FailureCode,
    about: &About<'_>,
    (reader, proof): (&Authority, DomainProof),
) -> Option<Remedy> {
    let is_release = about.step == broker::timeline::Step::Release.as_str();
    let place = match code {
        FailureCode::ClaimMissing if is_release => APPLICATION_ROWS,
        // Domains that nobody proves are the operator's to give.
        FailureCode::DomainUnrouted
            if proof == DomainProof::Operator && !reader.has(Need::Operator) =>
        {
            look!(ROUTING, "See where the address leads")
        }
        _ => place(code),
    };
    place.map(|place| about.at(place, reader))
}

/// Where an application that was refused tokens is mended.
pub(super) fn of_token(
    place: token_refusal::Place,
    about: &About<'_>,
    reader: &Authority,
) -> Remedy {
    let place = match place {
        token_refusal::Place::Secrets => at(Need::Editor, SECRETS, "Make a new secret for it"),
        token_refusal::Place::Requests => {
            at(Need::Viewer, REQUESTS, "See what the application sends")
        }
    };
    about.at(place, reader)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use broker::authority::Role;
    use broker::failure::Fixer;
    use broker::id::TenantId;

    use super::*;
    use crate::dashboard::PAGES;

    const USER: Uuid = Uuid::from_u128(7);

    fn about() -> About<'static> {
        About {
            tenant: "acme",
            directory: Some("okta"),
            client_id: Some("imis"),
            user: Some(USER),
            step: "finish",
        }
    }

    fn reader(role: Role) -> Authority {
        Authority { tenant: Some(TenantId(Uuid::nil())), role, directory: None }
    }

    fn link(code: FailureCode, about: &About<'_>, reader: &Authority) -> Option<String> {
        match resolve(code, about, (reader, DomainProof::Dns))? {
            Remedy::Link { href, .. } => Some(href),
            Remedy::Note(_) => None,
        }
    }

    /// Each code leads to a page that there is, or is one that staff cannot mend.
    #[test]
    fn every_failure_that_staff_can_mend_leads_to_a_page() {
        for code in FailureCode::ALL {
            let Some(place) = place(*code) else {
                assert!(matches!(code.fixer(), Fixer::Person | Fixer::Operator), "{code:?}");
                continue;
            };
            let path = place.path.split(['?', '#']).next().unwrap_or_default();
            let page = PAGES.iter().find(|page| page.path == path);
            assert!(page.is_some(), "{code:?}: {path}");
            let owner = reader(Role::Owner);
            let href = link(*code, &about(), &owner);
            assert_eq!(href.is_none(), place.need == Need::Operator, "{code:?}");
            assert!(!href.unwrap_or_default().contains('{'), "{code:?}");
            assert!(link(*code, &about(), &Authority::OPERATOR).is_some(), "{code:?}");
        }
    }

    /// Nobody is led to where they would be refused.
    #[test]
    fn readers_are_led_only_to_what_they_may_do() {
        for code in FailureCode::ALL {
            let Some(place) = place(*code) else { continue };
            for role in [Role::Owner, Role::Editor, Role::Viewer] {
                let reader = reader(role);
                let href = link(*code, &about(), &reader);
                assert_eq!(href.is_some(), reader.has(place.need), "{code:?} {role}");
            }
        }
    }

    #[test]
    fn links_name_the_page_and_the_box() {
        let owner = reader(Role::Owner);
        for (code, href) in [
            (FailureCode::DomainUnproven, "/dashboard/t/acme/domains"),
            (FailureCode::DomainUnrouted, "/dashboard/t/acme/directories/okta/edit#domains"),
            (FailureCode::DirectorySecretExpired, "/dashboard/t/acme/directories/okta/secret"),
            (FailureCode::ProfileFailed, "/dashboard/t/acme/claims?of=directory%3Aokta"),
            (FailureCode::ReleaseFailed, "/dashboard/t/acme/claims?of=application%3Aimis"),
            (
                FailureCode::RedirectUriUnknown,
                "/dashboard/t/acme/applications/imis/settings#redirect_uris",
            ),
            (
                FailureCode::UserBlocked,
                "/dashboard/t/acme/users/00000000-0000-0000-0000-000000000007",
            ),
        ] {
            assert_eq!(link(code, &about(), &owner).as_deref(), Some(href), "{code:?}");
        }
        let release = About { step: "release", ..about() };
        let missing = link(FailureCode::ClaimMissing, &release, &owner);
        assert_eq!(missing.as_deref(), Some("/dashboard/t/acme/claims?of=application%3Aimis"));
    }

    /// What a login does not name, the reader chooses.
    #[test]
    fn logins_that_name_nothing_lead_to_the_list() {
        let (owner, about) = (reader(Role::Owner), About { tenant: "acme", ..About::default() });
        for (code, href) in [
            (FailureCode::DirectoryNone, "/dashboard/t/acme/directories"),
            (FailureCode::DomainUnrouted, "/dashboard/t/acme/directories"),
            (FailureCode::ApplicationUnknown, "/dashboard/t/acme/applications"),
            (FailureCode::UserBlocked, "/dashboard/t/acme/users?blocked=on"),
        ] {
            assert_eq!(link(code, &about, &owner).as_deref(), Some(href), "{code:?}");
        }
    }

    #[test]
    fn client_id_cannot_add_to_a_query() {
        let about = About { client_id: Some("a&b=c d"), ..about() };
        let href = link(FailureCode::ReleaseFailed, &about, &reader(Role::Owner));
        let wanted = "/dashboard/t/acme/claims?of=application%3Aa%26b%3Dc+d";
        assert_eq!(href.as_deref(), Some(wanted));
    }

    #[test]
    fn domains_of_the_operator_are_looked_at_by_the_others() {
        let told = |reader: &Authority| {
            resolve(FailureCode::DomainUnrouted, &about(), (reader, DomainProof::Operator))
        };
        let routing = Remedy::Link {
            label: "See where the address leads".to_owned(),
            href: "/dashboard/t/acme/routing".to_owned(),
        };
        assert_eq!(told(&reader(Role::Owner)), Some(routing.clone()));
        assert!(told(&Authority::OPERATOR).is_some_and(|remedy| remedy != routing));
    }

    fn sources(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if !path.ends_with("remedy.rs") {
                *all += &fs::read_to_string(&path).unwrap_or_default();
            }
        }
    }

    /// A fix calls a button, a box or a page what the pages call it.
    #[test]
    fn what_a_fix_quotes_stands_on_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = String::new();
        sources(&root.join("templates/dashboard"), &mut all);
        sources(&root.join("src/dashboard"), &mut all);
        let mut quoted = 0;
        for code in FailureCode::ALL {
            for part in code.fix().split('“').skip(1) {
                let name = part.split('”').next().unwrap_or_default();
                let stands =
                    |before: &str, after: &str| all.contains(&format!("{before}{name}{after}"));
                assert!(stands(">", "<") || stands("\"", "\""), "{code:?}: {name}");
                quoted += 1;
            }
        }
        assert!(quoted > 30, "{quoted}");
    }
}
