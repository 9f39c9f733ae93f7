//! The pages of `docs/connect` say what the presets do: one for each, with a file that applies.

#[cfg(test)]
mod pages {
    use std::fs;
    use std::path::Path;

    use broker::claims::{Inputs, Layer, Mapping};
    use broker::directory_preset::{DirectoryPreset, Preset};
    use broker::failure::FailureCode;
    use broker::plan;
    use broker::settings::{Configuration, DirectorySettings};
    use serde_json::{Value, json};

    fn from_root(path: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn all() -> impl Iterator<Item = (&'static Preset, String)> {
        let presets = DirectoryPreset::all().map(DirectoryPreset::data);
        presets.map(|preset| (preset, from_root(&format!("docs/connect/{}.md", preset.key))))
    }

    /// The directory of a page's example, which stands in the file as it is.
    fn example(page: &str) -> DirectorySettings {
        let block = page.split("```yaml\n").find(|block| block.starts_with("    directories:"));
        let block = block.and_then(|block| block.split("```").next()).unwrap();
        let file = format!("tenants:\n  - slug: acme\n    name: Acme\n{block}");
        let configuration: Configuration =
            serde_saphyr::from_str(&file).unwrap_or_else(|error| panic!("{error}\n{file}"));
        assert_eq!(plan::each(&configuration), [], "{file}");
        configuration.tenants[0].directories[0].clone()
    }

    #[test]
    fn every_preset_has_a_page_with_an_example_that_applies() {
        let index = from_root("docs/README.md");
        let configuration = from_root("docs/configuration.md");
        for (preset, page) in all() {
            let directory = example(&page);
            assert_eq!(directory.preset.key(), preset.key);
            let callback = format!("/t/acme/directories/{}/callback", directory.slug.as_str());
            assert!(page.contains(&callback), "{}: {callback}", preset.key);
            let probe = format!("vestibule directory probe --preset {}", preset.key);
            assert!(page.contains(&probe), "{}: {probe}", preset.key);
            let test =
                format!("vestibule directory test {} --tenant acme", directory.slug.as_str());
            assert!(page.contains(&test), "{}: {test}", preset.key);
            let link = format!("connect/{}.md", preset.key);
            assert!(index.contains(&link), "docs/README.md does not lead to {link}");
            let key = format!("`{}`", preset.key);
            assert!(configuration.contains(&key), "docs/configuration.md does not name {key}");
        }
    }

    #[test]
    fn the_failures_of_a_page_exist() {
        for (preset, page) in all() {
            let (_, table) = page.split_once("## If a sign-in fails").unwrap();
            let rows = table.lines().filter(|line| line.starts_with("| `"));
            let cells = rows.map(|row| row.split('|').nth(1).unwrap_or_default());
            for code in cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
                // Codes, and names of claims and of errors beside them.
                let is_name = ["given_name", "family_name", "invalid_scope"].contains(&code);
                assert!(is_name || FailureCode::parse(code).is_some(), "{}: {code}", preset.key);
            }
        }
    }

    /// What each page's row `staff` looks for, as the vendor sends it.
    fn staff_claims(key: &str) -> Value {
        match key {
            "auth0" => json!({ "https://acme.example/roles": ["Staff"] }),
            "cognito" => json!({ "cognito:groups": ["members", "staff"] }),
            "entra" => json!({ "roles": ["Staff"] }),
            "keycloak" => json!({ "groups": ["/members", "/staff"] }),
            "onelogin" => json!({ "groups": "Board; Staff" }),
            "salesforce" => json!({ "custom_attributes": { "staff": "true" } }),
            _ => json!({ "groups": ["Everyone", "Staff"] }),
        }
    }

    #[test]
    fn the_row_staff_of_a_page_knows_staff_from_others() {
        for (preset, page) in all().filter(|(_, page)| page.contains("staff: {")) {
            let own = example(&page).profile;
            let mapping = Mapping::compile(Layer::Profile, &preset.profile, &own).unwrap();
            let is_staff = |mut claims: Value| {
                let person = json!({ "sub": "1", "tid": "t", "oid": "o", "user_id": "u" });
                claims.as_object_mut().unwrap().extend(person.as_object().unwrap().clone());
                let inputs = Inputs::profile(claims, json!({}), json!({}), json!({}), json!({}));
                let done = mapping.evaluate(&inputs);
                let done = done.unwrap_or_else(|error| panic!("{}: {error}", preset.key));
                done.claims.get("staff").cloned()
            };
            assert_eq!(is_staff(staff_claims(preset.key)), Some(json!(true)), "{}", preset.key);
            // On the page for Google everybody is staff.
            let others = preset.key == "google";
            assert_eq!(is_staff(json!({})), Some(json!(others)), "{}", preset.key);
        }
    }
}
