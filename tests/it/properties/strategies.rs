//! Evidence of every kind: near the thresholds and far away, complete and partial, sensible and absurd.

use chrono::NaiveDate;
use enumset::EnumSet;
use her2_adapter::her2::conventions::{
    Conventions, DerivedRatio, SingleProbeHigh, ThreePlusAtLowPercent, UnstatedCells,
    UnstatedMethod,
};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, Fixative, Handling, Histology, IhcFinding, IhcResult, IshResult, IshWord,
    JoinedBy, OtherTissue, Probe, ReportedStatus, Sample, Score, Site, SiteFinding, Source,
    StatedResult, TissueStatement, UnreadTest, Unreadable,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;

use super::{Case, site_of};

/// Where numbers matter, in thousandths; the thresholds of all editions together.
pub const RATIOS: [i64; 3] = [1_800, 2_000, 2_200];
pub const COPIES: [i64; 2] = [4_000, 6_000];
pub const CELLS: [i64; 1] = [20_000];
pub const PERCENTS: [i64; 4] = [0, 10_000, 30_000, 100_000];

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// One number.
    Point,
    /// Behind a comparator, or as a range.
    Bounded,
    /// Anything a sender may write, with slips and totals.
    Anything,
}

fn measure(text: &str) -> Measure {
    Measure::parse(text).unwrap_or_else(|_| panic!("{text} is no number"))
}

/// A decimal within a few units of its last place from a threshold, or far away.
pub fn decimal(thresholds: &'static [i64]) -> impl Strategy<Value = Decimal> {
    let near = (select(thresholds), 0_u32..=3, -2_i64..=2).prop_map(|(threshold, scale, by)| {
        let unit = 10_i64.pow(3 - scale);
        Decimal::new(threshold.div_euclid(unit) + by, scale)
    });
    let far = (1_i64..=1_200, 0_u32..=2).prop_map(|(value, scale)| Decimal::new(value, scale));
    prop_oneof![3 => near, 2 => far].prop_map(|value| {
        if value.is_sign_negative() {
            -value
        } else {
            value
        }
    })
}

/// A number as a laboratory prints it.
pub fn number(thresholds: &'static [i64], written: Written) -> BoxedStrategy<Measure> {
    let point = || decimal(thresholds).prop_map(|value| measure(&value.to_string()));
    let compared = (select(&["<", "<=", ">=", ">"][..]), decimal(thresholds))
        .prop_map(|(symbol, value)| measure(&format!("{symbol}{value}")));
    let range = (decimal(thresholds), decimal(thresholds)).prop_map(|(one, other)| {
        let (low, high) = (one.min(other), one.max(other));
        measure(&format!("{low}-{high}"))
    });
    let quotient = (1_u32..=600, 1_u32..=200).prop_map(|(numerator, denominator)| {
        Measure::quotient(&numerator.to_string(), &denominator.to_string()).unwrap()
    });
    let absurd = select(
        &[
            "0",
            "0.0",
            "-1",
            "-0.5",
            "816",
            "1.2e1",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "1.9999999999999999999999999999",
            "<0",
            ">=0",
            ">79228162514264337593543950335",
            "0-79228162514264337593543950335",
        ][..],
    )
    .prop_map(measure);
    match written {
        Written::Point => point().boxed(),
        Written::Bounded => prop_oneof![1 => point(), 2 => compared, 2 => range].boxed(),
        Written::Anything => {
            prop_oneof![6 => point(), 2 => compared, 2 => range, 2 => quotient, 1 => absurd].boxed()
        }
    }
}

fn score() -> impl Strategy<Value = Score> {
    select(vec![
        Score::Zero,
        Score::OnePlus,
        Score::TwoPlus,
        Score::ThreePlus,
    ])
}

pub fn stated() -> impl Strategy<Value = StatedResult> {
    select(vec![
        StatedResult::Positive,
        StatedResult::Negative,
        StatedResult::Equivocal,
        StatedResult::Indeterminate,
    ])
}

/// Immunohistochemistry: a score, a range of them, or a word, and what stands beside it.
pub fn ihc(written: Written) -> impl Strategy<Value = IhcResult> {
    let finding = prop_oneof![
        6 => score().prop_map(|score| IhcFinding::Score(EnumSet::only(score))),
        1 => (score(), score()).prop_map(|(one, other)| IhcFinding::Score(one | other)),
        1 => stated().prop_map(IhcFinding::Stated),
    ];
    let rarely = |written| option::weighted(0.2, number(&PERCENTS, written));
    (
        finding,
        option::weighted(0.2, stated()),
        rarely(written),
        rarely(written),
        option::weighted(0.1, any::<bool>()),
    )
        .prop_map(
            |(finding, interpretation, percent, intense_percent, staining_present)| IhcResult {
                interpretation,
                percent,
                intense_percent,
                staining_present,
                ..IhcResult::new(finding, Source::unversioned("Observation/ihc"))
            },
        )
}

