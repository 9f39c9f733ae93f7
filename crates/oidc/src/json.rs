//! JSON from outside: objects without duplicate members, and times as numbers.
//!
//! Two readers of one text must not see two values: a member that occurs twice is refused
//! at any depth, where `serde_json` alone would keep the last. Depth is bounded by
//! `serde_json` (128). [RFC8725-3.7] [RFC7519-4]

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a text in which no member of any object occurs twice.
///
/// # Errors
/// With the place of what is wrong.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0)
}

/// Reads an object in which no member occurs twice.
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice::<Strict>(bytes).ok()?.0 {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// A `NumericDate`: whole or fractional seconds up to the year 9999. [RFC7519-2]
pub(crate) fn numeric_date(value: &Value) -> Option<DateTime<Utc>> {
    const YEAR_9999: f64 = 253_402_300_799.0;
    // Far below where adding a leeway could overflow; the rounding of huge integers to a
    // float only moves them further out of range.
    let seconds = value.as_f64().filter(|seconds| (0.0..=YEAR_9999).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
    let whole = seconds.trunc() as i64;
    DateTime::from_timestamp(whole, 0)
}

/// A text cut to at most `chars` characters, without control characters: for values of
/// other servers that operators get to read.
pub(crate) fn excerpt(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = access.next_entry::<String, Strict>()? {
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom("duplicate member"));
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jw_08_a_member_that_occurs_twice_is_refused_at_any_depth() {
        let refused = [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","s\u0075b":"a"}"#,
            r#"{"x":[{"y":1,"y":1}]}"#,
            r#"{"a":1} x"#,
            "[1]",
            "\"x\"",
            "",
        ];
        for text in refused {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        assert!(object(br#"{"x":{"y":1},"y":[1,1.5,null,true,"s",-1]}"#).is_some());
    }

    #[test]
    fn jw_08_depth_and_numbers_are_bounded() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(object(deep.as_bytes()), None);
        assert_eq!(object(br#"{"iat":1e400}"#), None);
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None);
    }

    #[test]
    fn jw_04_only_numbers_in_range_are_times() {
        let time = |text: &str| numeric_date(&serde_json::from_str(text).unwrap());
        assert_eq!(time("1760000000").unwrap().timestamp(), 1_760_000_000);
        assert_eq!(time("1760000000.9").unwrap().timestamp(), 1_760_000_000);
        assert!(time("253402300799").is_some());
        let refused = [
            "\"1760000000\"",
            "null",
            "true",
            "[1]",
            "-1",
            "-0.5",
            "253402300800",
            "8210266876799",
            "9223372036854775807",
            "18446744073709551615",
            "1e300",
        ];
        for text in refused {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn an_excerpt_is_short_and_on_one_line() {
        assert_eq!(excerpt("a\r\nbcd", 3), "abc");
    }
}
