//! Plain text, HTML and RTF.

use base64::Engine;

use crate::fhir::attachment::{LARGEST_ATTACHMENT, LONGEST_TEXT, NoText, text_of, text_of_markup};

fn read(content_type: &str, bytes: &[u8]) -> Result<String, NoText> {
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    text_of(Some(content_type), Some(&data))
}

fn rtf(body: &str) -> Result<String, NoText> {
    let fonts = r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset2 Symbol;}{\f2\fcharset2 Wingdings;}{\f3\fcharset186 Arial Baltic;}}";
    read(
        "application/rtf",
        format!(r"{{\rtf1\ansi\ansicpg1252\deff0{fonts}{body}}}").as_bytes(),
    )
}

#[test]
fn what_is_missing_or_of_another_type_is_said() {
    assert_eq!(text_of(Some("text/plain"), None), Err(NoText::NoData));
    assert_eq!(text_of(Some("text/plain"), Some("")), Err(NoText::NoData));
    assert_eq!(text_of(None, Some("QQ==")), Err(NoText::NoType));
    assert_eq!(read("image/png", b"A"), Err(NoText::OtherType));
    assert_eq!(
        read("text/plain; charset=klingon", b"A"),
        Err(NoText::OtherType)
    );
    assert_eq!(
        text_of(Some("text/plain"), Some("no base64!")),
        Err(NoText::NotBase64)
    );
    assert_eq!(read("text/plain", b" \r\n "), Err(NoText::Empty));
}

#[test]
fn base64_may_be_wrapped_and_without_padding() {
    assert_eq!(
        text_of(Some("TEXT/PLAIN"), Some("SEVS\r\nMg")).unwrap(),
        "HER2"
    );
}

#[test]
fn data_of_another_type_than_declared_is_not_read() {
    assert_eq!(
        read("application/pdf", b"HER2 IHC: 3+"),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/rtf", b"HER2 IHC: 3+"),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/plain", b"%PDF-1.4 ..."),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/plain", br"{\rtf1 3+}"),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/plain", b"<html>3+</html>"),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/plain", b"HER2\0\x01"),
        Err(NoText::NotAsDeclared)
    );
    assert_eq!(
        read("text/html", b"%PDF-1.4 ..."),
        Err(NoText::NotAsDeclared)
    );
}

#[test]
fn what_exceeds_the_bounds_is_too_large() {
    let large = vec![b'a'; LARGEST_ATTACHMENT + 1];
    assert_eq!(read("text/plain", &large), Err(NoText::TooLarge));
    let long = vec![b'a'; LONGEST_TEXT + 1];
    assert_eq!(read("text/plain", &long), Err(NoText::TooLarge));
    assert_eq!(read("text/html", &long), Err(NoText::TooLarge));
}

