//! The store against a real Postgres.
//!
//! `TEST_DATABASE_URL` names a server on which databases may be created; without it one is started
//! (`common`). All tests share one database and keep apart as tenants do.

#[cfg(test)]
#[path = "database/account_sessions.rs"]
mod account_sessions;
#[cfg(test)]
#[path = "database/accounts.rs"]
mod accounts;
#[cfg(test)]
#[path = "database/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "database/branding.rs"]
mod branding;
#[cfg(test)]
#[path = "database/catalogue.rs"]
mod catalogue;
#[cfg(test)]
#[path = "database/changes.rs"]
mod changes;
#[cfg(test)]
#[path = "database/claim_samples.rs"]
mod claim_samples;
#[cfg(test)]
#[path = "database/client_assertions.rs"]
mod client_assertions;
#[cfg(test)]
#[path = "database/common.rs"]
mod common;
#[cfg(test)]
#[path = "database/directory_hosts.rs"]
mod directory_hosts;
#[cfg(test)]
#[path = "database/directory_secrets.rs"]
mod directory_secrets;
#[cfg(test)]
#[path = "database/domain_proofs.rs"]
mod domain_proofs;
#[cfg(test)]
#[path = "database/epoch.rs"]
mod epoch;
#[cfg(test)]
#[path = "database/fixture.rs"]
mod fixture;
#[cfg(test)]
#[path = "database/grants.rs"]
mod grants;
#[cfg(test)]
#[path = "database/housekeeping.rs"]
mod housekeeping;
#[cfg(test)]
#[path = "database/import.rs"]
mod import;
#[cfg(test)]
#[path = "database/isolation.rs"]
mod isolation;
#[cfg(test)]
#[path = "database/keyed_requests.rs"]
mod keyed_requests;
#[cfg(test)]
#[path = "database/latency.rs"]
mod latency;
#[cfg(test)]
#[path = "database/logins.rs"]
mod logins;
#[cfg(test)]
#[path = "database/master_key.rs"]
mod master_key;
#[cfg(test)]
#[path = "database/members.rs"]
mod members;
#[cfg(test)]
#[path = "database/migrations.rs"]
mod migrations;
#[cfg(test)]
#[path = "database/people.rs"]
mod people;
#[cfg(test)]
#[path = "database/proposed_hosts.rs"]
mod proposed_hosts;
#[cfg(test)]
#[path = "database/refresh.rs"]
mod refresh;
#[cfg(test)]
#[path = "database/sessions.rs"]
mod sessions;
#[cfg(test)]
#[path = "database/setup_links.rs"]
mod setup_links;
#[cfg(test)]
#[path = "database/sightings.rs"]
mod sightings;
#[cfg(test)]
#[path = "database/signing_keys.rs"]
mod signing_keys;
#[cfg(test)]
#[path = "database/staff_identities.rs"]
mod staff_identities;
#[cfg(test)]
#[path = "database/tenant_hosts.rs"]
mod tenant_hosts;
#[cfg(test)]
#[path = "database/transactions.rs"]
mod transactions;
#[cfg(test)]
#[path = "database/users.rs"]
mod users;