/// In situ hybridisation: numbers, words or both, of any role.
pub fn ish(written: Written) -> impl Strategy<Value = IshResult> {
    let role = prop_oneof![
        6 => Just(CountRole::Initial),
        2 => Just(CountRole::Recount),
        1 => Just(CountRole::Adjudicated),
    ];
    let numbers = (
        option::weighted(0.6, number(&RATIOS, written)),
        option::weighted(0.7, number(&COPIES, written)),
        option::weighted(0.2, number(&RATIOS, written)),
        option::weighted(0.7, number(&CELLS, written)),
    );
    (
        role,
        option::weighted(0.7, select(vec![Probe::Single, Probe::Dual, Probe::Dual])),
        numbers,
        option::weighted(0.3, select(IshWord::ALL.to_vec())),
        option::weighted(0.05, any::<bool>()),
        option::weighted(0.1, number(&PERCENTS, written)),
        option::weighted(0.2, date()),
    )
        .prop_map(
            |(
                role,
                probe,
                (ratio, her2_copies, cep17_copies, cells),
                result,
                clusters,
                population_percent,
                reported_on,
            )| {
                IshResult {
                    role,
                    probe,
                    ratio,
                    her2_copies,
                    cep17_copies,
                    cells,
                    result,
                    clusters,
                    population_percent,
                    reported_on,
                    ..IshResult::new(Source::unversioned("Observation/ish"))
                }
            },
        )
}

/// A count as most are, or a word.
pub fn common_ish() -> impl Strategy<Value = IshResult> {
    let word =
        (ish(Written::Point), select(IshWord::ALL.to_vec())).prop_map(|(beside, word)| IshResult {
            role: beside.role,
            result: Some(word),
            reported_on: beside.reported_on,
            ..IshResult::new(beside.source)
        });
    prop_oneof![
        4 => plain_count().boxed(),
        2 => word.boxed(),
        1 => ish(Written::Point).boxed(),
    ]
}

/// Plain numbers of enough cells.
fn plain_count() -> impl Strategy<Value = IshResult> {
    (
        decimal(&RATIOS),
        decimal(&COPIES),
        select(vec![
            Some(Probe::Dual),
            Some(Probe::Dual),
            Some(Probe::Dual),
            Some(Probe::Single),
            None,
        ]),
        ish(Written::Point),
    )
        .prop_map(|(ratio, copies, probe, beside)| IshResult {
            probe,
            ratio: (probe == Some(Probe::Dual)).then(|| measure(&ratio.to_string())),
            her2_copies: Some(measure(&copies.to_string())),
            cep17_copies: None,
            cells: Some(measure("40")),
            population_percent: None,
            result: None,
            ..beside
        })
}

/// A day of any edition's time.
fn date() -> impl Strategy<Value = NaiveDate> {
    select(vec![
        NaiveDate::from_ymd_opt(2009, 3, 1).unwrap(),
        NaiveDate::from_ymd_opt(2013, 12, 31).unwrap(),
        NaiveDate::from_ymd_opt(2014, 1, 1).unwrap(),
        NaiveDate::from_ymd_opt(2018, 5, 29).unwrap(),
        NaiveDate::from_ymd_opt(2018, 5, 30).unwrap(),
        NaiveDate::from_ymd_opt(2024, 6, 1).unwrap(),
    ])
}

pub fn reported() -> impl Strategy<Value = ReportedStatus> {
    stated().prop_map(|value| ReportedStatus {
        value,
        passage: None,
        source: Source::unversioned("Observation/status"),
    })
}

pub fn unreadable() -> impl Strategy<Value = Unreadable> {
    select(vec![
        UnreadTest::Ihc,
        UnreadTest::Ish,
        UnreadTest::Either,
        UnreadTest::Neither,
    ])
    .prop_map(|test| Unreadable {
        test,
        detail: "not understood".to_owned(),
        source: Source::unversioned("Observation/unread"),
    })
}

fn handling(written: Written) -> impl Strategy<Value = Handling> {
    (
        option::weighted(
            0.4,
            select(vec![Sample::Biopsy, Sample::Resection, Sample::Cytology]),
        ),
        option::weighted(
            0.2,
            select(vec![
                Fixative::Formalin,
                Fixative::Formalin,
                Fixative::Formalin,
                Fixative::Other,
            ]),
        ),
        option::weighted(0.1, number(&PERCENTS, written)),
        option::weighted(0.1, number(&PERCENTS, written)),
        option::weighted(0.1, any::<bool>()),
        option::weighted(
            0.1,
            select(vec![
                Histology::Tubular,
                Histology::Mucinous,
                Histology::Cribriform,
                Histology::AdenoidCystic,
            ]),
        ),
        option::weighted(0.2, 1_u8..=3),
    )
        .prop_map(
            |(
                sample,
                fixative,
                fixation_hours,
                cold_ischemia_minutes,
                decalcified,
                histology,
                grade,
            )| {
                Handling {
                    sample,
                    fixative,
                    fixation_hours,
                    cold_ischemia_minutes,
                    decalcified,
                    histology,
                    grade,
                    of_metastasis: false,
                }
            },
        )
}

fn sources(name: &'static str) -> impl Strategy<Value = Vec<Source>> {
    option::weighted(0.15, Just(())).prop_map(move |some| {
        some.map(|()| Source::unversioned(name))
            .into_iter()
            .collect()
    })
}

