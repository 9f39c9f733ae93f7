//! Where somebody would be sent, and the domains that decide it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::authority::Need;
use broker::domain_proof::{Finding, Proof, claim};
use broker::email::Domain as DomainName;
use broker::routing::Choice;
use broker::routing::explain::{Explanation, explain};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::ProofChange;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{Asked, Body, RouteQuery, shaped};
use super::page::Page;
use super::problem::{Problem, Refusals};
use crate::gateway::App;

/// The most domains that a tenant claims over the network: each is looked at again and again.
const MOST: usize = 100;

/// Where somebody would be sent from one application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Route {
    /// The application.
    pub(crate) client_id: String,
    /// What would happen.
    pub(crate) outcome: Outcome,
    /// The directory, or those that the chooser would offer.
    pub(crate) directories: Vec<String>,
    /// Why.
    pub(crate) reason: String,
    /// Directories that the address fits and that are passed over.
    pub(crate) passed_over: Vec<PassedOver>,
}

/// What would happen.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// They would go to one directory.
    Directory,
    /// They would be asked.
    Chooser,
    /// There is nowhere to go.
    Nowhere,
}

/// A directory that is passed over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PassedOver {
    /// Its slug.
    pub(crate) directory: String,
    /// Why.
    pub(crate) reason: String,
}

impl From<Explanation> for Route {
    fn from(explanation: Explanation) -> Self {
        let (outcome, directories) = match explanation.choice {
            Choice::Directory(one) => (Outcome::Directory, vec![one]),
            Choice::Ask(all) => (Outcome::Chooser, all),
            Choice::Nowhere => (Outcome::Nowhere, Vec::new()),
        };
        Self {
            client_id: explanation.client_id,
            outcome,
            directories: directories.iter().map(|one| one.slug.to_string()).collect(),
            reason: explanation.reason,
            passed_over: explanation
                .passed_over
                .into_iter()
                .map(|one| PassedOver {
                    directory: one.directory.slug.to_string(),
                    reason: one.why.to_string(),
                })
                .collect(),
        }
    }
}

/// Where an e-mail address would be sent, and why: by application
#[utoipa::path(get, path = "/tenants/{tenant}/route", tag = "Routing", operation_id = "getRoute",
    params(("tenant" = String, Path, description = "The tenant's slug"), RouteQuery),
    responses((status = 200, body = Page<Route>), Refusals))]
pub(crate) async fn get_route(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(asked): Asked<RouteQuery>,
) -> Result<Json<Page<Route>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let tenant = record.compile().tenant;
    let wanted = asked.application.as_deref();
    let applications = tenant.applications.iter();
    let items: Vec<_> = applications
        .filter(|one| wanted.is_none_or(|wanted| one.client.client_id == wanted))
        .map(|one| Route::from(explain(&tenant, one, &asked.email)))
        .collect();
    if items.is_empty() && wanted.is_some() {
        return Err(Problem::not_found());
    }
    Ok(Json(Page { items, next: None }))
}

/// A domain that a tenant claims.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Domain {
    /// Its name.
    pub(crate) name: String,
    /// Where the proof stands.
    pub(crate) state: Standing,
    /// The name of the TXT record that proves it.
    pub(crate) record_name: String,
    /// Its value.
    pub(crate) record_value: String,
    /// Since when it is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proven_at: Option<DateTime<Utc>>,
    /// When the record was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seen_at: Option<DateTime<Utc>>,
    /// When it was last looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checked_at: Option<DateTime<Utc>>,
}

/// Where a proof stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// The record was not seen yet.
    Pending,
    /// The domain is the tenant's.
    Proven,
    /// It still is, but the record was missing at the last look.
    Missing,
    /// It was, and the record is gone.
    Lost,
}

impl From<&Proof> for Domain {
    fn from(proof: &Proof) -> Self {
        use broker::domain_proof::State;
        Self {
            name: proof.domain.as_str().to_owned(),
            state: match proof.state() {
                State::Pending => Standing::Pending,
                State::Proven => Standing::Proven,
                State::Doubtful => Standing::Missing,
                State::Lost => Standing::Lost,
            },
            record_name: proof.record_name(),
            record_value: proof.record_value(),
            proven_at: proof.proven_at,
            seen_at: proof.seen_at,
            checked_at: proof.checked_at,
        }
    }
}

