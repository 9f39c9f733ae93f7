//! The two streams of the command line: results on standard output, everything else on standard
//! error. Whoever pipes a command gets what it was asked for and nothing more.

use std::fmt;
use std::io::{self, Write as _};

/// Writes a line of a result. A reader that went away (`| head`) is not an error.
pub(crate) fn result(text: impl fmt::Display) {
    let written = writeln!(io::stdout().lock(), "{text}");
    drop(written);
}

/// Writes a line for the person at the terminal.
pub(crate) fn notice(text: impl fmt::Display) {
    let written = writeln!(io::stderr().lock(), "{text}");
    drop(written);
}
