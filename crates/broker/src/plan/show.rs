//! How a plan reads: `+` for what is added, `~` for what changes, `-` for what goes, and a
//! summary at the end.

use std::fmt;

use super::{Action, Change, Difference, Field, Plan, SecretChange, Target};

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant { tenant } => write!(f, "tenant {tenant}"),
            Self::Application { tenant, client_id } => {
                write!(f, "application {tenant}/{client_id}")
            }
            Self::Directory { tenant, directory } => write!(f, "directory {tenant}/{directory}"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.difference {
            Difference::Added(after) => write!(f, "{after}"),
            Difference::Changed { before, after } => write!(f, "{before} -> {after}"),
            Difference::Removed(before) => write!(f, "{before} -> (not set)"),
            Difference::Secret(SecretChange::Changed) => f.write_str("(changed)"),
            Difference::Secret(SecretChange::Generated) => f.write_str("(generated)"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        let (sign, fields) = match &self.action {
            Action::Add(_, fields) => ('+', fields.as_slice()),
            Action::Change(_, fields) => ('~', fields.as_slice()),
            Action::Remove => ('-', &[][..]),
            Action::Keep => return writeln!(f, "  {target}: kept, not in the file"),
        };
        writeln!(f, "{sign} {target}")?;
        for field in fields {
            // Values come from files that others may have written: no escape sequence gets through.
            let line: String = field.to_string().chars().filter(|c| !c.is_control()).collect();
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            change.fmt(f)?;
        }
        if self.is_empty() {
            return f.write_str("No changes.");
        }
        let count = |wanted: fn(&Action) -> bool| {
            self.changes.iter().filter(|change| wanted(&change.action)).count()
        };
        let added = count(|action| matches!(action, Action::Add(..)));
        let changed = count(|action| matches!(action, Action::Change(..)));
        let removed = count(|action| matches!(action, Action::Remove));
        write!(f, "Plan: {added} to add, {changed} to change, {removed} to remove.")
    }
}
