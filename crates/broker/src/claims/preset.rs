//! The rows that an application begins with: what each kind of application reads.
//!
//! They are data, in `preset/*.json`, in the form of the configuration file. A tenant's own rows
//! stand over them one by one. The rows of a directory stand in its preset
//! ([`crate::directory_preset`]).

use std::sync::LazyLock;

use super::row::Rows;
use crate::settings::ApplicationPreset;

/// What iMIS reads: strings only, a name, and `staff` as `"1"` or not at all.
static IMIS: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/imis.json")));

/// What imc Learning Suite reads, under its vendor's names for them.
static IMC: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/imc.json")));

/// The standard claims. [OIDCC-5.1]
static GENERIC: LazyLock<Rows> = LazyLock::new(|| rows(include_str!("preset/generic.json")));

/// The rows from the profile to an application's claims.
pub fn application_rows(preset: ApplicationPreset) -> &'static Rows {
    match preset {
        ApplicationPreset::Imis => &IMIS,
        ApplicationPreset::Imc => &IMC,
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
    use crate::directory_preset::DirectoryPreset;

    fn profile(preset: &str, claims: Value) -> Value {
        let preset = DirectoryPreset::parse(preset).unwrap().data();
        let mapping = Mapping::compile(Layer::Profile, &preset.profile, &Rows::new()).unwrap();
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
        for preset in [ApplicationPreset::Imis, ApplicationPreset::Imc, ApplicationPreset::Generic]
        {
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
            profile("okta", claims),
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
    fn imc_gets_flat_strings_under_the_vendors_names() {
        assert_eq!(
            release(ApplicationPreset::Imc, ann()),
            Ok(json!({
                "Login": "E-7", "first_name": "Ann", "last_name": "Lee",
                "user_email": "ann@a.example"
            }))
        );
        let mut profile = ann();
        profile["email_verified"] = json!(false);
        let claims = release(ApplicationPreset::Imc, profile).unwrap();
        assert_eq!(claims.get("user_email"), None);
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
