//! One tenant with an application and a directory, as settings: right at first, then with a mistake
//! in them, then mended.

use serde_json::{Value, json};
use tests::hostile::{CLIENT_ID, CLIENT_SECRET, HUSH, Lie};

use super::Peer;
use crate::scene::SECRET;
use crate::wire::{CALLBACK, Parameters};

/// The secret that a directory's administrator makes in place of one that has expired.
pub(crate) const NEW_SECRET: &str = "another-s3cret-of_at-least-sixteen-characters";

/// What no timeline may hold: whose it is, and what proves something.
pub(crate) const HUSHED: [&str; 7] = [HUSH, SECRET, NEW_SECRET, "eyJ", "Dana", "dana@", "lee@"];

/// What a case cannot choose.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) tenant: String,
    /// The tenant's issuer.
    pub(crate) ours: String,
    /// Where the directory sends people back to.
    pub(crate) callback: String,
    /// The directory's issuer, when nothing is wrong with it.
    pub(crate) issuer: String,
    /// A port for a directory that has one of its own, and the files of its certificates.
    pub(crate) port: u16,
    pub(crate) certificates: String,
}

/// The settings of everybody.
#[derive(Debug, Clone)]
pub(crate) struct Stand {
    pub(crate) place: Place,
    /// How the library is set up.
    pub(crate) realm: Value,
    /// What the liar tells.
    pub(crate) lies: Vec<Lie>,
    tenant: Value,
    application: Value,
    directory: Value,
    /// The tenant's other directories, which nobody gets to.
    others: Vec<Value>,
    /// What the application sends.
    pub(crate) request: Parameters,
}

impl Stand {
    /// One at which everything is right.
    pub(crate) fn right(place: Place, peer: Peer) -> Self {
        let issuer = &place.issuer;
        let (client_id, secret) = match peer {
            Peer::Library => ("gateway", SECRET),
            Peer::Liar => (CLIENT_ID, CLIENT_SECRET),
        };
        let person = format!("dana@{}.example", place.tenant);
        Self {
            realm: json!({ "clients": [{
                "client_id": client_id,
                "client_secret": secret,
                "redirect_uris": [place.callback],
            }] }),
            lies: Vec::new(),
            tenant: json!({ "slug": place.tenant, "name": "Acme Association" }),
            application: json!({
                "client_id": "app",
                "name": "The application",
                "client_secret": SECRET,
                "redirect_uris": [CALLBACK],
            }),
            directory: json!({
                "slug": "corp",
                "name": "The corporation",
                "issuer": issuer,
                "client_id": client_id,
                "client_secret": secret,
                "state": "active",
            }),
            others: Vec::new(),
            request: Parameters::authorize("app").set("login_hint", &person),
            place,
        }
    }

    /// The same with another request of the application.
    pub(crate) fn asking(&self, request: Parameters) -> Self {
        Self { request, ..self.clone() }
    }

    /// The tenant as an item of a configuration file.
    pub(crate) fn configuration(&self) -> Value {
        let mut tenant = self.tenant.clone();
        let directories: Vec<_> = [&self.directory].into_iter().chain(&self.others).collect();
        put(&mut tenant, "applications", json!([self.application]));
        put(&mut tenant, "directories", json!(directories));
        tenant
    }

    /// Sets a member of the tenant; null takes it away, here as in the following.
    pub(crate) fn tenant(&mut self, name: &str, value: Value) {
        put(&mut self.tenant, name, value);
    }

    /// Sets a member of the application.
    pub(crate) fn application(&mut self, name: &str, value: Value) {
        put(&mut self.application, name, value);
    }

    /// Sets a member of the directory's settings here.
    pub(crate) fn directory(&mut self, name: &str, value: Value) {
        put(&mut self.directory, name, value);
    }

    /// Sets how the directory itself is.
    pub(crate) fn realm(&mut self, name: &str, value: Value) {
        put(&mut self.realm, name, value);
    }

    /// Sets how we are registered there.
    pub(crate) fn client(&mut self, name: &str, value: Value) {
        if let Some(client) = self.realm.pointer_mut("/clients/0") {
            put(client, name, value);
        }
    }

    /// Who signs in at the realm, with these claims or with a refusal.
    pub(crate) fn person(&mut self, what: Value) {
        let name = self.name();
        self.people(&name, what);
    }

    /// Who signs in before, in the cases that want somebody.
    pub(crate) fn colleague(&mut self, what: Value) {
        let name = format!("lee@{}", self.domain());
        self.people(&name, what);
    }

    fn people(&mut self, name: &str, what: Value) {
        let mut people = self.realm.get("people").cloned().unwrap_or_else(|| json!({}));
        put(&mut people, name, what);
        self.realm("people", people);
    }

    /// The login name of the person.
    pub(crate) fn name(&self) -> String {
        format!("dana@{}", self.domain())
    }

    /// The domain of everybody here.
    pub(crate) fn domain(&self) -> String {
        format!("{}.example", self.place.tenant)
    }

    /// Another directory of the tenant, in this state.
    pub(crate) fn other(&mut self, slug: &str, state: &str) {
        self.others.push(json!({
            "slug": slug,
            "name": slug,
            "issuer": format!("https://{slug}.{}", self.domain()),
            "client_id": slug,
            "client_secret": SECRET,
            "state": state,
        }));
    }

    /// The realm on a port of its own, with this certificate.
    pub(crate) fn certificate(&mut self, name: &str) {
        let (place, folder) = (&self.place, &self.place.certificates);
        let tls = json!({
            "port": place.port,
            "key": format!("{folder}/server.key"),
            "cert": format!("{folder}/{name}.pem"),
        });
        let issuer = format!("https://127.0.0.1:{}/{}", place.port, place.tenant);
        self.realm("tls", tls);
        self.directory("issuer", json!(issuer));
    }

    /// A text with what the test made up filled in.
    pub(crate) fn filled(&self, text: &str) -> String {
        let Place { ours, callback, issuer, tenant, .. } = &self.place;
        text.replace("{ours}", ours)
            .replace("{callback}", callback)
            .replace("{issuer}", issuer)
            .replace("{tenant}", tenant)
    }
}

/// Sets a member; null takes it away.
pub(crate) fn put(object: &mut Value, name: &str, value: Value) {
    let Some(object) = object.as_object_mut() else { return };
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
}
