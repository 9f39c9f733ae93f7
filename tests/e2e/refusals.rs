//! Bad input from applications and browsers: each refusal is specific, goes to where it belongs,
//! and gives nothing away.
//!
//! - [`authorize`]: a page while the redirect URI is unproven, the application's own response mode
//!   after; [`limits`]: what is too much;
//! - [`token`], [`client`]: the token endpoint's codes and its clients; [`userinfo`]: bearer tokens;
//! - [`tenants`]: what belongs to another tenant, and addresses that are nobody's.
//!
//! The directory is honest here and signs in at once, so that every code comes by the front door.

mod authorize;
mod client;
mod limits;
mod tenants;
mod token;
mod userinfo;

use anyhow::Result;
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use crate::scene::application;
use crate::wire::{CALLBACK, Parameters, Shown, code};

/// A gateway with two tenants, `acme` and `beta`, which both have an application `app` with the
/// same secret and a directory `honest`.
pub(crate) struct Desk {
    gateway: Gateway,
    hostile: Hostile,
}

impl Desk {
    async fn open() -> Result<Self> {
        let desk = Self { gateway: Gateway::start().await?, hostile: Hostile::start().await? };
        desk.gateway.apply(&desk.configuration()).await?;
        Ok(desk)
    }

    fn configuration(&self) -> String {
        let generic = |client_id| application(client_id, "generic", CALLBACK);
        let acme = [
            generic("app"),
            generic("other"),
            generic("off") + "        disabled: true\n",
            application("imis", "imis", CALLBACK),
            "      - client_id: public\n        name: public\n        public: true\n".to_owned(),
            format!("        redirect_uris: [\"{CALLBACK}\"]\n"),
        ];
        let beta = [generic("app"), generic("only-beta")];
        let directory = self.hostile.configuration("honest");
        let tenant = |slug: &str, applications: &[String]| {
            format!(
                "  - slug: {slug}
    name: Association {slug}
    applications:
{}    directories:
{directory}",
                applications.concat()
            )
        };
        format!("tenants:\n{}{}", tenant("acme", &acme), tenant("beta", &beta))
    }

    fn acme(&self) -> String {
        self.gateway.issuer("acme")
    }

    fn beta(&self) -> String {
        self.gateway.issuer("beta")
    }

    /// A fresh code of an application of `acme`, from a login of its own.
    async fn code(&self, client_id: &str) -> Result<String> {
        let request = Parameters::authorize(client_id).at(&self.acme());
        code(&mut Agent::new()?, &request).await
    }

    /// An answer to one authorization request, from a browser without cookies.
    async fn ask(&self, request: &Parameters) -> Result<Page> {
        Agent::new()?.get_once(&request.at(&self.acme())).await
    }
}

/// Asserts that a page explains this failure, and that it leads nowhere, is not kept, not framed,
/// and sets no cookie.
fn assert_page(page: &Page, failure: &str, case: &str) {
    let shown = Shown::read(page).map(|shown| shown.failure);
    assert_eq!((page.status, shown.as_deref()), (400, Some(failure)), "{case}: {}", page.text());
    assert_eq!(page.header("location"), "", "{case}");
    assert_eq!(page.header("set-cookie"), "", "{case}");
    assert_headers(page, case);
}

/// [RFC6749-5.1] [RFC6819-4.4.1.9]
fn assert_headers(page: &Page, case: &str) {
    assert_eq!(page.header("cache-control"), "no-store", "{case}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{case}");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "{case}");
    let policy = page.header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{case}: {directive} in {policy}");
    }
}
