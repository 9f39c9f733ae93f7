//! The tenants: what is stored of each is read first, then everybody is asked at once.

mod asked;

use std::collections::BTreeSet;

use broker::address;
use broker::doctor::tenant::{End, Key};
use broker::doctor::{Check, Of, Report};
use broker::domain_proof::{Proof, State, is_proven};
use broker::email::{Domain, DomainPattern};
use broker::id::{Slug, TenantId};
use broker::settings::{DirectoryState, DomainProof};
use broker::tenant::DirectorySecrets;
use chrono::{DateTime, Utc};
use oidc::jose::Alg;
use store::{DirectoryRecord, ExpiryView, KeyView, Store, StoreError, StoredNames, TenantRecord};
use web::{Dns, EgressPolicy};

use super::NOBODYS;
use super::installation::unasked;
use super::public_url::Reach;
use super::together::{Piece, together};
use crate::commands::{directory, expiries};
use crate::settings::Settings;
use asked::Directory;

/// From where the tenants are looked at.
pub(super) struct At<'a> {
    pub(super) store: &'a Store,
    pub(super) settings: &'a Settings,
    /// The way to the issuers; `None`: they are not asked.
    pub(super) reach: Option<Reach>,
    pub(super) offline: bool,
    /// The time, as the database has it.
    pub(super) now: DateTime<Utc>,
}

