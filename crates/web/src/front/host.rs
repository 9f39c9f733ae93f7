//! Whom a request is for, read from its target and its `Host` field; [`PublicHost`] judges, and
//! [`Hosts`] knows which names are tenants'. The probes answer under any name.

use axum::extract::Request;
use axum::http::header;
use axum::http::uri::Authority;
use broker::address::HostName;
use broker::front::host::{NotForUs, PublicHost, Whom};

use super::peer::Client;
use super::refuse::Refusal;
use crate::arrival::{ByHost, inside};
use crate::hosts::{Hosts, Unasked};
use crate::listener::Local;

/// Asked by machines that know us by other names.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// # Errors
/// 400 for what cannot be a host, 421 for somebody else's. [RFC9110-15.5.20]
pub(super) fn check(request: &Request, public: &PublicHost) -> Result<Whom, Refusal> {
    if PROBES.contains(&request.uri().path()) {
        return Ok(Whom::Us);
    }
    let mut fields = request.headers().get_all(header::HOST).iter();
    let field = fields.next().map(|value| value.to_str().map_err(|_| Refusal::HostMalformed));
    let field = field.transpose()?;
    if fields.next().is_some() {
        return Err(Refusal::HostMalformed);
    }
    // Absolute form, or HTTP/2: what it names and the field have to agree. [RFC9112-3.2.2]
    let target = request.uri().authority().map(Authority::as_str);
    let local = request.extensions().get::<Local>().map(|local| local.0);
    public.whom([target, field].into_iter().flatten(), local).map_err(|not| match not {
        NotForUs::Malformed => Refusal::HostMalformed,
        NotForUs::Misdirected => Refusal::Misdirected,
    })
}

/// Turns a request for a tenant's own host into the same below the tenant's path. Nothing else is
/// answered there: neither other tenants nor administration (THREATS TN-05).
///
/// # Errors
/// 421 for a host that is nobody's.
pub(super) async fn turn(
    request: &mut Request,
    host: HostName,
    hosts: &Hosts,
    from: Client,
) -> Result<(), Refusal> {
    let tenant = hosts.tenant(&host, from.0).await.map_err(|unasked| match unasked {
        Unasked::TooMany(seconds) => Refusal::TooMany(seconds),
        Unasked::Busy => Refusal::Busy,
    })?;
    let tenant = tenant.ok_or(Refusal::Misdirected)?;
    *request.uri_mut() = inside(request.uri(), &tenant).ok_or(Refusal::NoSuchPath)?;
    request.extensions_mut().insert(ByHost(host));
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn ask(target: &str, hosts: &[&str]) -> Result<Whom, Refusal> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Local(([192, 0, 2, 7], 8080).into()));
        check(&request, &PublicHost::of("https://Login.example.org").unwrap())
    }

    #[test]
    fn hp_01_a_host_that_is_sent_twice_or_not_at_all_is_refused() {
        let ours = "login.example.org";
        assert_eq!(ask("/t/acme/jwks", &[ours, ours]), Err(Refusal::HostMalformed));
        assert_eq!(ask("/t/acme/jwks", &[]), Err(Refusal::HostMalformed));
        assert_eq!(ask("/healthz", &["anything"]), Ok(Whom::Us));
    }

    #[test]
    fn hp_01_absolute_form_and_host_have_to_agree() {
        let ours = "login.example.org";
        assert_eq!(ask("https://login.example.org/t/acme/jwks", &[ours]), Ok(Whom::Us));
        for (target, host) in [
            ("https://evil.example/t/acme/jwks", ours),
            ("https://login.example.org/t/acme/jwks", "evil.example"),
        ] {
            assert_eq!(ask(target, &[host]), Err(Refusal::Misdirected), "{target}");
        }
    }
}
