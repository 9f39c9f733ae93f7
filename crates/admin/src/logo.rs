//! A tenant's logo: read from a file that a stranger may have made, and written anew.
//!
//! type by the first bytes → bounds → decoded by a library with limits → turned as the camera said →
//! made small → written as PNG. What is served is what was decoded here: nothing of the file but its
//! pixels is left, neither what another program would read in it nor where a photograph was taken
//! (THREATS TN-10).

use std::io::Cursor;

use broker::plan::{Conflict, Target};
use broker::settings::{Configuration, LogoHash, LogoSource};
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits, RgbaImage, imageops};
use oidc::secret::sha256;
use store::{LogoRecord, TenantRecord};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most pixels each way.
pub const MAX_PIXELS: u32 = 2_048;
/// The most memory that reading one may take, in bytes: four times its pixels, at 4 bytes each.
const MAX_MEMORY: u64 = 64 * 1024 * 1024;
/// What is kept, in pixels: twice what pages show, for screens that are finer.
const KEPT: (u32, u32) = (480, 128);

/// A logo that was read and written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// What is known of it.
    pub record: LogoRecord,
    /// A PNG.
    pub png: Vec<u8>,
}

/// Why a file is no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// It is too large.
    #[error("the file is larger than 256 KiB; save it smaller")]
    TooLarge,
    /// It is of another kind, whatever its name says.
    #[error("the file is no PNG, JPEG or WebP")]
    Kind,
    /// It has too many pixels.
    #[error("the picture has more than 2048 pixels one way; save it smaller")]
    TooManyPixels,
    /// It moves.
    #[error("the picture is animated; save a single picture")]
    Animated,
    /// It begins like one, and is not.
    #[error("the file is damaged: it cannot be read as a picture")]
    Damaged,
    /// Nothing can be seen of it.
    #[error("the picture is transparent all over")]
    Empty,
}

impl From<ImageError> for LogoError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooManyPixels,
            _ => Self::Damaged,
        }
    }
}

impl Logo {
    /// Reads a file. It takes a processor a few hundred milliseconds at most, and the memory of its
    /// pixels.
    ///
    /// # Errors
    /// [`LogoError`].
    pub fn read(file: &[u8]) -> Result<Self, LogoError> {
        if file.len() > MAX_BYTES {
            return Err(LogoError::TooLarge);
        }
        let picture = small(decoded(file)?);
        let is_light = is_light(&picture).ok_or(LogoError::Empty)?;
        let (width, height) = picture.dimensions();
        let small = |side: u32| u16::try_from(side).map_err(|_| LogoError::TooManyPixels);
        let hash = LogoHash(sha256(file));
        let record = LogoRecord { hash, width: small(width)?, height: small(height)?, is_light };
        Ok(Self { record, png: written(&picture)? })
    }
}

/// Logos that a configuration names and that are neither stored nor came with it.
pub(crate) fn unknown(
    wanted: &Configuration,
    stored: &[TenantRecord],
    given: &[Logo],
) -> Vec<Conflict> {
    let unknown = wanted.tenants.iter().filter_map(|tenant| {
        let message = match tenant.branding.logo.as_ref()? {
            LogoSource::File(_) => {
                "only a configuration file may name a file; send the picture itself to the address \
                 of the logo"
            }
            LogoSource::Stored(hash) => {
                let held =
                    stored.iter().find(|one| one.slug == tenant.slug).and_then(|one| one.logo);
                let is_held = held.is_some_and(|held| held.hash == *hash);
                if is_held || given.iter().any(|one| one.record.hash == *hash) {
                    return None;
                }
                "this tenant has no such logo stored; name the picture with ${file:PATH} in a \
                 configuration file, or send it to the address of the logo"
            }
        };
        Some(Conflict {
            target: Target::tenant(&tenant.slug),
            path: "branding.logo".to_owned(),
            message: message.to_owned(),
            discreet: message.to_owned(),
        })
    });
    unknown.collect()
}

fn decoded(file: &[u8]) -> Result<DynamicImage, LogoError> {
    let source = Cursor::new(file);
    match image::guess_format(file) {
        Ok(ImageFormat::Png) => {
            let decoder = PngDecoder::with_limits(source, limits())?;
            if decoder.is_apng()? {
                return Err(LogoError::Animated);
            }
            pixels(decoder)
        }
        Ok(ImageFormat::Jpeg) => pixels(JpegDecoder::new(source)?),
        Ok(ImageFormat::WebP) => {
            let decoder = WebPDecoder::new(source)?;
            if decoder.has_animation() {
                return Err(LogoError::Animated);
            }
            pixels(decoder)
        }
        _ => Err(LogoError::Kind),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_PIXELS);
    limits.max_image_height = Some(MAX_PIXELS);
    limits.max_alloc = Some(MAX_MEMORY);
    limits
}

/// The pixels, the right way up. The limits are held against what the file says of itself before
/// memory is taken for it.
fn pixels(mut decoder: impl ImageDecoder) -> Result<DynamicImage, LogoError> {
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_PIXELS {
        return Err(LogoError::TooManyPixels);
    }
    let mut limits = limits();
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let turned = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(turned);
    Ok(picture)
}

/// The picture within [`KEPT`], in its own proportions, with one pixel each way at least.
fn small(picture: DynamicImage) -> RgbaImage {
    let (width, height) = (picture.width(), picture.height());
    let picture = picture.into_rgba8();
    if width <= KEPT.0 && height <= KEPT.1 {
        return picture;
    }
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (most_wide, most_high) = (u64::from(KEPT.0), u64::from(KEPT.1));
    let (wide, high) = if width * most_high >= height * most_wide {
        (most_wide, (height * most_wide / width).max(1))
    } else {
        ((width * most_high / height).max(1), most_high)
    };
    let side = |side: u64| u32::try_from(side).unwrap_or(1);
    // Each pixel of the result is the mean of those that it stands for.
    imageops::thumbnail(&picture, side(wide), side(high))
}

/// Whether what can be seen of it is light, so that it needs something dark behind it. One that covers
/// all of its ground brings that along. `None`: nothing of it can be seen.
fn is_light(picture: &RgbaImage) -> Option<bool> {
    let (mut light, mut seen) = (0_u64, 0_u64);
    for image::Rgba([red, green, blue, alpha]) in picture.pixels() {
        let luma = 2_126 * u64::from(*red) + 7_152 * u64::from(*green) + 722 * u64::from(*blue);
        light += luma / 10_000 * u64::from(*alpha);
        seen += u64::from(*alpha);
    }
    let all = u64::from(u8::MAX) * u64::from(picture.width()) * u64::from(picture.height());
    (seen > 0).then(|| seen < all && light > seen * 190)
}

fn written(picture: &RgbaImage) -> Result<Vec<u8>, LogoError> {
    let mut png = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    picture.write_with_encoder(encoder)?;
    Ok(png)
}

#[cfg(test)]
mod tests;
