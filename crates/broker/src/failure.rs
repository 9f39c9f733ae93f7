//! Why a login ended: one code out of a closed list, with its cause and its fix in plain words.
//!
//! The codes are stored in timelines, shown by `vestibule login show`, and listed in
//! `docs/failures.md`; a test keeps that page equal to this table.

use serde::{Deserialize, Serialize};

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixer {
    /// The person who signs in.
    Person,
    /// Staff of the tenant.
    Staff,
    /// The administrator of the directory.
    DirectoryAdmin,
    /// The administrator of the application.
    ApplicationAdmin,
    /// Whoever runs Vestibule.
    Operator,
}

impl Fixer {
    /// In words, for pages and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "the person signing in",
            Self::Staff => "tenant staff",
            Self::DirectoryAdmin => "the directory's administrator",
            Self::ApplicationAdmin => "the application's administrator",
            Self::Operator => "the operator",
        }
    }
}

macro_rules! failures {
    (@by_hand) => { None };
    (@by_hand $by_hand:literal) => { Some($by_hand) };
    ($($name:ident = $code:literal, $fixer:ident, $cause:literal, $fix:literal
        $(, $by_hand:literal)?;)+) => {
        /// Why a login ended without success.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FailureCode {
            $(#[doc = $cause] #[serde(rename = $code)] $name,)+
        }

        impl FailureCode {
            /// Every code, in the order of a login.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name, as stored and documented.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What went wrong, in a sentence.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)+ }
            }

            /// What to do, in the words of the dashboard's pages: what they call a button, a box
            /// or a page stands in quotation marks.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)+ }
            }

            /// The same by the configuration file or the command line, where the fix does not
            /// say it.
            pub const fn by_hand(self) -> Option<&'static str> {
                match self { $(Self::$name => failures!(@by_hand $($by_hand)?),)+ }
            }

            /// Who can do it.
            pub const fn fixer(self) -> Fixer {
                match self { $(Self::$name => Fixer::$fixer,)+ }
            }

            /// The code that a person is shown. Whoever asks must not learn which applications
            /// exist here, so one that is switched off is an unknown one to them (THREATS AZ-01).
            #[must_use]
            pub const fn shown(self) -> Self {
                match self { Self::ApplicationDisabled => Self::ApplicationUnknown, other => other }
            }

            /// The code of that name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

