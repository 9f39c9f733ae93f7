//! The fuzzer's seeds, and every input that once was a finding, through the fuzzer's own functions.
//!
//! The fuzzer itself needs a build of its own (`cargo xtask fuzz`); this is what every run of the
//! tests does of it.

#[cfg(test)]
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "there it is a library")]
mod targets;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::targets::{TARGETS, run};

    fn fuzz() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz")
    }

    /// The names of what is in a directory, without extensions.
    fn names(directory: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz().join(directory)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(fuzz().join("seeds").join(target)).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// Whether everything holds for an input.
    fn holds(target: &str, input: &[u8]) -> bool {
        std::panic::catch_unwind(|| run(target, input)).is_ok()
    }

    #[test]
    fn rx_06_every_seed_and_every_past_finding_holds() {
        let mut found = Vec::new();
        for (target, _) in TARGETS {
            for (path, seed) in seeds(target) {
                if !holds(target, &seed) {
                    found.push(path);
                }
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }

    /// A little of what the fuzzer does: seeds cut off, with an octet changed, and doubled.
    #[test]
    fn rx_06_jw_08_seeds_that_are_cut_changed_or_doubled_hold() {
        const PLACES: usize = 6;
        let mut found = Vec::new();
        let mut check = |target: &str, path: &Path, input: &[u8]| {
            if !holds(target, input) {
                let input = String::from_utf8_lossy(input).into_owned();
                found.push(format!("{}: {input:?}", path.display()));
            }
        };
        for (target, _) in TARGETS {
            for (path, seed) in seeds(target) {
                for place in 0..PLACES {
                    let at = seed.len() * place / PLACES;
                    check(target, &path, &seed[..at]);
                    let mut changed = seed.clone();
                    if let Some(octet) = changed.get_mut(at) {
                        *octet = octet.wrapping_add([1, 32, 128][place % 3]);
                        check(target, &path, &changed);
                    }
                }
                check(target, &path, &[seed.as_slice(), &seed].concat());
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }

    /// What is fuzzed is what ships: the same version of every library.
    #[test]
    fn the_fuzzer_is_built_from_the_same_versions() {
        let packages = |path: PathBuf| -> BTreeSet<(String, String)> {
            let lock: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let packages = lock["package"].as_array().unwrap().iter();
            let text =
                |package: &toml::Value, name: &str| package[name].as_str().unwrap().to_owned();
            packages.map(|one| (text(one, "name"), text(one, "version"))).collect()
        };
        let own = packages(fuzz().join("Cargo.lock"));
        let ours = packages(fuzz().parent().unwrap().join("Cargo.lock"));
        let other: Vec<&str> = own.difference(&ours).map(|(name, _)| name.as_str()).collect();
        let advice = "copy Cargo.lock over fuzz/Cargo.lock and run `cargo metadata` in fuzz/";
        assert_eq!(other, ["arbitrary", "fuzz", "libfuzzer-sys"], "{advice}");
    }

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let targets: BTreeSet<String> =
            TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names("fuzz_targets"), targets);
        assert_eq!(names("seeds"), targets);
        assert!(names("dictionaries").is_subset(&targets));
        let manifest: toml::Table =
            toml::from_str(&fs::read_to_string(fuzz().join("Cargo.toml")).unwrap()).unwrap();
        for target in manifest["bin"].as_array().unwrap() {
            let name = target["name"].as_str().unwrap();
            assert!(targets.contains(name), "{name}");
            assert_eq!(target["path"].as_str(), Some(&*format!("fuzz_targets/{name}.rs")));
            let program =
                fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
            assert!(program.contains(&format!("targets::run(\"{name}\", data)")), "{name}");
        }
        assert_eq!(manifest["bin"].as_array().unwrap().len(), targets.len());
    }
}
