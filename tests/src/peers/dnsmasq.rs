//! `dnsmasq` as the name server of everybody, on loopback, by UDP and TCP.
//!
//! It answers for `.example` (a name without records does not exist there), is silent for
//! `.silent.example`, and refuses every other name.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;

use anyhow::{Context as _, Result};

use super::{POLL, Process, free_port, until_stdin_ends, work_dir};

/// The running name server.
#[derive(Debug)]
pub struct Dnsmasq {
    port: u16,
    process: Option<Process>,
}

impl Dnsmasq {
    /// Starts one that has no records yet.
    ///
    /// # Errors
    /// When `dnsmasq` is missing, or does not become ready.
    pub async fn start() -> Result<Self> {
        let mut server = Self { port: free_port()?, process: None };
        server.publish(&[]).await?;
        Ok(server)
    }

    /// Its address and port.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was asked and answered since its records last changed.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Makes these its TXT records, `(name, strings of the record)`, instead of those it had.
    ///
    /// # Errors
    /// As [`Dnsmasq::start`].
    pub async fn publish(&mut self, records: &[(&str, &[&str])]) -> Result<()> {
        let mut lines = String::new();
        for (name, strings) in records {
            let strings = strings.iter().fold(String::new(), |all, one| all + ",\"" + one + "\"");
            writeln!(lines, "txt-record={name}{strings}")?;
        }
        self.serve(&lines).await
    }

    /// Makes `alias` another name for `name`, which has one TXT record.
    ///
    /// # Errors
    /// As [`Dnsmasq::start`].
    pub async fn publish_alias(&mut self, alias: &str, name: &str, text: &str) -> Result<()> {
        self.serve(&format!("cname={alias},{name}\ntxt-record={name},\"{text}\"\n")).await
    }

    /// It reads its records when it starts, so changing them is starting anew.
    async fn serve(&mut self, records: &str) -> Result<()> {
        self.process = None;
        // The one that was ended may answer for a moment longer.
        while TcpListener::bind(("127.0.0.1", self.port)).is_err() {
            tokio::time::sleep(POLL).await;
        }
        let work = work_dir()?;
        // Nobody listens at the discard port.
        let settings = format!(
            "port={}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n\
             pid-file\nlocal=/example/\nserver=/silent.example/127.0.0.1#9\n\
             log-facility=-\nlog-queries\n{records}",
            self.port
        );
        let file = work.path().join("dnsmasq.conf");
        fs::write(&file, settings).context("its settings cannot be written")?;
        let mut command = until_stdin_ends("/usr/sbin/dnsmasq");
        command.arg("--keep-in-foreground").arg(format!("--conf-file={}", file.display()));
        let mut process = Process::start("dnsmasq", work, command)?;
        process.wait_until(|log| log.contains(": started, version ").then_some(())).await?;
        self.process = Some(process);
        Ok(())
    }
}
