//! What answers at the public URL and at the issuers: a gateway, this installation's, under the
//! right name.

use ipnet::IpNet;
use serde_json::Value;

use super::{Check, Of, Report};

/// The longest word of a stranger that is repeated.
const MOST: usize = 200;

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The name leads to no address.
    Name,
    /// No connection, or one that broke.
    Unreachable,
    /// What is wrong with the certificate: a half sentence.
    Certificate(String),
    /// No complete answer in time.
    Late,
    /// It leads elsewhere.
    Redirected,
    /// Nothing that a gateway would say.
    Strange,
}

/// An answer: its status, and its body.
pub type Answer = Result<(u16, Vec<u8>), Unanswered>;

/// Whether what an issuer publishes is this database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Nobody asked.
    Unknown,
    /// A key of this database is among the published ones.
    Ours,
    /// None is.
    Others,
}

impl Report {
    /// The setting itself. Whether it is well formed is seen to when it is read.
    pub fn public_url_is_unset(&mut self, used: &str) {
        let found =
            format!("It is not set: issuers begin with {used}, which works on this machine alone.");
        let fix = "Set VESTIBULE_PUBLIC_URL to the address that browsers see, as for serve.";
        self.warn(Check::PublicUrl, Of::INSTALLATION, found, fix);
    }

    /// What `/readyz` answered at the public URL, and of which release the gateway there is.
    /// Whether a gateway is there, ready or not.
    pub fn readiness(
        &mut self,
        url: &str,
        answer: &Answer,
        releases: (&str, Option<&str>),
    ) -> bool {
        let (check, of) = (Check::PublicUrl, Of::INSTALLATION);
        let (status, body) = match answer {
            Ok((status, body)) => (*status, String::from_utf8_lossy(body).trim().to_owned()),
            Err(why) => {
                let (found, fix) = unanswered(url, why);
                self.problem(check, of, found, fix);
                return false;
            }
        };
        let (ours, theirs) = releases;
        match (status, body.as_str()) {
            (200, "ready") => {}
            (503, why) if is_plain(why) => {
                let found = format!("The gateway at {url} is not ready: {why}.");
                let fix = "Mend that where the gateway runs, with its settings; its log says more.";
                self.problem(check, of, found, fix);
                return true;
            }
            _ => {
                let found =
                    format!("What answers at {url} is no gateway: /readyz has status {status}.");
                let fix = "Let the proxy pass every path on to the gateway's listen address \
                           unchanged, or correct VESTIBULE_PUBLIC_URL.";
                self.problem(check, of, found, fix);
                return false;
            }
        }
        match theirs {
            Some(theirs) if theirs != ours => {
                let found = format!(
                    "A gateway answers at {url} and is ready. It is release {}, and this is {ours}.",
                    bounded(theirs)
                );
                let fix = "Use the same release for the gateways and for commands.";
                self.warn(check, of, found, fix);
            }
            _ => self.ok(check, of, format!("A gateway answers at {url} and is ready.")),
        }
        true
    }

    /// What a tenant's discovery document says of its issuer.
    pub fn issuer(&mut self, of: Of<'_>, wanted: &str, answer: &Answer, published: Published) {
        let check = Check::Issuer;
        let (status, body) = match answer {
            Ok((status, body)) => (*status, body),
            Err(why) => {
                let (found, fix) = unanswered(wanted, why);
                return self.problem(check, of, found, fix);
            }
        };
        let stated = serde_json::from_slice::<Value>(body).ok();
        let stated = stated.as_ref().and_then(|document| document.get("issuer")?.as_str());
        match (status, stated) {
            (200, Some(stated)) if stated == wanted => {}
            (200, Some(stated)) => {
                let found = format!(
                    "The discovery document at {wanted} names another issuer: {}.",
                    bounded(stated)
                );
                let fix = "Give the gateways and this command the same VESTIBULE_PUBLIC_URL, and \
                           let the proxy lead to those gateways.";
                return self.problem(check, of, found, fix);
            }
            (421, _) => {
                let found = format!("What answers at {wanted} does not know that host.");
                let fix = "Let the proxy pass the Host header on unchanged, to gateways with this \
                           VESTIBULE_PUBLIC_URL.";
                return self.problem(check, of, found, fix);
            }
            (404, _) => {
                let found = format!("What answers at {wanted} knows no such tenant.");
                let fix = "See that the gateways there have this command's DATABASE_URL, and that \
                           the proxy passes the path on unchanged.";
                return self.problem(check, of, found, fix);
            }
            (status, _) => {
                let found = format!("There is no discovery document at {wanted}: status {status}.");
                let fix = "Let the proxy pass every path below it on to the gateway unchanged; the \
                           gateway's log says more.";
                return self.problem(check, of, found, fix);
            }
        }
        if published == Published::Others {
            let found =
                format!("What answers at {wanted} has other signing keys than this database.");
            let fix =
                "Give the gateways there this command's DATABASE_URL, or this command theirs.";
            return self.problem(check, of, found, fix);
        }
        self.ok(check, of, format!("{wanted} is what its discovery document says."));
    }

