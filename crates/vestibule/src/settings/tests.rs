use secrecy::ExposeSecret as _;

use super::*;
use crate::cli::LogFlags;

fn load(
    flag: Option<&str>,
    variables: &[(&str, &str)],
    file: &str,
) -> Result<Settings, SettingsError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vestibule.toml");
    std::fs::write(&path, file).unwrap();
    let common = CommonFlags { config: Some(path.clone()), ..CommonFlags::default() };
    let gateway = GatewayFlags { listen: flag.map(str::to_owned), ..GatewayFlags::default() };
    let env = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    Settings::load(&common, &gateway, &env).map_err(|error| {
        SettingsError(error.0.replace(&path.display().to_string(), "vestibule.toml"))
    })
}

fn error(variables: &[(&str, &str)], file: &str) -> String {
    load(None, variables, file).unwrap_err().0
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let listen = |flag, env: &[(&str, &str)], file| load(flag, env, file).unwrap().listen.port();
    let env = [("VESTIBULE_LISTEN", "127.0.0.1:2")];
    let file = "listen = '127.0.0.1:3'";
    assert_eq!(listen(Some("127.0.0.1:1"), &env, file), 1);
    assert_eq!(listen(None, &env, file), 2);
    assert_eq!(listen(None, &[], file), 3);
    assert_eq!(listen(None, &[], ""), 8080);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = load(None, &[("VESTIBULE_LISTEN", "")], "listen = '127.0.0.1:3'").unwrap();
    assert_eq!(settings.listen.port(), 3);
}

#[test]
fn unknown_keys_are_errors_with_line_and_column() {
    let text = error(&[], "listen = '127.0.0.1:3'\n  lissen = 'x'\n");
    assert!(
        text.starts_with("vestibule.toml:2:3: unknown key `lissen`, expected one of `public_url`"),
        "{text}"
    );
}

#[test]
fn a_wrong_type_is_an_error_with_line_and_column() {
    let text = error(&[], "listen = 3\n");
    assert!(text.starts_with("vestibule.toml:1:10: invalid type: integer `3`"), "{text}");
}

#[test]
fn a_wrong_value_names_where_it_came_from() {
    let wanted = "`x` is not an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080";
    assert_eq!(error(&[], "\nlisten = 'x'"), format!("vestibule.toml:2:10 (listen): {wanted}"));
    assert_eq!(error(&[("VESTIBULE_LISTEN", "x")], ""), format!("VESTIBULE_LISTEN: {wanted}"));
    assert_eq!(load(Some("x"), &[], "").unwrap_err().0, format!("--listen: {wanted}"));
}

#[test]
fn sc_02_a_wrong_database_url_is_not_repeated() {
    let text = error(&[("DATABASE_URL", "mysql://root:hunter2@db/x")], "");
    assert!(text.starts_with("DATABASE_URL: ") && !text.contains("hunter2"), "{text}");
    let settings = load(None, &[("DATABASE_URL", "postgres://u:hunter2@db/x")], "").unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(settings.database_url.unwrap().expose_secret().contains("hunter2"));
}

#[test]
fn networks_are_lists_in_the_file_and_comma_separated_elsewhere() {
    let file = "egress_allow = ['10.0.0.0/8', '::1']";
    let shown = |settings: Settings| {
        settings.egress_allow.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(load(None, &[], file).unwrap()), ["10.0.0.0/8", "::1/128"]);
    let env = [("VESTIBULE_EGRESS_ALLOW", "127.0.0.0/8, 192.168.0.1,")];
    assert_eq!(shown(load(None, &env, file).unwrap()), ["127.0.0.0/8", "192.168.0.1/32"]);
    assert!(
        error(&[], "egress_allow = ['10.0.0.0/8', 'lan']").contains(":1:31 (egress_allow): `lan`")
    );
}

