//! What the operator types.
//!
//! - `accounts`: who may use the dashboard, and links;
//! - `apply`: plans, secrets, mistakes, and what a running gateway makes of a change;
//! - `operate`: keys, timelines, settings, the end.

mod accounts;
mod apply;
mod operate;

use anyhow::Result;
use tests::gateway::Gateway;

/// A tenant without need of a directory that answers.
const PLAIN: &str = "tenants:
  - slug: acme
    name: Acme Association
    applications:
      - client_id: imis
        name: iMIS
        preset: imis
        client_secret: ${env:IMIS_SECRET}
        redirect_uris: [\"https://imis.acme.example/\"]
        claims:
          member_type: { from: [profile.member_type], on_missing: drop }
      - client_id: lms
        name: Learning
        client_secret: ${file:lms.secret}
        redirect_uris: [\"https://lms.acme.example/cb\"]
        directories: [okta]
    directories:
      - slug: okta
        name: Acme staff
        preset: okta
        issuer: https://acme.okta.example
        client_id: 0oa1
        client_secret: ${env:OKTA_SECRET}
        state: active
        domains: [acme.example, \"*.acme.example\"]
        profile:
          staff: { expr: \"'Staff' in claims.groups\", type: bool, default: false }
";

const ENV: [(&str, &str); 2] = [
    ("IMIS_SECRET", "the-imis-secret-of_this-test"),
    ("OKTA_SECRET", "the-okta-secret-of_this-test"),
];

/// Applies [`PLAIN`].
pub(crate) async fn plain(gateway: &Gateway) -> Result<String> {
    gateway.file("lms.secret", "the-lms-secret-of_this-test\n")?;
    let path = gateway.file("plain.yaml", PLAIN)?;
    gateway.run_with(&["apply", "-f", &path], &ENV).await?.success()
}
