//! Names become addresses once, and only judged addresses are dialled.
//!
//! The client asks [`Guard`] for every new connection and connects to nothing but its answer:
//! a name that resolves differently a moment later changes nothing (THREATS EG-02).

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::Policy;
use super::target::Zone;

/// The policy forbids what the name resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the egress policy forbids an address of the name")]
pub(super) struct Refused;

/// The name leads to no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to no address")]
pub(super) struct Unresolved;

/// A resolver behind the policy.
pub(super) struct Guard {
    policy: Arc<Policy>,
    zone: Zone,
    names: Arc<dyn Resolve>,
}

impl Guard {
    pub(super) fn new(policy: Arc<Policy>, zone: Zone, names: Arc<dyn Resolve>) -> Self {
        Self { policy, zone, names }
    }
}

/// The system's resolver, which also knows the hosts file and private names of the network.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for the one in the URL.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, zone) = (Arc::clone(&self.policy), self.zone);
        let answer = self.names.resolve(name);
        Box::pin(async move {
            let found: Vec<_> = answer.await.map_err(|_| Unresolved)?.collect();
            if found.is_empty() {
                return Err(Unresolved.into());
            }
            let admitted = admit(&policy, zone, found)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// A public name with one forbidden answer is refused whole: it is either an attack or a mistake,
/// and which answer is dialled must not be luck. Inside, names commonly have answers of both
/// families and the operator allowed one of them, so the others are left out.
fn admit(
    policy: &Policy,
    zone: Zone,
    mut found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Refused> {
    let admitted = |address: &SocketAddr| zone.admits(policy.judge(address.ip()));
    match zone {
        Zone::Public if found.iter().all(admitted) => {}
        Zone::Public => return Err(Refused),
        Zone::Inside => found.retain(admitted),
    }
    if found.is_empty() { Err(Refused) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::super::policy::allowing;
    use super::*;

    fn judged(zone: Zone, found: &[&str]) -> Result<Vec<String>, Refused> {
        let policy = allowing("10.0.0.0/8,127.0.0.0/8");
        let found = found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let admitted = admit(&policy, zone, found)?;
        Ok(admitted.into_iter().map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn eg_02_one_forbidden_answer_among_public_ones_refuses_the_name() {
        assert_eq!(judged(Zone::Public, &["1.1.1.1", "192.168.0.1"]), Err(Refused));
        assert_eq!(judged(Zone::Public, &["2606:4700::1", "::ffff:172.16.0.1"]), Err(Refused));
        let both = ["1.1.1.1", "2606:4700::1"];
        assert_eq!(judged(Zone::Public, &both), Ok(both.map(str::to_owned).to_vec()));
    }

    #[test]
    fn eg_04_other_ports_lead_into_allowed_networks_alone() {
        assert_eq!(judged(Zone::Inside, &["1.1.1.1"]), Err(Refused));
        assert_eq!(judged(Zone::Inside, &["::1", "127.0.0.1"]), Ok(vec!["127.0.0.1".to_owned()]));
    }

    #[test]
    fn an_allowed_network_may_be_reached_by_https_too() {
        assert_eq!(judged(Zone::Public, &["10.1.1.1"]), Ok(vec!["10.1.1.1".to_owned()]));
    }
}
