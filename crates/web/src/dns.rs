//! The DNS, asked for the TXT records that prove a domain.
//!
//! [`Dns`] asks the name servers of the settings, else those of the system, by UDP and, where an
//! answer does not fit, by TCP. What it found is judged in [`broker::domain_proof`]; `recheck` looks
//! at proven domains again in the background.
//!
//! There is no cache: a look-up is rare, and whoever has just published a record wants it seen.

pub(crate) mod recheck;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::domain_proof::{Finding, Proof, judge};
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};

/// How long a look-up may take with all its attempts.
const LIMIT: Duration = Duration::from_secs(10);
/// How long one server has for an answer, and how often each is asked.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

/// Name servers.
#[derive(Debug, Clone, Default)]
pub struct Dns {
    /// Empty: those of the system, read anew for each look-up, since they change with the network.
    servers: Arc<[SocketAddr]>,
}

impl Dns {
    /// These name servers, or the system's when there are none.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers: servers.into() }
    }

    /// Looks for the record of a proof, for ten seconds at most.
    pub async fn look(&self, proof: &Proof) -> Finding {
        match tokio::time::timeout(LIMIT, self.records(&proof.record_name())).await {
            Ok(Ok(records)) => judge(&proof.token, &records),
            Ok(Err(why)) => Finding::Silence(why),
            Err(_) => Finding::Silence("no name server answered in ten seconds".to_owned()),
        }
    }

    /// The TXT records of the name itself, the strings of each joined. Those that an alias leads to
    /// are left out: a wildcard alias would let the host of a web site prove its customers' domains.
    async fn records(&self, name: &str) -> Result<Vec<String>, String> {
        let name = Name::from_ascii(format!("{name}.")).map_err(|error| error.to_string())?;
        let resolver = self.resolver().map_err(|error| unanswered(&error))?;
        let answer = match resolver.lookup(name.clone(), RecordType::TXT).await {
            Ok(answer) => answer,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(unanswered(&error)),
        };
        let texts = answer.answers().iter().filter(|record| record.name == name);
        let texts = texts.filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = self.servers.iter().map(server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = ATTEMPT;
        options.attempts = ATTEMPTS;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        builder.build()
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// Why there is no answer, for the person who has to find out.
fn unanswered(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server answered: {code}"),
        NetError::Timeout => "the name server did not answer".to_owned(),
        other => format!("the name server cannot be asked: {other}"),
    }
}
