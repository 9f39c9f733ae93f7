//! `tenant_logos`: what tenants put on their own pages.

use broker::id::TenantId;
use broker::settings::LogoHash;

use crate::{OperatorTx, StoreError, TenantStore};

/// What is known of a logo without looking at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogoRecord {
    /// Its name.
    pub hash: LogoHash,
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// Whether what can be seen of it wants something dark behind it.
    pub is_light: bool,
}

impl TenantStore {
    /// The PNG of the logo of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn logo(&self, hash: LogoHash) -> Result<Option<Vec<u8>>, StoreError> {
        let image = sqlx::query_scalar!("select tenant_logo($1, $2)", self.id().0, &hash.0[..])
            .fetch_one(self.pool())
            .await?;
        Ok(image)
    }
}

impl LogoRecord {
    /// That of a row, if there is one.
    pub(crate) fn of_row(
        hash: Option<Vec<u8>>,
        (width, height): (Option<i16>, Option<i16>),
        is_light: Option<bool>,
    ) -> Option<Self> {
        Some(Self {
            hash: LogoHash(hash?.try_into().ok()?),
            width: u16::try_from(width?).ok()?,
            height: u16::try_from(height?).ok()?,
            is_light: is_light?,
        })
    }
}

impl OperatorTx {
    /// Puts a tenant's logo in the place of the one before. What names it is the tenant's policy,
    /// which is put besides and is what the audit log tells of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when it is no PNG, or too large.
    pub async fn put_logo(
        &mut self,
        tenant: TenantId,
        logo: &LogoRecord,
        png: &[u8],
    ) -> Result<(), StoreError> {
        let side = |pixels: u16| i16::try_from(pixels).unwrap_or(i16::MAX);
        sqlx::query!(
            "insert into tenant_logos (tenant_id, hash, image, width, height, is_light)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id) do update
                set hash = excluded.hash, image = excluded.image, width = excluded.width,
                    height = excluded.height, is_light = excluded.is_light",
            tenant.0,
            &logo.hash.0[..],
            png,
            side(logo.width),
            side(logo.height),
            logo.is_light,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a tenant's logo.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_logo(&mut self, tenant: TenantId) -> Result<(), StoreError> {
        sqlx::query!("delete from tenant_logos where tenant_id = $1", tenant.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
