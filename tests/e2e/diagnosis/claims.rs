//! What the directory says of a person, and what is made of it.

use broker::failure::FailureCode;
use serde_json::{Value, json};

use super::{Case, fault, library};

const ROW: &str = "Mend the row that the timeline names, on the page “Claims”.";

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "a claim that a mapping requires is not sent for this person",
            FailureCode::ClaimMissing,
            &["member_id: ", "there is no value for it"],
            "Let the directory send what the row reads, in its own settings",
        ),
        |stand| {
            let row = json!({ "from": ["claims.member_number"], "on_missing": "fail" });
            stand.directory("profile", json!({ "member_id": row }));
        },
        |stand| stand.person(json!({ "member_number": "M-7" })),
    ),
    library(
        fault(
            "a mapping requires a claim whose scope the directory is not asked for",
            FailureCode::ClaimMissing,
            &["email: ", "there is no value for it"],
            "by asking for it with `scopes`",
        ),
        |stand| {
            let row = json!({ "from": ["claims.email"], "on_missing": "fail" });
            stand.directory("profile", json!({ "email": row }));
            stand.directory("scopes", json!(["openid", "profile"]));
        },
        |stand| stand.directory("scopes", json!(["openid", "profile", "email"])),
    ),
    library(
        fault(
            "the application requires a claim that is not sent for this person",
            FailureCode::ClaimContractUnmet,
            &["family_name is missing"],
            "Let the directory send what the claim is made of, in its own settings",
        ),
        |stand| {
            stand.application("contract", json!({ "family_name": "string" }));
            stand.person(json!({ "family_name": Value::Null }));
        },
        |stand| stand.person(json!({})),
    ),
    library(
        fault(
            "a list stands where a mapping wants a text",
            FailureCode::ProfileFailed,
            &["member_type: ", "a string is expected, but the value is a list"],
            ROW,
        ),
        |stand| {
            let row = json!({ "from": ["claims.roles"], "type": "string" });
            stand.directory("profile", json!({ "member_type": row }));
            stand.person(json!({ "roles": ["fellow", "speaker"] }));
        },
        |stand| {
            let row = json!({ "from": ["claims.roles"], "transform": ["first"], "type": "string" });
            stand.directory("profile", json!({ "member_type": row }));
        },
    ),
    library(
        fault(
            "an expression reads a claim that this person does not have",
            FailureCode::ProfileFailed,
            &["staff: ", "teams is missing"],
            ROW,
        ),
        |stand| {
            let row = json!({ "expr": "'Staff' in claims.teams", "type": "bool" });
            stand.directory("profile", json!({ "staff": row }));
        },
        |stand| {
            let row = json!({ "expr": "'Staff' in claims.groups", "type": "bool" });
            stand.directory("profile", json!({ "staff": row }));
        },
    ),
    library(
        fault(
            "the external id is made of a number",
            FailureCode::ProfileFailed,
            &["the row `external_id`", "`type: string`"],
            ROW,
        ),
        |stand| {
            stand.directory("profile", json!({ "external_id": { "from": ["claims.badge"] } }));
            stand.person(json!({ "badge": 4711 }));
        },
        |stand| {
            let row = json!({ "from": ["claims.badge"], "type": "string" });
            stand.directory("profile", json!({ "external_id": row }));
        },
    ),
    library(
        fault(
            "a list stands where the application's mapping wants a text",
            FailureCode::ReleaseFailed,
            &["department: ", "a string is expected, but the value is a list"],
            ROW,
        ),
        |stand| {
            let row = json!({ "from": ["profile.groups"], "type": "string" });
            stand.application("claims", json!({ "department": row }));
        },
        |stand| {
            let row =
                json!({ "from": ["profile.groups"], "transform": ["first"], "type": "string" });
            stand.application("claims", json!({ "department": row }));
        },
    ),
    library(
        fault(
            "the application requires a text, and its mapping makes a list",
            FailureCode::ClaimContractUnmet,
            &["groups is a list instead of a string"],
            "in the type that is required",
        ),
        |stand| {
            stand.application("claims", json!({ "groups": { "from": ["profile.groups"] } }));
            stand.application("contract", json!({ "groups": "string" }));
        },
        |stand| {
            let row =
                json!({ "from": ["profile.groups"], "transform": ["first"], "type": "string" });
            stand.application("claims", json!({ "groups": row }));
        },
    ),
    library(
        fault(
            "iMIS requires an e-mail address, and the directory has not confirmed this one",
            FailureCode::EmailUntrusted,
            &["email is missing", "its email_trust is verified_claim"],
            "Let the directory confirm the address and say so in email_verified",
        ),
        |stand| {
            stand.application("preset", json!("imis"));
            stand.application("contract", json!({ "email": "string" }));
            stand.request = stand.request.clone().set("response_mode", "form_post");
            stand.person(json!({ "email_verified": false }));
        },
        |stand| stand.person(json!({ "email_verified": true })),
    ),
    library(
        fault(
            "iMIS requires an e-mail address, and the directory, which gives them out, says nothing",
            FailureCode::EmailUntrusted,
            &["email is missing", "its email_trust is verified_claim"],
            "choose “If its domain is one of the directory's” under “When an e-mail address is trusted”",
        ),
        |stand| {
            stand.application("preset", json!("imis"));
            stand.application("contract", json!({ "email": "string" }));
            stand.request = stand.request.clone().set("response_mode", "form_post");
            stand.directory("domains", json!([stand.domain()]));
            stand.person(json!({ "email_verified": Value::Null }));
        },
        |stand| stand.directory("email_trust", json!("domain")),
    ),
    library(
        fault(
            "the person is in so many groups that the directory leaves them out",
            FailureCode::GroupsIncomplete,
            &["names another place for `groups`"],
            "Let the directory send roles, or only the groups assigned to the application",
        ),
        |stand| {
            let row = json!({ "expr": "'Staff' in claims.groups", "type": "bool" });
            stand.directory("profile", json!({ "staff": row }));
            stand.realm("config", json!({ "conformIdTokenClaims": false }));
            let elsewhere = json!({ "groups": "src1" });
            stand.person(json!({ "groups": Value::Null, "_claim_names": elsewhere }));
        },
        |stand| stand.person(json!({ "groups": ["Staff"] })),
    ),
    library(
        fault(
            "the person's Google domain is not one of those that may sign in",
            FailureCode::HostedDomainNotAllowed,
            &["`hd` is missing or not one of `hosted_domains`"],
            "add the organisation's domain to “Domains of your Workspace”",
        ),
        |stand| {
            stand.realm("config", json!({ "conformIdTokenClaims": false }));
            stand.person(json!({ "hd": stand.domain() }));
            stand.directory("preset", json!("google"));
            stand.directory("hosted_domains", json!(["other.example"]));
        },
        |stand| stand.directory("hosted_domains", json!(["other.example", stand.domain()])),
    ),
    Case {
        earlier: true,
        ..library(
            fault(
                "two people have the same external id",
                FailureCode::ExternalIdTaken,
                &["already belongs to somebody else"],
                "from a claim that is unique over all directories",
            ),
            |stand| {
                let row = json!({ "from": ["claims.badge"], "type": "string" });
                stand.directory("profile", json!({ "external_id": row }));
                stand.person(json!({ "badge": "B-1" }));
                stand.colleague(json!({ "badge": "B-1" }));
            },
            |stand| {
                let row = json!({ "from": ["claims.sub"], "type": "string" });
                stand.directory("profile", json!({ "external_id": row }));
            },
        )
    },
];
