//! Certificates that prove nothing. There is no switch to believe them nonetheless.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::hostile::Lie;
use tests::peers::free_port;
use tokio::process::{Child, Command};

use super::{Stage, case};

/// An authority that the gateway trusts, and what it and others have signed.
pub(crate) struct Certificates(tempfile::TempDir);

impl Certificates {
    /// None of them, for who needs none.
    pub(crate) fn none() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) async fn make() -> Result<Self> {
        let made = Self(tempfile::tempdir()?);
        let dir = made.0.path();
        std::fs::write(dir.join("here"), "subjectAltName=IP:127.0.0.1\n")?;
        std::fs::write(dir.join("elsewhere"), "subjectAltName=DNS:other.example,IP:127.0.0.9\n")?;
        let request = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x";
        let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30";
        let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial";
        for arguments in [
            format!("{authority} -subj /CN=authority -keyout ca.key -out ca.pem"),
            format!("{request} -keyout server.key -out server.csr"),
            format!("{sign} -days 30 -extfile here -out good.pem"),
            format!("{sign} -days 30 -extfile elsewhere -out wrong-name.pem"),
            format!("{sign} -days -1 -extfile here -out expired.pem"),
            "x509 -req -in server.csr -signkey server.key -days 30 -extfile here -out self-signed.pem"
                .to_owned(),
        ] {
            openssl(dir, &arguments).await?;
        }
        Ok(made)
    }

    /// A server with this certificate, which answers every request with a page.
    async fn serve(&self, name: &str) -> Result<(Child, u16)> {
        let port = free_port()?;
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")])
            .arg("-cert")
            .arg(self.path(&format!("{name}.pem")))
            .arg("-key")
            .arg(self.path("server.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok((child, port))
    }
}

async fn openssl(dir: &Path, arguments: &str) -> Result<()> {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(dir);
    let output = command.output().await.context("openssl is not installed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments}: {said}");
    Ok(())
}

/// The server with the good certificate is reached, though what it says is no key set; the others
/// are not spoken to.
#[tokio::test]
async fn up_10_f_07_certificates_that_are_expired_self_signed_or_of_another_name_are_refused()
-> Result<()> {
    let certificates = Certificates::make().await?;
    let trusted = certificates.path("ca.pem").to_string_lossy().into_owned();
    let env = vec![("SSL_CERT_FILE", trusted)];
    let gateway = Gateway::start_with(Options { env, ..Options::default() }).await?;
    let names = ["good", "expired", "self-signed", "wrong-name"];
    let stage = Stage::on(gateway, &names).await?;
    let mut servers = Vec::new();
    for name in names {
        let (server, port) = certificates.serve(name).await?;
        servers.push(server);
        let keys = format!("https://127.0.0.1:{port}/");
        stage.hostile.tells(name, &[Lie::Member("jwks_uri", keys)]);
        let failure = if name == "good" { "keys_invalid" } else { "directory_certificate" };
        let mut agent = Agent::new()?;
        let page = stage.visit(&mut agent, name).await?;
        stage.assert_failed(&page, &agent, &case(name, failure, &[])).await?;
    }
    Ok(())
}
