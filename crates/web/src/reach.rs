//! Asks what answers at the installation's own addresses, as a browser would: by the name service
//! and with the certificates of this machine. What the answers mean is decided in
//! [`broker::doctor::reach`].

use broker::doctor::reach::{Answer, Unanswered};

use crate::egress::{Egress, EgressError, Policy, Request};

/// Larger than the largest document that a gateway serves.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Whoever asks at addresses that the operator has set. They may be in any network: it is the
/// operator who asks, from a machine of theirs, and nobody else names the addresses.
#[derive(Debug, Clone)]
pub struct Outside(Egress);

impl Outside {
    /// One that may connect anywhere.
    ///
    /// # Errors
    /// [`EgressError::NoClient`].
    pub fn new() -> Result<Self, EgressError> {
        let anywhere = [
            ipnet::Ipv4Net::new_assert([0, 0, 0, 0].into(), 0).into(),
            ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        ];
        Ok(Self(Egress::new(Policy { allow: anywhere.to_vec() })?))
    }

    /// What comes back from an address, for ten seconds at most.
    ///
    /// # Errors
    /// [`Unanswered`], when nothing does.
    pub async fn get(&self, url: &str) -> Answer {
        match self.0.send(Request::get(url).max_body(MAX_BODY)).await {
            Ok(reply) => Ok((reply.status.as_u16(), reply.body.to_vec())),
            Err(error) => Err(match error {
                EgressError::Unresolved(_) => Unanswered::Name,
                EgressError::Certificate(_, flaw) => Unanswered::Certificate(flaw.to_string()),
                EgressError::Timeout(_) => Unanswered::Late,
                EgressError::Redirected(_) => Unanswered::Redirected,
                EgressError::TooLarge(_) | EgressError::BadUrl => Unanswered::Strange,
                EgressError::Blocked(_) | EgressError::Unreachable(_) | EgressError::NoClient => {
                    Unanswered::Unreachable
                }
            }),
        }
    }
}
