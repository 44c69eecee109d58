//! Pictures for mail programs, which drop SVG: the bars and lines of a chart's own SVG, drawn as PNG. Words stay out of
//! them: they stand beside the picture as text, where every program and every reader finds them.

use std::{collections::BTreeMap, io::Write as _};

use flate2::{Compression, write::ZlibEncoder};

/// Pixels of the picture for each of the page: sharp on dense screens.
const DENSITY: f64 = 2.0;

type Colour = [u8; 3];

/// Draws the rectangles and straight lines of an SVG whose widths are in percent. `size` is in pixels of the page.
pub(super) fn drawn(svg: &str, size: (u32, u32), colours: &BTreeMap<&str, &str>) -> Vec<u8> {
    let [width, height] = [size.0, size.1].map(|side| (f64::from(side) * DENSITY) as usize);
    let colour = |name: &str| colours.get(name).and_then(|colour| parsed(colour)).unwrap_or_default();
    let mut canvas = Canvas { width, height, pixels: vec![colour("paper"); width * height] };
    for tag in svg.split('<').skip(1) {
        let x = |name: &str| length(tag, name, f64::from(size.0));
        let y = |name: &str| length(tag, name, f64::from(size.1));
        let class = attribute(tag, "class").unwrap_or_default();
        if tag.starts_with("rect") {
            canvas.fill([x("x"), y("y"), x("x") + x("width"), y("y") + y("height")], colour(class));
        } else if tag.starts_with("line") {
            let ink = if class == "base" { "ink" } else { "line" };
            canvas.fill([x("x1"), y("y1") - 0.5, x("x2"), y("y2") + 0.5], colour(ink));
        }
    }
    canvas.encoded()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

/// A length in pixels, or in percent of a whole.
fn length(tag: &str, name: &str, whole: f64) -> f64 {
    let text = attribute(tag, name).unwrap_or_default();
    match text.strip_suffix('%') {
        Some(share) => share.parse::<f64>().unwrap_or(0.0) / 100.0 * whole,
        None => text.parse().unwrap_or(0.0),
    }
}

fn parsed(colour: &str) -> Option<Colour> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// Fills a rectangle given by its left, upper, right and lower side; each falls on whole pixels.
    fn fill(&mut self, sides: [f64; 4], colour: Colour) {
        let [left, top, right, bottom] = sides.map(|side| (side * DENSITY).round().max(0.0) as usize);
        for row in top..bottom.min(self.height) {
            let from = row * self.width;
            self.pixels[from + left.min(self.width)..from + right.min(self.width)].fill(colour);
        }
    }

    /// As PNG (RFC 2083): eight bits a channel, no filter.
    fn encoded(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(self.height * (1 + 3 * self.width));
        for row in self.pixels.chunks(self.width) {
            rows.push(0);
            rows.extend(row.iter().flatten());
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let packed = packed.write_all(&rows).and_then(|()| packed.finish()).unwrap_or_default();
        let [width, height] = [self.width, self.height].map(|side| u32::try_from(side).unwrap_or(0));
        let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
        header.extend([8, 2, 0, 0, 0]);
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in [(b"IHDR", &header), (b"IDAT", &packed), (b"IEND", &Vec::new())] {
            png.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
            let body = [kind.as_slice(), data].concat();
            png.extend(&body);
            png.extend(crc32fast::hash(&body).to_be_bytes());
        }
        png
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn bars_stand_where_the_svg_has_them_in_the_colours_of_the_page() {
        let colours = BTreeMap::from([("paper", "#ffffff"), ("a", "#0102fe"), ("ink", "#000000")]);
        let svg = r#"<svg height="20"><text x="0" y="3">7</text><rect class="a" x="50%" y="5" width="25%" height="10" rx="2"/>
            <line class="base" x1="0" x2="100%" y1="18" y2="18"/></svg>"#;
        let png = drawn(svg, (40, 20), &colours);
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(png[16..24], [0, 0, 0, 80, 0, 0, 0, 40]);
        let data = png.windows(4).position(|four| four == b"IDAT").unwrap();
        let length = u32::from_be_bytes(png[data - 4..data].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        ZlibDecoder::new(&png[data + 4..data + 4 + length]).read_to_end(&mut rows).unwrap();
        let pixel = |x: usize, y: usize| &rows[y * 241 + 1 + 3 * x..][..3];
        let (paper, bar, ink) = ([255, 255, 255], [1, 2, 254], [0, 0, 0]);
        for (x, y, expected) in [
            (39, 10, paper),
            (40, 9, paper),
            (40, 10, bar),
            (59, 29, bar),
            (60, 29, paper),
            (59, 30, paper),
            (0, 35, ink),
            (79, 36, ink),
            (0, 37, paper),
        ] {
            assert_eq!(pixel(x, y), expected, "{x}, {y}");
        }
    }
}