failures! {
    ApplicationUnknown = "application_unknown", ApplicationAdmin,
        "The application is not known here.",
        "Compare the client id in the application with the one shown for it in Vestibule.";
    ApplicationDisabled = "application_disabled", Staff,
        "The application is switched off.",
        "Set the application to “Enabled” in its settings, if that is right.",
        "Take `disabled` out of the application's settings.";
    TenantSuspended = "tenant_suspended", Operator,
        "Sign-ins of this organisation are suspended.",
        "Take back “Suspended” in the settings of the tenant, if that is right.",
        "Take `suspended` out of the tenant's settings.";
    RedirectUriUnknown = "redirect_uri_unknown", ApplicationAdmin,
        "The application asked to send people to an address that is not registered for it.",
        "Register the address exactly as the application sends it, including any slash at its end, under “Redirect URIs” in the application's settings.",
        "Add it to `redirect_uris` of the application.";
    RequestInvalid = "request_invalid", ApplicationAdmin,
        "The application's request breaks a rule of the protocol.",
        "Read the description in the timeline; it names the parameter and the rule.";
    RequestTooLarge = "request_too_large", ApplicationAdmin,
        "The application's request is larger than can be kept for it at the moment.",
        "Try again in a few minutes; if it persists, shorten the state that the application sends.";
    SignInLoop = "sign_in_loop", ApplicationAdmin,
        "The application keeps sending the browser back for another sign-in, mostly because its cookie is not stored.",
        "Let the application be reached by https and by one name throughout, with cookies that are SameSite=None and Secure, and see that it lets the person in (iMIS: access setting All Staff Full Control).";
    DirectoryNone = "directory_none", Staff,
        "No directory of the organisation is active.",
        "Activate a directory: press “Activate” on its page, once a test has worked.",
        "Set `state: active` for the directory.";
    DirectoryNotAllowed = "directory_not_allowed", Staff,
        "The application does not admit the people of this directory, or of any that is active.",
        "Tick the directory under “Whose people may sign in” in the application's settings, or let in “Those of every directory”.",
        "Add the directory to `directories` of the application, or take that list away.";
    DomainUnrouted = "domain_unrouted", Staff,
        "The domain of the e-mail address leads to no active directory of this application.",
        "If the address is spelled right, add its domain to “E-mail domains” in the directory's settings.",
        "Add the domain to `domains` of the directory.";
    DomainUnproven = "domain_unproven", Staff,
        "The domain of the e-mail address belongs to a directory, but the organisation has not proven it.",
        "Claim the domain on the page “Domains”, unless it is there already; publish the record that is shown there in the domain's DNS, and press “Check now”.",
        "Publish the record of `vestibule domain challenge` and run `vestibule domain verify`.";
    DirectoryPaused = "directory_paused", Staff,
        "The directory is not active.",
        "Activate it: press “Activate” on its page. Or add the person's domain to “E-mail domains” of another directory.",
        "Set `state: active` for the directory.";
    DirectoryHostUnknown = "directory_host_unknown", Staff,
        "The host in the directory's address does not exist: its name leads to no address.",
        "Copy the issuer from the directory once more; if it is right, its name is missing in the DNS.";
    DirectoryUnreachable = "directory_unreachable", DirectoryAdmin,
        "The directory could not be reached, did not answer in time, or answered that it cannot serve anybody now.",
        "Check that its service is up and that the address which the timeline names is right, then try again.";
    DirectoryCertificate = "directory_certificate", DirectoryAdmin,
        "The TLS certificate of the directory is not valid: it has expired, is for another name, or is of an authority that is not trusted.",
        "Renew the certificate, for the name in the timeline, by an authority that browsers trust, and serve it with its chain.";
    EgressBlocked = "egress_blocked", Operator,
        "The directory's address leads into a private network, or is not https on port 443 or 8443, which the egress policy forbids.",
        "If that is intended, whoever runs this gateway has to allow the network; if not, correct the directory's issuer.",
        "Allow the network with `VESTIBULE_EGRESS_ALLOW`.";
    DiscoveryNotFound = "discovery_not_found", Staff,
        "There is no discovery document where the directory's issuer says that it is.",
        "Copy the issuer from the directory once more: its address followed by /.well-known/openid-configuration has to open in a browser.";
    DiscoveryInvalid = "discovery_invalid", DirectoryAdmin,
        "The directory's discovery document could not be understood.",
        "Open the issuer's /.well-known/openid-configuration in a browser and check that it is JSON with the member that the timeline names.";
    KeysInvalid = "keys_invalid", DirectoryAdmin,
        "The directory's key set could not be understood.",
        "Open the address that the discovery document states as `jwks_uri` in a browser and check that it is a JWK set with a signing key.";
    IssuerMismatch = "issuer_mismatch", Staff,
        "The directory states another issuer than the one that is configured.",
        "Copy the issuer exactly as the directory's discovery document states it, including any slash at its end.";
    DirectoryMoved = "directory_moved", Staff,
        "The directory's discovery document leads to other hosts than when people first signed in through it.",
        "Ask the directory's administrator whether it moved; if it did, an owner presses “Approve these hosts” on the directory's page.",
        "Run `vestibule directory approve`.";
    TestLinkInvalid = "test_link_invalid", Staff,
        "The link of this test sign-in was used before, is older than 15 minutes, or is for another directory.",
        "Press “Test” on the directory's page once more.",
        "Make a new link with `vestibule directory test`.";
    StaffSignInOff = "staff_sign_in_off", Staff,
        "The directory does not sign the tenant's staff in to the dashboard.",
        "Sign in with a passkey or a password; an owner can allow it on the directory's page “Staff”.",
        "Set `staff_sign_in: true` for the directory.";
    StaffNotConnected = "staff_not_connected", Staff,
        "Nobody of the tenant's staff has connected this sign-in with their account, or the directory was set to another provider since.",
        "Sign in with a passkey or a password and connect the directory under Your account; or open the link of an invitation.";
    AttemptMissing = "attempt_missing", Person,
        "The browser came back without the cookie of this sign-in: it began in another browser, or cookies are blocked.",
        "Start again from the application in this browser, with cookies allowed.";
    AttemptExpired = "attempt_expired", Person,
        "The sign-in took longer than 14 minutes.",
        "Start again from the application.";
    AttemptOutdated = "attempt_outdated", Person,
        "The directory was set to another provider while this sign-in was under way.",
        "Start again from the application.";
    AttemptUsed = "attempt_used", Person,
        "This sign-in has been finished already: a page was reloaded, or the Back button used.",
        "Go to the application; start again if it does not know you.";
    CallbackInvalid = "callback_invalid", DirectoryAdmin,
        "The directory's answer to the browser lacks what the protocol requires.",
        "Check that the directory answers in the query or by form post, and that nothing on the way takes parameters out of its answer.",
        "Set `response_mode` in `parameters` of the directory, if it answers in another way.";
    CallbackIssuerMismatch = "callback_issuer_mismatch", DirectoryAdmin,
        "The answer came from another issuer than the one that was asked, or does not say from which.",
        "Register each directory's callback address at that directory alone; if it is, let the directory send the `iss` that its discovery document states.";
    DirectoryRefused = "directory_refused", DirectoryAdmin,
        "The directory refused the sign-in, or it was cancelled there.",
        "If it was not cancelled, check in the directory that the person is assigned to this application.";
    DirectoryNotAssigned = "directory_not_assigned", DirectoryAdmin,
        "The person is not assigned to this application in the directory.",
        "Assign the person, or a group they are in, to the application in the directory.";
    DirectoryConsentRequired = "directory_consent_required", DirectoryAdmin,
        "The directory lets nobody in before an administrator has consented to the application.",
        "Grant administrator consent to the application in the directory.";
    DirectoryScopeRefused = "directory_scope_refused", Staff,
        "The directory does not allow a scope that it is asked for.",
        "Allow the scopes that the timeline names for the application in the directory, or take the one too many out of `scopes`, under “As configuration” on the directory's page.";
    DirectoryFlowRefused = "directory_flow_refused", DirectoryAdmin,
        "The directory does not allow this application the authorization code flow.",
        "Make the directory's application an OpenID Connect web application, with the grant type authorization code and the response type code.";
    DirectoryRequestRefused = "directory_request_refused", Staff,
        "The directory takes the authorization request for invalid.",
        "Take out of `parameters`, under “As configuration” on the directory's page, what the directory does not know, and switch off what it demands beyond a plain request, such as pushed or signed requests; its log names the parameter.";
    DirectoryLoginRequired = "directory_login_required", Person,
        "The application asked for a silent sign-in and the person is not signed in at the directory.",
        "Sign in from the application.";
    DirectoryCredentialsWrong = "directory_credentials_wrong", Staff,
        "The directory does not accept the client id and secret that are configured for it.",
        "Copy the client id and the secret's value (not its name or id) from the directory once more; the secret is entered on its page “Secret” here.",
        "Set `client_id` and `client_secret` of the directory.";
    DirectorySecretExpired = "directory_secret_expired", Staff,
        "The client secret of the directory has expired.",
        "Create a new secret in the directory and enter it here, on the directory's page “Secret”.",
        "Set `client_secret` and `client_secret_expires_at` of the directory.";
    DirectoryCredentialsMethod = "directory_credentials_method", Staff,
        "The directory expects the client secret in another way than it was sent.",
        "Choose under “How we prove who we are there”, in the directory's settings, the way that is chosen for the application in the directory.",
        "Set `token_endpoint_auth_method` of the directory.";
    DirectoryKeyUnknown = "directory_key_unknown", Staff,
        "The directory does not accept the key with which it is shown who asks (`private_key_jwt`).",
        "Give the directory the address of the tenant's keys, which its settings here show, or upload its certificate once more, and check the client id.";
    DirectoryCodeRefused = "directory_code_refused", Staff,
        "The directory did not accept its own authorization code.",
        "Try again; if it persists, compare the callback address registered in the directory with the one shown here.";
    TokenResponseInvalid = "token_response_invalid", DirectoryAdmin,
        "The directory's token endpoint answered with something that is not a token response.",
        "Check the token endpoint in the directory's discovery document, or the one that `metadata` puts in its place, under “As configuration” on the directory's page.";
    IdTokenMissing = "id_token_missing", DirectoryAdmin,
        "The directory answered with tokens of which none is an ID token.",
        "Let the directory's application be one for OpenID Connect and not for OAuth alone, and allow it the scope openid.";
    IdTokenMalformed = "id_token_malformed", DirectoryAdmin,
        "The directory's ID token is not well formed.",
        "Check the directory's token settings for the claim that the timeline names.";
    IdTokenEncrypted = "id_token_encrypted", DirectoryAdmin,
        "The directory encrypts its ID tokens, which is not supported.",
        "Switch off the encryption of ID tokens for the application in the directory.";
    IdTokenType = "id_token_type", DirectoryAdmin,
        "The directory sent another kind of token where an ID token belongs.",
        "Check that the directory's application is an OpenID Connect web application and that its token endpoint answers with an ID token.";
    IdTokenAlgorithm = "id_token_algorithm", DirectoryAdmin,
        "The directory signed the ID token with an algorithm that is not allowed for it.",
        "Set the directory's application to RS256; or, if the algorithm is one with a public key, add it to `algorithms`, under “As configuration” on the directory's page.";
    IdTokenKeyUnknown = "id_token_key_unknown", DirectoryAdmin,
        "The directory signed the ID token with a key that it does not publish.",
        "Try again in a minute: keys may just have been rotated.";
    IdTokenSignature = "id_token_signature", DirectoryAdmin,
        "The signature of the directory's ID token is wrong.",
        "Check that the issuer is the right one; if it is, report this to the directory's administrator as a security event.";
    IdTokenIssuer = "id_token_issuer", DirectoryAdmin,
        "The ID token was issued by another issuer than the one that the directory's discovery document states.",
        "Let the directory issue its tokens under the issuer of its discovery document; or enter the issuer that the timeline names, if that one has a discovery document of its own.";
    TenantNotAllowed = "tenant_not_allowed", Staff,
        "The person belongs to a Microsoft tenant whose people may not sign in here.",
        "If they should, add the tenant's ID to “Tenant IDs that may sign in” in the directory's settings.",
        "Add it to `tenants` of the directory.";
    HostedDomainNotAllowed = "hosted_domain_not_allowed", Staff,
        "The person's Google account does not belong to an organisation whose people may sign in here.",
        "If it should, add the organisation's domain to “Domains of your Workspace” in the directory's settings; personal accounts have none.",
        "Add it to `hosted_domains` of the directory.";
    GuestNotAllowed = "guest_not_allowed", Staff,
        "The person is a guest of the directory, and guests may not sign in here.",
        "Let the person sign in through their own organisation's directory, or set `allow_guests: true`, under “As configuration” on the directory's page.";
    GroupsIncomplete = "groups_incomplete", DirectoryAdmin,
        "The person is in so many groups that the directory left all of them out, and the mapping needs them.",
        "Let the directory send roles, or only the groups assigned to the application; or map from something else, on the page “Claims”.",
        "Change the row in `profile` of the directory.";
    IdTokenAudience = "id_token_audience", DirectoryAdmin,
        "The ID token was issued for another application of the directory, or for several without saying for which.",
        "Let the directory put the client id that the timeline names into `aud`, alone or with the same in `azp`.";
    IdTokenNonce = "id_token_nonce", DirectoryAdmin,
        "The ID token does not belong to this sign-in.",
        "Try again; if it persists, report it to the directory's administrator as a security event.";
    IdTokenExpired = "id_token_expired", DirectoryAdmin,
        "The ID token is expired or not yet valid.",
        "Check the clocks of the directory and of this server.";
    IdTokenHash = "id_token_hash", DirectoryAdmin,
        "The ID token does not belong to the access token that came with it.",
        "Report it to the directory's administrator as a security event.";
    UserinfoInvalid = "userinfo_invalid", DirectoryAdmin,
        "The directory's userinfo endpoint did not answer with claims.",
        "Check the userinfo endpoint in the directory's discovery document, or the one that `metadata` puts in its place, and that the scopes openid and profile are allowed; or do without, by `userinfo: never`. Both are under “As configuration” on the directory's page.";
    UserinfoSigned = "userinfo_signed", DirectoryAdmin,
        "The directory's userinfo endpoint answers with a signed or encrypted token instead of JSON.",
        "Switch off signed and encrypted userinfo for the application in the directory; or do without, by `userinfo: never`, under “As configuration” on the directory's page.";
    UserinfoSubjectMismatch = "userinfo_subject_mismatch", DirectoryAdmin,
        "Userinfo is about another person than the ID token.",
        "Report it to the directory's administrator as a security event.";
    AuthenticationTooOld = "authentication_too_old", DirectoryAdmin,
        "The application asked for a fresh sign-in and the directory did not confirm one.",
        "Check that the directory honours max_age and sends auth_time, and that `forward`, under “As configuration” on the directory's page, does not keep max_age from it.";
    OtherPerson = "other_person", Person,
        "Somebody else signed in than the application had signed in before, by its ID token hint.",
        "Sign in with the account that the application knows, or sign out of the application first.";
    ProfileFailed = "profile_failed", Staff,
        "A row of the directory's profile mapping failed.",
        "Mend the row that the timeline names, on the page “Claims”.",
        "Change the row in `profile` of the directory.";
    ReleaseFailed = "release_failed", Staff,
        "A row of the application's claim mapping failed.",
        "Mend the row that the timeline names, on the page “Claims”.",
        "Change the row in `claims` of the application.";
    ClaimMissing = "claim_missing", Staff,
        "A row of a mapping that must have a value has none.",
        "Let the directory send what the row reads, in its own settings or by asking for it with `scopes`, under “As configuration” on the directory's page; or let the row read something else, on the page “Claims”. The timeline names the row.",
        "Change the row in `profile` of the directory, or in `claims` of the application.";
    ClaimContractUnmet = "claim_contract_unmet", Staff,
        "The application requires a claim that this person does not have, or has in another type.",
        "Let the directory send what the claim is made of, in its own settings or by asking for it with `scopes`, under “As configuration” on the directory's page; or map it from something else on the page “Claims”, in the type that is required. The timeline names it.",
        "Change the row in `claims` of the application, or in `profile` of the directory.";
    ScopeMissing = "scope_missing", ApplicationAdmin,
        "The application requires a claim and does not ask for the scope that brings it.",
        "Let the application ask for the scope that the timeline names, or set `always_include_claims: true`, on the application's page “As configuration”.";
    EmailUntrusted = "email_untrusted", Staff,
        "The application requires the e-mail address, and this person's is not proven to be theirs.",
        "Let the directory confirm the address and say so in email_verified. Or, if it alone gives out the addresses of its domains, choose “If its domain is one of the directory's” under “When an e-mail address is trusted” in its settings.",
        "Set `email_trust: domain` for the directory.";
    ExternalIdTaken = "external_id_taken", Staff,
        "The external identifier of this new person already belongs to somebody else.",
        "Map `external_id`, on the page “Claims”, from a claim that is unique over all directories, or add a prefix.",
        "Change the row in `profile` of the directory.";
    UserBlocked = "user_blocked", Staff,
        "The person is blocked.",
        "Press “Let in again” on the person's page, if that is right.",
        "Run `vestibule users unblock`.";
    DatabaseUnavailable = "database_unavailable", Operator,
        "The database could not be reached.",
        "Check Postgres; sign-ins work again by themselves once it is back.";
    Internal = "internal", Operator,
        "Something went wrong inside Vestibule.",
        "Look for the support code in the log and report it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_round_trip() {
        let mut seen = std::collections::BTreeSet::new();
        for code in FailureCode::ALL {
            assert!(seen.insert(code.as_str()));
            assert_eq!(FailureCode::parse(code.as_str()), Some(*code));
            for text in [Some(code.cause()), Some(code.fix()), code.by_hand()].into_iter().flatten()
            {
                assert!(text.ends_with('.'), "{code:?}");
                assert!(text.matches('`').count().is_multiple_of(2), "{code:?}");
            }
        }
    }

    /// A fix is read on pages, by people who have no command line.
    #[test]
    fn no_fix_speaks_of_commands_or_of_the_machine() {
        for code in FailureCode::ALL {
            for word in ["vestibule ", "VESTIBULE_", "`state"] {
                assert!(!code.fix().contains(word), "{code:?}: {}", code.fix());
            }
        }
    }
}
