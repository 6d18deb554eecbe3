use std::collections::BTreeSet;

use enumset::EnumSet;

use super::*;
use crate::her2::conventions::Conventions;
use crate::her2::decide::decide;
use crate::her2::evidence::{
    CountRole, Histology, JoinedBy, Probe, ReportedStatus, Sample, Score, Site, Source,
    StatedResult,
};
use crate::her2::guideline::Edition;
use crate::her2::number::Measure;
use crate::pipeline::Related;
use crate::pipeline::assemble::Excluded;
use crate::pipeline::edition::Choice;

fn source(reference: &str) -> Source {
    Source::unversioned(reference)
}

fn ihc(score: Score) -> IhcResult {
    IhcResult::new(
        IhcFinding::Score(EnumSet::only(score)),
        source("Observation/ihc"),
    )
}

fn count(role: CountRole, ratio: &str, copies: &str) -> IshResult {
    IshResult {
        role,
        probe: Some(Probe::Dual),
        ratio: Some(Measure::parse(ratio).unwrap()),
        her2_copies: Some(Measure::parse(copies).unwrap()),
        cells: Some(Measure::parse("40").unwrap()),
        ..IshResult::new(source("Observation/ish"))
    }
}

fn case(ihc: Vec<IhcResult>, ish: Vec<IshResult>) -> CaseResult {
    decided(Evidence {
        ihc,
        ish,
        ..Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen)
    })
}

fn decided(evidence: Evidence) -> CaseResult {
    let edition = Edition::AscoCap2018;
    CaseResult {
        id: "case-0123456789abcdef0123456789abcdef".to_owned(),
        subject: Some("Patient/p1".to_owned()),
        tissue: Some("Specimen/s1".to_owned()),
        reported_on: None,
        edition,
        edition_choice: Choice::Site,
        decision: decide(&evidence, edition, &Conventions::default()),
        evidence,
        inputs: BTreeSet::new(),
        excluded: BTreeSet::new(),
        related: Vec::new(),
        summarises: Vec::new(),
        fingerprint: String::new(),
        content: String::new(),
        essence: String::new(),
    }
}

#[test]
fn a_case_reads_from_the_answer_to_the_next_step() {
    let case = case(
        vec![ihc(Score::OnePlus)],
        vec![count(CountRole::Initial, "1.80", "6.4")],
    );
    let page = explained(&case, Format::Text);
    let expected = "\
HER2 NEGATIVE (HER2-low) · case-0123456789abcdef0123456789abcdef · Specimen/s1

Tumour    primary site breast; evidence joined by specimen
Edition   ASCO/CAP 2018 (affirmed 2023), invasive breast cancer; chosen by the primary site
Read      IHC 1+ (Observation/ihc).
          ISH: dual-probe, HER2/CEP17 ratio 1.80, HER2 copies per cell 6.4, cells counted 40
            (Observation/ish).
Follows   The count is dual-probe group 3.
          Dual-probe group 3 with IHC 0 or 1+ is HER2 negative, with a comment. [ASCO/CAP 2018,
            Figure 5 (group 3)]
Rule      asco-cap-2018/dual/group-3/ihc-1+
Comment   there is not enough evidence of efficacy with a ratio below 2.0 and no over-expression;
            with IHC 0 or 1+ the result is negative.
Category  Of the negative results this is HER2-low (IHC 1+, or 2+ without amplification).
Next      No further test is asked for.
";
    assert_eq!(page, expected);
}

