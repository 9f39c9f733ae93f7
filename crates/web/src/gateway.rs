//! All of it put together: what the gateway is made of, how it starts and how it stops.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::address;
use broker::front::host::PublicHost;
use broker::id::{LoginId, Slug};
use broker::seal::MasterKey;
use ipnet::IpNet;
use store::{DirectoryRecord, Store, TenantRecord};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::api::pace::Pace;
use crate::claim_samples::ClaimSamples;
use crate::clock::Clock;
use crate::dashboard::{Attempts, Webauthn, relying_party};
use crate::dns::{Dns, recheck};
use crate::egress::{Egress, Policy};
use crate::front::Front;
use crate::front::tally::Tally;
use crate::listener::Listener;
use crate::logo::Logos;
use crate::probe::Prober;
use crate::recorder::Recorder;
use crate::sightings::Sightings;
use crate::tenants::Tenants;
use crate::upstream::{Moves, Upstream};
use crate::{jobs, router};

/// How long the start waits for the database's time.
const FIRST_COMPARISON: Duration = Duration::from_secs(3);
/// The most logins remembered as being finished.
const FINISHING: usize = 100_000;

/// What the gateway is started with.
#[derive(Debug)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What people and applications call it, without a trailing slash; `None`: the address that
    /// was bound, which suits one machine only.
    pub public_url: Option<String>,
    /// The database, connected as the gateway's own role.
    pub store: Store,
    /// The same, connected as the operator's role, for the admin API.
    pub operator: Store,
    /// The same, for who calls it: nobody waits for another's work to be known.
    pub api_tokens: Store,
    /// The key that seals what browsers carry.
    pub master: MasterKey,
    /// Where the gateway may connect to.
    pub egress: Policy,
    /// Who is asked for the records that prove a domain.
    pub dns: Dns,
    /// Proxies that may say whose request they pass on.
    pub trusted_proxies: Vec<IpNet>,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could not be bound.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The public URL cannot be one.
    #[error("the public URL {0} cannot be used: {1}")]
    PublicUrl(String, &'static str),
    /// The outbound client could not be made.
    #[error("the client for outbound requests could not be made")]
    Egress(#[source] crate::egress::EgressError),
}

/// Everything a request needs.
pub(crate) struct App {
    pub(crate) store: Store,
    /// What the admin API works on; nothing on the way of a login touches it.
    pub(crate) operator: Store,
    pub(crate) api_tokens: Store,
    pub(crate) prober: Prober,
    pub(crate) api: Pace,
    /// Who tries to sign in to the dashboard.
    pub(crate) attempts: Attempts,
    /// What passkeys of the dashboard are for, if there can be any.
    pub(crate) relying_party: Option<Webauthn>,
    /// Who is asked for the record that proves a domain.
    pub(crate) dns: Dns,
    /// What every issuer begins with.
    pub(crate) public_url: Arc<str>,
    pub(crate) tenants: Tenants,
    pub(crate) logos: Logos,
    pub(crate) upstream: Upstream,
    pub(crate) master: MasterKey,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    pub(crate) sightings: Sightings,
    pub(crate) claim_samples: ClaimSamples,
    /// Set once it was told to stop: balancers are to look elsewhere.
    pub(crate) leaving: Arc<AtomicBool>,
    /// Held while a tenant's first key is made, which takes a processor a while.
    pub(crate) making_key: tokio::sync::Mutex<()>,
    /// Whether cookies are Secure: the public URL is https.
    pub(crate) secure: bool,
    /// Logins whose callback arrived at this node, so that a second copy of it does not redeem the
    /// directory's code once more. The commit's unique key is what holds across nodes.
    pub(crate) finishing: Finishing,
}

impl App {
    /// A tenant's issuer.
    pub(crate) fn issuer(&self, tenant: &TenantRecord) -> String {
        address::issuer(&self.public_url, &tenant.slug, tenant.addresses.own.as_ref())
    }

    /// The redirect URI by which a directory knows us.
    pub(crate) fn callback(&self, tenant: &TenantRecord, directory: &DirectoryRecord) -> String {
        let (host, slug) = (directory.callback_host.as_ref(), &directory.settings.slug);
        address::callback(&self.public_url, &tenant.slug, host, slug)
    }

    /// The redirect URI that a directory of that slug has or, if it is new, will have.
    pub(crate) fn callback_of(&self, tenant: &TenantRecord, directory: &Slug) -> String {
        let mut known = tenant.directories.iter();
        let known = known.find(|one| one.settings.slug == *directory);
        let own = tenant.addresses.own.as_ref();
        let host = known.map_or(own, |known| known.callback_host.as_ref());
        address::callback(&self.public_url, &tenant.slug, host, directory)
    }
}

/// The last logins whose callback arrived here.
#[derive(Default)]
pub(crate) struct Finishing(Mutex<(HashSet<LoginId>, VecDeque<LoginId>)>);

impl Finishing {
    /// Whether this is the first callback of the login at this node.
    pub(crate) fn claim(&self, login: LoginId) -> bool {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, order) = &mut *guard;
        if !seen.insert(login) {
            return false;
        }
        order.push_back(login);
        if order.len() > FINISHING
            && let Some(oldest) = order.pop_front()
        {
            seen.remove(&oldest);
        }
        true
    }
}

