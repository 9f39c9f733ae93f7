//! What arrives at the sockets of servers that must not be reached: nothing (THREATS EG-01 to
//! EG-06). Names are resolved by [`Names`], which answers what each test says; everything behind
//! the resolver is the gateway's own.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Instant;

use reqwest::dns::{Addrs, Name, Resolving};

use super::*;

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A name server that changes its mind: each look-up gets the next answer, the last for ever.
#[derive(Clone)]
struct Names {
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    fn answering(answers: &[&[&str]]) -> Self {
        let parsed = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = Arc::new(Mutex::new(answers.iter().map(parsed).collect()));
        Self { answers, asked: Arc::default() }
    }

    fn egress(&self, allow: &str) -> Egress {
        let names: Arc<dyn Resolve> = Arc::new(self.clone());
        Egress::asking(&names, allowing(allow)).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, _name: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let found = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let found = found.unwrap_or_default().into_iter().map(|ip| SocketAddr::new(ip, 0));
        Box::pin(async move { Ok(Box::new(found) as Addrs) })
    }
}

/// A listener at an address of this machine, on a port that is free there.
async fn listener(ip: &str, port: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((ip, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(EMPTY.as_bytes()).await;
        }
    });
    (port, connections)
}

fn is_blocked(answer: &Result<Reply, EgressError>) -> bool {
    matches!(answer, Err(EgressError::Blocked(_)))
}

/// One address out of each special-purpose range of the row and of the registries.
const SPECIAL: [&str; 40] = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.2",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fd00::1",
    "fe80::1",
    "ff02::1",
];

