//! What the fuzzer runs: one function for each parser that sees octets from outside.
//!
//! Each takes any octets and panics when something does not hold that has to hold for every input:
//! what is printed reads back, what is accepted keeps to its bounds, what matches is equal, what
//! opens was sealed here. `docs/security/fuzzing.md` lists them. The test `fuzz_seeds` runs every
//! seed and every past finding through the same functions, compiled as everything else is.

mod browser;
mod claims;
mod documents;
mod files;
mod front;
mod names;
mod protocol;
mod tokens;

/// A function that must return, and soon, whatever it is given.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its file in `fuzz_targets` and of its seeds.
pub const TARGETS: [(&str, Target); 21] = [
    ("answer", documents::answer),
    ("attempt", browser::attempt),
    ("authorize", protocol::authorize),
    ("callback", protocol::callback),
    ("configuration", files::configuration),
    ("cookie", browser::cookie),
    ("discovery", documents::discovery),
    ("domain", names::domain),
    ("email", names::email),
    ("expression", claims::expression),
    ("forwarded_for", front::forwarded_for),
    ("host", front::host),
    ("id_token", tokens::id_token),
    ("import", files::import),
    ("issuer", names::issuer),
    ("jwks", documents::jwks),
    ("jwt", tokens::jwt),
    ("mapping", claims::mapping),
    ("path", front::path),
    ("redirect_uri", protocol::redirect_uri),
    ("token", protocol::token),
];

/// Runs a target; one that does not exist is a mistake of the caller.
pub fn run(name: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(one, _)| *one == name);
    let (_, target) = found.unwrap_or_else(|| panic!("there is no target {name}"));
    target(data);
}

/// The first line and the rest: how targets of two inputs divide theirs.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
