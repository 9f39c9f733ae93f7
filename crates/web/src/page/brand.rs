//! What a page shows of its tenant: name and logo on top, help below, and its colour on buttons.
//!
//! Made once when the tenant is loaded, of settings that were proven when they were saved; a page adds
//! no look-up. What the tenant wrote is text and the address of a link, never markup or style: the
//! style is made here, of numbers (THREATS TN-10, BR-06).

use broker::contrast::{Colour, DARK, LIGHT, Shades};
use broker::settings::Branding;
use store::LogoRecord;

/// The most room for a logo, in CSS pixels: half of what is stored, for screens that are finer.
const ROOM: (u32, u32) = (240, 64);

/// A tenant, as its pages show it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brand {
    /// Its name.
    pub(crate) name: String,
    /// Its logo.
    pub(super) logo: Option<Logo>,
    /// A sentence or two below.
    pub(super) text: Option<String>,
    /// Where help is.
    pub(super) support: Option<String>,
    /// Its colours, as style; empty: ours.
    pub(super) style: String,
}

/// A logo, as a page shows it.
#[derive(Debug, Clone)]
pub(crate) struct Logo {
    /// Where it is.
    pub(crate) src: String,
    /// Its room, in CSS pixels, so that nothing moves when it arrives.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The class of what is behind it.
    pub(crate) plate: &'static str,
}

impl Brand {
    /// Of a tenant's name and settings, with the logo that they name and its address.
    pub(crate) fn new(name: &str, branding: &Branding, logo: Option<(LogoRecord, String)>) -> Self {
        Self {
            name: name.to_owned(),
            logo: logo.map(|(record, src)| Logo::new(&record, src)),
            text: branding.text.clone(),
            support: branding.support_url.clone(),
            style: branding.accent.map(style).unwrap_or_default(),
        }
    }

    /// Whether anything stands below its pages.
    pub(super) fn has_more(&self) -> bool {
        self.text.is_some() || self.support.is_some()
    }

    /// Its first letter, for the tile beside its name where there is no logo.
    pub(super) fn initial(&self) -> String {
        let first = self.name.chars().find(|c| c.is_alphanumeric());
        first.map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

impl Logo {
    /// Of what is stored, at its address.
    pub(crate) fn new(record: &LogoRecord, src: String) -> Self {
        let (width, height) = room(u32::from(record.width), u32::from(record.height));
        let plate = if record.is_light { "plate dark" } else { "plate" };
        Self { src, width, height, plate }
    }
}

/// The size within [`ROOM`], in the picture's own proportions and never larger than it is.
fn room(width: u32, height: u32) -> (u32, u32) {
    let (width, height) = (width.max(1), height.max(1));
    if width <= ROOM.0 && height <= ROOM.1 {
        (width, height)
    } else if width * ROOM.1 >= height * ROOM.0 {
        (ROOM.0, (height * ROOM.0 / width).max(1))
    } else {
        ((width * ROOM.1 / height).max(1), ROOM.1)
    }
}

fn style(accent: Colour) -> String {
    let rule = |shades: Shades| {
        let Shades { accent, pressed, text } = shades;
        format!(":root {{ --accent: {accent}; --pressed: {pressed}; --on-accent: {text}; }}")
    };
    let (light, dark) = (rule(LIGHT.shades(accent)), rule(DARK.shades(accent)));
    format!("{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logo_has_its_room_before_it_arrives() {
        for (picture, wanted) in [
            ((480, 128), (240, 64)),
            ((480, 60), (240, 30)),
            ((128, 128), (64, 64)),
            ((100, 30), (100, 30)),
            ((1, 128), (1, 64)),
            ((480, 1), (240, 1)),
            ((0, 0), (1, 1)),
        ] {
            assert_eq!(room(picture.0, picture.1), wanted, "{picture:?}");
        }
    }

    /// The palette that shades are chosen against is that of the style sheet.
    #[test]
    fn themes_are_those_of_the_style_sheet() {
        let sheet = include_str!("../../templates/page/style.css");
        let (light, dark) = sheet.split_once("@media (prefers-color-scheme: dark)").unwrap();
        let long = |text: &str| match text.strip_prefix('#').map(str::len) {
            Some(3) => text.chars().skip(1).fold("#".to_owned(), |all, c| format!("{all}{c}{c}")),
            _ => text.to_owned(),
        };
        for (theme, sheet) in [(LIGHT, light), (DARK, dark)] {
            let said = |name: &str| {
                let (_, after) = sheet.split_once(&format!("--{name}: ")).unwrap();
                long(after.split(';').next().unwrap())
            };
            let [ground, card] = theme.around.map(|colour| colour.to_string());
            assert_eq!((said("ground"), said("card")), (ground, card));
            assert_eq!(said("on-accent"), theme.texts[0].to_string());
        }
    }
}
