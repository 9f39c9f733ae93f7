//! `docs/diagnosis.md`: every fault, what it is called, and what mends it.
//!
//! `UPDATE=1 cargo test -p tests --test e2e diagnosis_page` writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use broker::failure::FailureCode;

use super::{Case, Fault, Peer, TABLES, alone, entra, network, token};

const PAGE: &str = "docs/diagnosis.md";

/// Every fault, in the order of a login.
fn all() -> Vec<Fault> {
    let tables = TABLES.iter().flat_map(|(_, cases)| *cases).map(|case: &Case| case.fault);
    let rest = [entra::FAULTS, network::FAULTS, alone::FAULTS].concat();
    tables.chain(rest).collect()
}

fn rows(page: &mut String, faults: &[Fault]) {
    for Fault { wrong, code, fix, .. } in faults {
        let who = code.map_or("tenant staff", |code| code.fixer().as_str());
        let code = code.map_or_else(|| "–".to_owned(), |code| format!("`{}`", code.as_str()));
        let fix = fix.replace("{callback}", "(the callback address)");
        let fix = fix.trim_end_matches('.');
        let _ = writeln!(page, "| {wrong} | {code} | {fix} | {who} |");
    }
}

/// What an application does wrong when it asks for tokens.
fn likely(page: &mut String) {
    let _ = write!(
        page,
        "
## Most likely

A request for tokens that is refused does not say which login it is for. So a login that was answered \
and not redeemed shows the first request of its application that was refused within five minutes after \
it, as what it *most likely* is. In these {} cases, with one sign-in at a time, it was. Each was made; the \
page of the login, `login show` and the API said what the table says; exactly that was done; and the \
same sign-in then ended with tokens. With several sign-ins at once it may be another's, and a request \
that does not prove whose it is, as one with a wrong secret, can be anybody's: the login says so. An \
application's last twenty requests of each kind are kept; a login that is older than these says nothing.

| what is wrong | the application is answered | the login says | what mends it | who can |
|---|---|---|---|---|
",
        token::FAULTS.len()
    );
    for fault in token::FAULTS {
        let token::TokenFault { wrong, error, names, fix, .. } = fault;
        let (names, fix) = (names.trim_end_matches('.'), fix.trim_end_matches('.'));
        let who = "the application's administrator";
        let _ = writeln!(page, "| {wrong} | `{error}` | {names} | {fix} | {who} |");
    }
}

fn page() -> String {
    let (exact, shown): (Vec<_>, Vec<_>) = all().into_iter().partition(|one| one.code.is_some());
    let codes: Vec<_> = exact.iter().filter_map(|one| one.code).collect();
    let never: Vec<_> = FailureCode::ALL.iter().filter(|code| !codes.contains(code)).collect();
    let (count, total) = (exact.len(), exact.len() + shown.len());
    let cases = TABLES.iter().flat_map(|(_, cases)| *cases);
    let lies = cases.filter(|case| case.peer == Peer::Liar).count();
    let mut page = format!(
        "# Diagnosis, measured

Generated from the tests by `UPDATE=1 cargo test -p tests --test e2e diagnosis_page`.

Of {total} misconfigurations and faults, {count} are named exactly. Each was made, somebody tried to \
sign in, the timeline gave the code of the table and named what it is about (the address sent and \
those registered, both issuers, the scopes, the claim, the row), exactly what the table says was \
done, and the same sign-in then ended with tokens. No timeline held a secret, a token or anything \
about the person.

```sh
cargo xtask test diagnosis
```

What mends it is quoted from the fix of the code in [failures.md](failures.md), in the words of the \
dashboard; the cases change the same settings by the file. The tests are in \
`tests/e2e/diagnosis`. The directory is the npm `oidc-provider` wherever that, or what may stand in \
front of it, can make the mistake; in {lies} cases it is the tests' own, which tells what no server should.

| what is wrong | named | what mends it | who can |
|---|---|---|---|
"
    );
    rows(&mut page, &exact);
    page += "
## Not by a code

Here the directory shows an error page of its own and nobody comes back, as when a person just leaves. \
The login stays *left for the directory and has not come back*. Its timeline shows the client id and \
the callback address that the directory was given, to be compared with what is registered there; \
`vestibule directory probe` asks the directory about both.

| what is wrong | named | what the timeline shows | who can mend it |
|---|---|---|---|
";
    rows(&mut page, &shown);
    likely(&mut page);
    let never: Vec<_> = never.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let _ = write!(
        page,
        "
Codes that no case here leads to, since they take a broken database, a quarter of an hour, or an \
attack; each has tests of its own: {}.

## Not at all

Where an application gets its answer and never asks for tokens, nothing arrives that could tell why. \
Its login stays *answered; a code in the answer has not been redeemed*.
",
        never.join(", ")
    );
    page
}

#[test]
fn diagnosis_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    let how = "UPDATE=1 cargo test -p tests --test e2e diagnosis_page";
    assert!(page == current, "{PAGE} is stale; run `{how}`");
}

/// The words that a mending follows are those that staff read.
#[test]
fn diagnosis_quotes_the_fix_of_each_code() {
    for Fault { wrong, code, fix, .. } in all() {
        let said = code.map_or(fix, FailureCode::fix);
        assert!(said.contains(fix), "{wrong}: `{fix}` is not in `{said}`");
    }
    assert!(all().len() >= 40);
}
