//! Who gets an account, and `account_links`, with which it is set up.
//!
//! A link gives the account to whoever has it. The staff of one tenant must therefore never get one
//! for an account that is anything elsewhere, and never let somebody into their tenant whose account
//! other staff may have set up for themselves: only what an operator handed out is proof between
//! tenants (THREATS ID-10, TN-12).

use broker::authority::Role;
use broker::id::{AccountId, DirectoryId, LinkId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{address, credentials, members, one_at_a_time};
use crate::{Operator, StoreError};

/// What somebody is invited to, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteScope {
    /// By an operator, to be one.
    Operator,
    /// By an operator, to be of the staff of a tenant.
    Staff {
        /// The tenant.
        tenant: TenantId,
        /// What they may do there.
        role: Role,
        /// The directory of a directory manager.
        directory: Option<DirectoryId>,
    },
    /// By an owner of the tenant, to be of its staff.
    Member {
        /// The tenant.
        tenant: TenantId,
        /// What they may do there.
        role: Role,
        /// The directory of a directory manager.
        directory: Option<DirectoryId>,
    },
}

impl InviteScope {
    fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Operator => None,
            Self::Staff { tenant, .. } | Self::Member { tenant, .. } => Some(*tenant),
        }
    }

    fn is_by_operator(&self) -> bool {
        !matches!(self, Self::Member { .. })
    }
}

/// An invitation that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewInvite<'a> {
    /// The account, if the address has none yet.
    pub account: AccountId,
    /// The address: 3 to 254 bytes.
    pub email: &'a str,
    /// What to.
    pub scope: InviteScope,
    /// The link, if one is given.
    pub link: LinkId,
    /// The hash of it.
    pub token_hash: [u8; 32],
    /// Until when it works: 7 days at most.
    pub expires_at: DateTime<Utc>,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteOutcome {
    /// The link sets the account up, anew if it was.
    Linked(AccountId),
    /// They are in; the link was not stored, since they have credentials or somebody else's link.
    AlreadySetUp(AccountId),
    /// Nothing was done: the address has an account that no operator vouched for, or that is yet to
    /// be set up, and not with this tenant. An operator has to invite it.
    Elsewhere,
    /// Nothing was done: the tenant would be without an owner.
    LastOwner,
}

/// What there is of an account before somebody is invited.
struct Standing {
    account: AccountId,
    credentials: Credentials,
    is_operator: bool,
    is_member: bool,
    is_elsewhere: bool,
}

/// What an account proves itself by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Credentials {
    None,
    /// A directory, which signs them in at its own tenant alone.
    Directory,
    /// A tenant's staff handed the link out: they may be anybody's.
    Theirs,
    /// An operator did.
    Vouched,
}

impl Standing {
    /// Whether the invitation comes with a link.
    fn is_linked_by(&self, scope: &InviteScope) -> bool {
        scope.is_by_operator() || !self.is_elsewhere && self.credentials == Credentials::None
    }

    /// Whether an invitation without a link lets in whom it is meant for.
    fn is_known(&self) -> bool {
        self.is_member || self.credentials == Credentials::Vouched
    }

    /// Whether the credentials are to go before the account becomes more than it is.
    fn is_doubtful(&self, scope: &InviteScope) -> bool {
        let is_more = match scope {
            InviteScope::Operator => !self.is_operator,
            InviteScope::Staff { .. } => !self.is_member,
            InviteScope::Member { .. } => false,
        };
        is_more && self.credentials == Credentials::Theirs
    }
}

