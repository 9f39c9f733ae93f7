//! A certificate for `127.0.0.1` and `localhost` and the authority that signed it, made with
//! `openssl` once and kept under the build directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The files of the certificate, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The authority: what clients trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Certificate {
    /// The certificate that all peers share.
    ///
    /// # Errors
    /// When `openssl` is missing or fails.
    pub fn get() -> Result<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let dir = target.join("tests-tls");
        if !dir.exists() {
            fs::create_dir_all(&target)?;
            let building = tempfile::Builder::new().prefix("tests-tls-").tempdir_in(&target)?;
            make(building.path())?;
            // Losing this race is as good as winning it: another process has made one.
            if let Err(error) = fs::rename(building.path(), &dir) {
                ensure!(dir.exists(), "cannot keep the certificate: {error}");
            }
        }
        let file = |name| dir.join(name);
        Ok(Self {
            authority: file("ca.pem"),
            certificate: file("server.pem"),
            key: file("server.key"),
        })
    }
}

fn make(dir: &Path) -> Result<()> {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(dir)
            .output()
            .context("openssl is not installed")?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "openssl {arguments}: {text}");
        Ok(())
    };
    let extensions = "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n";
    fs::write(dir.join("extensions"), extensions)?;
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
         -subj /CN=vestibule-tests-authority -keyout ca.key -out ca.pem",
    )?;
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 \
         -keyout server.key -out server.csr",
    )?;
    // Browsers and Node refuse server certificates of more than 825 days.
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 800 \
         -extfile extensions -out server.pem",
    )
}