    /// Whether a host that leads to a tenant, and is still needed, leads here.
    pub fn old_address(&mut self, of: Of<'_>, host: &str, answer: &Answer) {
        if matches!(answer, Ok((200, body)) if body.as_slice() == b"ok\n") {
            return self.ok(
                Check::Host,
                of,
                format!("{host}, where it comes back to, leads here."),
            );
        }
        let found = format!("It comes back to {host}, and no gateway answers there.");
        let fix =
            "Let the name lead here again, or move the redirect URI: vestibule host callback.";
        self.problem(Check::Host, of, found, fix);
    }

    /// Proxies in front, as far as the settings tell.
    pub fn proxies(&mut self, public_url: &str, trusted: &[IpNet]) {
        let (check, of) = (Check::Proxies, Of::INSTALLATION);
        if let Some(all) = trusted.iter().find(|network| network.prefix_len() == 0) {
            let found = format!("trusted_proxies has {all}: everybody may say who they are.");
            let fix = "Name the addresses of the proxies alone in VESTIBULE_TRUSTED_PROXIES.";
            return self.warn(check, of, found, fix);
        }
        // Only a proxy can have the certificate.
        if public_url.starts_with("https://") && trusted.is_empty() {
            let found = "A proxy is in front, and none is named: for the limits on failures all \
                         people come from one address.";
            let fix = "Name its address in VESTIBULE_TRUSTED_PROXIES (docs/operate.md, Limits).";
            return self.warn(check, of, found, fix);
        }
        let networks: Vec<_> = trusted.iter().map(ToString::to_string).collect();
        let found = match networks.as_slice() {
            [] => "None in front, and none is named.".to_owned(),
            some => format!("Believed: {}.", some.join(", ")),
        };
        self.ok(check, of, found);
    }
}

/// What is so, and what to do.
fn unanswered(url: &str, why: &Unanswered) -> (String, String) {
    let (found, fix) = match why {
        Unanswered::Name => (
            format!("The host of {url} leads to no address."),
            "Add the name to the DNS, or correct the address.",
        ),
        Unanswered::Unreachable => (
            format!("Nothing answers at {url}."),
            "Start the gateway (vestibule serve) and the proxy in front of it, and open the \
             firewall. If only this machine cannot reach it, use --offline here.",
        ),
        Unanswered::Certificate(flaw) => (
            format!("The TLS certificate at {url} {flaw}."),
            "Give the proxy a certificate for this host from an authority that browsers trust, \
             with its chain.",
        ),
        Unanswered::Late => (
            format!("{url} did not answer in time."),
            "See that the gateway and the proxy run, and that no firewall drops packets. If only \
             this machine cannot reach it, use --offline here.",
        ),
        Unanswered::Redirected => (
            format!("{url} answers with a redirect to another address."),
            "Let the proxy pass requests on instead, or correct the address to where it leads.",
        ),
        Unanswered::Strange => (
            format!("What answers at {url} is no gateway."),
            "Let the proxy lead to the gateway's listen address, or correct the address.",
        ),
    };
    (found, fix.to_owned())
}