pub fn conventions() -> impl Strategy<Value = Conventions> {
    let varied = (
        any::<bool>(),
        select(vec![
            ThreePlusAtLowPercent::Contradictory,
            ThreePlusAtLowPercent::ScoreStands,
        ]),
        select(vec![
            SingleProbeHigh::Positive,
            SingleProbeHigh::NeedsDualProbe,
        ]),
        select(vec![
            UnstatedMethod::Either,
            UnstatedMethod::Single,
            UnstatedMethod::Dual,
        ]),
        select(vec![UnstatedCells::Accept, UnstatedCells::MayHaveFailed]),
        option::of(date()),
        select(vec![DerivedRatio::PrintedDigits, DerivedRatio::Exact]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(low, three_plus, single, method, cells, trusted_from, derived, gastric, retest)| {
                Conventions {
                    group_2_or_4_with_2_plus_is_low: low,
                    three_plus_at_low_percent: three_plus,
                    single_probe_high_with_low_ihc: single,
                    unstated_method: method,
                    unstated_cells: cells,
                    ish_words_trusted_from: trusted_from,
                    derived_ratio: derived,
                    gastric_copies_rule: gastric,
                    retest_advice: retest,
                }
            },
        );
    prop_oneof![Just(Conventions::DEFAULT), varied]
}

/// A case of which anything may be said, each result from a resource of its own.
pub fn case(written: Written) -> BoxedStrategy<Case> {
    let results = (
        proptest::collection::vec(ihc(written), 0..=3),
        proptest::collection::vec(
            prop_oneof![2 => ish(written).boxed(), 1 => plain_count().boxed()],
            0..=3,
        ),
    );
    let beside = (
        proptest::collection::vec(reported(), 0..=2),
        proptest::collection::vec(unreadable(), 0..=2),
        sources("Observation/quoted"),
        sources("DiagnosticReport/second-observer"),
        (
            sources("Observation/other-ihc"),
            sources("Observation/other-ish"),
        ),
        prop_oneof![
            8 => Just(TissueStatement::Stated),
            3 => Just(TissueStatement::NotStated),
            1 => Just(TissueStatement::Unclear),
        ],
        handling(written),
    );
    let site = prop_oneof![
        12 => Just(None),
        1 => Just(Some(SiteFinding::Unknown)),
        1 => Just(Some(SiteFinding::Disputed)),
        1 => select(Site::ALL.to_vec()).prop_map(|site| Some(SiteFinding::Known(site))),
    ];
    (
        select(Edition::ALL.to_vec()),
        site,
        results,
        // Most cases are about the tests alone.
        option::weighted(0.4, beside),
        conventions(),
    )
        .prop_map(|(edition, site, (ihc, ish), beside, conventions)| {
            let site = site.unwrap_or(SiteFinding::Known(site_of(edition)));
            let mut evidence = Evidence {
                ihc,
                ish,
                ..Evidence::new(site, JoinedBy::Specimen)
            };
            if let Some((reported, unreadable, quoted, second, (ihc, ish), tissue, handling)) =
                beside
            {
                evidence = Evidence {
                    reported,
                    unreadable,
                    quoted,
                    second_observer: second,
                    other_tissue: OtherTissue { ihc, ish },
                    tissue,
                    handling,
                    ..evidence
                };
            }
            number_sources(&mut evidence);
            Case {
                evidence,
                edition,
                conventions,
            }
        })
        .boxed()
}

/// A case as most are: a score or a word, and counts that say what they are.
pub fn common_case() -> BoxedStrategy<Case> {
    let finding = prop_oneof![
        6 => score().prop_map(|score| IhcFinding::Score(EnumSet::only(score))),
        1 => stated().prop_map(IhcFinding::Stated),
    ];
    (
        select(Edition::ALL.to_vec()),
        option::weighted(0.8, finding),
        proptest::collection::vec(common_ish(), 0..=2),
        conventions(),
    )
        .prop_map(|(edition, finding, ish, conventions)| {
            let ihc = finding
                .map(|finding| IhcResult::new(finding, Source::unversioned("Observation/ihc")));
            let mut evidence = Evidence {
                ihc: ihc.into_iter().collect(),
                ish,
                ..Evidence::new(SiteFinding::Known(site_of(edition)), JoinedBy::Specimen)
            };
            number_sources(&mut evidence);
            Case {
                evidence,
                edition,
                conventions,
            }
        })
        .boxed()
}

/// Every result is of a resource of its own.
pub fn number_sources(evidence: &mut Evidence) {
    let numbered =
        |name: &str, index: usize| Source::unversioned(&format!("Observation/{name}-{index}"));
    for (index, result) in evidence.ihc.iter_mut().enumerate() {
        result.source = numbered("ihc", index);
    }
    for (index, result) in evidence.ish.iter_mut().enumerate() {
        result.source = numbered("ish", index);
    }
    for (index, status) in evidence.reported.iter_mut().enumerate() {
        status.source = numbered("status", index);
    }
    for (index, item) in evidence.unreadable.iter_mut().enumerate() {
        item.source = numbered("unread", index);
    }
}
