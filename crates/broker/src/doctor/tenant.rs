//! What belongs to one tenant: its signing keys, its hosts and domains, its directories, and what
//! of it ends soon.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Of, Report};
use crate::address::HostName;
use crate::domain_proof::{Finding as Look, Proof, State, UNSEEN_LIMIT};
use crate::email::DomainPattern;
use crate::expiry::{Ends, Urgency};
use crate::id::Slug;
use crate::probe::{Level, ProbeReport, What};
use crate::settings::DirectoryState;

/// From when on it is said that nobody answers for a domain.
const UNSEEN_SAID: TimeDelta = TimeDelta::days(15);

/// A signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its algorithm.
    pub alg: &'a str,
    /// From when it signs.
    pub active_from: DateTime<Utc>,
    /// Until when; `None` for the newest.
    pub retired_at: Option<DateTime<Utc>>,
    /// Whether its private part could be read.
    pub opens: bool,
}

/// Something that ends.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// What.
    pub kind: Ends,
    /// What people call it, if it is a token.
    pub name: Option<&'a str>,
    /// How soon.
    pub urgency: Urgency,
    /// When; `None`: nobody wrote that down.
    pub ends_at: Option<DateTime<Utc>>,
    /// In how many days.
    pub days_left: i64,
    /// Whether the directory accepted it just now, whatever was written down.
    pub is_accepted: bool,
}

impl Report {
    /// A tenant's signing keys, beside the algorithms that its applications need.
    pub fn signing_keys(&mut self, tenant: &Slug, keys: &[Key<'_>], now: DateTime<Utc>) {
        let of = Of::tenant(tenant);
        if keys.is_empty() {
            let found = "None yet: the first is made when it is needed.";
            return self.ok(Check::SigningKeys, of, found);
        }
        let algorithms: BTreeSet<&str> = keys.iter().map(|key| key.alg).collect();
        let mut told = Vec::new();
        for alg in algorithms {
            let in_use = |key: &&Key<'_>| {
                key.alg == alg && key.retired_at.is_none_or(|retired_at| now < retired_at)
            };
            let in_use: Vec<_> = keys.iter().filter(in_use).collect();
            if in_use.iter().any(|key| !key.opens) {
                let found = format!("A private key of algorithm {alg} cannot be read.");
                let fix = format!(
                    "Restore the database from a backup; or have another made, which signs after \
                     48 hours: vestibule keys rotate --tenant {tenant} --alg {alg}"
                );
                self.problem(Check::SigningKeys, of, found, fix);
                continue;
            }
            let signs = in_use.iter().filter(|key| key.active_from <= now);
            let Some(active) = signs.max_by_key(|key| key.active_from) else {
                told.push(format!("{alg}: none signs, one is made when it is needed"));
                continue;
            };
            let next = in_use.iter().find(|key| now < key.active_from);
            let next = match next {
                Some(next) => format!("its successor from {} on", day(next.active_from)),
                None => "no successor is published yet".to_owned(),
            };
            told.push(format!("{alg} signs since {}, {next}", day(active.active_from)));
        }
        if !told.is_empty() {
            self.ok(Check::SigningKeys, of, format!("{}.", told.join("; ")));
        }
    }

    /// Something of a tenant whose row cannot be read, and which is left out of everything.
    pub fn left_out(&mut self, tenant: &Slug, what: &str) {
        let found = format!("{what} cannot be read, and is as if it were not there.");
        let fix = "Run the release that wrote it, here and on every gateway; if it is this one, \
                   write it anew (vestibule apply), or restore the database from a backup.";
        self.problem(Check::Tenant, Of::tenant(tenant), found, fix);
    }

    /// The host that is a tenant's issuer; `is_vouched`: it is proven, or the operator's word counts.
    pub fn own_host(&mut self, tenant: &Slug, host: &HostName, is_vouched: bool) {
        let of = Of::tenant(tenant);
        if is_vouched {
            return self.ok(Check::Host, of, format!("{host} is the tenant's."));
        }
        let found = format!("{host} is the issuer, and its proof is lost. It stays in use.");
        let fix = format!(
            "Publish the record again: vestibule domain challenge {host} --tenant {tenant}. If the \
             tenant has lost the domain for good, set `host` otherwise."
        );
        self.warn(Check::Host, of, found, fix);
    }

