//! All of it put together: what the gateway is made of, how it starts and how it stops.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::id::LoginId;
use broker::seal::MasterKey;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::clock::Clock;
use crate::dns::{Dns, recheck};
use crate::egress::{Egress, Policy};
use crate::recorder::Recorder;
use crate::tenants::Tenants;
use crate::upstream::Upstream;
use crate::{jobs, router};

/// How long running requests may take to finish when the gateway stops.
const DRAIN: Duration = Duration::from_secs(30);
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
    /// The key that seals what browsers carry.
    pub master: MasterKey,
    /// Where the gateway may connect to.
    pub egress: Policy,
    /// Who is asked for the records that prove a domain.
    pub dns: Dns,
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
    pub(crate) tenants: Tenants,
    pub(crate) upstream: Upstream,
    pub(crate) master: MasterKey,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    /// Held while a tenant's first key is made, which takes a processor a while.
    pub(crate) making_key: tokio::sync::Mutex<()>,
    /// Whether cookies are Secure: the public URL is https.
    pub(crate) secure: bool,
    /// Logins whose callback arrived at this node, so that a second copy of it does not redeem the
    /// directory's code once more. The commit's unique key is what holds across nodes.
    pub(crate) finishing: Finishing,
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
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
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
        let public_url = public_url(options.public_url, addr)?;
        let clock = Clock;
        let egress = Egress::new(options.egress).map_err(StartError::Egress)?;
        let (recorder, writer) = Recorder::start(options.store.clone());
        let tenants = Tenants::new(options.store.clone(), clock, public_url.as_str().into());
        let app = Arc::new(App {
            tenants: tenants.clone(),
            upstream: Upstream::new(egress, clock),
            store: options.store.clone(),
            master: options.master,
            clock,
            recorder,
            making_key: tokio::sync::Mutex::default(),
            secure: public_url.starts_with("https:"),
            finishing: Finishing::default(),
        });
        let (stop, stopping) = watch::channel(false);
        let background = vec![
            writer,
            tokio::spawn(jobs::follow_changes(
                options.store.clone(),
                tenants.clone(),
                stopping.clone(),
            )),
            tokio::spawn(recheck::run(
                options.store.clone(),
                tenants.clone(),
                options.dns,
                clock,
                stopping.clone(),
            )),
            tokio::spawn(jobs::clean_up(options.store, tenants, clock, stopping.clone())),
        ];
        let service = router::router(app);
        let server = tokio::spawn(
            axum::serve(listener, service).with_graceful_shutdown(stopped(stopping)).into_future(),
        );
        Ok(Running { addr, public_url, stop, server, background })
    }
}

impl Running {
    /// Stops accepting, lets running requests finish for up to 30 seconds, writes what waits.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(DRAIN, self.server).await.is_err() {
            tracing::warn!("requests were still running after 30 seconds");
        }
        for task in self.background {
            let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
        }
    }

    /// Waits until `signal` comes, then stops.
    pub async fn run_until(self, signal: impl Future<Output = ()>) {
        signal.await;
        tracing::info!("stopping");
        self.stop().await;
    }
}

/// Waits until the gateway is told to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a reason to stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
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
