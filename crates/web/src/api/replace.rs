//! One directory takes another's place: the settings that say so in one change, and what it means for
//! people.

use admin::{Applied, Part, Recognition, Remark, Replacement, To};
use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use broker::authority::Need;
use broker::id::Slug;
use broker::settings::EmailTrust;
use serde::{Deserialize, Serialize};
use store::TenantRecord;
use utoipa::ToSchema;

use super::caller::Caller;
use super::configuration::{self, Wanted, Write, slug_of};
use super::input::{Body, shaped};
use super::problem::{Problem, Refusals};
use super::written::{Written, tagged};
use crate::gateway::App;

/// What takes the directory's place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceOrder {
    /// The directory that takes its place: it is connected already.
    #[schema(example = "entra")]
    by: Slug,
    /// Whether the tenant recognises people by e-mail address from then on. `false` leaves its
    /// `join_by_email` as it is; to turn it on takes an owner.
    #[serde(default)]
    join_by_email: bool,
}

/// What was done, and what it means for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replaced {
    #[serde(flatten)]
    written: Written,
    /// The people of the directory that was replaced.
    people: People,
    /// What is not done by it, and somebody should look at.
    remarks: Vec<String>,
}

/// The people of a directory that is replaced, as far as it can be known before they arrive.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplacedPeople)]
pub(crate) struct People {
    /// Users who arrived from it, or were imported with an identity there.
    users: u64,
    /// Of these, those who have arrived from the new one already.
    known: u64,
    /// Of the rest, those whom the new one can bring by a verified e-mail address, if the tenant's
    /// `join_by_email` is on.
    by_email: u64,
    /// Those who cannot be recognised, and would arrive as new users.
    new_users: u64,
    /// `join_by_email` of the tenant, as it then is.
    join_by_email: bool,
    /// When an address of the new directory counts as verified.
    email_trust: EmailTrust,
}

impl From<Recognition> for People {
    fn from(found: Recognition) -> Self {
        Self {
            users: found.users,
            known: found.known,
            by_email: found.by_email,
            new_users: found.strangers(),
            join_by_email: found.join_by_email,
            email_trust: found.trust,
        }
    }
}

/// Let another directory take the place of one
///
/// The one in `by` becomes active, gets the domains of the other, and stands for it in the
/// `directories` of applications; the other is paused, keeps everything else, and can take its place
/// again by the same operation. With `?dry_run=true` the answer says what would become different, and
/// how many people would be recognised.
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/replace",
    tag = "Directories", operation_id = "replaceDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The slug of the directory that is replaced"),
           super::input::WriteQuery, super::input::Conditions),
    request_body = ReplaceOrder,
    responses(
        (status = 200, body = Replaced, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn replace_directory(
    write: Write,
    Path((tenant, directory)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let Write { app, caller, conditions, query } = write;
    let record = caller.tenant_for(Need::Editor, &tenant).await?;
    let directory = slug_of(&directory)?;
    if !record.directories.iter().any(|one| one.settings.slug == directory) {
        return Err(Problem::not_found());
    }
    let ReplaceOrder { by, join_by_email } = shaped(body)?;
    let how = Replacement { directory, by, join_by_email };
    let wanted = Wanted { conditions, dry_run: query.dry_run };
    let Outcome { applied, people, remarks } =
        Box::pin(replaced(&app, &caller, (&record, wanted), &how)).await?;
    let version = applied.version;
    let body = Replaced {
        written: Written::of(applied, query.dry_run),
        people: people.into(),
        remarks: remarks.iter().map(|one| one.say(&how)).collect(),
    };
    Ok(tagged(version, Json(body).into_response()))
}

/// What was done, or would be.
pub(crate) struct Outcome {
    /// The settings.
    pub(crate) applied: Applied,
    /// The people, as they were before.
    pub(crate) people: Recognition,
    /// What to look at besides.
    pub(crate) remarks: Vec<Remark>,
}

/// Carries a replacement out, or says what it would do, for a caller who edits the tenant.
pub(crate) async fn replaced(
    app: &App,
    caller: &Caller,
    (tenant, wanted): (&TenantRecord, Wanted),
    how: &Replacement,
) -> Result<Outcome, Problem> {
    // Counted before, since whoever arrives afterwards is recognised already.
    let people = admin::recognition(&caller.operator(), tenant, how).await?;
    let remarks = admin::remarks(&admin::settings_of(tenant), how);
    let to = To::Replaced(how.clone());
    let at = (tenant.slug.as_str(), &Part::Configuration, &to);
    let (_, applied) = Box::pin(configuration::edit(app, caller, wanted, at)).await?;
    // An edit succeeds with both of them alone.
    let people = people.ok_or_else(Problem::not_found)?;
    Ok(Outcome { applied, people, remarks })
}