    /// A domain that a tenant claims. `look`: what the DNS said just now; `is_used`: a directory
    /// routes by it.
    pub fn domain(
        &mut self,
        tenant: &Slug,
        (proof, is_used): (&Proof, bool),
        look: Option<&Look>,
        now: DateTime<Utc>,
    ) {
        let (check, of) = (Check::Domain, Of::tenant(tenant));
        let domain = proof.domain.as_str();
        let is_there = matches!(look, Some(Look::Present));
        let is_gone = matches!(look, Some(Look::Absent { .. }));
        let publish = format!(
            "Publish the record: vestibule domain challenge {domain} --tenant {tenant} prints it, \
             vestibule domain verify looks for it."
        );
        match proof.state() {
            State::Proven | State::Doubtful if is_there => {
                self.ok(check, of, format!("{domain} is proven, and its record is there."));
            }
            State::Proven | State::Doubtful if is_gone => {
                let found = format!("The record of {domain} is gone: it will be lost in days.");
                self.warn(check, of, found, publish);
            }
            State::Doubtful => {
                let found = format!("The record of {domain} was missing at the last look.");
                self.warn(check, of, found, publish);
            }
            State::Proven => match proof.seen_at.map(|seen_at| now - seen_at) {
                Some(unseen) if unseen > UNSEEN_SAID => {
                    let found = format!(
                        "Nobody has answered for {domain} for {} days; after {} it is lost.",
                        unseen.num_days(),
                        UNSEEN_LIMIT.num_days()
                    );
                    let fix = "See that its name servers answer, and that the gateways reach them \
                               (VESTIBULE_DNS).";
                    self.warn(check, of, found, fix);
                }
                _ => self.ok(check, of, format!("{domain} is proven.")),
            },
            State::Lost if is_used => {
                let found = format!("{domain} is proven no longer: it routes nobody.");
                self.problem(check, of, found, publish);
            }
            State::Lost => {
                let found = format!("{domain} is proven no longer. No directory uses it.");
                let fix = format!("Give it up: vestibule domain remove {domain} --tenant {tenant}");
                self.warn(check, of, found, fix);
            }
            State::Pending if is_used => {
                let found = format!("{domain} is not proven yet: it routes nobody.");
                self.warn(check, of, found, publish);
            }
            State::Pending => {
                self.ok(check, of, format!("{domain} is claimed, and no directory uses it."));
            }
        }
    }

    /// A domain that a directory is to route by, and that nobody claims.
    pub fn unclaimed(&mut self, of: Of<'_>, pattern: &DomainPattern) {
        let name = pattern.name().as_str();
        let found = format!("{name} is not claimed: it routes nobody.");
        let tenant = of.tenant.map(Slug::as_str).unwrap_or_default();
        let fix = format!(
            "Begin with: vestibule domain challenge {name} --tenant {tenant}; or leave it out of \
             the directory's domains."
        );
        self.warn(Check::Domain, of, found, fix);
    }

    /// A directory that nobody can use, and that is not asked.
    pub fn unused(&mut self, of: Of<'_>, state: DirectoryState) {
        let found = match state {
            DirectoryState::Draft => "A draft: not asked.",
            _ => "Paused: not asked.",
        };
        self.ok(Check::Directory, of, found);
    }

    /// What a directory said of itself.
    pub fn directory(&mut self, of: Of<'_>, probed: &ProbeReport, redirect_uri: &str) {
        let wrong = |level| matches!(level, Level::Warning | Level::Problem);
        for one in probed.findings.iter().filter(|one| wrong(one.level)) {
            let fix = mended(one.what, of, redirect_uri);
            let found = format!("{}: {}", one.what.as_str(), one.say);
            self.add(one.level, Check::Directory, of, (found, Some(fix)));
        }
        if probed.has_problem() {
            return;
        }
        let tried = probed
            .findings
            .iter()
            .any(|one| one.what == What::Credentials && one.level == Level::Ok);
        let found = if tried {
            "It answers, its keys verify ID tokens, and it accepts our credentials."
        } else {
            "It answers, and its keys verify ID tokens."
        };
        self.ok(Check::Directory, of, found);
    }