/// The gateway.
pub struct Gateway;

/// A gateway that runs.
#[derive(Debug)]
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// The public URL it answers as.
    pub public_url: String,
    leaving: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Binds the address and serves.
    ///
    /// # Errors
    /// See [`StartError`]. The database may be away: requests are answered 503 until it is there.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let wanted = options.listen;
        let listener =
            TcpListener::bind(wanted).await.map_err(|e| StartError::Listen(wanted, e))?;
        let addr = listener.local_addr().map_err(|e| StartError::Listen(wanted, e))?;
        let (public_url, public) = public(options.public_url, addr)?;
        let clock = Clock;
        // With the database away, the machine's clock has to do until it is back.
        let _ = tokio::time::timeout(FIRST_COMPARISON, clock.compare(&options.store)).await;
        let egress = Egress::new(options.egress).map_err(StartError::Egress)?;
        let (recorder, writer) = Recorder::start(options.store.clone());
        let (sightings, observer) = Sightings::start(options.store.clone());
        let (claim_samples, keeper) = ClaimSamples::start(options.store.clone());
        let tenants = Tenants::new(options.store.clone(), clock, public_url.as_str().into());
        let leaving = Arc::<AtomicBool>::default();
        let app = Arc::new(App {
            leaving: Arc::clone(&leaving),
            tenants,
            logos: Logos::default(),
            prober: Prober::over(egress.clone(), clock),
            upstream: Upstream::new(egress, clock)
                .noting(Moves::start(options.store.clone(), clock)),
            store: options.store.clone(),
            operator: options.operator,
            api_tokens: options.api_tokens,
            api: Pace::default(),
            attempts: Attempts::default(),
            relying_party: relying_party(&public_url),
            dns: options.dns.clone(),
            public_url: public_url.as_str().into(),
            master: options.master,
            clock,
            recorder,
            sightings,
            claim_samples,
            making_key: tokio::sync::Mutex::default(),
            secure: public_url.starts_with("https:"),
            finishing: Finishing::default(),
        });
        let hosts = app.tenants.hosts().clone();
        let (stop, stopping) = watch::channel(false);
        let tally = Arc::<Tally>::default();
        let mut background = vec![writer, observer, keeper];
        background.extend(beside(&app, &tally, &stopping));
        let trusted: Arc<[IpNet]> = options.trusted_proxies.into();
        let front = Front::new(public, Arc::clone(&trusted), Arc::clone(&tally), stopping.clone())
            .with_hosts(hosts);
        let service = router::router(app, &Arc::new(front));
        let listener = Listener { socket: listener, trusted, tally };
        let server = tokio::spawn(listener.serve(service, stopping));
        Ok(Running { addr, public_url, leaving, stop, server, background })
    }
}