/// By name and written in the URL, at every port, with and without TLS.
#[tokio::test]
async fn eg_01_eg_03_nothing_is_dialled_at_any_special_purpose_address() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    for ip in SPECIAL {
        let names = Names::answering(&[&[ip]]);
        let egress = names.egress("");
        let address: IpAddr = ip.parse().unwrap();
        let literal = SocketAddr::new(address, port);
        let begun = Instant::now();
        for url in [
            format!("http://inside.example:{port}/"),
            "https://inside.example/".to_owned(),
            "https://inside.example:8443/".to_owned(),
            format!("http://{literal}/"),
            format!("https://{literal}/"),
        ] {
            let answer = fetch(&egress, &url).await;
            // Some spellings of an address are refused before they are judged.
            let refused = is_blocked(&answer) || answer.err() == Some(EgressError::BadUrl);
            assert!(refused, "{url} ({ip})");
        }
        assert!(begun.elapsed() < CONNECT, "{ip} was dialled");
        assert_eq!(names.asked(), 3, "an address in a URL is not looked up");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// The gateway listens at a private address, at all of them, or at a public one; the first two are
/// closed like any other of their kind.
#[tokio::test]
async fn eg_01_the_gateways_own_listener_is_not_reached_by_another_name_for_it() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    for ip in ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"] {
        let egress = Names::answering(&[&[ip]]).egress("");
        assert!(is_blocked(&fetch(&egress, &format!("http://own.example:{port}/")).await), "{ip}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn eg_02_a_public_answer_beside_a_private_one_connects_to_neither() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    for answers in [&["93.184.215.14", "127.0.0.1"], &["127.0.0.1", "93.184.215.14"]] {
        let egress = Names::answering(&[answers]).egress("");
        for url in ["https://both.example/", "https://both.example:8443/"] {
            assert!(is_blocked(&fetch(&egress, url).await), "{url}");
        }
        assert!(is_blocked(&fetch(&egress, &format!("http://both.example:{port}/")).await));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// The answer changes between check and connect, with a lifetime of zero: nobody asks again, so
/// the address that was judged is the one that is dialled.
#[tokio::test]
async fn eg_02_the_address_that_was_judged_is_dialled_without_a_second_look_up() {
    let (port, good) = listener("127.0.0.1", 0).await;
    let (_, bad) = listener("127.0.0.2", port).await;
    let names = Names::answering(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let egress = names.egress("127.0.0.1/32");
    let url = format!("http://rebinding.example:{port}/");
    assert_eq!(fetch(&egress, &url).await.unwrap().status, StatusCode::OK);
    assert_eq!((names.asked(), good.load(Ordering::SeqCst)), (1, 1));
    // The next connection asks anew and is judged anew.
    for _ in 0..3 {
        assert!(is_blocked(&fetch(&egress, &url).await));
    }
    assert_eq!((names.asked(), good.load(Ordering::SeqCst)), (4, 1));
    assert_eq!(bad.load(Ordering::SeqCst), 0);
}

/// Every status that redirects, to a name and to addresses.
#[tokio::test]
async fn eg_03_no_redirect_of_any_kind_is_followed() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    let places = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("//127.0.0.1:{port}/"),
        "/elsewhere".to_owned(),
    ];
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for place in &places {
            let answer = format!("HTTP/1.1 {status} x\r\nlocation: {place}\r\n\r\n");
            let server = Server::saying(answer.leak()).await;
            let url = format!("http://127.0.0.1:{}/", server.port);
            let error = fetch(&egress("127.0.0.1/32"), &url).await.err();
            assert_eq!(error, Some(EgressError::Redirected("127.0.0.1".to_owned())), "{status}");
            assert_eq!(server.connections(), 1, "{status} {place}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// Spellings that some parser takes for loopback, or for another scheme.
#[tokio::test]
async fn eg_04_no_spelling_of_a_url_leads_to_a_connection() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    let long = format!("http://127.0.0.1:{port}/{}", "a".repeat(10 * 1024));
    let urls = [
        format!("http://0x7f.1:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://017700000001:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://[::1%25lo]:{port}/"),
        format!("http://[::1%lo]:{port}/"),
        format!("http://①②⑦.0.0.1:{port}/"),
        format!("http://u:p@127.0.0.1:{port}/"),
        format!("http://op.example@127.0.0.1:{port}/"),
        format!("http://op.example\\@127.0.0.1:{port}/"),
        format!("http:\\\\127.0.0.1:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("file://127.0.0.1:{port}/etc/passwd"),
        format!("gopher://127.0.0.1:{port}/_GET"),
        format!("ws://127.0.0.1:{port}/"),
        format!("data:text/html,127.0.0.1:{port}"),
        format!(" http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/\r\nHost: op.example"),
        long,
    ];
    // Loopback is allowed, so that it is the spelling that is refused.
    let egress = Names::answering(&[&["127.0.0.1"]]).egress("127.0.0.0/8");
    for url in urls {
        assert_eq!(fetch(&egress, &url).await.err(), Some(EgressError::BadUrl), "{url}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// A name that looks like another is resolved as what it is and judged by where it leads.
#[tokio::test]
async fn eg_04_a_masked_name_is_judged_by_its_address() {
    let (port, connections) = listener("127.0.0.1", 0).await;
    let names = Names::answering(&[&["127.0.0.1"]]);
    let url = format!("http://xn--oktacm-8nf.example:{port}/");
    assert!(is_blocked(&fetch(&names.egress(""), &url).await));
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (1, 0));
}

/// Ports of the internet other than 443 and 8443 are closed, whoever the name belongs to.
#[tokio::test]
async fn eg_04_other_ports_of_the_internet_are_not_dialled() {
    let egress = Names::answering(&[&["93.184.215.14"]]).egress("");
    for url in [
        "http://op.example/",
        "http://op.example:8443/",
        "https://op.example:22/",
        "https://op.example:6379/",
        "https://op.example:9443/",
        "https://93.184.215.14:22/",
    ] {
        let begun = Instant::now();
        assert!(is_blocked(&fetch(&egress, url).await), "{url}");
        assert!(begun.elapsed() < CONNECT, "{url}");
    }
}

/// A compressed answer was not asked for and is read as the octets that it is: there is nothing to
/// blow up.
#[tokio::test]
async fn up_10_f_09_a_compressed_answer_is_not_unpacked() {
    let body = b"\x1f\x8b\x08\x00 pretending";
    let bomb = move || async move {
        let headers = [("content-encoding", "gzip"), ("content-type", "application/json")];
        (headers, body.as_slice())
    };
    let port = serve(Router::new().route("/", get(bomb))).await;
    let reply = fetch(&egress("127.0.0.1/32"), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(reply.body, body.as_slice());
}

/// A byte now and then is not an answer: the whole of it has one deadline.
#[tokio::test]
async fn up_10_f_06_a_body_that_trickles_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let begun = Instant::now();
    let request = Request::get(&url).deadline(Duration::from_millis(300));
    let error = egress("127.0.0.1/32").send(request).await.err();
    assert_eq!(error, Some(EgressError::Timeout("127.0.0.1".to_owned())));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!((CONNECT.as_secs(), LONGEST.as_secs()), (2, 10));
    const { assert!(MAX_BODY <= 1024 * 1024) };
}
