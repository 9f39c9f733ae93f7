//! What a tenant's own pages look like, on its settings page: colour, text and help as one form, the
//! logo as another, since a file is sent otherwise.

use admin::{Part, To};
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::response::Response;
use broker::address;
use broker::authority::Need;
use serde_json::{Value, json};

use super::super::Refused;
use super::super::desk::Desk;
use super::super::fields::Fields;
use super::super::shell;
use super::super::tenants::saved;
use super::{Typed, page, refused, send};
use crate::api::Problem;
use crate::api::configuration::{Wanted, edit_with};
use crate::api::logo as picture;
use crate::logo;
use crate::page::Logo;

/// What stands in the form.
pub(super) struct TypedLook {
    pub(super) accent: String,
    pub(super) text: String,
    pub(super) support_url: String,
}

impl TypedLook {
    pub(super) fn stored(desk: &Desk) -> Self {
        let branding = &desk.tenant.policy.branding;
        Self {
            accent: branding.accent.map(|colour| colour.to_string()).unwrap_or_default(),
            text: branding.text.clone().unwrap_or_default(),
            support_url: branding.support_url.clone().unwrap_or_default(),
        }
    }
}

/// The logo as its pages show it, if the settings name it.
pub(super) fn stored_logo(desk: &Desk) -> Option<Logo> {
    let (tenant, named) = (&desk.tenant, desk.tenant.policy.branding.logo.as_ref()?.hash()?);
    let record = tenant.logo.filter(|one| one.hash == named)?;
    // Where this page is, whichever issuer the tenant has.
    let src = logo::path(&address::issuer("", &tenant.slug, None), record.hash);
    Some(Logo::new(&record, src))
}

/// Saves colour, text and help.
pub(in super::super) async fn save(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let look = TypedLook {
        accent: fields.text("accent").to_owned(),
        // One line, however it was broken into several.
        text: fields.lines("text").join(" "),
        support_url: fields.text("support_url").to_owned(),
    };
    let said = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let patch = json!({ "branding": {
        "accent": said(&look.accent),
        "text": said(&look.text),
        "support_url": said(&look.support_url),
    }});
    let typed = Typed { look, ..Typed::stored(&desk) };
    send(desk, fields.version()?, &To::Merge(patch), typed).await
}

/// Takes the logo away.
pub(in super::super) async fn remove_logo(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let typed = Typed::stored(&desk);
    send(desk, fields.version()?, &picture::none(), typed).await
}

/// A form with a file.
struct Upload {
    version: i64,
    file: Bytes,
}

impl Upload {
    async fn of(request: Request) -> Result<Self, Problem> {
        let unreadable = || Problem::malformed("the form did not arrive whole");
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|_| unreadable())?;
        let (mut version, mut file) = (None, None);
        while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
            let name = field.name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|_| unreadable())?;
            let is_again = match name.as_str() {
                "version" => version.replace(bytes).is_some(),
                "logo" => file.replace(bytes).is_some(),
                _ => false,
            };
            if is_again {
                return Err(unreadable());
            }
        }
        let text = version.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let version = text.and_then(|text| text.trim().parse().ok()).ok_or_else(unreadable)?;
        Ok(Self { version, file: file.ok_or_else(unreadable)? })
    }
}

/// Puts a logo in its place.
pub(in super::super) async fn put_logo(desk: Desk, request: Request) -> Result<Response, Refused> {
    // Reading a picture takes a while: nobody who may not put one has us do it.
    desk.needs(Need::Owner)?;
    let upload = Upload::of(request).await?;
    let done = async {
        if upload.file.is_empty() {
            return Err(Problem::invalid("branding.logo", "choose a file first"));
        }
        let logo = picture::read(&desk.app.api, upload.file).await?;
        let to = picture::named(&logo);
        let at = (desk.slug(), &Part::Tenant, &to);
        Box::pin(edit_with(&desk.app, &desk.caller, Wanted::at(upload.version), at, &[logo])).await
    };
    match done.await {
        Ok((_, applied)) => {
            let done = saved(&applied);
            Ok(shell::see(&format!("{}?done={done}", desk.path("settings"))))
        }
        Err(problem) => {
            let typed = Typed::stored(&desk);
            let mut page = page(desk, typed);
            page.shell = page.shell.noting(refused("The logo was not saved", &problem));
            Ok(shell::respond(problem.status(), &page))
        }
    }
}
