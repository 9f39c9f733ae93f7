//! Where each part of a YAML text stands.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The positions of a text's parts, in its own shape.
#[derive(Debug)]
pub(super) struct Positions(Spanned<Node>);

#[derive(Debug)]
enum Node {
    Map(Vec<(String, Positions)>),
    List(Vec<Positions>),
    Leaf,
    Nothing,
}

impl Positions {
    /// Whether the text holds nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.0.value, Node::Nothing)
    }

    /// Line and column, from 1, of what a path such as `tenants[0].claims.staff` leads to, or of
    /// the closest part around it that is written.
    pub(super) fn find(&self, path: &str) -> (u64, u64) {
        match self.step(path) {
            Some((part, rest)) => part.find(rest),
            None => (self.0.referenced.line().max(1), self.0.referenced.column().max(1)),
        }
    }

    /// The beginning of the block of keys that the key at this place belongs to: the last one that
    /// begins above it in its column. A key that is missing is looked for there, not at its
    /// neighbour.
    pub(super) fn block_around(&self, key: (u64, u64)) -> Option<(u64, u64)> {
        let parts: Vec<&Self> = match &self.0.value {
            Node::Map(entries) => entries.iter().map(|(_, part)| part).collect(),
            Node::List(parts) => parts.iter().collect(),
            Node::Leaf | Node::Nothing => return None,
        };
        let own = (self.0.referenced.line(), self.0.referenced.column());
        let fits = matches!(self.0.value, Node::Map(_)) && own.1 == key.1 && own.0 <= key.0;
        parts.into_iter().filter_map(|part| part.block_around(key)).chain(fits.then_some(own)).max()
    }

    fn step<'a>(&self, path: &'a str) -> Option<(&Self, &'a str)> {
        match &self.0.value {
            Node::Map(entries) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                // A key may contain dots, so the longest that fits is the one that was meant.
                let fitting = entries.iter().filter_map(|(key, part)| {
                    let rest = path.strip_prefix(key.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((part, rest))
                });
                fitting.min_by_key(|(_, rest)| rest.len())
            }
            Node::List(parts) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((parts.get(index.parse::<usize>().ok()?)?, rest))
            }
            Node::Leaf | Node::Nothing => None,
        }
    }
}

impl<'de> Deserialize<'de> for Positions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        data.variant::<IgnoredAny>().map(|_| Node::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            parts.push(part);
        }
        Ok(Node::List(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
