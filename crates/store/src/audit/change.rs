//! What an event says of a change: the members that differ, before and after.

use serde_json::{Map, Value, json};

/// The most that before and after may take of an event, in bytes of JSON; the table's limit is above.
const MOST: usize = 80_000;

/// A change of something that is kept as JSON.
#[derive(Debug, PartialEq)]
pub(crate) enum Changed {
    /// It was not there.
    Added,
    /// It is different.
    Altered,
    /// It is the same.
    Nothing,
}

/// Compares two states and notes in `subject` what differs. Settings hold references to secrets,
/// never secrets: those are refused before they come here.
pub(crate) fn changed(before: Option<&Value>, after: &Value, subject: &mut Value) -> Changed {
    let (old, new) = (before.and_then(Value::as_object), after.as_object());
    let empty = Map::new();
    let (old_members, new_members) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
    let differing = |these: &Map<String, Value>, those: &Map<String, Value>| -> Value {
        let members = these.iter().filter(|(name, value)| those.get(*name) != Some(*value));
        members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
    };
    if before.is_some() {
        note(subject, "before", differing(old_members, new_members));
    }
    note(subject, "after", differing(new_members, old_members));
    match before {
        None => Changed::Added,
        Some(before) if before == after => Changed::Nothing,
        Some(_) => Changed::Altered,
    }
}

/// Sets a member of an event's subject; what is too large is said to be left out.
pub(crate) fn note(subject: &mut Value, name: &str, value: Value) {
    let length = value.to_string().len();
    let value = if length > MOST / 2 { json!({ "left_out_bytes": length }) } else { value };
    if let Some(members) = subject.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_holds_what_differs_and_nothing_else() {
        let (before, after) = (json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 4, "d": 5}));
        let mut subject = json!({ "application": "imis" });
        assert_eq!(changed(Some(&before), &after, &mut subject), Changed::Altered);
        let wanted = json!({
            "application": "imis", "before": {"b": 2, "c": 3}, "after": {"b": 4, "d": 5},
        });
        assert_eq!(subject, wanted);
        assert_eq!(changed(Some(&after), &after, &mut subject), Changed::Nothing);
        assert_eq!(changed(None, &after, &mut json!({})), Changed::Added);
    }

    #[test]
    fn settings_of_any_size_fit_into_an_event() {
        let large = |text: &str| json!({ "claims": text.repeat(60_000) });
        let mut subject = json!({});
        assert_eq!(changed(Some(&large("a")), &large("b"), &mut subject), Changed::Altered);
        assert!(subject.to_string().len() < 200, "{subject}");
    }
}
