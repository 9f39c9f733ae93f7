//! Why an application most likely did not redeem the code of a login: it asked for tokens, and was
//! refused.
//!
//! A request that is refused for its credentials names no login, so which login it was for is a
//! guess: the first refusal that came soon after the answer. What an application sends is known from
//! its trace (`crate::protocol_trace`), which keeps the last requests alone.

use chrono::{DateTime, TimeDelta, Utc};

/// How long after its login a refusal is still taken to be about it: a code works for a minute, and
/// whoever comes this late learns that.
const SOON: TimeDelta = TimeDelta::minutes(5);
/// How long a code works.
const CODE_WORKS_FOR: TimeDelta = TimeDelta::seconds(60);

/// A request to the token endpoint, as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// The error of the answer; empty: it got tokens.
    pub error: &'a str,
    /// Whether the application alone can have sent it.
    pub is_proven: bool,
    /// Its parameters as they may be kept.
    pub parameters: &'a [(String, String)],
}

impl Request<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

/// Where an application's refusal is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Among its secrets.
    Secrets,
    /// In the application itself, by what it really sends.
    Requests,
}

/// A refusal that is most likely why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    /// When.
    pub at: DateTime<Utc>,
    /// The error that the application was answered.
    pub error: String,
    /// Whether the application alone can have sent the request.
    pub is_proven: bool,
    /// What went wrong, in a sentence or two.
    pub cause: String,
    /// What to do.
    pub fix: &'static str,
    /// Where.
    pub place: Place,
}

impl TokenRefusal {
    /// How sure that is.
    pub const fn doubt(&self) -> &'static str {
        if self.is_proven {
            "It was the application, but another login's request may be meant."
        } else {
            "Another login's request may be meant, and anybody can send such a request."
        }
    }
}

/// The first of these requests, in whatever order, that was refused soon after a login was answered.
pub fn after<'a>(
    answered_at: DateTime<Utc>,
    requests: impl IntoIterator<Item = Request<'a>>,
) -> Option<TokenRefusal> {
    let until = answered_at + SOON;
    let refused = requests.into_iter().filter(|one| {
        let is_soon = answered_at <= one.at && one.at <= until;
        // A refresh token is of a login that was redeemed.
        is_soon && !one.error.is_empty() && one.parameter("grant_type") != Some("refresh_token")
    });
    let first = refused.min_by_key(|one| one.at)?;
    let (why, fix, place) = explain(&first, first.at - answered_at);
    Some(TokenRefusal {
        at: first.at,
        error: first.error.to_owned(),
        is_proven: first.is_proven,
        cause: format!("The application asked for tokens and was refused: {}. {why}", first.error),
        fix,
        place,
    })
}

fn explain(request: &Request<'_>, age: TimeDelta) -> (String, &'static str, Place) {
    let (why, fix) = match request.error {
        "invalid_client" => return credentials(request),
        "invalid_grant" if age >= CODE_WORKS_FOR => (
            "The code came too late: it works for a minute.",
            "Let the application redeem the code at once. If it does, compare its clock and its \
             network with the times on the page “Requests”.",
        ),
        "invalid_grant" if request.parameter("redirect_uri").is_none() => (
            "It did not send the redirect_uri, which has to be the one that the person came back to.",
            "Let the application send the same redirect_uri for the sign-in and for the tokens.",
        ),
        "invalid_grant" => (
            "The code was used before, or came with another redirect_uri or code_verifier than the \
             sign-in began with.",
            "Let the application send each code once, with the redirect_uri of the sign-in and the \
             code_verifier that belongs to it; the page “Requests” shows what it sends.",
        ),
        "unsupported_grant_type" => {
            let sent = request.parameter("grant_type").filter(|sent| !sent.is_empty());
            let sent = sent.map_or_else(|| "none".to_owned(), |sent| format!("`{sent}`"));
            return (
                format!("It has to ask with the grant type `authorization_code`, and sent {sent}."),
                "Set the application to the authorization code flow.",
                Place::Requests,
            );
        }
        "server_error" | "temporarily_unavailable" => (
            "Vestibule could not answer at that moment.",
            "Let the person sign in once more; if it persists, tell whoever runs this gateway.",
        ),
        _ => (
            "The request breaks a rule of the protocol.",
            "Look at what the application really sends, on its page “Requests”.",
        ),
    };
    (why.to_owned(), fix, Place::Requests)
}

