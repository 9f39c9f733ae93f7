//! Which paths there can be: none that two programs could read in two ways (THREATS HP-03).

/// Whether a path can be read in one way only. Nothing of ours has an escape, an empty segment, a
/// parameter or a backslash in its path, so that there is nothing to decode or normalise, here or in
/// a proxy before us.
pub fn is_clear(path: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet);
    path.strip_prefix('/').is_some_and(|rest| {
        rest.bytes().all(plain)
            && !path.contains("//")
            && rest.split('/').all(|segment| segment != "." && segment != "..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hp_03_paths_that_can_be_read_in_two_ways_do_not_exist() {
        for path in ["/", "/healthz", "/t/acme/.well-known/openid-configuration", "/t/a-b/jwks"] {
            assert!(is_clear(path), "{path}");
        }
        for path in [
            "",
            "*",
            "//",
            "/t//jwks",
            "/t/acme/..;/jwks",
            "/t/acme/../jwks",
            "/t/./jwks",
            "/t/acme%2fjwks",
            "/t/acme/jwks%00",
            "/t/acme/%6awks",
            "/t/acme\\jwks",
            "/t/a;x=1/jwks",
            "/t/\u{e9}/jwks",
            "/t/acme/jwks ",
            "/..",
        ] {
            assert!(!is_clear(path), "{path}");
        }
    }
}
