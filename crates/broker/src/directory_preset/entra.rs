//! Microsoft Entra ID: which tenant an address names, and what its tokens then state.
//!
//! | address | rule |
//! |---|---|
//! | `.../{GUID}/v2.0` | that issuer |
//! | `.../{domain}/v2.0` | the document says which tenant has the domain |
//! | `.../organizations/v2.0`, `.../common/v2.0` | the template; the token's tenant has to be listed |
//! | `https://{name}.ciamlogin.com/{GUID}/v2.0` | the issuer's host is the tenant id |
//! | `https://sts.windows.net/{GUID}/` | that issuer, of version 1 |

use oidc::rp::issuer::{IssuerRule, TENANT_ID, is_tenant_id};

use super::Preset;
use super::typed::{Typed, check, discovery_url, find, instead};

/// The endpoints that all organisations share.
const SHARED: [&str; 2] = ["organizations", "common"];

/// Understands what was typed for a Microsoft directory.
///
/// # Errors
/// What to type instead.
pub(super) fn understand(preset: &Preset, text: &str, tenants: &[String]) -> Result<Typed, String> {
    let (text, application) = match text.split_once("?appid=") {
        Some((text, id)) if is_tenant_id(id) => (text, Some(id)),
        _ => (text, None),
    };
    let found = find(preset, text)?;
    check(preset, &found.address)?;
    let (issuer, mut address) = tenant(preset, &found.address, tenants)?;
    if !tenants.is_empty() && !matches!(issuer, IssuerRule::Tenants { .. }) {
        return Err("this address is one tenant's own; remove `tenants`".to_owned());
    }
    let mut discovery_url = discovery_url(&address);
    if let Some(id) = application {
        // An application with keys of its own has a document of its own.
        for text in [&mut discovery_url, &mut address] {
            text.push_str("?appid=");
            text.push_str(id);
        }
    }
    Ok(Typed { issuer, discovery_url, address, note: found.note })
}

/// Which tenant an address is about, and the address in the form in which it is kept.
fn tenant(
    preset: &Preset,
    address: &str,
    tenants: &[String],
) -> Result<(IssuerRule, String), String> {
    let wrong = || instead(preset, "this address names no tenant");
    let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
    let (host, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (tenant, version) = path.split_once('/').ok_or_else(wrong)?;
    let origin = format!("{scheme}://{host}");
    let template = format!("{origin}/{TENANT_ID}/v2.0");
    let own = tenant.to_ascii_lowercase();
    let kept = format!("{origin}/{own}/{version}");
    let rule = match version {
        "" if is_tenant_id(&own) => IssuerRule::Exact(kept.clone()),
        "v2.0" if is_tenant_id(&own) => match host.split_once(".ciamlogin.com") {
            Some((_, "")) => {
                IssuerRule::Exact(format!("{scheme}://{own}.ciamlogin.com/{own}/v2.0"))
            }
            _ => IssuerRule::Exact(kept.clone()),
        },
        "v2.0" if SHARED.contains(&own.as_str()) => {
            if tenants.is_empty() {
                return Err(format!(
                    "`{own}` lets in every organisation that Microsoft has; list the tenant ids \
                     whose people may sign in under `tenants`, or type the one tenant's id"
                ));
            }
            IssuerRule::Tenants { template, tenants: tenants.to_vec() }
        }
        "v2.0" if host.ends_with(".ciamlogin.com") => {
            return Err("type the tenant id in place of the domain, such as \
                        https://acme.ciamlogin.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
                .to_owned());
        }
        "v2.0" if own.contains('.') => IssuerRule::Domain { template },
        _ => return Err(wrong()),
    };
    Ok((rule, kept))
}

#[cfg(test)]
mod tests;
