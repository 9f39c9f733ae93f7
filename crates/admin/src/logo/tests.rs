use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _, Rgba};

use super::*;

fn picture(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let part = |at: u32| u8::try_from(at % 256).unwrap();
        Rgba([part(x), part(y), part(x + y), 255])
    })
}

fn png(picture: &RgbaImage) -> Vec<u8> {
    written(picture).unwrap()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let rgb = DynamicImage::from(picture(width, height)).into_rgb8();
    JpegEncoder::new(&mut file).encode_image(&rgb).unwrap();
    file
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    let picture = picture(width, height);
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgba8).unwrap();
    file
}

/// A chunk with its checksum.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    let mut crc = u32::MAX;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

/// A PNG with chunks put before its pixels.
fn png_with(chunks: &[Vec<u8>]) -> Vec<u8> {
    let plain = png(&picture(8, 8));
    let (head, rest) = plain.split_at(33);
    [head, &chunks.concat(), rest].concat()
}

fn size(logo: &Logo) -> (u16, u16) {
    (logo.record.width, logo.record.height)
}

#[test]
fn tn_10_each_kind_becomes_a_png_of_its_pixels_and_keeps_its_name() {
    for file in [png(&picture(200, 60)), jpeg(200, 60), webp(200, 60)] {
        let logo = Logo::read(&file).unwrap();
        assert_eq!(size(&logo), (200, 60));
        assert_eq!(logo.record.hash, LogoHash(sha256(&file)));
        assert_eq!(image::guess_format(&logo.png).unwrap(), ImageFormat::Png);
        // What was written is read again, pixel for pixel.
        let again = Logo::read(&logo.png).unwrap();
        assert_eq!(again.png, logo.png);
    }
}

#[test]
fn tn_10_nothing_but_pixels_is_left_of_a_file() {
    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let text = chunk(*b"tEXt", &[b"Comment\0".as_slice(), script].concat());
    let exif = chunk(*b"eXIf", b"MM\0*\0\0\0\x08\0\0GPS 52.5200 13.4050");
    let clean = Logo::read(&png(&picture(8, 8))).unwrap().png;
    let mut behind = png(&picture(8, 8));
    behind.extend_from_slice(script);
    behind.extend_from_slice(b"PK\x03\x04 a zip archive");
    for polyglot in [png_with(&[text]), png_with(&[exif]), behind] {
        let logo = Logo::read(&polyglot).unwrap();
        assert_eq!(logo.png, clean);
    }
    // A comment and a place in a JPEG.
    let mut photograph = jpeg(8, 8);
    let comment = [b"\xff\xfe\x00\x42".as_slice(), &script[..64]].concat();
    photograph.splice(2..2, comment);
    let logo = Logo::read(&photograph).unwrap();
    assert!(!logo.png.windows(7).any(|seen| seen == b"<script" || seen == b"http://"));
}

#[test]
fn a_photograph_is_turned_as_its_camera_said() {
    // Orientation 6: to be turned by a quarter.
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut photograph = jpeg(40, 20);
    photograph.splice(2..2, exif.iter().copied());
    assert_eq!(size(&Logo::read(&photograph).unwrap()), (20, 40));
}

