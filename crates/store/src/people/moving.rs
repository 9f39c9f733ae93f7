//! Who would come over when one directory takes another's place.

use broker::email::DomainPattern;
use broker::id::{DirectoryId, TenantId};

use crate::{Operator, StoreError};

/// Two directories, and whose addresses are whose once the second stands in the place of the first.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// The directory that goes.
    pub from: DirectoryId,
    /// The one that takes its place.
    pub to: DirectoryId,
    /// The domains that the second then has.
    pub domains: &'a [DomainPattern],
    /// Those of every other directory of the tenant.
    pub others: &'a [DomainPattern],
}

/// Users with an identity at the directory that goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moving {
    /// All of them.
    pub users: u64,
    /// Those who have an identity at the other one already.
    pub known: u64,
    /// Of the rest, those who alone in the tenant have their address, of one of its domains.
    pub own_domain: u64,
    /// The same with an address of a domain that no directory of the tenant has.
    pub no_domain: u64,
}

impl Operator {
    /// Counts the users whom a replacement is about, by what is stored of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn moving(&self, tenant: TenantId, of: &Move<'_>) -> Result<Moving, StoreError> {
        let (exact, below) = names(of.domains);
        let (others, others_below) = names(of.others);
        let row = sqlx::query!(
            r#"with moving as (
                   select split_part(u.email, '@', 2) as domain, there.user_id is not null as known,
                          several.email is not null as is_shared
                     from (select distinct user_id from identities
                            where tenant_id = $1 and directory_id = $2) here
                     join users u on u.tenant_id = $1 and u.user_id = here.user_id
                     left join (select distinct user_id from identities
                                 where tenant_id = $1 and directory_id = $3) there
                       on there.user_id = here.user_id
                     left join (select email from users
                                 where tenant_id = $1 and email is not null
                                 group by email having count(*) > 1) several
                       on several.email = u.email
               ), by_domain as (
                   select domain, count(*) as users, count(*) filter (where known) as known,
                          count(domain) filter (where not known and not is_shared) as alone
                     from moving
                    group by domain
               ), judged as (
                   select d.users, d.known, d.alone,
                          d.domain = any($4) or exists (
                              select from unnest($5::text[]) as parent
                               where right(d.domain, length(parent) + 1) = '.' || parent) as ours,
                          d.domain = any($6) or exists (
                              select from unnest($7::text[]) as parent
                               where right(d.domain, length(parent) + 1) = '.' || parent) as theirs
                     from by_domain d
               )
               select coalesce(sum(users), 0)::bigint as "users!",
                      coalesce(sum(known), 0)::bigint as "known!",
                      coalesce(sum(alone) filter (where ours), 0)::bigint as "own_domain!",
                      coalesce(sum(alone) filter (where not ours and not theirs), 0)::bigint
                          as "no_domain!"
                 from judged"#,
            tenant.0,
            of.from.0,
            of.to.0,
            &exact,
            &below,
            &others,
            &others_below,
        )
        .fetch_one(self.pool())
        .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(Moving {
            users: count(row.users),
            known: count(row.known),
            own_domain: count(row.own_domain),
            no_domain: count(row.no_domain),
        })
    }
}

/// The names of the domains, and those below which every name is meant.
fn names(patterns: &[DomainPattern]) -> (Vec<String>, Vec<String>) {
    let (exact, below): (Vec<_>, Vec<_>) =
        patterns.iter().partition(|one| matches!(one, DomainPattern::Exact(_)));
    let text = |one: &DomainPattern| one.name().as_str().to_owned();
    (exact.into_iter().map(text).collect(), below.into_iter().map(text).collect())
}