    /// A directory that was not done within its time.
    pub fn late(&mut self, of: Of<'_>, seconds: u64, redirect_uri: &str) {
        let found = format!("It did not give all its answers within {seconds} seconds.");
        let fix = mended(What::Discovery, of, redirect_uri);
        self.problem(Check::Directory, of, found, fix);
    }

    /// A directory whose document leads elsewhere, as a gateway has seen.
    pub fn moved(&mut self, of: Of<'_>, hosts: &BTreeSet<String>, since: DateTime<Utc>) {
        let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
        let found = format!(
            "Since {} its discovery document leads to other hosts, which are not believed: {}.",
            day(since),
            hosts.join(", ")
        );
        let fix = format!(
            "Ask its administrator whether it moved. If so: vestibule directory approve {}",
            named(of)
        );
        self.problem(Check::Directory, of, found, fix);
    }

    /// Something that ends soon, or has ended.
    pub fn end(&mut self, of: Of<'_>, end: &End<'_>) {
        let (check, what) = match end.kind {
            Ends::DirectorySecret => (Check::Secret, "The client secret".to_owned()),
            Ends::NextDirectorySecret => (Check::Secret, "The next client secret".to_owned()),
            Ends::ApiToken => {
                (Check::ApiToken, format!("The token \"{}\"", end.name.unwrap_or_default()))
            }
        };
        let date = end.ends_at.map(day).unwrap_or_default();
        let found = match (end.urgency, end.ends_at) {
            (Urgency::Expired, None) => {
                format!("{what} has expired: the directory no longer accepts it.")
            }
            (Urgency::Expired, Some(_)) => format!("{what} expired on {date}."),
            _ => match end.days_left {
                0 => format!("{what} expires today."),
                1 => format!("{what} expires tomorrow, on {date}."),
                days => format!("{what} expires in {days} days, on {date}."),
            },
        };
        let when = match end.urgency {
            Urgency::Expired | Urgency::Urgent => "now",
            Urgency::Warning => "this week",
            Urgency::Notice => "in time",
        };
        let fix = if check == Check::Secret {
            format!(
                "Create another one at the directory and enter it {when}: on the directory's page, \
                 or as next_client_secret in the file."
            )
        } else {
            format!(
                "Make another one {when} and give it to who uses it (vestibule api-token create), \
                 then end this one (api-token revoke)."
            )
        };
        if end.urgency == Urgency::Expired && end.is_accepted {
            let found = format!("{found} The directory still accepts it.");
            let fix = "Correct the date, if it is wrong; else enter the next one now.";
            return self.warn(check, of, found, fix);
        }
        // What a directory no longer accepts keeps people out; a token keeps out a program.
        if end.urgency == Urgency::Expired && check == Check::Secret {
            self.problem(check, of, found, fix);
        } else {
            self.warn(check, of, found, fix);
        }
    }
}

/// What to do about something that a probe found.
fn mended(what: What, of: Of<'_>, redirect_uri: &str) -> String {
    let again = format!("vestibule directory probe {}", named(of));
    match what {
        What::Discovery => format!(
            "If the directory is down, its administrator has to mend it; else correct `issuer`. \
             Then: {again}"
        ),
        What::Address | What::Issuer => {
            format!("Correct `issuer` on the directory's page or in the file. Then: {again}")
        }
        What::Endpoints | What::Keys => {
            format!("Show it to the directory's administrator, who has to mend it. Then: {again}")
        }
        What::Credentials => format!(
            "Compare client id, secret and redirect URI ({redirect_uri}) with its application \
             there. Then: {again}"
        ),
        _ => format!("Change the setting here, or its application there. Then: {again}"),
    }
}

/// As commands want it.
fn named(of: Of<'_>) -> String {
    let text = |slug: Option<&Slug>| slug.map(ToString::to_string).unwrap_or_default();
    format!("{} --tenant {}", text(of.directory), text(of.tenant))
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests;