#[test]
fn hp_02_no_proxy_is_trusted_unless_it_is_named() {
    let trusted = |env: &[(&str, &str)], file: &str| {
        let settings = load(None, env, file).unwrap();
        settings.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(trusted(&[], ""), [""; 0]);
    assert_eq!(trusted(&[], "trusted_proxies = ['10.0.0.1']"), ["10.0.0.1/32"]);
    assert_eq!(
        trusted(&[("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8,::1")], ""),
        ["10.0.0.0/8", "::1/128"]
    );
    assert!(error(&[("VESTIBULE_TRUSTED_PROXIES", "lan")], "").starts_with("VESTIBULE_TRUSTED"));
}

#[test]
fn name_servers_have_port_53_unless_they_say_otherwise() {
    let dns = |text| load(None, &[("VESTIBULE_DNS", text)], "").map(|settings| settings.dns);
    let shown: Vec<_> = dns("192.0.2.53, [2001:db8::1]:5353,2001:db8::2").unwrap();
    let shown: Vec<_> = shown.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.0.2.53:53", "[2001:db8::1]:5353", "[2001:db8::2]:53"]);
    assert!(dns("").unwrap().is_empty());
    assert!(error(&[], "dns = ['ns.example.org']").starts_with("vestibule.toml:1:8 (dns): `ns."));
}

#[test]
fn a_drain_delay_is_some_seconds() {
    let delay = |text| load(None, &[("VESTIBULE_DRAIN_DELAY", text)], "").map(|s| s.drain_delay);
    assert_eq!(delay("").unwrap().as_secs(), 0);
    assert_eq!(delay("15").unwrap().as_secs(), 15);
    assert_eq!(load(None, &[], "drain_delay = '20'").unwrap().drain_delay.as_secs(), 20);
    for bad in ["-1", "301", "5s", "1.5"] {
        assert!(delay(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_public_url_is_https_or_loopback_and_has_no_path() {
    let public = |text| load(None, &[("VESTIBULE_PUBLIC_URL", text)], "").map(|s| s.public_url);
    assert_eq!(public("https://Login.example.org/").unwrap().unwrap(), "https://login.example.org");
    assert_eq!(public("http://127.0.0.1:80/").unwrap().unwrap(), "http://127.0.0.1");
    assert_eq!(public("http://localhost:8080").unwrap().unwrap(), "http://localhost:8080");
    for bad in [
        "http://login.example.org",
        "https://a.example/sso",
        "login.example.org",
        "https://u@a.example",
        "https://a.example/?x",
        "ftp://a.example",
    ] {
        assert!(public(bad).is_err(), "{bad}");
    }
}

#[test]
fn relative_paths_in_the_file_are_relative_to_it() {
    let settings = load(None, &[], "data_dir = 'data'").unwrap();
    assert!(settings.data_dir.is_absolute() && settings.data_dir.ends_with("data"));
    let env = [("VESTIBULE_DATA_DIR", "elsewhere")];
    assert_eq!(load(None, &env, "data_dir = 'data'").unwrap().data_dir, Path::new("elsewhere"));
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let common = CommonFlags { config: Some("/nonexistent/v.toml".into()), ..Default::default() };
    let error = Settings::load(&common, &GatewayFlags::default(), &|_| None).unwrap_err();
    assert!(error.0.starts_with("/nonexistent/v.toml: "), "{error}");
}

#[test]
fn the_demonstration_ignores_the_database_and_address_of_an_installation() {
    let args = DemoArgs { once: true, listen: None, data_dir: None, log: LogFlags::default() };
    let env = |name: &str| match name {
        "DATABASE_URL" => Some("postgres://u@production/vestibule".to_owned()),
        "VESTIBULE_PUBLIC_URL" => Some("https://login.example.org".to_owned()),
        "VESTIBULE_DATA_DIR" => Some("/data".to_owned()),
        _ => None,
    };
    let settings = Settings::load_demo(&args, &env).unwrap();
    assert!(settings.database_url.is_none() && settings.public_url.is_none());
    assert_eq!(settings.data_dir, Path::new("/data"));
}
