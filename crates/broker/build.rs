//! Lists the directory presets, so that a new vendor is one new file in `presets/directory`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "presets/directory";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut keys = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let key = path.file_stem().and_then(|stem| stem.to_str());
            keys.push(key.ok_or("a preset's file name has to be plain text")?.to_owned());
        }
    }
    keys.sort();
    let mut list = String::from("&[\n");
    for key in &keys {
        let file = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{key}.json\")");
        writeln!(list, "({key:?}, include_str!({file})),")?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("directory_presets.rs"), list)?;
    Ok(())
}