impl At<'_> {
    /// Looks at the tenants: all, or the one of that slug.
    pub(super) async fn look(&self, only: Option<&str>) -> Report {
        match Box::pin(self.pieces(only)).await {
            Ok(pieces) => together(pieces).await,
            Err(why) => {
                let mut report = Report::default();
                unasked(&why, &mut report);
                report
            }
        }
    }

    async fn pieces(&self, only: Option<&str>) -> Result<Vec<Piece>, StoreError> {
        let operator = self.store.operator();
        let mut tenants = operator.every_tenant().await?;
        tenants.retain(|(_, slug)| only.is_none_or(|only| only == slug));
        let mut first = Report::default();
        if let (true, Some(only)) = (tenants.is_empty(), only) {
            let fix = "vestibule export lists the tenants that there are.";
            first.problem(Check::Tenant, NOBODYS, format!("There is no tenant `{only}`."), fix);
            return Ok(vec![Piece::Done(first)]);
        }
        let of = only.and_then(|_| tenants.first().map(|(id, _)| *id));
        let ends = expiries::all(&operator, of, self.now).await?;
        let mut pieces = Vec::new();
        for (id, slug) in tenants {
            let Ok(slug) = slug.parse::<Slug>() else { continue };
            match self.store.tenant_by_slug(&slug).await {
                Ok(Some(record)) => pieces.extend(self.tenant(id, &record, &ends).await?),
                Ok(None) => {}
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(why) => pieces.push(Piece::Done(unreadable(&slug, &why))),
            }
        }
        // What is every tenant's comes last.
        let tokens = ends.iter().filter(|end| end.tenant.is_none());
        tokens.for_each(|end| said(&mut first, NOBODYS, end, (self.now, false)));
        pieces.push(Piece::Done(first));
        Ok(pieces)
    }

    /// Everything about one tenant.
    async fn tenant(
        &self,
        id: TenantId,
        record: &TenantRecord,
        ends: &[ExpiryView],
    ) -> Result<Vec<Piece>, StoreError> {
        let operator = self.store.operator();
        let mut stored = Report::default();
        if record.policy.suspended {
            let found = "Suspended: nobody signs in, and nothing of it is asked.";
            stored.ok(Check::Tenant, Of::tenant(&record.slug), found);
            return Ok(vec![Piece::Done(stored)]);
        }
        left_out(&mut stored, record, &operator.stored_names(id).await?);
        let keys = operator.signing_keys(Some(id)).await?;
        signing_keys(&mut stored, record, &keys, self.now);
        self.own_host(&mut stored, record);
        let mut pieces = vec![Piece::Done(stored)];
        pieces.extend(self.issuer(record, &keys));
        if record.policy.domain_proof == DomainProof::Dns {
            let proofs = operator.domain_proofs(id).await?;
            pieces.extend(self.domains(record, proofs));
        }
        for one in &record.directories {
            pieces.extend(self.directory(record, one, ends).await?);
        }
        let mut tokens = Report::default();
        let ours = ends.iter().filter(|end| end.tenant.as_ref() == Some(&record.slug));
        for end in ours.filter(|end| end.directory.is_none()) {
            said(&mut tokens, Of::tenant(&record.slug), end, (self.now, false));
        }
        pieces.push(Piece::Done(tokens));
        Ok(pieces)
    }

    /// The host that is the issuer.
    fn own_host(&self, report: &mut Report, record: &TenantRecord) {
        let addresses = record.addresses.clone().under(&self.settings.public_url());
        let Some(host) = addresses.own else { return };
        let is_vouched = record.policy.domain_proof == DomainProof::Operator
            || is_proven(&proven(record), &DomainPattern::Exact(host.domain().clone()));
        report.own_host(&record.slug, &host, is_vouched);
    }

    /// Asks the issuer what it says of itself.
    fn issuer(&self, record: &TenantRecord, keys: &[KeyView]) -> Option<Piece> {
        let reach = self.reach.clone()?;
        let public_url = self.settings.public_url();
        let host = record.addresses.own.as_ref();
        let is_by_path = host.is_none_or(|host| address::is_own(&public_url, host));
        // That nobody answers at the public URL was said once.
        if is_by_path && !reach.is_there {
            return None;
        }
        let issuer = address::issuer(&public_url, &record.slug, host);
        let slug = record.slug.clone();
        let kids = published(record, keys, self.now);
        Some(Piece::asked(asked::issuer(reach.outside, slug, issuer, kids)))
    }

    /// The domains that the tenant claims, and those that nobody does.
    fn domains(&self, record: &TenantRecord, proofs: Vec<Proof>) -> Vec<Piece> {
        let wanted = |pattern: &DomainPattern, proof: &Proof| {
            is_proven(&BTreeSet::from([proof.domain.clone()]), pattern)
        };
        let patterns = || record.directories.iter().flat_map(|one| one.settings.domains.iter());
        let mut unclaimed = Report::default();
        for one in &record.directories {
            let of = Of::directory(&record.slug, &one.settings.slug);
            let nobodys =
                |pattern: &&DomainPattern| !proofs.iter().any(|proof| wanted(pattern, proof));
            let nobodys = one.settings.domains.iter().filter(nobodys);
            nobodys.for_each(|pattern| unclaimed.unclaimed(of, pattern));
        }
        let host = record.addresses.own.as_ref();
        let host = host.map(|host| DomainPattern::Exact(host.domain().clone()));
        let dns = Dns::new(self.settings.dns.clone());
        let mut pieces = Vec::new();
        for proof in proofs {
            let is_used = patterns().any(|pattern| wanted(pattern, &proof));
            // The host has said so.
            let is_host = host.as_ref().is_some_and(|host| wanted(host, &proof));
            if proof.state() == State::Lost && is_host && !is_used {
                continue;
            }
            let (slug, now) = (record.slug.clone(), self.now);
            let dns = (!self.offline && proof.is_in_force()).then(|| dns.clone());
            pieces.push(Piece::asked(asked::domain(dns, slug, (proof, is_used), now)));
        }
        pieces.push(Piece::Done(unclaimed));
        pieces
    }

    /// One directory: what is stored of it, and what it says of itself.
    async fn directory(
        &self,
        tenant: &TenantRecord,
        record: &DirectoryRecord,
        ends: &[ExpiryView],
    ) -> Result<Vec<Piece>, StoreError> {
        let slug = &record.settings.slug;
        let of = Of::directory(&tenant.slug, slug);
        let mut stored = Report::default();
        let state = record.settings.state;
        if matches!(state, DirectoryState::Draft | DirectoryState::Paused) {
            stored.unused(of, state);
            return Ok(vec![Piece::Done(stored)]);
        }
        let hosts = self.store.operator().directory_hosts(tenant.id, record.id).await?;
        if let Some((hosts, since)) = hosts.proposed {
            stored.moved(of, &hosts, since);
        }
        let ours = |end: &&ExpiryView| {
            end.tenant.as_ref() == Some(&tenant.slug) && end.directory.as_ref() == Some(slug)
        };
        let ends: Vec<_> = ends.iter().filter(ours).cloned().collect();
        if self.offline {
            for end in &ends {
                said(&mut stored, of, end, (self.now, false));
            }
            return Ok(vec![Piece::Done(stored)]);
        }
        let host = record.callback_host.as_ref();
        let redirect_uri = directory::callback(self.settings, &tenant.slug, host, slug);
        let directory = Directory {
            tenant: tenant.slug.clone(),
            id: tenant.id,
            settings: record.settings.clone(),
            secrets: DirectorySecrets {
                current: record.client_secret.clone(),
                next: record.next_client_secret.clone(),
                expired: record.expired.clone(),
            },
            keys: tenant.keys.clone(),
            redirect_uri,
            ends,
            now: self.now,
            egress: EgressPolicy { allow: self.settings.egress_allow.clone() },
        };
        let mut pieces = vec![Piece::Done(stored)];
        pieces.extend(self.old_address(tenant, record));
        pieces.push(Piece::asked(directory.ask()));
        Ok(pieces)
    }

    /// Asks whether the host of a redirect URI that is not the issuer's leads here still.
    fn old_address(&self, tenant: &TenantRecord, record: &DirectoryRecord) -> Option<Piece> {
        let host = record.callback_host.as_ref()?;
        if tenant.addresses.own.as_ref() == Some(host) {
            return None;
        }
        let outside = self.reach.clone()?.outside;
        let origin = address::issuer(&self.settings.public_url(), &tenant.slug, Some(host));
        let of = (tenant.slug.clone(), record.settings.slug.clone());
        Some(Piece::asked(asked::old_address(outside, of, host.clone(), origin)))
    }
}

