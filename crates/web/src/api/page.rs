//! Lists, page by page: each page says what the next one comes after.
//!
//! What a page comes after is a name or a number that the caller has seen, in the order of the list,
//! within one tenant: there is nothing to forge (THREATS TN-08).

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;

/// The most items of a page.
const MOST: u16 = 200;
/// How many there are unless the request says.
const USUAL: u16 = 50;
/// The longest text that a page may come after, in bytes.
const LONGEST: usize = 1_024;

/// Which page.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many at most, 1 to 200; 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u16>,
}

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// How many are asked for.
pub(crate) fn limit(asked: Option<u16>) -> Result<u16, Problem> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::malformed(format!("limit: 1 to {MOST}"))),
    }
}

/// What the page comes after, if it can be that.
pub(crate) fn after(asked: Option<&str>) -> Result<Option<&str>, Problem> {
    match asked {
        Some(text) if text.len() > LONGEST || text.contains('\0') => {
            Err(Problem::malformed("after: send the `next` of the page before"))
        }
        asked => Ok(asked),
    }
}

impl<T> Page<T> {
    /// A page of at most `limit` out of one item more, so that it is known whether more follow.
    pub(crate) fn of(mut items: Vec<T>, limit: u16, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > usize::from(limit);
        items.truncate(limit.into());
        let next = items.last().filter(|_| more).map(key);
        Self { items, next }
    }

    /// A page of a list that is there as a whole, in the order of its keys.
    pub(crate) fn within(
        all: impl Iterator<Item = T>,
        query: &PageQuery,
        key: impl Fn(&T) -> String,
    ) -> Result<Self, Problem> {
        let (limit, after) = (limit(query.limit)?, after(query.after.as_deref())?);
        let rest = all.filter(|one| after.is_none_or(|after| key(one).as_str() > after));
        Ok(Self::of(rest.take(usize::from(limit) + 1).collect(), limit, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<&str>, limit: Option<u16>) -> Option<(Vec<String>, Option<String>)> {
        let all = ["a", "b", "c", "d", "e"].map(str::to_owned).into_iter();
        let query = PageQuery { after: after.map(str::to_owned), limit };
        Page::within(all, &query, Clone::clone).ok().map(|page| (page.items, page.next))
    }

    #[test]
    fn tn_08_pages_join_without_a_gap_and_end() {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let (items, next) = page(after.as_deref(), Some(2)).unwrap();
            seen.extend(items);
            let Some(next) = next else { break };
            after = Some(next);
        }
        assert_eq!(seen.concat(), "abcde");
        assert_eq!(page(None, Some(5)).unwrap().1, None);
        assert_eq!(page(Some("zzz"), None).unwrap(), (vec![], None));
    }

    #[test]
    fn tn_08_limits_outside_their_bounds_are_refused() {
        assert_eq!(page(None, Some(0)), None);
        assert_eq!(page(None, Some(201)), None);
        assert_eq!(page(Some(&"a".repeat(2_000)), None), None);
        assert_eq!(page(Some("a\0"), None), None);
        assert_eq!(page(None, None).unwrap().0.len(), 5);
    }
}
