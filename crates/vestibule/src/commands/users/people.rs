//! `vestibule users list`, `block`, `unblock`, `sign-out` and `join`.

use anyhow::{Context as _, bail};
use broker::id::{Slug, TenantId};
use chrono::SecondsFormat;
use store::{BlockChange, Joined, Operator, PersonQuery, PersonView, WhichPerson};

use super::super::Tool;
use super::count;
use crate::cli::{UsersBlockArgs, UsersJoinArgs, UsersListArgs};
use crate::output;

/// Runs `users list`.
pub(in crate::commands) async fn list(args: UsersListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = listed(&tool, &args).await;
    let people = tool.finish(outcome).await?;
    for person in &people {
        output::result(line(person));
    }
    if people.len() == usize::from(args.limit)
        && let Some(last) = people.last()
    {
        let after = shown(&last.external_id);
        output::notice(format_args!("There may be more: go on with --after {after}"));
    }
    Ok(())
}

async fn listed(tool: &Tool, args: &UsersListArgs) -> anyhow::Result<Vec<PersonView>> {
    let operator = tool.store.operator();
    let tenant = tenant(&operator, &args.tenant).await?;
    let query = PersonQuery {
        blocked: args.blocked,
        search: args.search.as_deref(),
        after: args.after.as_deref(),
        limit: args.limit,
    };
    Ok(operator.people(tenant, &query).await?)
}

/// Runs `users block`.
pub(in crate::commands) async fn block(args: UsersBlockArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = changed(&tool, &args, true).await;
    let (person, change) = tool.finish(outcome).await?;
    output::result(blocked(&person, change));
    Ok(())
}

/// Runs `users unblock`.
pub(in crate::commands) async fn unblock(args: UsersBlockArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = changed(&tool, &args, false).await;
    let (person, change) = tool.finish(outcome).await?;
    let name = shown(&person.external_id);
    output::result(if change.changed {
        format!("{name} is unblocked and can sign in again.")
    } else {
        format!("{name} is not blocked.")
    });
    Ok(())
}

async fn changed(
    tool: &Tool,
    args: &UsersBlockArgs,
    block: bool,
) -> anyhow::Result<(PersonView, BlockChange)> {
    let operator = tool.store.operator();
    let tenant = tenant(&operator, &args.tenant).await?;
    let person = named(&operator, (tenant, &args.tenant), &args.who).await?;
    let now = crate::commands::now();
    let change = if block {
        operator.block_person(tenant, person.id, now).await?
    } else {
        operator.unblock_person(tenant, person.id, now).await?
    };
    Ok((person, change))
}

/// Runs `users sign-out`.
pub(in crate::commands) async fn sign_out(args: UsersBlockArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = signed_out(&tool, &args).await;
    let (person, ended) = tool.finish(outcome).await?;
    output::result(format_args!("{}: {} ended.", shown(&person.external_id), sessions(ended)));
    Ok(())
}

async fn signed_out(tool: &Tool, args: &UsersBlockArgs) -> anyhow::Result<(PersonView, u64)> {
    let operator = tool.store.operator();
    let tenant = tenant(&operator, &args.tenant).await?;
    let person = named(&operator, (tenant, &args.tenant), &args.who).await?;
    let now = crate::commands::now();
    let ended = operator.end_sessions_of_person(tenant, person.id, None, now).await?;
    Ok((person, ended.sessions))
}

/// Runs `users join`.
pub(in crate::commands) async fn join(args: UsersJoinArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = joined(&tool, &args).await;
    let (kept, other, joined) = tool.finish(outcome).await?;
    output::result(format_args!(
        "Whoever arrived as {} arrives as {} now: {}; {} ended.",
        shown(&other.external_id),
        shown(&kept.external_id),
        identities(joined.identities),
        sessions(joined.ended.sessions),
    ));
    Ok(())
}

async fn joined(
    tool: &Tool,
    args: &UsersJoinArgs,
) -> anyhow::Result<(PersonView, PersonView, Joined)> {
    let operator = tool.store.operator();
    let tenant = tenant(&operator, &args.tenant).await?;
    let kept = named(&operator, (tenant, &args.tenant), &args.kept).await?;
    let other = named(&operator, (tenant, &args.tenant), &args.other).await?;
    if kept.id == other.id {
        bail!("`{}` and `{}` are one user", shown(&args.kept), shown(&args.other));
    }
    let joined = operator.join_people(tenant, kept.id, other.id, crate::commands::now()).await?;
    let joined = joined.context(store::NOT_JOINED)?;
    Ok((kept, other, joined))
}

