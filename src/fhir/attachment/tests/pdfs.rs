//! PDF, written by hand: what a page shows, what is refused, and what is meant to do harm.

use base64::Engine;
use flate2::{Compress, Compression, FlushCompress};

use crate::fhir::attachment::{NoText, text_of};

const HELVETICA: &str =
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// Objects from the fourth on; the first three are catalog, page tree and page.
struct File {
    objects: Vec<Vec<u8>>,
    page: &'static str,
}

impl File {
    /// A page that draws `content`, which is object 4, with font `/F`, which is object 5.
    fn drawing(content: &str) -> Self {
        Self {
            objects: vec![stream("", content.as_bytes()), HELVETICA.into()],
            page: "",
        }
    }

    fn packed(content: &str) -> Self {
        let mut file = Self::drawing("");
        file.objects[0] = stream("/Filter /FlateDecode", &pack(content.as_bytes()));
        file
    }

    fn bytes(&self) -> Vec<u8> {
        let page = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> \
             /XObject << /X 6 0 R >> >> {} >>",
            self.page
        );
        let first: [&[u8]; 3] = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page.as_bytes(),
        ];
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut places = Vec::new();
        for object in first
            .into_iter()
            .chain(self.objects.iter().map(Vec::as_slice))
        {
            places.push(bytes.len());
            bytes.extend(format!("{} 0 obj\n", places.len()).bytes());
            bytes.extend(object);
            bytes.extend(b"\nendobj\n");
        }
        let table = bytes.len();
        bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
        for place in &places {
            bytes.extend(format!("{place:010} 00000 n \n").bytes());
        }
        let size = places.len() + 1;
        bytes.extend(
            format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes(),
        );
        bytes
    }

    fn read(&self) -> Result<String, NoText> {
        read(&self.bytes())
    }
}

fn read(bytes: &[u8]) -> Result<String, NoText> {
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    text_of(Some("application/pdf"), Some(&data))
}

fn stream(dictionary: &str, bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<< {dictionary} /Length {} >>\nstream\n", bytes.len()).into_bytes();
    object.extend(bytes);
    object.extend(b"\nendstream");
    object
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(bytes.len() / 500 + 1000);
    let mut packer = Compress::new(Compression::best(), true);
    packer
        .compress_vec(bytes, &mut packed, FlushCompress::Finish)
        .unwrap();
    packed
}

/// 300 times the same megabyte of spaces, which is independent of what was packed before it.
fn bomb() -> Vec<u8> {
    let mut packed = Vec::with_capacity(10_000);
    let mut packer = Compress::new(Compression::best(), true);
    packer
        .compress_vec(&vec![b' '; 1 << 20], &mut packed, FlushCompress::Full)
        .unwrap();
    let (header, megabyte) = packed.split_at(2);
    [header, &megabyte.repeat(300)].concat()
}

/// Text at a place, in 10 points.
fn at(x: f64, y: f64, text: &str) -> String {
    format!("BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n")
}

#[test]
fn lines_are_read_from_top_to_bottom_with_letters_and_signs() {
    let content = at(50.0, 700.0, "HER2 IHC: 2+, Ratio < 2.0")
        + &at(50.0, 720.0, "Gr\\366\\337e, a\\361o \\2611");
    assert_eq!(
        File::drawing(&content).read().unwrap(),
        "Größe, año ±1\nHER2 IHC: 2+, Ratio < 2.0"
    );
    assert_eq!(
        File::packed(&content).read().unwrap(),
        "Größe, año ±1\nHER2 IHC: 2+, Ratio < 2.0"
    );
}

#[test]
fn cells_of_a_row_are_separated_by_tabs_in_whatever_order_they_are_drawn() {
    let content = at(200.0, 700.0, "3+")
        + &at(50.0, 680.0, "Ratio")
        + &at(50.0, 700.0, "IHC")
        + &at(200.0, 680.0, "1.85");
    assert_eq!(
        File::drawing(&content).read().unwrap(),
        "IHC\t3+\nRatio\t1.85"
    );
}

