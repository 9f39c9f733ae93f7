//! What a browser sends back: the pairs of its `Cookie` headers.
//!
//! Names are compared as they are: nothing is decoded or trimmed but the one space that separates
//! pairs, so that no other spelling of a name stands for it. A name that appears twice counts as
//! absent, because which of the two is ours nobody knows (THREATS BR-02).

/// The cookies of one request.
pub struct Received<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Received<'a> {
    /// Reads the values of the `Cookie` headers. [RFC6265-5.4]
    pub fn read(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let pairs = headers.into_iter().flat_map(|value| value.split(';'));
        Self(
            pairs
                .filter_map(|pair| pair.strip_prefix(' ').unwrap_or(pair).split_once('='))
                .collect(),
        )
    }

    /// How much of the header the cookies of that name take up, with what is between them.
    pub fn octets(&self, name: &str) -> usize {
        let values = self.0.iter().filter(|(one, _)| *one == name);
        values.map(|(name, value)| name.len() + value.len() + "=; ".len()).sum()
    }

    /// The value of the only cookie of this name.
    pub fn only(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(one, _)| *one == name);
        let value = found.next()?.1;
        found.next().is_none().then_some(value)
    }

    /// The names that are `prefix`, a time in hexadecimal seconds, a dot and more; with that time.
    pub fn timed(&self, prefix: String) -> impl Iterator<Item = (&'a str, i64)> {
        self.0.iter().filter_map(move |(name, _)| {
            let (time, _) = name.strip_prefix(prefix.as_str())?.split_once('.')?;
            Some((*name, i64::from_str_radix(time, 16).ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn br_02_only_the_space_between_pairs_is_dropped() {
        let cookies = Received::read(["a=1; b=2;c=3;  d=4", "e=5=6"]);
        let values = ["a", "b", "c", "d", " d", "e"].map(|name| cookies.only(name));
        assert_eq!(values, [Some("1"), Some("2"), Some("3"), None, Some("4"), Some("5=6")]);
    }

    #[test]
    fn br_02_a_name_that_appears_twice_counts_as_absent_also_over_two_headers() {
        assert_eq!(Received::read(["a=1", "a=1"]).only("a"), None);
    }

    #[test]
    fn a_time_is_read_from_a_name_that_has_one() {
        let cookies = Received::read(["x.ff.1=v; x.-1.1=v; x.g.1=v; x.1=v; y.1.1=v"]);
        assert_eq!(
            cookies.timed("x.".to_owned()).collect::<Vec<_>>(),
            [("x.ff.1", 255), ("x.-1.1", -1)]
        );
    }
}