#[test]
fn letters_and_comparators_come_out_right_in_every_charset() {
    let said = "müßig, año: ≥ 2.0";
    assert_eq!(read("text/plain", said.as_bytes()).unwrap(), said);
    assert_eq!(
        read("text/plain;charset=UTF-8", said.as_bytes()).unwrap(),
        said
    );
    let marked: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(said.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read("text/plain; charset=utf-16", &marked).unwrap(), said);
    let marked: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(said.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(read("text/plain", &marked).unwrap(), said);
    let latin = b"m\xfc\xdfig, a\xf1o: \xb1 0.5";
    assert_eq!(
        read("text/plain; charset=\"ISO-8859-1\"", latin).unwrap(),
        "müßig, año: ± 0.5"
    );
    assert_eq!(
        read("text/plain; charset=windows-1252", b"\x80 1+").unwrap(),
        "€ 1+"
    );
}

#[test]
fn a_charset_is_guessed_for_letters_and_never_for_signs() {
    assert_eq!(read("text/plain", b"m\xfc\xdfig 2+").unwrap(), "müßig 2+");
    // In the charset of old Macs this byte is the sign for "at least".
    assert_eq!(read("text/plain", b"\xb3 2.0"), Err(NoText::NotInCharset));
    assert_eq!(
        read("text/plain; charset=utf-8", b"m\xfc\xdfig"),
        Err(NoText::NotInCharset)
    );
}

#[test]
fn lines_have_one_form() {
    assert_eq!(
        read(
            "text/plain",
            "\r\nHER2 \r\n2\u{a0}+\r\u{c}3\u{ad}+\n".as_bytes()
        )
        .unwrap(),
        "HER2\n2 +\n\n3+"
    );
}

#[test]
fn markup_becomes_lines_and_cells() {
    let page = "<div><h1>Befund</h1><p>HER2&nbsp;IHC:\n <b>2</b>+</p>a<br/>b<hr>c<ul><li>d</li><li>e</li></ul>
        <table><thead><tr><th>Test</th><th>Score</th></tr></thead>
        <tr><td><p>IHC</p></td> <td> <p>3+</p> </td></tr><tr><td></td><td>1.8</td></tr></table>f</div>";
    let lines = "Befund\nHER2 IHC: 2+\na\nb\nc\nd\ne\nTest\tScore\nIHC\t3+\n\t1.8\nf";
    assert_eq!(text_of_markup(page), lines);
    assert_eq!(read("text/html", page.as_bytes()).unwrap(), lines);
    assert_eq!(
        read("application/xhtml+xml", page.as_bytes()).unwrap(),
        lines
    );
}

#[test]
fn entities_and_comparators_survive() {
    let page = "<p>&lt;2.0 &ge; 2.0 ≥ 2.0 &#8804;4 a<2 &amp;lt; Gr&ouml;&szlig;e &#x2b;</p>";
    assert_eq!(text_of_markup(page), "<2.0 ≥ 2.0 ≥ 2.0 ≤4 a<2 &lt; Größe +");
    assert_eq!(
        text_of_markup("<p><![CDATA[a > 2 & b <= 3]]></p>"),
        "a > 2 & b <= 3]]>"
    );
    assert_eq!(text_of_markup("<p><![CDATA[3+]]></p>"), "3+");
}

#[test]
fn what_nobody_sees_and_what_is_struck_out_is_gone() {
    let page = "<title>3+</title><style>p{}</style><script>if (a<b) '</p>3+'</script><!-- 3+ -->\
        <p>2+<del>3+</del></p><p style='DISPLAY: none'>3+<p>3+</p></p><s>1+</s><script/>x";
    assert_eq!(text_of_markup(page), "2+\nx");
}

#[test]
fn a_raised_digit_never_joins_the_number_before_it() {
    assert_eq!(
        text_of_markup("1.8<sup>1</sup>, 10<sup>3</sup>5, 3<sup>+</sup>"),
        "1.8^1, 10^3 5, 3+"
    );
    assert_eq!(rtf(r"1.8{\super 1}, 3{\super +}\par").unwrap(), "1.8^1, 3+");
}

#[test]
fn a_page_declares_its_charset() {
    let page = b"<html><head><meta charset=\"iso-8859-1\"></head><p>m\xfc\xdfig \xb1 1</p></html>";
    assert_eq!(read("text/html", page).unwrap(), "müßig ± 1");
}

#[test]
fn fields_to_fill_in_are_beside_the_text() {
    assert_eq!(
        read("text/html", b"HER2 <input type=checkbox checked> 3+"),
        Err(NoText::BesideText)
    );
    assert_eq!(
        read(
            "text/html",
            b"<select><option>1+<option selected>3+</select>"
        ),
        Err(NoText::BesideText)
    );
    assert_eq!(
        rtf(r"{\field{\*\fldinst FORMCHECKBOX{\*\ffdata\fftype1}}}3+"),
        Err(NoText::BesideText)
    );
}

#[test]
fn nesting_of_any_depth_is_read_or_refused() {
    let deep = 100_000;
    let page = format!(
        "{}3+{}",
        "<div><table><tr><td>".repeat(deep),
        "</td></tr></table></div>".repeat(deep)
    );
    assert_eq!(text_of_markup(&page), "3+");
    assert_eq!(
        text_of_markup(&format!("{}3+", "<b hidden>".repeat(deep))),
        ""
    );
    assert_eq!(
        rtf(&format!("{}3+{}", "{".repeat(deep), "}".repeat(deep))),
        Err(NoText::TooLarge)
    );
    assert_eq!(
        rtf(&format!("{}3+{}", "{".repeat(1000), "}".repeat(1000))).unwrap(),
        "3+"
    );
}

#[test]
fn rtf_becomes_lines_and_cells() {
    let body = r"\pard M\'fcdfig\par HER2 \b 2+\b0 ,\line Ratio\~1,85\tab x\
\trowd\cellx9\intbl IHC\cell 3+\cell\row\intbl \cell 1.8\cell\row\pard end\emdash\{a\}\par";
    assert_eq!(
        rtf(body).unwrap(),
        "Müdfig\nHER2 2+,\nRatio 1,85\tx\nIHC\t3+\n\t1.8\nend—{a}"
    );
}

#[test]
fn rtf_knows_code_pages_unicode_and_symbols() {
    assert_eq!(
        rtf(r"\u8805?2,0 \u8805 ?\uc2\u177\'b1\'b11 \uc0\u228 {\f3\'e0\'eb}\u-3913 ").unwrap(),
        "≥2,0 ≥±1 äąė•"
    );
    assert_eq!(
        rtf(r"{\f1\'b3} 2.0 {\f1\'a3}4 {\f1\u-3917\'b3}6").unwrap(),
        "≥ 2.0 ≤4 ≥6"
    );
    assert_eq!(rtf(r"\u-10179?\u-9024?").unwrap(), "📀");
    // A box with a tick and one without are both only a byte of this font.
    assert_eq!(rtf(r"{\f2\'fe} 3+"), Err(NoText::Illegible));
    assert_eq!(rtf(r"{\f2\'a7} 3+").unwrap(), "• 3+");
}

#[test]
fn rtf_destinations_that_are_no_text_are_skipped() {
    let body = r"{\info{\title 3+}}{\*\generator 3+;}{\pict 33\bin2 }}}{\stylesheet{\s0 Normal;}}\
{\field{\*\fldinst HYPERLINK 3+}{\fldrslt 2+}}{\v 3+}{\strike 3+}\strike 3+\strike0  ok{\shp{\*\shpinst{\sp{\sn a}{\sv 3+}}{\shptxt box}}}";
    assert_eq!(rtf(body).unwrap(), "2+ ok\nbox");
}

#[test]
fn rtf_that_is_cut_off_or_damaged_is_broken() {
    assert_eq!(read("text/rtf", br"{\rtf1 HER2 3"), Err(NoText::Broken));
    assert_eq!(rtf(r"HER2 \'zz"), Err(NoText::Broken));
    assert_eq!(rtf(r"\bin999999 x"), Err(NoText::Broken));
    assert_eq!(rtf(r"\u55357?3+"), Err(NoText::Broken));
}