#[test]
fn small_shifts_between_characters_do_not_split_a_number_and_gaps_do() {
    let content = "BT /F 10 Tf 50 700 Td [(1) 20 (.) -15 (8) -300 (5)] TJ ET";
    assert_eq!(File::drawing(content).read().unwrap(), "1.8 5");
}

#[test]
fn a_raised_digit_never_joins_the_number_before_it() {
    let content = "BT /F 10 Tf 50 700 Td (1.8) Tj /F 6 Tf 4 Ts (1) Tj /F 10 Tf 0 Ts ( and 10) Tj /F 6 Tf 4 Ts (3) Tj ET";
    assert_eq!(File::drawing(content).read().unwrap(), "1.8^1 and 10^3");
}

#[test]
fn text_drawn_twice_to_look_bold_is_read_once_and_text_on_other_text_is_not() {
    let twice = at(50.0, 700.0, "Score 3+") + &at(50.3, 700.0, "Score 3+");
    assert_eq!(File::drawing(&twice).read().unwrap(), "Score 3+");
    let corrected = at(50.0, 700.0, "2+") + &at(50.3, 700.0, "3+");
    assert_eq!(File::drawing(&corrected).read(), Err(NoText::Illegible));
}

#[test]
fn a_turned_page_is_read_along_its_lines() {
    let mut file =
        File::drawing("BT /F 10 Tf 0 1 -1 0 100 50 Tm (HER2 3+) Tj 0 -20 Td (Ratio 2.1) Tj ET");
    assert_eq!(file.read().unwrap(), "HER2 3+\nRatio 2.1");
    file.page = "/Rotate 90";
    assert_eq!(file.read().unwrap(), "HER2 3+\nRatio 2.1");
}

#[test]
fn forms_are_part_of_the_page_and_pictures_are_not() {
    let mut file = File::drawing("q 1 0 0 1 50 600 cm /X Do Q");
    file.objects.push(stream(
        "/Subtype /Form /BBox [0 0 500 500]",
        at(0.0, 0.0, "HER2 3+").as_bytes(),
    ));
    assert_eq!(file.read().unwrap(), "HER2 3+");
    file.objects[2] = stream("/Subtype /Image", at(0.0, 0.0, "HER2 3+").as_bytes());
    assert_eq!(file.read(), Err(NoText::Empty));
}

#[test]
fn a_form_that_draws_itself_comes_to_an_end() {
    let mut file = File::drawing("/X Do");
    file.objects.push(stream("/Subtype /Form", b"/X Do /X Do"));
    assert_eq!(file.read(), Err(NoText::TooLarge));
}

#[test]
fn characters_without_unicode_are_illegible() {
    let composite = "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [<< /Type /Font \
        /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>] >>";
    let mut file = File::drawing("BT /F 10 Tf 50 700 Td <00130014> Tj ET");
    file.objects[1] = composite.into();
    assert_eq!(file.read(), Err(NoText::Illegible));
    file.objects[1] = HELVETICA
        .replace("/WinAnsiEncoding", "<< /Differences [65 /g17 /g18] >>")
        .into();
    file.objects[0] = stream("", at(50.0, 700.0, "HER2 AB").as_bytes());
    assert_eq!(file.read(), Err(NoText::Illegible));
}