fn credentials(request: &Request<'_>) -> (String, &'static str, Place) {
    const SECRET: &str = "Press “Add a secret” on the application's page “Secrets”, and enter the \
                          new one in the application.";
    let (why, fix, place) = match request.parameter("(client authentication)") {
        Some("client_secret_basic" | "client_secret_post") => {
            ("The secret that it sent is not one of those that work.", SECRET, Place::Secrets)
        }
        Some("none") => ("It sent no secret.", SECRET, Place::Secrets),
        Some("private_key_jwt") => (
            "What it signed to prove who it is does not hold: another key, a wrong clock, or the \
             same text twice.",
            "Compare the key that the application signs with with the one under “As configuration” \
             on its page, and its clock with the times on the page “Requests”.",
            Place::Requests,
        ),
        _ => (
            "It proves who it is in a way that is not known here.",
            "Let the application send its client id and secret by HTTP Basic or in the form.",
            Place::Requests,
        ),
    };
    (why.to_owned(), fix, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn told(second: i64, error: &str, pairs: &[(&str, &str)]) -> Option<TokenRefusal> {
        let parameters = parameters(pairs);
        after(
            at(100),
            [Request { at: at(second), error, is_proven: false, parameters: &parameters }],
        )
    }

    #[test]
    fn first_refusal_soon_after_the_login_is_told() {
        let none = parameters(&[]);
        let request = |second, error| Request {
            at: at(second),
            error,
            is_proven: second == 103,
            parameters: &none,
        };
        let all = [
            request(500, "server_error"),
            request(110, "invalid_client"),
            request(103, "invalid_grant"),
            request(101, ""),
            request(99, "invalid_client"),
        ];
        let first = after(at(100), all).unwrap();
        assert_eq!(
            (first.at, first.error.as_str(), first.is_proven),
            (at(103), "invalid_grant", true)
        );
        assert!(first.doubt().starts_with("It was the application"));
        assert!(after(at(100), [request(401, "invalid_client")]).is_none());
        assert!(after(at(100), [request(101, "")]).is_none());
    }

    #[test]
    fn refresh_token_is_of_another_login() {
        assert!(told(101, "invalid_grant", &[("grant_type", "refresh_token")]).is_none());
    }

    #[test]
    fn each_error_is_told_in_plain_words() {
        let way = "(client authentication)";
        for (second, error, pairs, part, place) in [
            (
                101,
                "invalid_client",
                &[(way, "client_secret_post")][..],
                "is not one of those that work",
                Place::Secrets,
            ),
            (
                101,
                "invalid_client",
                &[(way, "client_secret_basic")],
                "is not one of those that work",
                Place::Secrets,
            ),
            (101, "invalid_client", &[(way, "none")], "It sent no secret.", Place::Secrets),
            (101, "invalid_client", &[(way, "private_key_jwt")], "does not hold", Place::Requests),
            (101, "invalid_client", &[], "not known here", Place::Requests),
            (160, "invalid_grant", &[], "too late", Place::Requests),
            (101, "invalid_grant", &[], "did not send the redirect_uri", Place::Requests),
            (101, "invalid_grant", &[("redirect_uri", "x")], "used before", Place::Requests),
            (
                101,
                "unsupported_grant_type",
                &[("grant_type", "password")],
                "sent `password`",
                Place::Requests,
            ),
            (101, "unsupported_grant_type", &[], "sent none", Place::Requests),
            (101, "server_error", &[], "could not answer", Place::Requests),
            (101, "invalid_request", &[], "breaks a rule", Place::Requests),
        ] {
            let refusal = told(second, error, pairs).unwrap();
            assert!(refusal.cause.contains(part), "{}", refusal.cause);
            assert!(refusal.cause.contains(error), "{}", refusal.cause);
            assert_eq!(refusal.place, place, "{error}");
            assert!(refusal.fix.ends_with('.') && refusal.cause.ends_with('.'));
        }
    }
}
