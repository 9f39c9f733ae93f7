//! A real Keycloak for the tests of `tests/keycloak`: fetched once by the Maven client, checked
//! against the sum written here, and started for the time of one command.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::database::Database;
use crate::install;
use crate::shell::{cargo, command, root, run};

const VERSION: &str = "26.4.0";
const SHA256: &str = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a";
/// The first start compiles its configuration: 46 s where it was measured, 26 s after that.
const START_LIMIT: Duration = Duration::from_mins(4);
const POLL: Duration = Duration::from_millis(250);
/// It serves a handful of logins.
const HEAP: &str = "-Xms64m -Xmx512m";
const ADMIN: (&str, &str) = ("admin", "the-administrator-of-a-test");

/// Fetches what is missing, starts Keycloak and a Postgres, and runs the tests.
///
/// # Errors
/// When something cannot be fetched or started, or a test failed.
pub(crate) async fn keycloak(no_install: bool, filter: &[String]) -> Result<()> {
    install::for_tests(no_install).await?;
    install::for_keycloak(no_install).await?;
    let home = unpacked(no_install).await?;
    run(cargo().args(["build", "--package", "vestibule"])).await?;
    let database = Database::start(100).await?;
    let tested = tested(&home, &database, filter).await;
    database.stop().await;
    tested
}

async fn tested(home: &Path, database: &Database, filter: &[String]) -> Result<()> {
    let (server, took) = Server::start(home).await?;
    eprintln!("Keycloak {VERSION} answers at {} after {} s", server.url, took.as_secs());
    let mut command = cargo();
    command
        .args(["test", "--package", "tests", "--test", "keycloak", "--"])
        .args(filter.iter().skip_while(|argument| *argument == "--"))
        .env("TEST_DATABASE_URL", database.url("postgres"))
        .env("KEYCLOAK_URL", &server.url)
        .env("KEYCLOAK_ADMIN", ADMIN.0)
        .env("KEYCLOAK_PASSWORD", ADMIN.1);
    let tested = run(&mut command).await;
    if let Some(memory) = server.memory() {
        eprintln!("Keycloak had {memory} MiB resident");
    }
    tested
}

/// The directory of the distribution, under the build directory.
async fn unpacked(no_install: bool) -> Result<PathBuf> {
    let tools = root().join("target/tools");
    let home = tools.join(format!("keycloak-{VERSION}"));
    if home.join("bin/kc.sh").exists() {
        return Ok(home);
    }
    let archive = tools.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    if !archive.exists() {
        ensure!(!no_install, "Keycloak is not there; leave out --no-install to fetch its 160 MB");
        eprintln!("fetching Keycloak {VERSION} (160 MB)");
        let artifact = format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip");
        let target = format!("-DoutputDirectory={}", tools.display());
        let copy = ["--batch-mode", "--quiet", "dependency:copy", "-Dtransitive=false"];
        run(command("mvn").args(copy).args([artifact, target])).await?;
    }
    check(&archive)?;
    let mut unzip = command("unzip");
    run(unzip.args(["-q", "-o"]).arg(&archive).arg("-d").arg(&tools)).await?;
    fs::remove_file(&archive)?;
    Ok(home)
}

fn check(archive: &Path) -> Result<()> {
    let output = command("sha256sum").arg(archive).output().context("sha256sum is missing")?;
    let sum = String::from_utf8_lossy(&output.stdout);
    ensure!(
        sum.split_whitespace().next() == Some(SHA256),
        "{} is not what it should be: its SHA-256 is {sum}",
        archive.display()
    );
    Ok(())
}

/// The running server; it ends when this is dropped.
struct Server {
    child: Child,
    url: String,
    _work: TempDir,
}

impl Server {
    /// Starts it on a free port with an empty database in memory and the realm of the tests.
    async fn start(home: &Path) -> Result<(Self, Duration)> {
        let began = Instant::now();
        let import = home.join("data/import");
        fs::create_dir_all(&import)?;
        fs::copy(root().join("tests/peers/keycloak/realm.json"), import.join("acme.json"))?;
        let work = tempfile::tempdir()?;
        let log = work.path().join("log");
        let output = File::create(&log)?;
        let mut command = Command::new("bash");
        command
            .arg(home.join("bin/kc.sh"))
            .args(["start-dev", "--import-realm", "--db=dev-mem", "--cache=local"])
            .args(["--http-host=127.0.0.1", "--http-port=0"])
            .env("JAVA_OPTS_KC_HEAP", HEAP)
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN.0)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN.1)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // The script starts Java: they end together.
            .process_group(0);
        let child = command.spawn().context("bash is missing")?;
        let mut server = Self { child, url: String::new(), _work: work };
        while began.elapsed() < START_LIMIT {
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(url) = listening(&said) {
                server.url = url;
                return Ok((server, began.elapsed()));
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("Keycloak ended ({status}):\n{said}");
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("Keycloak is not ready after {START_LIMIT:?}:\n{}", fs::read_to_string(&log)?)
    }

    /// Its resident memory in MiB, all of its processes together.
    fn memory(&self) -> Option<u64> {
        let group = self.child.id().to_string();
        let output = Command::new("ps").args(["-eo", "pgid=,rss="]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let of_ours = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(&group)).then(|| words.next()?.parse::<u64>().ok()).flatten()
        });
        Some(of_ours.sum::<u64>() / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // An error means that it has ended already.
        let _ended = Command::new("kill").args(["-KILL", "--", &group]).output();
        let _reaped = self.child.wait();
    }
}

/// The address in its log line `... Listening on: http://127.0.0.1:PORT`.
fn listening(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("Listening on: ")?;
    let (line, _) = rest.split_once('\n')?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_address_is_known_once_the_line_is_complete() {
        let line = "Keycloak 26 on JVM started in 9s. Listening on: http://127.0.0.1:41";
        assert_eq!(listening(line), None);
        let log = format!("first\n{line}\nnext\n");
        assert_eq!(listening(&log).as_deref(), Some("http://127.0.0.1:41"));
    }

    #[test]
    fn a_file_with_another_sum_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = check(file.path()).unwrap_err().to_string();
        assert!(error.contains("is not what it should be"), "{error}");
    }
}
