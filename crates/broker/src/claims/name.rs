//! The names a row may set.
//!
//! What the gateway itself says about a login is not for a mapping to say (THREATS CL-01). Names
//! are ASCII, so that no look-alike of a reserved name exists, and are compared without case.

use super::input::Layer;

/// The longest name, in bytes.
const MAX_NAME: usize = 128;

/// What else no row may set, besides [`oidc::claims::RESERVED`]: claims of other tokens that a
/// careless reader could take ours for. [RFC7800-3.1] [RFC8693-4]
const MORE: [&str; 5] = ["cnf", "typ", "client_id", "scope", "act"];

/// Aggregated and distributed claims: `_claim_names`, `_claim_sources`. [OIDCC-5.6.2]
const RESERVED_PREFIX: &str = "_claim_";

/// Whether only the gateway sets a claim of this name.
pub(super) fn is_reserved(name: &str) -> bool {
    let folded = name.trim().to_ascii_lowercase();
    oidc::claims::is_reserved(&folded)
        || MORE.contains(&folded.as_str())
        || folded.starts_with(RESERVED_PREFIX)
}

/// Every reserved name, for the tests that go through them.
#[cfg(test)]
pub(super) fn reserved() -> Vec<&'static str> {
    oidc::claims::RESERVED.into_iter().chain(MORE).collect()
}

/// Checks that a row may have this name; otherwise says what to do.
pub(super) fn check(layer: Layer, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("a claim's name has 1 to {MAX_NAME} characters"));
    }
    // Applications name claims as they like: `Membership Status` is one vendor's own example.
    if !name.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || name.trim() != name {
        return Err(
            "a claim's name has plain ASCII characters, and no space at its ends".to_owned()
        );
    }
    if is_reserved(name) {
        return Err(format!("`{name}` is set by the gateway itself; choose another name"));
    }
    let folded = name.to_ascii_lowercase();
    match layer {
        Layer::Profile if folded == "email_verified" => {
            Err("`email_verified` follows from the directory's `email_trust`; set that instead"
                .to_owned())
        }
        // A twin in another case would go around the rules about this claim.
        Layer::Release if folded == "email_verified" && name != folded => {
            Err("write it `email_verified`".to_owned())
        }
        Layer::Profile | Layer::Release => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cl_01_reserved_names_are_refused_in_both_layers() {
        for name in reserved().into_iter().chain(["_claim_names", "_claim_sources", "_claim_x"]) {
            assert!(check(Layer::Profile, name).is_err(), "{name}");
            assert!(check(Layer::Release, name).is_err(), "{name}");
        }
    }

    #[test]
    fn cl_01_case_variants_and_look_alikes_are_refused() {
        // Full-width letters, a Cyrillic letter, a zero-width space, a combining mark.
        for name in [
            "Sub",
            "ISS",
            "_CLAIM_names",
            " sub",
            "sub ",
            "sub\u{0}",
            "\u{ff53}ub",
            "\u{455}ub",
            "sub\u{200b}",
            "su\u{301}b",
        ] {
            assert!(check(Layer::Release, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn cl_05_long_names_and_control_characters_are_refused() {
        for name in ["", "a\nb", " a", &"x".repeat(MAX_NAME + 1), &"x".repeat(10_000)] {
            assert!(check(Layer::Release, name).is_err());
        }
    }

    #[test]
    fn names_with_dots_colons_and_addresses_are_names() {
        for name in [
            "external_id",
            "https://ns.example/member",
            "cognito:groups",
            "a.b",
            "Membership Status",
        ] {
            assert_eq!(check(Layer::Release, name), Ok(()), "{name}");
        }
    }

    #[test]
    fn email_verified_is_not_for_the_profile_mapping() {
        assert!(check(Layer::Profile, "email_verified").unwrap_err().contains("email_trust"));
        assert_eq!(check(Layer::Release, "email_verified"), Ok(()));
        assert!(check(Layer::Release, "Email_Verified").is_err());
    }
}