#[test]
fn tn_10_type_is_what_the_bytes_are() {
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    for file in [
        b"".as_slice(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        b"\x00\x00\x01\x00\x01\x00",
        b"BM",
        b"%PDF-1.7",
        b"II*\0",
        gif,
    ] {
        assert_eq!(Logo::read(file), Err(LogoError::Kind), "{file:?}");
    }
}

#[test]
fn rx_01_size_is_bounded_before_memory_is_taken() {
    assert_eq!(Logo::read(&vec![0; MAX_BYTES + 1]), Err(LogoError::TooLarge));
    // What the head claims is enough to be refused by: 4 billion pixels each way, and just too many.
    for side in [u32::MAX >> 1, 65_535, 2_049] {
        for (width, height) in [(side, 1), (1, side)] {
            let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
            let bomb =
                [b"\x89PNG\r\n\x1a\n", &chunk(*b"IHDR", &head)[..], &chunk(*b"IDAT", &[])].concat();
            let refused = Logo::read(&bomb).unwrap_err();
            assert!(matches!(refused, LogoError::TooManyPixels | LogoError::Damaged), "{side}");
        }
    }
    assert_eq!(Logo::read(&jpeg(2_049, 1)), Err(LogoError::TooManyPixels));
    assert_eq!(Logo::read(&webp(1, 2_049)), Err(LogoError::TooManyPixels));
    assert_eq!(size(&Logo::read(&webp(2_048, 1)).unwrap()), (480, 1));
}

/// A few hundred bytes that unpack to as many pixels as are allowed, and to more text than is.
#[test]
fn rx_01_what_unpacks_to_much_is_read_within_the_limits_or_refused() {
    let flat = RgbaImage::from_pixel(2_048, 2_048, Rgba([1, 2, 3, 255]));
    let file = png(&flat);
    assert!(file.len() < MAX_BYTES, "{}", file.len());
    let logo = Logo::read(&file).unwrap();
    assert_eq!(size(&logo), (128, 128));
    assert!(logo.png.len() < 2_000, "{}", logo.png.len());
}

#[test]
fn kept_picture_is_small_whatever_came() {
    for (given, kept) in [
        ((480, 128), (480, 128)),
        ((960, 128), (480, 64)),
        ((2_048, 512), (480, 120)),
        ((200, 400), (64, 128)),
        ((1, 2_048), (1, 128)),
    ] {
        let logo = Logo::read(&webp(given.0, given.1)).unwrap();
        assert_eq!(size(&logo), kept, "{given:?}");
    }
    // Noise does not compress: nothing that is kept is larger than its column allows.
    let mut state = 1_u32;
    let noise = RgbaImage::from_fn(480, 128, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgba((state ^ (state >> 15)).to_le_bytes())
    });
    assert!(png(&noise).len() < 262_144);
}

#[test]
fn a_picture_that_moves_is_refused() {
    let moves = chunk(*b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    assert_eq!(Logo::read(&png_with(&[moves])), Err(LogoError::Animated));
    // A WebP whose head says that it is animated.
    let body = b"WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0ANIM\x06\0\0\0\0\0\0\0\0\0";
    let mut file =
        [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat();
    assert!(matches!(Logo::read(&file), Err(LogoError::Animated | LogoError::Damaged)));
    file.truncate(20);
    assert_eq!(Logo::read(&file), Err(LogoError::Damaged));
}

#[test]
fn rx_01_file_that_is_cut_or_altered_ends_in_an_answer() {
    for file in [png(&picture(64, 64)), jpeg(64, 64), webp(64, 64)] {
        for length in (0..file.len()).step_by(37) {
            // A cut JPEG may still be one, with grey below.
            let _ = Logo::read(&file[..length]);
        }
        for at in (0..file.len()).step_by(11) {
            let mut altered = file.clone();
            altered[at] ^= 0x55;
            if let Ok(logo) = Logo::read(&altered) {
                assert_eq!(image::guess_format(&logo.png).unwrap(), ImageFormat::Png);
            }
        }
        assert!(Logo::read(&file[..24]).is_err());
    }
}

#[test]
fn a_light_picture_asks_for_dark_behind_it() {
    let on_nothing = |colour: [u8; 3]| {
        let [red, green, blue] = colour;
        let made = RgbaImage::from_fn(20, 20, |x, _| {
            Rgba([red, green, blue, if x < 10 { 255 } else { 0 }])
        });
        Logo::read(&png(&made)).unwrap().record.is_light
    };
    assert!(on_nothing([255, 255, 255]) && on_nothing([230, 240, 200]));
    assert!(!on_nothing([0, 0, 0]) && !on_nothing([200, 30, 30]));
    // White on white brought its own ground.
    let covered = RgbaImage::from_pixel(20, 20, Rgba([255, 255, 255, 255]));
    assert!(!Logo::read(&png(&covered)).unwrap().record.is_light);
    let nothing = RgbaImage::from_pixel(20, 20, Rgba([255, 255, 255, 0]));
    assert_eq!(Logo::read(&png(&nothing)), Err(LogoError::Empty));
}
