//! Colours that can be read: the contrast of the Web Content Accessibility Guidelines, and the nearest
//! shade of a tenant's colour that has enough of it.
//!
//! A button needs 4.5 between its text and itself (WCAG 2.2, 1.4.3), and 3 between itself, or the outline
//! of what has the focus, and what is around it. (WCAG 2.2, 1.4.11)

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Between a text and what it stands on. (WCAG 2.2, 1.4.3)
const TEXT: f64 = 4.5;
/// Between a part of a page that is used and what is around it. (WCAG 2.2, 1.4.11)
const PART: f64 = 3.0;
/// Steps between a colour and black or white.
const STEPS: u8 = 20;
/// How far a button that is pointed at goes towards black or white, in such steps.
const PRESSED: u8 = 4;

const BLACK: Colour = Colour(0, 0, 0);
const WHITE: Colour = Colour(255, 255, 255);

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// The text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a colour as # and six hexadecimal digits, such as #1d4ed8")]
pub struct InvalidColour;

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidColour);
        }
        let part = |at: usize| {
            let digits = digits.get(at..at + 2).ok_or(InvalidColour)?;
            u8::from_str_radix(digits, 16).map_err(|_| InvalidColour)
        };
        Ok(Self(part(0)?, part(2)?, part(4)?))
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Colour {
    /// How light it is, from 0 to 1. (WCAG 2.2, relative luminance)
    pub fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// The contrast of two colours, from 1 to 21. (WCAG 2.2, contrast ratio)
    pub fn contrast(self, other: Self) -> f64 {
        let (one, another) = (self.luminance(), other.luminance());
        (one.max(another) + 0.05) / (one.min(another) + 0.05)
    }

    /// So many of [`STEPS`] towards another.
    fn towards(self, other: Self, steps: u8) -> Self {
        let part = |from: u8, to: u8| {
            let (all, steps) = (u32::from(STEPS), u32::from(steps.min(STEPS)));
            let mean = (u32::from(from) * (all - steps) + u32::from(to) * steps) / all;
            u8::try_from(mean).unwrap_or(to)
        };
        Self(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }
}

/// What is around buttons, and where a colour goes that is too close to it.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// What a page lies on, and what its card is.
    pub around: [Colour; 2],
    /// The texts that a button may have.
    pub texts: [Colour; 2],
    /// Black in a light theme, white in a dark one.
    away: Colour,
}

/// The pages by day.
pub const LIGHT: Theme = Theme {
    around: [Colour(0xf3, 0xf4, 0xf7), WHITE],
    texts: [WHITE, Colour(0x0b, 0x15, 0x30)],
    away: BLACK,
};
/// The pages by night.
pub const DARK: Theme = Theme {
    around: [Colour(0x10, 0x13, 0x18), Colour(0x1a, 0x1e, 0x25)],
    texts: [Colour(0x0b, 0x15, 0x30), WHITE],
    away: WHITE,
};

/// The colours of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shades {
    /// Of itself.
    pub accent: Colour,
    /// While it is pointed at.
    pub pressed: Colour,
    /// Of its text.
    pub text: Colour,
}

impl Theme {
    /// The nearest shade of a colour that everybody can read here. At black or white there is one.
    pub fn shades(&self, wanted: Colour) -> Shades {
        let found = (0..=STEPS).find_map(|steps| {
            let accent = wanted.towards(self.away, steps);
            let pressed = accent.towards(self.away, PRESSED);
            if self.around.iter().any(|around| accent.contrast(*around) < PART) {
                return None;
            }
            let fits = |text: &&Colour| {
                accent.contrast(**text) >= TEXT && pressed.contrast(**text) >= TEXT
            };
            self.texts.iter().find(fits).map(|text| Shades { accent, pressed, text: *text })
        });
        let [text, _] = self.texts;
        found.unwrap_or(Shades { accent: self.away, pressed: self.away, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        // The darkest grey that is too light for text on white, and its neighbour.
        let grey = |text: &str| text.parse::<Colour>().unwrap().contrast(WHITE);
        assert!(grey("#777777") < TEXT && grey("#767676") > TEXT);
    }

    #[test]
    fn every_colour_becomes_one_that_can_be_read_in_both_themes() {
        let parts = [0, 1, 17, 51, 85, 102, 119, 136, 153, 187, 204, 238, 255];
        let mut tried = 0;
        for red in parts {
            for green in parts {
                for blue in parts {
                    for theme in [LIGHT, DARK] {
                        let Shades { accent, pressed, text } =
                            theme.shades(Colour(red, green, blue));
                        for around in theme.around {
                            assert!(accent.contrast(around) >= PART, "{red} {green} {blue}");
                        }
                        for button in [accent, pressed] {
                            assert!(button.contrast(text) >= TEXT, "{red} {green} {blue}");
                        }
                        tried += 1;
                    }
                }
            }
        }
        assert_eq!(tried, 13 * 13 * 13 * 2);
    }

    #[test]
    fn colour_that_can_be_read_stays_as_it_is() {
        let blue: Colour = "#1D4ED8".parse().unwrap();
        let Shades { accent, text, .. } = LIGHT.shades(blue);
        assert_eq!((accent.to_string().as_str(), text), ("#1d4ed8", WHITE));
        // By night it would not be seen.
        assert!(blue.contrast(DARK.around[1]) < PART);
        assert!(DARK.shades(blue).accent.contrast(DARK.around[1]) >= PART);
    }

    #[test]
    fn tn_10_colour_is_six_digits_and_nothing_else() {
        for bad in [
            "",
            "#",
            "red",
            "#fff",
            "#12345",
            "#1234567",
            "#12345g",
            "#+1+1+1",
            "#é2345",
            "#123456;}",
            "1d4ed8",
            " #1d4ed8",
            "var(--x)",
            "url(x)",
        ] {
            assert_eq!(bad.parse::<Colour>(), Err(InvalidColour), "{bad}");
        }
    }
}