impl Operator {
    /// Makes somebody an operator, or of the staff of a tenant, with an account if they have none.
    /// Their earlier links give way to this one. An operator who invites somebody again lets them
    /// back in who lost what they signed in with; what they had works until the link is used.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the tenant or the directory is
    /// gone; [`StoreError::Refused`] for an address, a role or an end that cannot be.
    pub async fn invite_account(
        &self,
        new: &NewInvite<'_>,
        now: DateTime<Utc>,
    ) -> Result<InviteOutcome, StoreError> {
        let email = address(new.email)
            .ok_or_else(|| StoreError::Refused("not an e-mail address".to_owned()))?;
        let mut tx = self.pool().begin().await?;
        one_at_a_time(&mut tx).await?;
        let standing = match standing(&mut tx, &email, &new.scope).await? {
            Some(standing) => standing,
            None => self.new_account(&mut tx, new.account, &email, now).await?,
        };
        let (account, is_linked) = (standing.account, standing.is_linked_by(&new.scope));
        if !is_linked && !standing.is_known() {
            return Ok(InviteOutcome::Elsewhere);
        }
        if standing.is_doubtful(&new.scope) {
            credentials::forget(&mut tx, account).await?;
        }
        if is_linked {
            self.put_link(&mut tx, account, new, now).await?;
        }
        let mut subject = json!({
            "account": account.0, "email": email,
            "link": is_linked.then_some(new.link.0),
            "expires_at": is_linked.then_some(new.expires_at),
        });
        let act = match new.scope {
            InviteScope::Operator => {
                sqlx::query!(
                    "update accounts set is_operator = true where account_id = $1",
                    account.0
                )
                .execute(&mut *tx)
                .await?;
                "operator.invited"
            }
            InviteScope::Staff { tenant, role, directory }
            | InviteScope::Member { tenant, role, directory } => {
                let member = members::NewMember { tenant, account, role, directory };
                if !members::put(&mut tx, &member, self.store().actor(), now).await? {
                    return Ok(InviteOutcome::LastOwner);
                }
                member.name(&mut subject);
                "member.invited"
            }
        };
        self.tell(&mut tx, new.scope.tenant(), (act, subject), now).await?;
        tx.commit().await?;
        let done = if is_linked { InviteOutcome::Linked } else { InviteOutcome::AlreadySetUp };
        Ok(done(account))
    }

    async fn new_account(
        &self,
        connection: &mut PgConnection,
        account: AccountId,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Standing, StoreError> {
        sqlx::query!(
            "insert into accounts (account_id, email, created_at, created_by)
             values ($1, $2, $3, $4)",
            account.0,
            email,
            now,
            self.store().actor(),
        )
        .execute(connection)
        .await?;
        Ok(Standing {
            account,
            credentials: Credentials::None,
            is_operator: false,
            is_member: false,
            is_elsewhere: false,
        })
    }

    async fn put_link(
        &self,
        connection: &mut PgConnection,
        account: AccountId,
        new: &NewInvite<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!("delete from account_links where account_id = $1", account.0)
            .execute(&mut *connection)
            .await?;
        sqlx::query!(
            "insert into account_links (account_id, link_id, token_hash, by_operator, created_at,
                                        created_by, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)",
            account.0,
            new.link.0,
            &new.token_hash[..],
            new.scope.is_by_operator(),
            now,
            self.store().actor(),
            new.expires_at,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn standing(
    connection: &mut PgConnection,
    email: &str,
    scope: &InviteScope,
) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query!(
        r#"select a.account_id, a.is_operator, a.is_vouched,
                  exists (select from staff_identities i where i.account_id = a.account_id)
                      as "has_directory!",
                  a.password_hash is not null
                  or exists (select from account_passkeys p where p.account_id = a.account_id)
                      as "has_credentials!",
                  exists (select from members m
                           where m.account_id = a.account_id and m.tenant_id = $2) as "is_member!",
                  a.is_operator
                  or exists (select from members m
                              where m.account_id = a.account_id
                                and m.tenant_id is distinct from $2) as "is_elsewhere!"
             from accounts a where a.email = $1"#,
        email,
        scope.tenant().map(|tenant| tenant.0),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Standing {
        account: AccountId(row.account_id),
        credentials: match (row.has_credentials, row.is_vouched) {
            (false, _) if row.has_directory => Credentials::Directory,
            (false, _) => Credentials::None,
            (true, false) => Credentials::Theirs,
            (true, true) => Credentials::Vouched,
        },
        is_operator: row.is_operator,
        is_member: row.is_member,
        is_elsewhere: row.is_elsewhere,
    }))
}
