//! What a list to choose from offers.

/// One of a list to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is sent.
    pub(crate) value: String,
    /// What is read.
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

impl Choice {
    /// These, one of them chosen.
    pub(crate) fn all<'a>(
        offered: impl Iterator<Item = (&'a str, String)>,
        chosen: Option<&str>,
    ) -> Vec<Self> {
        let choice = |(value, label): (&str, String)| Self {
            value: value.to_owned(),
            label,
            is_chosen: chosen == Some(value),
        };
        offered.map(choice).collect()
    }

    /// These, or none of them. What is chosen and not offered is offered as well, so that a page
    /// says what it was asked for.
    pub(crate) fn all_or<'a>(
        offered: impl Iterator<Item = (&'a str, String)>,
        chosen: Option<&str>,
    ) -> Vec<Self> {
        let any =
            Self { value: String::new(), label: "All".to_owned(), is_chosen: chosen.is_none() };
        let mut all = vec![any];
        all.extend(Self::all(offered, chosen));
        if let Some(chosen) = chosen
            && !all.iter().any(|one| one.is_chosen)
        {
            let (value, label) = (chosen.to_owned(), chosen.to_owned());
            all.push(Self { value, label, is_chosen: true });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_that_is_gone_is_still_said() {
        let offered = || [("a", "A".to_owned())].into_iter();
        let chosen = |chosen: Option<&str>| {
            let all = Choice::all_or(offered(), chosen);
            let one = all.iter().find(|one| one.is_chosen).unwrap();
            (all.len(), one.label.clone())
        };
        assert_eq!(chosen(None), (2, "All".to_owned()));
        assert_eq!(chosen(Some("a")), (2, "A".to_owned()));
        assert_eq!(chosen(Some("gone")), (3, "gone".to_owned()));
        assert!(Choice::all(offered(), Some("b")).iter().all(|one| !one.is_chosen));
    }
}
