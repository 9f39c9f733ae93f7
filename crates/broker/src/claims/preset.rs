//! The rows to begin with: what most directories send, and what each kind of application reads.
//!
//! They are data, in `preset/*.json`, in the form of the configuration file. A tenant's own rows
//! stand over them one by one.

use std::sync::LazyLock;

use super::row::Rows;
use crate::settings::{ApplicationPreset, DirectoryPreset};

/// The standard claims of any OpenID Provider [OIDCC-5.1]. Okta sends the same: what is special
/// there is that most of them come from userinfo, which is read anyway.
static OIDC: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/oidc.json")));

/// What iMIS reads: strings only, a name, and `staff` as `"1"` or not at all.
static IMIS: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/imis.json")));

/// The standard claims. [OIDCC-5.1]
static GENERIC: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/generic.json")));

/// The rows from a directory's claims to the profile.
pub fn directory_rows(preset: DirectoryPreset) -> &'static Rows {
    match preset {
        DirectoryPreset::Oidc | DirectoryPreset::Okta => &OIDC,
    }
}

/// The rows from the profile to an application's claims.
pub fn application_rows(preset: ApplicationPreset) -> &'static Rows {
    match preset {
        ApplicationPreset::Imis => &IMIS,
        ApplicationPreset::Generic => &GENERIC,
    }
}

#[expect(clippy::expect_used, reason = "the text is compiled in, and the tests read all of it")]
fn rows(text: &str) -> Rows {
    serde_json::from_str(text).expect("a preset is valid JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::claims::tests::{only_claims, only_profile};
    use crate::claims::{Layer, Mapping};

    fn profile(preset: DirectoryPreset, claims: Value) -> Value {
        let mapping =
            Mapping::compile(Layer::Profile, directory_rows(preset), &Rows::new()).unwrap();
        mapping.evaluate(&only_claims(claims)).unwrap().claims.into()
    }

    fn release(preset: ApplicationPreset, profile: Value) -> Result<Value, String> {
        let mapping =
            Mapping::compile(Layer::Release, application_rows(preset), &Rows::new()).unwrap();
        let done = mapping.evaluate(&only_profile(profile));
        done.map(|done| done.claims.into()).map_err(|e| e.to_string())
    }

    fn ann() -> Value {
        json!({
            "given_name": "Ann", "family_name": "Lee", "name": "Ann Lee",
            "preferred_username": "ann", "email": "ann@a.example", "email_verified": true,
            "staff": true, "groups": ["Staff"]
        })
    }

    #[test]
    fn every_preset_compiles() {
        for preset in [DirectoryPreset::Oidc, DirectoryPreset::Okta] {
            Mapping::compile(Layer::Profile, directory_rows(preset), &Rows::new()).unwrap();
        }
        for preset in [ApplicationPreset::Imis, ApplicationPreset::Generic] {
            Mapping::compile(Layer::Release, application_rows(preset), &Rows::new()).unwrap();
        }
    }

    #[test]
    fn a_directory_cannot_say_who_is_staff_or_verified_unless_a_row_lets_it() {
        let claims = json!({
            "sub": "00u1", "given_name": "Ann", "family_name": "Lee", "email": " ann@a.example ",
            "email_verified": true, "staff": true, "roles": ["admin"], "groups": "Everyone"
        });
        assert_eq!(
            profile(DirectoryPreset::Okta, claims),
            json!({
                "external_id": "00u1", "given_name": "Ann", "family_name": "Lee",
                "email": "ann@a.example", "staff": false, "groups": ["Everyone"]
            })
        );
    }

    #[test]
    fn imis_gets_strings_and_staff_as_one() {
        assert_eq!(
            release(ApplicationPreset::Imis, ann()),
            Ok(json!({
                "external_id": "E-7", "staff": "1", "email": "ann@a.example",
                "email_verified": true, "given_name": "Ann", "family_name": "Lee",
                "name": "Ann Lee", "preferred_username": "ann"
            }))
        );
    }

    #[test]
    fn imis_gets_no_staff_claim_for_anybody_else() {
        for staff in [json!(false), json!(null), json!("1")] {
            let mut profile = ann();
            profile["staff"] = staff;
            assert_eq!(release(ApplicationPreset::Imis, profile).unwrap().get("staff"), None);
        }
        let mut profile = ann();
        profile.as_object_mut().unwrap().remove("staff");
        assert_eq!(release(ApplicationPreset::Imis, profile).unwrap().get("staff"), None);
    }

    #[test]
    fn imis_gets_no_address_that_is_not_verified() {
        for verified in [json!(false), json!("true"), json!(null)] {
            let mut profile = ann();
            profile["email_verified"] = verified;
            let claims = release(ApplicationPreset::Imis, profile).unwrap();
            assert_eq!((claims.get("email"), claims.get("email_verified")), (None, None));
        }
    }

    #[test]
    fn imis_without_a_name_stops_here_and_not_there() {
        for name in ["given_name", "family_name"] {
            let mut profile = ann();
            profile[name] = json!("");
            let error = release(ApplicationPreset::Imis, profile).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn generic_passes_email_verified_as_it_is_and_no_groups() {
        let mut profile = ann();
        profile["email_verified"] = json!(false);
        let claims = release(ApplicationPreset::Generic, profile).unwrap();
        assert_eq!(claims["email_verified"], json!(false));
        assert_eq!((claims.get("groups"), claims.get("staff")), (None, None));
    }
}
