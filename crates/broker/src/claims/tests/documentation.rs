//! The examples of `docs/claims.md` are run as they stand there.

use serde::Deserialize;

use super::*;

const PAGE: &str = include_str!("../../../../../docs/claims.md");

/// An example, in the form of the configuration file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Example {
    profile: Rows,
    claims: Rows,
}

fn fenced(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let blocks = PAGE.split(begin.as_str()).skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap()).collect()
}

/// The results that the comments of a block announce, by the names of the rows.
fn announced(block: &str) -> Vec<(String, Option<Value>)> {
    let lines = block.lines().filter_map(|line| line.split_once("# -> "));
    lines
        .map(|(row, result)| {
            let name = row.trim().split(':').next().unwrap().to_owned();
            (name, (result != "left out").then(|| serde_json::from_str(result).unwrap()))
        })
        .collect()
}

#[test]
fn every_example_of_the_documentation_gives_what_it_announces() {
    let claims: Value = serde_json::from_str(fenced("json")[0]).unwrap();
    let profile = json!({ "given_name": "Ann", "staff": true, "email_verified": true });
    let mut seen = 0;
    for block in fenced("yaml") {
        let example: Example = serde_saphyr::from_str(block).unwrap_or_else(|e| panic!("{e}"));
        for (layer, rows) in [(Layer::Profile, example.profile), (Layer::Release, example.claims)] {
            let mapping = Mapping::compile(layer, &Rows::new(), &rows);
            let mapping = mapping.unwrap_or_else(|errors| panic!("{errors:?}"));
            let inputs = match layer {
                Layer::Profile => only_claims(claims.clone()),
                Layer::Release => only_profile(profile.clone()),
            };
            let done = mapping.evaluate(&inputs).unwrap_or_else(|error| panic!("{error}"));
            for (name, result) in
                announced(block).iter().filter(|(name, _)| rows.contains_key(name))
            {
                assert_eq!(done.claims.get(name), result.as_ref(), "{name}");
                seen += 1;
            }
            let announced = announced(block);
            assert!(rows.keys().all(|name| announced.iter().any(|(known, _)| known == name)));
        }
    }
    assert!(seen > 30, "{seen} examples");
}

#[test]
fn every_expression_of_the_cheat_sheet_compiles() {
    let table = PAGE.split("| you want | write |\n|---|---|\n").nth(1).unwrap();
    let lines = table.lines().take_while(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.splitn(3, '|').nth(2).unwrap());
    let texts: Vec<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(texts.len() >= 11, "{texts:?}");
    for text in texts {
        compile(Layer::Profile, json!({ "x": { "expr": text } }))
            .unwrap_or_else(|e| panic!("{e:?}"));
    }
}

#[test]
fn every_reserved_name_is_on_the_page() {
    for name in name::reserved() {
        assert!(
            PAGE.contains(&format!(" {name} "))
                || PAGE.contains(&format!("`{name} "))
                || PAGE.contains(&format!(" {name}`")),
            "{name}"
        );
    }
}