/// What goes on beside requests until the gateway is told to stop.
fn beside(
    app: &Arc<App>,
    tally: &Arc<Tally>,
    stopping: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let (store, tenants) = (|| app.store.clone(), || app.tenants.clone());
    let (clock, until) = (app.clock, || stopping.clone());
    let dns = app.dns.clone();
    let heads = (store(), app.master.clone());
    vec![
        tokio::spawn(jobs::follow_changes(store(), tenants(), until())),
        tokio::spawn(recheck::run(store(), tenants(), dns, clock, until())),
        tokio::spawn(jobs::watch_master_key(store(), until())),
        tokio::spawn(jobs::state_audit_heads(heads, tenants(), clock, until())),
        tokio::spawn(jobs::clean_up(store(), tenants(), clock, until())),
        tokio::spawn(jobs::forget_requests(app.operator.clone(), clock, until())),
        tokio::spawn(clock.follow(store(), until())),
        tokio::spawn(Arc::clone(tally).run(until())),
    ]
}

impl Running {
    /// Stops accepting, lets running requests finish for up to 30 seconds, writes what waits.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.server.await;
        for task in self.background {
            let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
        }
    }

    /// Waits until `signal` comes, then stops. For `drain_delay` before that it serves as ever and
    /// `/readyz` says 503: a connection that a balancer makes in the last moment would find nobody
    /// (THREATS F-15).
    pub async fn run_until(self, signal: impl Future<Output = ()>, drain_delay: Duration) {
        signal.await;
        tracing::info!("stopping");
        self.leaving.store(true, Ordering::Relaxed);
        tokio::time::sleep(drain_delay).await;
        self.stop().await;
    }
}

/// Waits until the gateway is told to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a reason to stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// What people and applications call it, and the host of that.
fn public(given: Option<String>, addr: SocketAddr) -> Result<(String, PublicHost), StartError> {
    let url = public_url(given, addr)?;
    let host = PublicHost::of(&url);
    let host = host.ok_or_else(|| StartError::PublicUrl(url.clone(), "it has no host"))?;
    Ok((url, host))
}

/// Plain http is for loopback alone: cookies could not be Secure, and codes would be readable.
fn public_url(given: Option<String>, addr: SocketAddr) -> Result<String, StartError> {
    let text = given.unwrap_or_else(|| format!("http://{addr}"));
    let text = text.trim_end_matches('/').to_owned();
    let refuse = |why| Err(StartError::PublicUrl(text.clone(), why));
    let Ok(url) = Url::parse(&text) else { return refuse("it is not a URL") };
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return refuse("it has no host"),
    };
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return refuse("it must be a plain address such as https://login.example.org");
    }
    match url.scheme() {
        "https" => Ok(text),
        "http" if loopback => Ok(text),
        "http" => refuse("it must be https; http is for loopback addresses alone"),
        _ => refuse("it must be https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Option<String> {
        public_url(Some(text.to_owned()), ([127, 0, 0, 1], 80).into()).ok()
    }

    #[test]
    fn public_url_is_https_or_loopback() {
        assert_eq!(given("https://login.example.org/"), Some("https://login.example.org".into()));
        assert_eq!(given("http://127.0.0.1:8080"), Some("http://127.0.0.1:8080".into()));
        for bad in ["http://login.example.org", "https://a.example/?x", "ftp://a.example", "a"] {
            assert_eq!(given(bad), None, "{bad}");
        }
        let bound = public_url(None, ([127, 0, 0, 1], 4711).into()).unwrap();
        assert_eq!(bound, "http://127.0.0.1:4711");
    }
}
