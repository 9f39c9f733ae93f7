//! Texts with backticks, as pages show them.

use std::fmt::Write as _;

use askama::filters::{Html, Safe, escape};

/// The text with what stands between two backticks as code. Everything in it is escaped first: a
/// text may quote what a request or a directory sent. A backtick without a second one stays.
pub(crate) fn coded(text: impl AsRef<str>) -> Safe<String> {
    let mut rest = text.as_ref();
    let mut html = String::with_capacity(rest.len());
    while let Some((before, code, after)) = first_code(rest) {
        put(&mut html, before);
        html.push_str("<code>");
        put(&mut html, code);
        html.push_str("</code>");
        rest = after;
    }
    put(&mut html, rest);
    Safe(html)
}

fn first_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

fn put(html: &mut String, text: &str) {
    let Ok(escaped) = escape(text, Html);
    // Writing into a text does not fail.
    let _ = write!(html, "{escaped}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_everything_else_is_escaped() {
        for (text, html) in [
            ("", ""),
            ("Set `state: active`, now.", "Set <code>state: active</code>, now."),
            ("`a``b`", "<code>a</code><code>b</code>"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            ("``", "<code></code>"),
        ] {
            assert_eq!(coded(text).0, html);
        }
    }

    #[test]
    fn nothing_that_somebody_sent_becomes_markup() {
        let sent = "`<script>alert(1)</script>` </code><b onclick=\"x\">&'`</code><i>`";
        let html = coded(sent).0;
        let ours = html.replace("<code>", "").replace("</code>", "");
        assert!(!ours.contains(['<', '>', '"', '\'']), "{html}");
        assert_eq!(html.matches("<code>").count(), html.matches("</code>").count());
    }
}
