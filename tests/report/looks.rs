//! How the report looks: every chart with its words, colours that everybody tells apart, pictures of the mail.

use std::{collections::BTreeMap, fs, io::Read as _, process::Command};

use disputebot::{report, state::History};
use flate2::read::ZlibDecoder;
use jiff::tz::TimeZone;

use crate::{later, links, quarter, same, state, week, weekly};

/// The first two lines name the colours, of the light look and of the dark one.
const LOOK: &str = include_str!("../../templates/report/look.css");

type Colour = [u8; 3];

fn colours(line: usize) -> BTreeMap<&'static str, Colour> {
    let rules = LOOK.lines().nth(line).unwrap().split(['{', ';', '}']);
    let named = rules.filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(": #"));
    named
        .map(|(name, digits)| {
            let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).unwrap();
            (name, [part(0), part(2), part(4)])
        })
        .collect()
}

fn linear(colour: Colour) -> [f64; 3] {
    colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

fn times(matrix: [[f64; 3]; 3], by: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(by).map(|(factor, part)| factor * part).sum())
}

fn luminance(colour: Colour) -> f64 {
    times([[0.2126, 0.7152, 0.0722]; 3], linear(colour))[0]
}

/// CIE L*a*b* of linear light.
fn lab(light: [f64; 3]) -> [f64; 3] {
    let to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
    let [x, y, z] = times(to_xyz, light);
    let [x, y, z] = [x / 0.9505, y, z / 1.089]
        .map(|part: f64| if part > 0.008_856 { part.cbrt() } else { 7.787 * part + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// What the eye sees that lacks one kind of cones (Machado, Oliveira and Fernandes 2009, whole severity).
const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    ("all", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protan",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deutan",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritan",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

fn apart(eye: [[f64; 3]; 3], one: Colour, other: Colour) -> f64 {
    let seen = |colour| lab(times(eye, linear(colour)).map(|part| part.clamp(0.0, 1.0)));
    seen(one).into_iter().zip(seen(other)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn both_colours_of_charts_are_told_apart_by_every_eye_and_a_scale_falls_step_by_step() {
    for (line, look) in [(0, "light"), (1, "dark")] {
        let colours = colours(line);
        for (eye, matrix) in EYES {
            // Twenty is far beyond what is only just seen as another colour, about two.
            for (one, other) in [("a", "b"), ("a", "paper"), ("b", "paper"), ("a", "track")] {
                let distance = apart(matrix, colours[one], colours[other]);
                assert!(distance > 20.0, "{look}, {eye}: {one} and {other} are {distance:.0} apart");
            }
        }
        let scale = ["s0", "s1", "s2", "s3", "s4", "s5"].map(|step| luminance(colours[step]));
        let is_step = |pair: &[f64]| if look == "light" { pair[0] > pair[1] } else { pair[0] < pair[1] };
        assert!(scale.windows(2).all(is_step), "{look}: {scale:?}");
        for step in 0..6 {
            let [ground, text] =
                [format!("s{step}"), format!("t{step}")].map(|name| luminance(colours[&*name]));
            let contrast = (ground.max(text) + 0.05) / (ground.min(text) + 0.05);
            assert!(contrast > 4.5, "{look}: text on step {step} has a contrast of {contrast:.1}");
        }
    }
    let (red, green) = ([200, 60, 40], [90, 120, 30]);
    assert!(
        apart(EYES[0].1, red, green) > 60.0 && apart(EYES[2].1, red, green) < 30.0,
        "red and green differ less"
    );
}

#[test]
fn every_chart_has_a_title_that_says_what_it_finds_a_description_its_units_and_a_table() {
    let history = quarter::history(&same);
    let page = report::html(&weekly(&history, None), &history.head, &links()).unwrap();
    let charts: Vec<&str> = page
        .split("<figure")
        .skip(1)
        .map(|rest| rest.split("</figure>").next().unwrap())
        .filter(|figure| figure.contains("<svg class=\"plot"))
        .collect();
    assert_eq!(charts.len(), page.matches("<svg class=\"plot").count(), "each stands in a figure");
    assert_eq!(charts.len(), 6);
    for chart in charts {
        let between = |from: &str, to: &str| {
            let rest = chart.split_once(from).unwrap_or_else(|| panic!("no {from} in {chart}")).1;
            rest.split(to).next().unwrap().to_owned()
        };
        let svg = between("<svg class=\"plot", ">");
        assert!(svg.contains("role=\"img\"") && svg.contains("aria-labelledby="), "{svg}");
        let (title, description) = (between("<title id=\"", "</title>"), between("<desc id=\"", "</desc>"));
        for (id, words) in [title, description].iter().map(|it| it.split_once("\">").unwrap()) {
            assert!(svg.contains(id) && words.split_whitespace().count() > 3, "{id}: {words}");
        }
        let caption = between("<figcaption>", "</figcaption>").to_lowercase();
        let units = ["disputes", "root causes", "money"];
        assert!(units.iter().any(|unit| caption.contains(unit)), "{caption}");
        // That of the deadlines stands open beside its chart.
        let section = page.split("<section").find(|section| section.contains(chart)).unwrap();
        let has_table = if chart.contains("<details>") { chart } else { section };
        assert!(has_table.contains("<table>") && has_table.contains("<th scope=\"row\""), "{chart}");
    }
}

/// Width, height and pixels of a picture of ours: eight bits a channel, no filter.
fn decoded(png: &[u8]) -> (usize, usize, Vec<Colour>) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |from: usize| u32::from_be_bytes(png[from..from + 4].try_into().unwrap()) as usize;
    let (width, height) = (number(16), number(20));
    let mut rows = Vec::new();
    assert_eq!(&png[37..41], b"IDAT");
    ZlibDecoder::new(&png[41..41 + number(33)]).read_to_end(&mut rows).unwrap();
    assert_eq!(rows.len(), height * (1 + 3 * width), "every row is there");
    let rows = rows.chunks(1 + 3 * width);
    let pixels = rows.flat_map(|row| row[1..].chunks(3).map(|pixel| pixel.try_into().unwrap())).collect();
    (width, height, pixels)
}

#[test]
fn pictures_of_the_mail_have_the_bars_of_the_page_in_its_colours() {
    let history = quarter::history(&same);
    let report = weekly(&history, None);
    let mail = report::mail(&report, &history.head, &links()).unwrap();
    let colours = colours(0);
    let share = |pixels: &[Colour], name: &str| {
        pixels.iter().filter(|pixel| **pixel == colours[name]).count() as f64 / pixels.len() as f64
    };
    let names: Vec<&str> = mail.pictures.iter().map(|picture| picture.name).collect();
    assert_eq!(names, ["flow", "ageing", "causes"]);
    for picture in &mail.pictures {
        let (width, height, pixels) = decoded(&picture.bytes);
        assert!(share(&pixels, "a") > 0.01, "{}: bars", picture.name);
        match picture.name {
            "flow" => {
                assert_eq!((width, height), (1200, 400));
                assert!(
                    share(&pixels, "b") > 0.01 && share(&pixels, "ink") > 0.0,
                    "what went, and the ground"
                );
            }
            name => {
                assert_eq!((width, height % 88), (440, 0), "{name}: a row of words beside each bar");
                assert!(share(&pixels, "track") > 0.01, "{name}");
                // The longest bar is as long as its track: nothing of that is left in its row.
                let row = |y: usize| &pixels[y * width..][..width];
                let longest =
                    (0..height).map(|y| row(y).iter().filter(|it| **it == colours["a"]).count()).max();
                assert!(longest.unwrap().abs_diff(width * 72 / 100) < 3, "{name}: {longest:?}");
            }
        }
        assert!(mail.html.as_str().contains(&format!("src=\"cid:{}\"", picture.name)), "{}", picture.name);
    }
    for (band, count) in report.ageing.iter().filter(|(_, count)| *count > 0) {
        let row = format!(">{band}</th>");
        let rest = mail.html.as_str().split_once(&row).unwrap_or_else(|| panic!("no {band}")).1;
        let words = rest.split("</tr>").next().unwrap();
        assert!(words.contains(&disputebot::ticket::facts::thousands(*count)), "{band}: {words}");
    }
}

#[test]
fn all_rows_of_a_run_are_told_as_a_sum_that_is_right() {
    let history = quarter::history(&same);
    let text = report::markdown(&weekly(&history, None), &history.head, &links()).unwrap();
    let mail = report::mail(&weekly(&history, None), &history.head, &links()).unwrap();
    for text in [text, mail.html.as_str().to_owned(), mail.text.as_str().to_owned()] {
        let (read, parts) = text.split_once(" read = ").expect("a line of rows");
        let parts = parts.split_once(" cancelled").unwrap().0;
        let number = |text: &str| {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            digits.parse::<u64>().unwrap_or_else(|_| panic!("no number in `{text}`"))
        };
        let all = number(read.rsplit(' ').next().unwrap());
        let parts: Vec<u64> = parts.split(" + ").map(number).collect();
        assert_eq!(parts.len(), 7, "{parts:?}");
        assert_eq!(parts.iter().sum::<u64>(), all, "{parts:?}");
    }
}

#[test]
fn a_report_for_printing_is_the_page_itself_under_either_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::rename(state().keep(), folder.path().join("state")).unwrap();
    let made = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
            .args(["report", "--week", "2026-W47", "--format", format])
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let written = folder.path().join(String::from_utf8(output.stdout).unwrap().trim());
        let page = fs::read_to_string(&written).unwrap();
        fs::remove_file(&written).unwrap();
        page
    };
    let page = made("pdf-ready");
    assert_eq!(page, made("html"));
    assert!(page.contains("@media print") && page.contains("@page"), "it says how it is printed");
}

#[test]
fn of_the_runs_before_its_weeks_a_report_needs_the_last_one_only() {
    let folder = state();
    // The journal has fewer weeks than a report looks back on.
    let bounds = week().bounds_of(8, &TimeZone::UTC);
    let whole = History::read(folder.path(), bounds.clone()).unwrap();
    let weeks = History::read_weeks(folder.path(), bounds.clone()).unwrap();
    assert_eq!((weeks.head, weeks.moves.len()), (whole.head, whole.moves.len()));
    let before = |history: &History| history.known.runs.values().filter(|run| run.at < bounds[0]).count();
    assert!(before(&whole) > 1 && before(&weeks) == 1, "{} and {}", before(&whole), before(&weeks));
    assert_eq!(weeks.known.runs.len() - before(&weeks), whole.known.runs.len() - before(&whole));
    let made = |history: &History| report::weekly(history, week(), &TimeZone::UTC, None, later());
    assert_eq!(made(&weeks), made(&whole));
}