/// Whether this may be one of the reasons that a gateway gives.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, ' ' | '\'');
    (1..=80).contains(&text.len()) && text.chars().all(plain)
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Slug;
    use crate::probe::Level;

    const URL: &str = "https://login.example.org";

    #[expect(clippy::unnecessary_wraps, reason = "an answer is one of two things")]
    fn said(status: u16, body: &str) -> Answer {
        Ok((status, body.as_bytes().to_vec()))
    }

    fn only(report: &Report) -> (Level, String) {
        assert_eq!(report.findings.len(), 1, "{report:?}");
        (report.level(), report.findings[0].to_string())
    }

    #[test]
    fn readiness_tells_a_gateway_from_what_is_none() {
        let judged = |answer: &Answer, theirs| {
            let mut report = Report::default();
            let is_there = report.readiness(URL, answer, ("1.0.0", theirs));
            let (level, text) = only(&report);
            (is_there, level, text)
        };
        let fine = judged(&said(200, "ready\n"), Some("1.0.0"));
        assert_eq!((fine.0, fine.1), (true, Level::Ok));
        for (answer, theirs, is_there, level, words) in [
            (said(200, "ready\n"), Some("0.9.0"), true, Level::Warning, "the same release"),
            (said(503, "the database is away\n"), None, true, Level::Problem, "database is away"),
            (said(503, "<html>Bad</html>"), None, false, Level::Problem, "is no gateway"),
            (said(200, "<html>Hello</html>"), None, false, Level::Problem, "listen address"),
            (Err(Unanswered::Name), None, false, Level::Problem, "the DNS"),
            (Err(Unanswered::Unreachable), None, false, Level::Problem, "vestibule serve"),
            (
                Err(Unanswered::Certificate("has expired".into())),
                None,
                false,
                Level::Problem,
                "https://login.example.org has expired",
            ),
            (Err(Unanswered::Late), None, false, Level::Problem, "--offline"),
            (Err(Unanswered::Redirected), None, false, Level::Problem, "pass requests on"),
        ] {
            let told = judged(&answer, theirs);
            assert_eq!((told.0, told.1), (is_there, level), "{}", told.2);
            assert!(told.2.contains(words), "{}", told.2);
        }
        // A page of a stranger is not repeated.
        assert!(!judged(&said(503, "<html>Bad</html>"), None).2.contains("Bad"));
    }

    #[test]
    fn issuer_has_to_be_the_same_to_the_character() {
        let acme: Slug = "acme".parse().unwrap();
        let wanted = "https://login.example.org/t/acme";
        let judged = |answer: &Answer, published| {
            let mut report = Report::default();
            report.issuer(Of::tenant(&acme), wanted, answer, published);
            only(&report)
        };
        let stating = |issuer: &str| said(200, &format!("{{\"issuer\":\"{issuer}\"}}"));
        for published in [Published::Ours, Published::Unknown] {
            assert_eq!(judged(&stating(wanted), published).0, Level::Ok);
        }
        for (answer, published, words) in [
            (stating("https://login.example.org/t/acme/"), Published::Ours, "another issuer"),
            (stating("http://10.0.0.1:8080/t/acme"), Published::Ours, "VESTIBULE_PUBLIC_URL"),
            (stating(wanted), Published::Others, "other signing keys"),
            (said(421, ""), Published::Unknown, "Host header"),
            (said(404, ""), Published::Unknown, "DATABASE_URL"),
            (said(200, "<html>"), Published::Unknown, "no discovery document"),
            (said(502, ""), Published::Unknown, "status 502"),
            (Err(Unanswered::Name), Published::Unknown, "the DNS"),
        ] {
            let (level, text) = judged(&answer, published);
            assert_eq!(level, Level::Problem, "{text}");
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn proxies_are_named_where_there_has_to_be_one() {
        let judged = |url: &str, trusted: &str| {
            let mut report = Report::default();
            let words = trusted.split(',').filter(|word| !word.is_empty());
            let trusted: Vec<IpNet> = words.map(|word| word.parse().unwrap()).collect();
            report.proxies(url, &trusted);
            only(&report).0
        };
        assert_eq!(judged("http://127.0.0.1:8080", ""), Level::Ok);
        assert_eq!(judged(URL, "10.0.0.7/32"), Level::Ok);
        assert_eq!(judged(URL, ""), Level::Warning);
        assert_eq!(judged(URL, "10.0.0.7/32,0.0.0.0/0"), Level::Warning);
        assert_eq!(judged(URL, "::/0"), Level::Warning);
    }
}