/// The domains that a tenant claims, by name
#[utoipa::path(get, path = "/tenants/{tenant}/domains", tag = "Routing",
    operation_id = "listDomains",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<Domain>), Refusals))]
pub(crate) async fn list_domains(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<Domain>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let proofs = caller.operator().domain_proofs(record.id).await?;
    Ok(Json(Page { items: proofs.iter().map(Domain::from).collect(), next: None }))
}

/// A domain that is to be claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainOrder {
    /// Its name.
    #[schema(example = "acme.org")]
    name: String,
}

/// Claim a domain: the answer has the TXT record that proves it
#[utoipa::path(post, path = "/tenants/{tenant}/domains", tag = "Routing",
    operation_id = "claimDomain",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = DomainOrder,
    responses((status = 201, body = Domain), Refusals))]
pub(crate) async fn claim_domain(
    caller: Caller,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Domain>), Problem> {
    let record = caller.tenant_for(Need::Editor, &tenant).await?;
    let order: DomainOrder = shaped(body)?;
    let domain = claim(&order.name).map_err(|why| Problem::invalid("name", why.to_string()))?;
    let operator = caller.operator();
    let known = operator.domain_proofs(record.id).await?;
    if known.len() >= MOST && !known.iter().any(|proof| proof.domain == domain) {
        return Err(Problem::conflict("100 domains are claimed, which is the most; remove one"));
    }
    let mut tx = operator.begin().await?;
    let proof = tx.claim_domain(record.id, &domain, caller.now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Domain::from(&proof))))
}

/// What a look for the record found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Looked {
    /// Whether the record is there.
    pub(crate) found: bool,
    /// What is there instead, or why nobody could say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instead: Option<String>,
    /// The domain as it stands now.
    pub(crate) domain: Domain,
}

/// Look for the record that proves a domain
#[utoipa::path(post, path = "/tenants/{tenant}/domains/{domain}/check", tag = "Routing",
    operation_id = "checkDomain",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("domain" = String, Path, description = "The domain")),
    responses((status = 200, body = Looked), Refusals))]
pub(crate) async fn check_domain(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, domain)): Path<(String, String)>,
) -> Result<Json<Looked>, Problem> {
    let record = caller.tenant_for(Need::Editor, &tenant).await?;
    let domain = DomainName::parse(&domain).ok_or_else(Problem::not_found)?;
    let operator = caller.operator();
    let known = operator.domain_proofs(record.id).await?;
    let before = known.into_iter().find(|proof| proof.domain == domain);
    let before = before.ok_or_else(Problem::not_found)?;
    app.api.probe(record.id).map_err(Problem::too_many)?;
    // No transaction is open while the name servers take their time, and nobody else waits.
    caller.give_back_turn();
    let finding = app.dns.look(&before).await;
    let now = app.clock.now();
    let after = before.after(&finding, now);
    let mut tx = operator.begin().await?;
    let change = tx.keep_domain_proof(record.id, &before, &after, now).await?;
    tx.commit().await?;
    match change {
        ProofChange::Kept => {}
        ProofChange::Outdated => return Err(Problem::conflict("somebody else looked just now")),
        ProofChange::Taken => {
            return Err(Problem::conflict(
                "another tenant has this domain, or one above or below it; ask the operator",
            ));
        }
    }
    let instead = match finding {
        Finding::Present => None,
        Finding::Silence(why) => Some(why),
        Finding::Absent { other_value: true, .. } => {
            Some("a record of this kind with another value".to_owned())
        }
        Finding::Absent { records, .. } => Some(format!("{records} other TXT records")),
    };
    Ok(Json(Looked { found: instead.is_none(), instead, domain: Domain::from(&after) }))
}

/// Give a domain up
#[utoipa::path(delete, path = "/tenants/{tenant}/domains/{domain}", tag = "Routing",
    operation_id = "removeDomain",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("domain" = String, Path, description = "The domain")),
    responses((status = 204), Refusals))]
pub(crate) async fn remove_domain(
    caller: Caller,
    Path((tenant, domain)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let domain = DomainName::parse(&domain).ok_or_else(Problem::not_found)?;
    let mut tx = caller.operator().begin().await?;
    let gone = tx.remove_domain_proof(record.id, &domain, caller.now).await?;
    tx.commit().await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