/// The one user who is called that.
async fn named(
    operator: &Operator,
    (tenant, slug): (TenantId, &str),
    who: &str,
) -> anyhow::Result<PersonView> {
    match operator.find_person(tenant, who).await? {
        WhichPerson::One(person) => Ok(person),
        WhichPerson::Nobody => bail!(
            "no user of {slug} has the e-mail address, sub or external id `{}`; look for them with: \
             vestibule users list --tenant {slug} --search TEXT",
            shown(who),
        ),
        WhichPerson::Several(people) => bail!(
            "several users are called `{}`; name the one you mean by what stands before `=`:\n{}",
            shown(who),
            people.iter().map(|person| told_apart(person, who)).collect::<Vec<_>>().join("\n")
        ),
    }
}

async fn tenant(operator: &Operator, slug: &str) -> anyhow::Result<TenantId> {
    let none = || format!("there is no tenant `{slug}`");
    let slug: Slug = slug.parse().with_context(none)?;
    Ok(operator.find_tenant(&slug).await?.with_context(none)?.id)
}

fn blocked(person: &PersonView, change: BlockChange) -> String {
    let name = shown(&person.external_id);
    if !change.changed {
        return format!("{name} was blocked already.");
    }
    format!("{name} is blocked; {} ended.", sessions(change.sessions))
}

fn identities(number: u64) -> String {
    if number == 1 { "1 identity".to_owned() } else { format!("{number} identities") }
}

fn sessions(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "session")
}

/// External id, sub, address, and since when they are blocked.
fn line(person: &PersonView) -> String {
    let since = person.blocked_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let word = if person.joined_into.is_some() { "joined into another" } else { "blocked" };
    let since = since.map(|at| format!("{word} since {at}")).unwrap_or_default();
    let email = person.email.as_deref().unwrap_or_default();
    [shown(&person.external_id), shown(&person.sub), shown(email), since]
        .join("\t")
        .trim_end()
        .to_owned()
}

/// A person who shares a name with another, behind a name that is not that one.
fn told_apart(person: &PersonView, shared: &str) -> String {
    let ids = [&person.sub, &person.external_id].into_iter().filter(|id| *id != shared);
    // Addresses are compared in small letters.
    let email = person.email.iter().filter(|email| **email != shared.to_lowercase());
    let other = ids.chain(email).next();
    let other = other.map_or_else(|| "(no other name)".to_owned(), |name| shown(name));
    format!("{other}\t= {}", line(person))
}

/// Directories name people, and a terminal acts on what it is shown.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use broker::id::UserId;
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn person() -> PersonView {
        PersonView {
            id: UserId(Uuid::nil()),
            sub: "c7f3".to_owned(),
            external_id: "E-1\u{1b}[2J".to_owned(),
            email: Some("dana@acme.example".to_owned()),
            blocked_at: None,
            joined_into: None,
        }
    }

    #[test]
    fn line_names_a_person_in_every_way_that_block_takes() {
        assert_eq!(line(&person()), "E-1\u{fffd}[2J\tc7f3\tdana@acme.example");
        let blocked_at = DateTime::from_timestamp(1_800_000_000, 5);
        let blocked = PersonView { blocked_at, email: None, ..person() };
        let wanted = "E-1\u{fffd}[2J\tc7f3\t\tblocked since 2027-01-15T08:00:00Z";
        assert_eq!(line(&blocked), wanted);
    }

    #[test]
    fn people_of_one_name_are_told_apart_by_another() {
        let by_id = PersonView { external_id: "q2".to_owned(), ..person() };
        assert_eq!(told_apart(&by_id, "q2"), "c7f3\t= q2\tc7f3\tdana@acme.example");
        let by_sub = PersonView { sub: "q2".to_owned(), external_id: "E-2".to_owned(), ..person() };
        assert_eq!(told_apart(&by_sub, "q2"), "E-2\t= E-2\tq2\tdana@acme.example");
        let by_both = PersonView { external_id: "q2".to_owned(), ..by_sub };
        assert_eq!(told_apart(&by_both, "q2"), "dana@acme.example\t= q2\tq2\tdana@acme.example");
        let by_all = PersonView { email: None, ..by_both };
        assert_eq!(told_apart(&by_all, "q2"), "(no other name)\t= q2\tq2");
    }

    #[test]
    fn blocking_says_how_much_ended() {
        let change = BlockChange { changed: true, sessions: 1, grants: 2 };
        assert_eq!(blocked(&person(), change), "E-1\u{fffd}[2J is blocked; 1 session ended.");
        let again = BlockChange { changed: false, ..change };
        assert_eq!(blocked(&person(), again), "E-1\u{fffd}[2J was blocked already.");
    }
}
