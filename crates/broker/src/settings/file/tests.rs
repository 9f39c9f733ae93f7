use super::*;

const VALID: &str = "\
tenants:
  - slug: acme
    name: Acme Association
    applications:
      - client_id: imis
        name: iMIS
        preset: imis
        redirect_uris: [\"https://imis.acme.example/\"]
        claims:
          staff: { value: \"1\" }
    directories:
      - slug: okta
        name: Staff
        preset: okta
        issuer: https://acme.okta.com
        client_id: 0oa1
        state: active
        domains: [acme.example, \"*.acme.example\"]
";

fn read(text: &str) -> Result<ConfigurationFile, FileErrors> {
    ConfigurationFile::parse("acme.yaml".to_owned(), PathBuf::new(), text)
}

/// What is said about the valid file with one piece of text changed.
fn changed(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from}");
    read(&VALID.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_valid_file_is_read() {
    let file = read(VALID).unwrap();
    assert_eq!(file.configuration.tenants[0].directories[0].domains.len(), 2);
}

#[test]
fn an_unknown_key_is_named_with_line_and_column() {
    let text = changed("        preset: okta\n", "        presett: okta\n");
    assert!(
        text.starts_with("acme.yaml:14:9: unknown key `presett`, expected one of slug,"),
        "{text}"
    );
    let text = changed("tenants:", "tenant:");
    assert_eq!(text, "acme.yaml:1:1: unknown key `tenant`, expected one of tenants");
}

#[test]
fn mistakes_of_shape_are_named_with_line_and_column() {
    for (from, to, wanted) in [
        ("slug: acme", "slug: Acme Org", "acme.yaml:2:11: a slug has 1 to 63 lower-case letters"),
        ("    name: Acme Association\n", "", "acme.yaml:2:5: the key `name` is missing"),
        ("name: iMIS", "client_id: other", "acme.yaml:6:9: the key `client_id` is there twice"),
        (
            "preset: imis",
            "preset: imiss",
            "acme.yaml:7:17: unknown value `imiss`, expected one of imis, imc, generic",
        ),
        (
            "redirect_uris: [\"https://imis.acme.example/\"]",
            "redirect_uris: x",
            "acme.yaml:8:24: expected a list: lines that begin with `- `",
        ),
        ("domains: [acme.example,", "domains: [acme,", "acme.yaml:18:19: `acme` is not a domain"),
        ("claims:\n", "claims: [\n", "acme.yaml:9:17: "),
        ("name: iMIS", "disabled: yes", "acme.yaml:6:19: expected true or false"),
        ("name: iMIS", "id_token_lifetime: 1h", "acme.yaml:6:28: expected a whole number"),
        (
            "preset: okta",
            "client_secret_expires_at: 2027-01-31",
            "acme.yaml:14:35: expected a time, such as 2027-01-31T00:00:00Z",
        ),
        ("staff: { value: \"1\" }", "staff: { valu: \"1\" }", "acme.yaml:10:"),
    ] {
        let text = changed(from, to);
        assert!(text.starts_with(wanted), "wanted {wanted}\n   got {text}");
    }
}

#[test]
fn mistakes_of_meaning_are_all_named_with_path_line_and_column() {
    let text = VALID
        .replacen("https://imis.acme.example/", "https://imis.acme.example/*", 1)
        .replacen("issuer: https://acme.okta.com", "issuer: https://acme.okta.com/?x", 1)
        .replacen("staff: { value: \"1\" }", "sub: { value: \"1\" }", 1);
    let errors = read(&text).unwrap_err();
    let starts = [
        "acme.yaml:8:25: tenants[0].applications[0].redirect_uris[0]: ",
        "acme.yaml:10:16: tenants[0].applications[0].claims.sub: ",
        "acme.yaml:15:17: tenants[0].directories[0].issuer: ",
    ];
    assert_eq!(errors.0.len(), starts.len(), "{errors}");
    for (line, start) in errors.0.iter().zip(starts) {
        assert!(line.starts_with(start), "wanted {start}\n   got {line}");
    }
}

#[test]
fn a_setting_that_is_not_written_is_placed_at_what_holds_it() {
    let text =
        changed("        preset: imis\n", "        preset: imis\n        response_types: []\n");
    assert!(
        text.starts_with("acme.yaml:8:25: tenants[0].applications[0].response_types: "),
        "{text}"
    );
    let text = changed(
        "        preset: imis\n",
        "        preset: imis\n        public: true\n        pkce: optional\n",
    );
    assert!(text.starts_with("acme.yaml:9:15: tenants[0].applications[0].pkce: "), "{text}");
}

#[test]
fn conflicts_are_placed_on_the_side_that_is_in_the_file() {
    let file = read(VALID).unwrap();
    let conflict = |tenant: &str| Conflict {
        target: Target::Directory {
            tenant: tenant.parse().unwrap(),
            directory: "okta".parse().unwrap(),
        },
        path: "domains[1]".to_owned(),
        message: "taken".to_owned(),
        discreet: "taken".to_owned(),
    };
    let both = file.conflicts(&[conflict("other"), conflict("acme")]).to_string();
    assert_eq!(both, "acme.yaml:18:33: tenants[0].directories[0].domains[1]: taken");
    let elsewhere = file.conflicts(&[conflict("other")]).to_string();
    assert_eq!(elsewhere, "directory other/okta, domains[1]: taken");
}

#[test]
fn an_empty_file_is_not_an_order_to_remove_everything() {
    for text in ["", "# nothing\n"] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with("acme.yaml: the file is empty"), "{error}");
    }
    assert!(read("tenants: []").is_ok());
}

#[test]
fn two_documents_are_refused() {
    let error = read("tenants: []\n---\ntenants: []\n").unwrap_err().to_string();
    assert!(error.contains("one YAML document"), "{error}");
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let text = changed("{ value: \"1\" }", &format!("{{ value: {deep} }}"));
    assert!(text.starts_with("acme.yaml:10:"), "{text}");
}

/// A file of a few lines must not stand for gigabytes.
#[test]
fn aliases_do_not_multiply() {
    let head = "tenants:\n  - slug: a\n    name: A\n    x0: &x0 [lol, lol, lol, lol]\n";
    let level = |n: usize| {
        let list = vec![format!("*x{}", n - 1); 10].join(", ");
        format!("    x{n}: &x{n} [{list}]\n")
    };
    let text: String = std::iter::once(head.to_owned()).chain((1..20).map(level)).collect();
    assert!(read(&text).is_err());
    assert!(yaml::<Positions>(&text).is_err());
}

/// [THREATS TN-07] Nothing that is the gateway's own can be set, at any level of the file: neither
/// whose something is, nor what was proven, nor when it was made.
#[test]
fn tn_07_fields_that_are_not_the_files_are_refused_everywhere() {
    let places = [
        ("  - slug: acme\n", "    "),
        ("      - client_id: imis\n", "        "),
        ("      - slug: okta\n", "        "),
    ];
    for name in [
        "tenant_id",
        "id",
        "created_at",
        "verified",
        "role",
        "version",
        "data_key",
        "secret_hashes",
        "sealed_client_secret",
        "proven_at",
        "client_secret_hash",
        "__proto__",
    ] {
        for (after, indent) in places {
            let text = changed(after, &format!("{after}{indent}{name}: 1\n"));
            assert!(
                text.contains(&format!("unknown key `{name}`")),
                "{name} after {after}: {text}"
            );
        }
        let text = changed("tenants:\n", &format!("{name}: 1\ntenants:\n"));
        assert!(text.contains(&format!("unknown key `{name}`")), "{text}");
    }
}

/// [THREATS TN-07] The same in JSON, which is YAML too: a key twice, and a value of another type.
#[test]
fn tn_07_duplicate_keys_and_other_types_are_refused_in_json_as_well() {
    let tenant = |members: &str| format!(r#"{{"tenants": [{{"slug": "acme", {members}}}]}}"#);
    assert!(read(&tenant(r#""name": "Acme""#)).is_ok());
    for (members, wanted) in [
        (r#""name": "Acme", "slug": "other""#, "the key `slug` is there twice"),
        (r#""name": "Acme", "name": "Other""#, "the key `name` is there twice"),
        (r#""name": "Acme", "tenant_id": "x""#, "unknown key `tenant_id`"),
        (r#""name": ["Acme"]"#, ""),
        (r#""name": {"a": 1}"#, ""),
        (r#""name": "Acme", "join_by_email": "yes""#, ""),
        (r#""name": "Acme", "join_by_email": 1"#, ""),
        (r#""name": "Acme", "applications": {}"#, ""),
    ] {
        let text = read(&tenant(members)).unwrap_err().to_string();
        assert!(text.starts_with("acme.yaml:1:") && text.contains(wanted), "{members}: {text}");
    }
}

/// What is printed of a part reads back as it was, and a slip is named by its place.
#[test]
fn part_reads_back_as_it_was_printed() {
    use crate::settings::ApplicationSettings;
    let settings = serde_json::json!({
        "client_id": "0123", "name": "yes", "redirect_uris": ["https://a.example/?a=b&c={d}"],
        "claims": { "on": { "value": null }, "one": { "value": 1.5 }, "no": { "value": "no" } },
    });
    let settings: ApplicationSettings = serde_json::from_value(settings).unwrap();
    let text = print_part(&settings).unwrap();
    let again = part::<ApplicationSettings>(&text).unwrap();
    assert_eq!(again, serde_json::to_value(&settings).unwrap(), "{text}");
    let crlf = part::<ApplicationSettings>(&text.replace('\n', "\r\n")).unwrap();
    assert_eq!(crlf, again);
    for (slip, says) in [
        (text.replace("name:", "nmae:"), "unknown key `nmae`"),
        (format!("{text}name: twice\n"), "the key `name` is there twice"),
        ("[".repeat(200), "line"),
        (String::new(), "line"),
        ("a: &a [*a, *a]".to_owned(), "line"),
    ] {
        let refused = part::<ApplicationSettings>(&slip).unwrap_err().to_string();
        assert!(refused.contains(says), "{slip}: {refused}");
    }
}
