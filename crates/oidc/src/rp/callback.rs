//! A directory's answer at our callback. [RFC6749-4.1.2] [RFC9207-2.4]
//!
//! [`parse`] says which of the two answers it is; [`check_issuer`] comes before the code
//! leaves us again.

use crate::json::excerpt;
use crate::params::Params;

/// The parameters that decide; other ones a directory adds are ignored.
const DECIDING: [&str; 5] = ["state", "code", "iss", "error", "error_description"];

/// What a directory answered. Nothing of it is proven yet.
#[derive(Clone, PartialEq, Eq)]
pub enum CallbackAnswer {
    /// A code to be exchanged.
    Code {
        /// Our state.
        state: String,
        /// The code.
        code: String,
        /// Who claims to answer. [RFC9207-2]
        iss: Option<String>,
    },
    /// A refusal.
    Error {
        /// Our state.
        state: String,
        /// The code of the error, at most 256 characters.
        error: String,
        /// The directory's words, at most 256 characters; for operators, never relayed.
        error_description: Option<String>,
        /// Who claims to answer. [RFC9207-2]
        iss: Option<String>,
    },
}

impl CallbackAnswer {
    /// Our state, as it came back.
    pub fn state(&self) -> &str {
        match self {
            Self::Code { state, .. } | Self::Error { state, .. } => state,
        }
    }

    /// Who claims to answer. [RFC9207-2]
    pub fn iss(&self) -> Option<&str> {
        match self {
            Self::Code { iss, .. } | Self::Error { iss, .. } => iss.as_deref(),
        }
    }
}

impl std::fmt::Debug for CallbackAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code { .. } => f.write_str("Code(…)"),
            Self::Error { error, .. } => write!(f, "Error({error})"),
        }
    }
}

/// Why a callback is no answer at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    /// It has no `state`, so it belongs to no login of ours.
    #[error("the answer has no state")]
    StateMissing,
    /// A deciding parameter occurs twice.
    #[error("the answer repeats a parameter")]
    Repeated,
    /// It has neither `code` nor `error`.
    #[error("the answer has neither a code nor an error")]
    Incomplete,
    /// `iss` names another issuer: the answer of one directory at the callback of another.
    #[error("the answer comes from another issuer")]
    IssuerMismatch,
    /// The directory announces `iss` and did not send it.
    #[error("the answer does not name its issuer")]
    IssuerMissing,
}

/// Reads the parameters of a callback. With both a code and an error it is an error, and
/// the code is dropped.
///
/// # Errors
/// [`CallbackRefusal`].
pub fn parse(params: &Params) -> Result<CallbackAnswer, CallbackRefusal> {
    if DECIDING.iter().any(|name| params.is_repeated(name)) {
        return Err(CallbackRefusal::Repeated);
    }
    let own = |name: &str| params.get(name).map(str::to_owned);
    let state = own("state").ok_or(CallbackRefusal::StateMissing)?;
    let iss = own("iss");
    if let Some(error) = params.get("error") {
        return Ok(CallbackAnswer::Error {
            state,
            error: excerpt(error, 256),
            error_description: params.get("error_description").map(|text| excerpt(text, 256)),
            iss,
        });
    }
    let code = own("code").ok_or(CallbackRefusal::Incomplete)?;
    Ok(CallbackAnswer::Code { state, code, iss })
}

/// Compares the `iss` parameter with the issuer that was asked, octet for octet; a directory
/// that announces the parameter must send it. [RFC9207-2.4]
///
/// # Errors
/// [`CallbackRefusal::IssuerMismatch`] or [`CallbackRefusal::IssuerMissing`].
pub fn check_issuer(
    iss: Option<&str>,
    expected: &str,
    announced: bool,
) -> Result<(), CallbackRefusal> {
    match iss {
        Some(iss) if iss == expected => Ok(()),
        Some(_) => Err(CallbackRefusal::IssuerMismatch),
        None if announced => Err(CallbackRefusal::IssuerMissing),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<CallbackAnswer, CallbackRefusal> {
        parse(&Params::parse(raw.as_bytes()).unwrap())
    }

    #[test]
    fn a_code_is_read_and_additions_are_ignored() {
        let answer = read("code=4%2F0A&state=s&scope=a&scope=b&session_state=x");
        let expected =
            CallbackAnswer::Code { state: "s".to_owned(), code: "4/0A".to_owned(), iss: None };
        assert_eq!(answer, Ok(expected));
    }

    #[test]
    fn up_11_with_a_code_and_an_error_the_code_is_dropped() {
        let answer = read("code=c&error=access_denied&state=s").unwrap();
        assert!(matches!(answer, CallbackAnswer::Error { error, .. } if error == "access_denied"));
    }

    #[test]
    fn az_17_a_directorys_words_are_cut_and_hold_no_line_breaks() {
        let raw = format!("error=a%0D%0Ab&state=s&error_description={}", "x".repeat(10_000));
        let Ok(CallbackAnswer::Error { error, error_description, .. }) = read(&raw) else {
            panic!("expected an error answer")
        };
        assert_eq!(error, "ab");
        assert_eq!(error_description.map(|text| text.len()), Some(256));
    }

    #[test]
    fn up_01_an_answer_without_state_belongs_to_no_login() {
        assert_eq!(read("code=c"), Err(CallbackRefusal::StateMissing));
        assert_eq!(read("code=c&state="), Err(CallbackRefusal::StateMissing));
    }

    #[test]
    fn incomplete_and_ambiguous_answers_are_refused() {
        assert_eq!(read("state=s"), Err(CallbackRefusal::Incomplete));
        assert_eq!(read("state=s&code=a&code=b"), Err(CallbackRefusal::Repeated));
        assert_eq!(read("state=s&code=a&iss=x&iss=y"), Err(CallbackRefusal::Repeated));
    }

    /// [RFC9207-2.4]
    #[test]
    fn up_04_another_issuer_or_a_missing_announced_one_is_refused() {
        let check = |iss, announced| check_issuer(iss, "https://op.example", announced);
        assert_eq!(check(Some("https://op.example"), true), Ok(()));
        assert_eq!(check(Some("https://op.example"), false), Ok(()));
        assert_eq!(check(None, false), Ok(()));
        assert_eq!(check(None, true), Err(CallbackRefusal::IssuerMissing));
        for iss in ["https://op.example/", "https://OP.example", "https://evil.example"] {
            assert_eq!(check(Some(iss), false), Err(CallbackRefusal::IssuerMismatch), "{iss}");
        }
    }

    #[test]
    fn debug_shows_no_code() {
        assert_eq!(format!("{:?}", read("code=secret&state=s").unwrap()), "Code(…)");
    }
}