fn proven(record: &TenantRecord) -> BTreeSet<Domain> {
    record.proven_domains.iter().map(|proof| proof.domain.clone()).collect()
}

/// A tenant whose rows cannot be read.
fn unreadable(slug: &Slug, why: &StoreError) -> Report {
    let mut report = Report::default();
    let fix = super::super::advice(why).unwrap_or_else(|| {
        "a later release may have written it: use that one. Else restore the backup".to_owned()
    });
    let found = format!("It cannot be read: {why}.");
    report.problem(Check::Tenant, Of::tenant(slug), found, super::installation::sentence(&fix));
    report
}

/// What the database has and could not be read.
fn left_out(report: &mut Report, record: &TenantRecord, names: &StoredNames) {
    let read =
        |name: &String| record.applications.iter().any(|one| one.settings.client_id == *name);
    for name in names.applications.iter().filter(|name| !read(name)) {
        report.left_out(&record.slug, &format!("The application {name}"));
    }
    let read =
        |name: &String| record.directories.iter().any(|one| one.settings.slug.as_str() == name);
    for name in names.directories.iter().filter(|name| !read(name)) {
        report.left_out(&record.slug, &format!("The directory {name}"));
    }
}

/// The signing keys: those that the database has, and those that could be read.
fn signing_keys(report: &mut Report, record: &TenantRecord, keys: &[KeyView], now: DateTime<Utc>) {
    let key = |one: &'_ KeyView| -> (String, DateTime<Utc>, Option<DateTime<Utc>>, bool) {
        let opens = record.keys.iter().any(|other| other.kid == one.kid);
        (one.alg.clone(), one.active_from, one.retired_at, opens)
    };
    let read: Vec<_> = keys.iter().map(key).collect();
    let keys: Vec<_> = read
        .iter()
        .map(|(alg, active_from, retired_at, opens)| Key {
            alg,
            active_from: *active_from,
            retired_at: *retired_at,
            opens: *opens,
        })
        .collect();
    report.signing_keys(&record.slug, &keys, now);
}

/// The names of the keys that the issuer has to publish; none, if asking for its keys would have one
/// made that is not there yet.
fn published(record: &TenantRecord, keys: &[KeyView], now: DateTime<Utc>) -> Vec<String> {
    let signs = |alg: &str| {
        let of_alg = keys.iter().filter(|key| key.alg == alg && key.active_from <= now);
        of_alg.into_iter().any(|key| key.retired_at.is_none_or(|end| now < end))
    };
    let algorithms = record
        .applications
        .iter()
        .filter_map(|one| one.settings.id_token_signed_response_alg.clone());
    let mut algorithms = algorithms.chain([Alg::RS256.as_str().to_owned()]);
    if !algorithms.all(|alg| signs(&alg)) {
        return Vec::new();
    }
    let live = keys.iter().filter(|key| key.expires_at.is_none_or(|end| now < end));
    live.map(|key| key.kid.clone()).collect()
}

/// Something that ends.
fn said(
    report: &mut Report,
    of: Of<'_>,
    end: &ExpiryView,
    (now, is_accepted): (DateTime<Utc>, bool),
) {
    let end = End {
        kind: end.at.kind,
        name: end.token.as_deref(),
        urgency: end.urgency(now),
        ends_at: end.ends_at(),
        days_left: end.days_left(now),
        is_accepted: is_accepted && !end.is_refused,
    };
    report.end(of, &end);
}
