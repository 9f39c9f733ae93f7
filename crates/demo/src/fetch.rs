//! Requests that the peers make themselves: no proxy, no redirects, bounded in time and size.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::params::encode;

/// Discovery documents, key sets, token answers and pages are all far smaller.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Why a request brought nothing usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// No answer.
    #[error("no answer: {0}")]
    Network(#[from] reqwest::Error),
    /// An answer of more than one mebibyte.
    #[error("the answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    /// An answer other than 200; the text is what the peer said.
    #[error("HTTP {status}: {text}")]
    Status {
        /// The status code.
        status: u16,
        /// The start of the answer's body.
        text: String,
    },
    /// The answer is not the JSON that was expected.
    #[error("not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A client for the peers' own requests.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
    };
    // A machine without any trusted certificate can still run the demonstration, which needs none.
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}

/// GET of a JSON document, with a bearer token where one is given. [RFC6750-2.1]
pub(crate) async fn get_json<T: DeserializeOwned>(
    client: &reqwest::Client,
    url: &str,
    bearer: Option<&str>,
) -> Result<T, FetchError> {
    let mut request = client.get(url).header(ACCEPT, "application/json");
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    read_json(request.send().await?).await
}

/// POST of a form that is answered with JSON.
pub(crate) async fn post_form<T: DeserializeOwned>(
    client: &reqwest::Client,
    url: &str,
    form: &[(&str, &str)],
) -> Result<T, FetchError> {
    let request = client
        .post(url)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
        .body(encode(form));
    read_json(request.send().await?).await
}

/// The whole body, unless it is too large.
pub(crate) async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn read_json<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, FetchError> {
    let status = response.status();
    let body = body(response).await?;
    if status != http::StatusCode::OK {
        let text = String::from_utf8_lossy(&body).chars().take(500).collect();
        return Err(FetchError::Status { status: status.as_u16(), text });
    }
    Ok(serde_json::from_slice(&body)?)
}
