//! A server, and a migrated database on it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

/// The URL of the migrated database that the tests share.
pub(crate) async fn database() -> &'static str {
    static URL: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let url = URL.get_or_init(|| async {
        let url = create_database().await;
        store::migrate(&url).await.expect("the migrations run");
        url
    });
    url.await
}

/// The URL of a new, empty database.
pub(crate) async fn create_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("store_test_{}_{count}", std::process::id());
    let mut connection = connect(server()).await;
    for statement in
        [format!("drop database if exists {name} with (force)"), format!("create database {name}")]
    {
        connection.execute(AssertSqlSafe(statement)).await.expect("databases can be created");
    }
    let mut url = url::Url::parse(server()).expect("the server's URL parses");
    url.set_path(&name);
    url.to_string()
}

/// A connection as the owner of the tables, whom row-level security binds unless a superuser.
pub(crate) async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("the URL is one of Postgres");
    options.connect().await.expect("the database answers")
}

/// A connection that acts as one of the roles.
pub(crate) async fn connect_as(url: &str, role: &str) -> PgConnection {
    let mut connection = connect(url).await;
    connection.execute(AssertSqlSafe(format!("set role {role}"))).await.expect("a member");
    connection
}

/// The URL of a database on which others can be created.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| std::env::var("TEST_DATABASE_URL").unwrap_or_else(|_| start_server()))
}

/// Starts a server that ends with this process. Its folder is kept and used again by the next run,
/// which removes what this one leaves.
fn start_server() -> String {
    let (send, receive) = std::sync::mpsc::channel();
    // The server ends with the thread that started it, so that one has to stay.
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let data_dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store-postgres");
            let options =
                embedded_postgres::Options { data_dir, durable: false, max_connections: 300 };
            let server = embedded_postgres::start(options).await.expect("Postgres starts");
            let url = server.url("postgres");
            remove_databases(&url).await;
            send.send(url).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    receive.recv().expect("Postgres starts")
}

async fn remove_databases(url: &str) {
    let mut connection = connect(url).await;
    let left: Vec<String> =
        sqlx::query_scalar("select datname from pg_database where datname like 'store\\_test\\_%'")
            .fetch_all(&mut connection)
            .await
            .expect("databases can be listed");
    for name in left {
        let statement = format!("drop database {name} with (force)");
        connection.execute(AssertSqlSafe(statement)).await.expect("they are ours");
    }
    connection.close().await.expect("it closes");
}