#[test]
fn a_case_with_everything_stays_a_page_of_100_columns() {
    let counts = vec![
        count(CountRole::Initial, "2.1", "3.5"),
        count(CountRole::Recount, "1.9", "4.1"),
    ];
    let mut case = case(vec![ihc(Score::TwoPlus)], counts);
    case.related.push(Related {
        case: "case-other".to_owned(),
        why: "other block",
    });
    case.excluded = (0..9)
        .map(|index| Excluded {
            source: source(&format!("Observation/{index}")),
            why: "in situ disease".to_owned(),
        })
        .collect();
    let page = explained(&case, Format::Text);
    assert!(page.lines().count() <= 25, "{page}");
    assert!(
        page.lines().all(|line| line.chars().count() <= 100),
        "{page}"
    );
    for part in [
        "The recount is dual-probe group 4.",
        "Next      adjudicate: the laboratory adjudicates the two counts.",
        "Review    recount-other-group: ",
        "Related   case-other: other block",
        "4 more, in the decision record",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[test]
fn what_stands_beside_a_score_is_told_with_it() {
    let contradicted = IhcResult {
        interpretation: Some(StatedResult::Negative),
        intense_percent: Some(Measure::parse("30").unwrap()),
        staining_present: Some(true),
        origin: Origin::Text,
        ..ihc(Score::ThreePlus)
    };
    let mut case = case(vec![contradicted], Vec::new());
    case.evidence.reported.push(ReportedStatus {
        value: StatedResult::Negative,
        passage: None,
        source: source("Observation/overall"),
    });
    let page = explained(&case, Format::Text);
    let words: Vec<&str> = page.split_whitespace().collect();
    assert!(words.join(" ").contains(
        "IHC 3+ (Observation/ihc). Also: stated as negative, \
         30 % of cells with uniform intense staining, staining present, read from text. \
         Stated HER2 negative overall (Observation/overall)."
    ));
}

#[test]
fn an_open_question_is_never_followed_by_nothing_to_do() {
    let mut elsewhere = case(vec![ihc(Score::ThreePlus)], Vec::new()).evidence;
    elsewhere.site = SiteFinding::Known(Site::Gastroesophageal);
    let page = explained(&decided(elsewhere), Format::Text);
    assert!(page.starts_with("HER2 INSUFFICIENT · case-"));
    assert!(page.contains("No test is asked for; the review items are open."));
    assert!(!page.contains("No further test is asked for."));
}

#[test]
fn nothing_that_was_sent_becomes_markdown_or_steers_a_terminal() {
    let mut case = case(vec![ihc(Score::ThreePlus)], Vec::new());
    case.tissue = Some("https://lab.example|S_1 <b>\n# x".to_owned());
    case.excluded.insert(Excluded {
        source: source("Observation/\u{1b}[2J"),
        why: "a `code` of *no* [weight](x)".to_owned(),
    });
    let page = explained(&case, Format::Markdown);
    assert!(page.starts_with("## HER2 POSITIVE · case-"));
    assert!(page.contains("https://lab.example\\|S\\_1 \\<b> # x\n"));
    assert!(page.contains("a \\`code\\` of \\*no\\* \\[weight\\](x)\n"));
    assert!(page.lines().skip(2).all(|line| line.starts_with("- **")));
    for format in [Format::Text, Format::Markdown] {
        assert!(!explained(&case, format).contains('\u{1b}'));
    }
}

#[test]
fn the_lines_of_a_list_stand_in_columns() {
    let counts = vec![
        count(CountRole::Initial, "1.9", "4.1"),
        count(CountRole::Recount, "1.9", "3.9"),
        count(CountRole::Adjudicated, "1.9", "4.0"),
    ];
    let lines = [
        one_line(&case(vec![ihc(Score::TwoPlus)], counts.clone())),
        one_line(&case(vec![ihc(Score::TwoPlus)], counts[..2].to_vec())),
        one_line(&case(vec![ihc(Score::TwoPlus)], counts[2..].to_vec())),
        one_line(&case(vec![ihc(Score::Zero)], Vec::new())),
    ];
    let expected = "\
case-0123456789abcdef0123456789abcdef  negative       low               group 4/5/4  none                –
case-0123456789abcdef0123456789abcdef  equivocal      equivocal         group 4/5    adjudicate          recount-other-group
case-0123456789abcdef0123456789abcdef  negative       low               group ?/?/4  none                –
case-0123456789abcdef0123456789abcdef  negative       zero-unspecified  –            none                –";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn what_is_known_of_the_tissue_is_one_statement() {
    let mut evidence = Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen);
    evidence.ihc.push(ihc(Score::OnePlus));
    evidence.handling = Handling {
        sample: Some(Sample::Biopsy),
        fixative: Some(Fixative::Formalin),
        fixation_hours: Measure::parse("5.5").ok(),
        decalcified: Some(true),
        histology: Some(Histology::Mucinous),
        grade: Some(3),
        ..Handling::default()
    };
    let page = explained(&decided(evidence), Format::Text);
    let expected = "\
Tissue    biopsy, fixed in formalin, fixation 5.5 h, decalcified, mucinous carcinoma, grade 3.
Read ";
    assert!(page.contains(expected), "{page}");
}
