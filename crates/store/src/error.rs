//! What can go wrong, by what the caller can do about it.

use sqlx::error::ErrorKind;

/// A statement did not succeed. A missing row is never an error but `None` or `false`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The write breaks the named constraint: a duplicate, or a reference to what is gone.
    #[error("the database refused a write: {0}")]
    Conflict(String),
    /// A stored value is impossible. It is logged; somebody has to look.
    #[error("{table}.{column} of {id} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row; never its value.
        id: String,
    },
    /// A value cannot be stored, such as text with U+0000: trying again does not help.
    #[error("a value cannot be stored: {0}")]
    Refused(String),
    /// The schema could not be brought up to date; the text says what to do.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// The database could not be asked, or did not answer in time. Trying again may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the write broke this constraint.
    pub fn is_conflict_of(&self, constraint: &str) -> bool {
        matches!(self, Self::Conflict(name) if name == constraint)
    }

    /// Whether the database was never migrated: it lacks the tables, or the role to see them as.
    pub fn is_without_schema(&self) -> bool {
        const MISSING: [&str; 3] = ["42P01", "42704", "22023"];
        match self {
            Self::Unavailable(sqlx::Error::Database(refusal)) => {
                refusal.code().is_some_and(|code| MISSING.contains(&code.as_ref()))
            }
            Self::Refused(code) => MISSING.contains(&code.as_str()),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            return match error {
                sqlx::Error::Encode(why) => Self::Refused(why.to_string()),
                other => Self::Unavailable(other),
            };
        };
        match refusal.kind() {
            ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation => {
                Self::Conflict(refusal.constraint().unwrap_or("unnamed").to_owned())
            }
            ErrorKind::CheckViolation | ErrorKind::NotNullViolation => {
                Self::Refused(refusal.constraint().unwrap_or("not null").to_owned())
            }
            // Class 22 is "data exception". The text of it may quote the value, so only the code.
            _ => match refusal.code() {
                Some(code) if code.starts_with("22") => Self::Refused(code.into_owned()),
                _ => Self::Unavailable(error),
            },
        }
    }
}
