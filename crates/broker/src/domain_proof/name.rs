//! Which names can be proven: those that one organisation can own.

use crate::email::Domain;

/// Consumer mail providers, one domain a line: nobody's people have addresses there.
const CONSUMER_MAIL: &str = include_str!("consumer_mail.txt");
/// What a DNS name holds at most (253), less `_vestibule.`.
const MAX_NAME: usize = 253 - 11;

/// A name that cannot be proven; the text says what to claim instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprovable {
    /// Not the name of a domain.
    #[error("`{0}` is not a domain: write it like `acme.org`")]
    NotADomain(String),
    /// A pattern of directories' `domains`.
    #[error("prove `{0}`: that covers every name below it")]
    Wildcard(String),
    /// No room for the record's own label.
    #[error("`{0}` is too long to publish a record below it")]
    TooLong(String),
    /// Other people register names below it. (THREATS ID-05)
    #[error(
        "`{0}` belongs to everybody who registers a name below it, so no organisation can prove it"
    )]
    PublicSuffix(String),
    /// Its addresses are those of the public. (THREATS ID-05)
    #[error(
        "`{0}` is a consumer mail provider, so its addresses say nothing about an organisation"
    )]
    ConsumerMail(String),
}

/// Reads a name that is to be proven: lower-cased, international labels as A-labels.
///
/// # Errors
/// [`Unprovable`] when no organisation can prove it.
pub fn claim(text: &str) -> Result<Domain, Unprovable> {
    let text = text.trim();
    if let Some(below) = text.strip_prefix("*.") {
        return Err(match claim(below) {
            Ok(domain) => Unprovable::Wildcard(domain.as_str().to_owned()),
            Err(why) => why,
        });
    }
    let domain = Domain::parse(text).ok_or_else(|| Unprovable::NotADomain(text.to_owned()))?;
    let name = domain.as_str().to_owned();
    if name.len() > MAX_NAME {
        return Err(Unprovable::TooLong(name));
    }
    let Some(registered) = psl::domain_str(&name) else {
        return Err(Unprovable::PublicSuffix(name));
    };
    if CONSUMER_MAIL.lines().any(|line| line == registered) {
        return Err(Unprovable::ConsumerMail(name));
    }
    Ok(domain)
}
