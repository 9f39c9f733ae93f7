//! A certified provider that behaves as one vendor does: its addresses, its discovery document, the
//! places its claims come from, its strictness and its silence.

use anyhow::Result;
use serde_json::{Value, json};

use super::Process;
use super::node::{node, started};

/// Whose habits it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// Okta's organisation server: thin ID tokens.
    Okta,
    /// Microsoft's shared endpoints, and the ones of [`TENANT`].
    Entra,
    /// A Cognito user pool on its two hosts. It knows no `login_hint`, so it shows its page.
    Cognito,
    /// AD FS with claim rules for address, names and groups.
    Adfs,
}

/// The tenant id of everybody at [`Vendor::Entra`] of whom a test says nothing else.
pub const TENANT: &str = "2f7d0c6e-5b1a-4c3d-9e8f-0a1b2c3d4e5f";

impl Vendor {
    /// Its directory preset.
    pub const fn preset(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::Cognito => "cognito",
            Self::Adfs => "adfs",
        }
    }
}

/// One of our registrations at a vendor, with these more members of client metadata.
pub fn client(redirect_uri: &str, more: &Value) -> Value {
    let mut client = json!({"client_id": "gateway", "redirect_uris": [redirect_uri]});
    if let (Some(client), Some(more)) = (client.as_object_mut(), more.as_object()) {
        client.extend(more.clone());
    }
    client
}

/// The provider. `staff…` is staff in the words of the vendor: a group, an app role.
#[derive(Debug)]
pub struct VendorPeer {
    /// What a member of staff types to connect it.
    pub typed: String,
    process: Process,
}

impl VendorPeer {
    /// Starts it for one client (see [`client`]) and some people: login name to claims that replace
    /// the made-up ones, `null` for none; `refusal` to the error that the person gets.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start(vendor: Vendor, client: &Value, people: &Value) -> Result<Self> {
        let mut command = node("vendor.mjs", 0)?;
        command.env("VENDOR", vendor.preset()).env("TENANT", TENANT);
        command.env("AUTO", if vendor == Vendor::Cognito { "0" } else { "1" });
        command.env("CLIENTS", json!([client]).to_string()).env("USERS", people.to_string());
        let (process, typed) = started(vendor.preset(), command).await?;
        Ok(Self { typed, process })
    }

    /// What its back channel was asked: `token 200 client_secret_post pkce`, `userinfo 200`.
    pub fn back_channel(&self) -> Vec<String> {
        let log = self.process.log();
        let asked = |line: &&str| line.starts_with("token ") || line.starts_with("userinfo ");
        log.lines().filter(asked).map(ToOwned::to_owned).collect()
    }
}
