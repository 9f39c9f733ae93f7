//! The directory, in a process of its own so that its processor time is told apart: this program
//! again, with another command. It prints its issuer and ends when its standard input does, which
//! is when the benchmark ends, however it ends.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use demo::directory::{self, Client, Options, Person, SigningAlgorithm};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::target::email;

/// What the child is told, by its environment.
const CALLBACK: &str = "BENCH_DIRECTORY_CALLBACK";
const SECRET: &str = "BENCH_DIRECTORY_SECRET";
const PEOPLE: &str = "BENCH_DIRECTORY_PEOPLE";

/// The running process; dropping it ends it.
pub(crate) struct Directory {
    child: Child,
    /// Its issuer.
    pub(crate) issuer: String,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

impl Directory {
    /// Starts it for a gateway with this callback.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(callback: &str, secret: &str, people: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("directory").env(CALLBACK, callback).env(SECRET, secret);
        command.env(PEOPLE, people.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().context("the directory")?;
        let stdout = child.stdout.take().context("the directory has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let issuer = line.context("the directory did not start")?;
        let addr = issuer.trim_start_matches("http://").parse().context("its address")?;
        Ok(Self { child, issuer, addr })
    }

    /// Its process.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the directory has ended")
    }
}

/// What the child does: serves until standard input ends.
///
/// # Errors
/// When it was not started by the benchmark.
pub(crate) async fn serve() -> Result<()> {
    let told = |name: &str| std::env::var(name).context("started by the benchmark only");
    let directory = directory::start(Options {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        issuer: None,
        people: (0..told(PEOPLE)?.parse()?).map(person).collect(),
        clients: vec![Client {
            client_id: "vestibule".to_owned(),
            client_secret: told(SECRET)?,
            redirect_uris: vec![told(CALLBACK)?],
            post_logout_redirect_uris: Vec::new(),
        }],
        signing: SigningAlgorithm::Es256,
        auto: true,
    })
    .await?;
    let ended = tokio::task::spawn_blocking({
        let issuer = directory.issuer.clone();
        move || {
            let mut output = std::io::stdout();
            writeln!(output, "{issuer}")?;
            output.flush()?;
            std::io::stdin().read_to_end(&mut Vec::new())
        }
    });
    ended.await??;
    directory.shutdown().await;
    Ok(())
}

fn person(number: usize) -> Person {
    Person {
        sub: format!("00ubench{number}"),
        email: email(number),
        given_name: "Bench".to_owned(),
        family_name: format!("Person {number}"),
        name: format!("Bench Person {number}"),
        groups: vec![
            "Members".to_owned(),
            if number.is_multiple_of(2) { "Staff" } else { "Events" }.to_owned(),
        ],
        employee_number: Some(format!("E-{number}")),
    }
}
