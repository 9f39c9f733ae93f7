//! The two streams of the command line: results on standard output, everything else on standard
//! error. Whoever pipes a command gets what it was asked for and nothing more.
//!
//! What is printed quotes files, directories and people. Everything goes through here, so that
//! none of it moves the cursor or turns the direction of the text (THREATS SC-02):
//!
//! - [`result`] and [`notice`], for people, show such characters as `\u{1b}`;
//! - [`json`] writes them as JSON does, `\u001b`: every value stays what it is;
//! - [`yaml`] leaves them to files and pipes, which get what `apply` reads back;
//! - [`LogLines`] is where the log writes.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

/// Writes a line of a result. A reader that went away (`| head`) is not an error.
pub(crate) fn result(text: impl fmt::Display) {
    print(&escaped(&text.to_string(), steers, for_people));
}

/// Writes a result that is JSON. Such characters stand in its strings only, where the escape is the
/// same character to whoever reads it.
pub(crate) fn json(text: impl fmt::Display) {
    print(&escaped(&text.to_string(), steers, for_machines));
}

/// Writes a result that is YAML. Control characters are escaped in it already, but a direction
/// mark may belong to a name and stand without quotes, where nothing can be escaped: a file or a
/// pipe gets it, a terminal is shown the escape, which is YAML all the same.
pub(crate) fn yaml(text: &str) {
    if io::stdout().is_terminal() {
        print(&escaped(text, steers, for_machines));
    } else {
        print(text);
    }
}

/// Writes a line for the person at the terminal.
pub(crate) fn notice(text: impl fmt::Display) {
    let text = escaped(&text.to_string(), steers, for_people);
    let written = writeln!(io::stderr().lock(), "{text}");
    drop(written);
}

fn print(text: &str) {
    let written = writeln!(io::stdout().lock(), "{text}");
    drop(written);
}

/// Standard error for the log, which hands over whole lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLines {
    steers: fn(char) -> bool,
    escape: fn(char) -> String,
}

impl LogLines {
    /// For people. Colours begin with an escape character; the log has escaped those of others.
    pub(crate) fn text(has_colours: bool) -> Self {
        Self {
            steers: if has_colours { steers_besides_colours } else { steers },
            escape: for_people,
        }
    }

    /// For machines, as JSON.
    pub(crate) fn json() -> Self {
        Self { steers, escape: for_machines }
    }
}

impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = escaped(&String::from_utf8_lossy(line), self.steers, self.escape);
        io::stderr().lock().write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Whether a terminal does something else with this character than showing it in its place:
/// control characters but for the end of a line and the tab, marks of direction, separators of
/// lines and paragraphs.
fn steers(c: char) -> bool {
    let is_layout = matches!(c, '\n' | '\t');
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || (c.is_control() && !is_layout)
}

fn steers_besides_colours(c: char) -> bool {
    c != '\u{1b}' && steers(c)
}

/// As Rust writes it.
fn for_people(c: char) -> String {
    c.escape_unicode().to_string()
}

/// As JSON writes it, and YAML between double quotes. All of these have four digits at most.
fn for_machines(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

fn escaped(text: &str, steers: fn(char) -> bool, escape: fn(char) -> String) -> String {
    let mut safe = String::with_capacity(text.len());
    for piece in text.split_inclusive(steers) {
        let mut chars = piece.chars();
        match chars.next_back() {
            Some(last) if steers(last) => {
                safe.push_str(chars.as_str());
                safe.push_str(&escape(last));
            }
            _ => safe.push_str(piece),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STEERING: &str = "\r\u{0}\u{8}\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\
                            \u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\
                            \u{2068}\u{2069}";

    #[test]
    fn sc_02_what_is_printed_cannot_steer_the_terminal() {
        let shown = escaped("${env:X\u{1b}[2J} \u{202e}evil\u{2069}", steers, for_people);
        assert_eq!(shown, "${env:X\\u{1b}[2J} \\u{202e}evil\\u{2069}");
        for c in STEERING.chars() {
            for escape in [for_people, for_machines] {
                let shown = escaped(&format!("a{c}b{c}"), steers, escape);
                assert!(shown.is_ascii() && !shown.contains(char::is_control), "{shown}");
                assert!(shown.starts_with("a\\u") && shown.contains("b\\u"), "{shown}");
            }
        }
        // Whatever language it is in, text stays as it is.
        for text in ["", "a\n\tb\n", "Müller Ελλάς שלום مرحبا 日本 👩\u{200d}💻 \\u{1b}"]
        {
            assert_eq!(escaped(text, steers, for_people), text);
        }
    }

    #[test]
    fn json_says_the_same_after_it_was_escaped() {
        let value = json!({ "name": STEERING, (STEERING): ["a\nb\tc", "\\"] });
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let shown = escaped(&text, steers, for_machines);
            assert!(!shown.contains(steers), "{shown}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }

    #[test]
    fn colours_of_the_log_stay() {
        let line = "\u{1b}[33m WARN\u{1b}[0m a \u{202e}name\n";
        let LogLines { steers, escape } = LogLines::text(true);
        assert_eq!(escaped(line, steers, escape), line.replace('\u{202e}', "\\u{202e}"));
        let LogLines { steers, escape } = LogLines::text(false);
        assert!(!escaped(line, steers, escape).contains('\u{1b}'));
    }
}
