//! The file: comma-separated values with a header, in UTF-8.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::Row;

/// The most rows of one file.
pub const MAX_ROWS: usize = 100_000;
/// The columns that there are; `external_id` has to be there, in whatever order.
pub const COLUMNS: [&str; 6] = ["external_id", "email", "directory", "subject", "issuer", "sub"];

/// Why a file cannot be read; nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The header names something else than [`COLUMNS`], or one of them twice.
    #[error(
        "line 1: `{name}` is not a column, or is there twice; the columns are {columns}, separated \
         by commas",
        columns = COLUMNS.join(", ")
    )]
    Column {
        /// As it is written, in lower case.
        name: String,
    },
    /// The header lacks what every row needs.
    #[error("line 1: there is no column `external_id`")]
    NoExternalId,
    /// A row has more or fewer fields than the header.
    #[error("line {line}: {found} fields where the header has {expected}")]
    Fields {
        /// Where the row begins.
        line: u64,
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// A row is not text.
    #[error("line {0}: not UTF-8; save the file as CSV in UTF-8")]
    Encoding(u64),
    /// It is longer than [`MAX_ROWS`].
    #[error("more than {MAX_ROWS} rows; split the file")]
    TooManyRows,
    /// It is not a list of values at all.
    #[error("{0}")]
    Other(String),
}

/// Reads every row. White space around a field is dropped, and so are empty lines and a byte order
/// mark.
///
/// # Errors
/// The first thing that is wrong with the file as such; rows are not checked here.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, FileError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| broken(&error, &mut lines))?.clone();
    let header: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
    for (at, name) in header.iter().enumerate() {
        let again = header.iter().take(at).any(|before| before == name);
        if again || !COLUMNS.contains(&name.as_str()) {
            return Err(FileError::Column { name: name.clone() });
        }
    }
    if !header.iter().any(|name| name == "external_id") {
        return Err(FileError::NoExternalId);
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error, &mut lines))?;
        if rows.len() == MAX_ROWS {
            return Err(FileError::TooManyRows);
        }
        rows.push(row(&header, &record, lines.at(record.position())));
    }
    Ok(rows)
}

fn row(header: &[String], record: &StringRecord, line: u64) -> Row {
    let field = |column: &str| {
        let at = header.iter().position(|name| name == column)?;
        record.get(at).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Row {
        line,
        external_id: field("external_id"),
        email: field("email"),
        directory: field("directory"),
        subject: field("subject"),
        issuer: field("issuer"),
        sub: field("sub"),
    }
}

fn broken(error: &csv::Error, lines: &mut Lines<'_>) -> FileError {
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => FileError::Encoding(lines.at(pos.as_ref())),
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = lines.at(pos.as_ref());
            FileError::Fields { line, found: *len, expected: *expected_len }
        }
        _ => FileError::Other(error.to_string()),
    }
}

/// Counts lines as an editor does, which end with CR, LF or both: the library's own count is behind
/// after empty lines and after CR LF. No two records begin on one line.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which a record begins; records come in their order.
    fn at(&mut self, position: Option<&Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok());
        let bytes = self.bytes;
        for (at, byte) in bytes.iter().enumerate().skip(self.at) {
            if Some(at) >= start && !matches!(byte, b'\r' | b'\n') {
                self.at = at;
                break;
            }
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                self.line += 1;
            }
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, FileError> {
        read(text.as_bytes())
    }

    #[test]
    fn columns_come_in_any_order_and_empty_fields_are_nothing() {
        let read = rows("\u{feff}Email, external_id ,sub\n\"a@b.example\", 007 ,\n,8,s\n");
        let row = |line, external_id: &str| Row {
            line,
            external_id: Some(external_id.to_owned()),
            ..Row::default()
        };
        let first = Row { email: Some("a@b.example".to_owned()), ..row(2, "007") };
        let second = Row { sub: Some("s".to_owned()), ..row(3, "8") };
        assert_eq!(read, Ok(vec![first, second]));
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for end in ["\n", "\r\n"] {
            let text = ["external_id,sub", "1,a", "\"2\",\"b\nc\"", "", "3,d", "4,e"].join(end);
            let lines: Vec<_> = rows(&text).unwrap().iter().map(|row| row.line).collect();
            assert_eq!(lines, [2, 3, 6, 7], "{end:?}");
        }
    }

    #[test]
    fn rx_06_lines_that_end_with_cr_alone_are_lines() {
        let text = "external_id,email\r1,a@b.example\r\r1,c@d.example\r\n2,e@f.example\n";
        let lines: Vec<_> = rows(text).unwrap().iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4, 5]);
    }

    #[test]
    fn header_has_to_be_known_columns() {
        let column = |name: &str| Err(FileError::Column { name: name.to_owned() });
        assert_eq!(rows("external_id,mail\n1,a"), column("mail"));
        assert_eq!(rows("external_id,external_id\n1,1"), column("external_id"));
        assert_eq!(rows("external_id;email\n1;a"), column("external_id;email"));
        assert_eq!(rows("email\na"), Err(FileError::NoExternalId));
        assert_eq!(rows(""), Err(FileError::NoExternalId));
    }

    #[test]
    fn broken_row_is_named_by_its_line() {
        let fields = FileError::Fields { line: 3, found: 1, expected: 2 };
        assert_eq!(rows("external_id,email\n1,a\n2\n"), Err(fields));
        let latin = [b"external_id\n1\nM\xfcller\n".as_slice()].concat();
        assert_eq!(read(&latin), Err(FileError::Encoding(3)));
    }

    #[test]
    fn quoted_field_may_hold_separators() {
        let read = rows("external_id,subject\n\"a,b\",\"say \"\"x\"\"\"\n").unwrap();
        assert_eq!(read[0].external_id.as_deref(), Some("a,b"));
        assert_eq!(read[0].subject.as_deref(), Some("say \"x\""));
    }

    #[test]
    fn file_ends_at_the_limit() {
        let mut text = String::from("external_id\n");
        text.push_str(&"1\n".repeat(MAX_ROWS));
        assert_eq!(rows(&text).unwrap().len(), MAX_ROWS);
        text.push_str("1\n");
        assert_eq!(rows(&text), Err(FileError::TooManyRows));
    }
}