#[test]
fn what_is_said_beside_the_text_is_not_passed_over() {
    let shown = at(50.0, 700.0, "HER2:");
    let mut remarked = File::drawing(&shown);
    remarked.page = "/Annots [<< /Subtype /Widget /V (3+) >>]";
    assert_eq!(remarked.read(), Err(NoText::BesideText));
    remarked.page = "/Annots [<< /Subtype /Link >>]";
    assert_eq!(remarked.read().unwrap(), "HER2:");
    let scanned = format!("3 Tr {shown}");
    assert_eq!(File::drawing(&scanned).read(), Err(NoText::BesideText));
    let layered = format!("/OC /L BDC {shown} EMC");
    assert_eq!(File::drawing(&layered).read(), Err(NoText::BesideText));
    let off_the_page = at(700.0, 700.0, "3+") + &shown;
    assert_eq!(File::drawing(&off_the_page).read().unwrap(), "HER2:");
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_broken() {
    let whole = File::packed(&at(50.0, 700.0, "HER2 3+ and more of it")).bytes();
    for length in [20, whole.len() / 2, whole.len() - 10] {
        assert_eq!(read(&whole[..length]), Err(NoText::Broken));
    }
    let damaged = |from: &str, to: &str| {
        let at = whole
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        read(&bytes)
    };
    assert_eq!(damaged("/Count 1", "/Count 2"), Err(NoText::Broken));
    assert_eq!(damaged("4 0 R", "9 0 R"), Err(NoText::Broken));
    assert_eq!(
        damaged("/Root 1 0 R", "/Encrypt 10"),
        Err(NoText::Encrypted)
    );
    let mut bytes = whole.clone();
    let middle = whole
        .windows(7)
        .position(|window| window == b"stream\n")
        .unwrap()
        + 20;
    bytes[middle] ^= 0xff;
    assert_eq!(read(&bytes), Err(NoText::Broken));
}

#[test]
fn a_page_without_text_is_empty() {
    assert_eq!(File::drawing("0 0 10 10 re f").read(), Err(NoText::Empty));
}

#[test]
fn a_stream_that_unpacks_to_hundreds_of_megabytes_is_too_large() {
    let bomb = bomb();
    assert!(bomb.len() < 1 << 20);
    let mut file = File::drawing("");
    file.objects[0] = stream("/Filter /FlateDecode", &bomb);
    assert_eq!(file.read(), Err(NoText::TooLarge));
    file.objects[0] = stream("/Filter [/FlateDecode /FlateDecode]", &pack(&bomb));
    assert_eq!(file.read(), Err(NoText::TooLarge));
    file.objects[0] = stream("/Type /ObjStm /N 1 /First 5 /Filter /FlateDecode", &bomb);
    assert_eq!(file.read(), Err(NoText::TooLarge));
    let columns = "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 99999999999 >>";
    file.objects[0] = stream(columns, &pack(b"3+"));
    assert_eq!(file.read(), Err(NoText::TooLarge));
}

#[test]
fn work_without_end_is_too_large() {
    let operations = "q Q ".repeat(1_100_000);
    assert_eq!(File::packed(&operations).read(), Err(NoText::TooLarge));
    let characters = at(50.0, 700.0, &"1".repeat(60_000)).replace("10 Tf", "0.005 Tf");
    assert_eq!(File::drawing(&characters).read(), Err(NoText::TooLarge));
    let mut file = File::drawing("BT /F 10 Tf (1) Tj ET");
    let wide = "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [<< /Type /Font \
        /Subtype /CIDFontType2 /BaseFont /X /W [0 4294967295 500] >>] >>";
    file.objects[1] = wide.into();
    assert_eq!(file.read(), Err(NoText::TooLarge));
    let late = "/FirstChar 99999999999 /LastChar 99999999999 /Widths [500] >>";
    file.objects[1] = HELVETICA.replace(">>", late).into();
    assert_eq!(file.read(), Err(NoText::TooLarge));
}

#[test]
fn streams_without_end_are_too_large() {
    let mut file = File::drawing(&at(50.0, 700.0, "3+"));
    file.objects
        .push(stream("", "stream ".repeat(100_000).as_bytes()));
    assert_eq!(file.read(), Err(NoText::TooLarge));
}

#[test]
fn objects_nested_without_end_are_broken() {
    let mut file = File::drawing(&format!("{}{}", "[".repeat(100_000), at(50.0, 700.0, "3+")));
    assert!(file.read().is_err());
    file.objects[1] = format!("{} 1 {}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    assert!(file.read().is_err());
}
