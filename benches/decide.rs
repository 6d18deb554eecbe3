//! How many cases the engine decides in a second on one core: `cargo bench --bench decide`.
//!
//! The cases are the rows of `tests/reference/guideline.csv`, read before the clock starts; each is decided under its own
//! edition, with its reasons and review items, and without printing them.

use divan::Bencher;
use divan::counter::ItemsCount;
use enumset::EnumSet;
use her2_adapter::her2::conventions::Conventions;
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Probe, Score, Site,
    SiteFinding, Source,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;

const ROWS: &str = include_str!("../tests/reference/guideline.csv");

fn main() {
    println!(
        "deciding the {} rows of tests/reference/guideline.csv, one thread",
        cases(|_| true).len()
    );
    divan::main();
}

#[divan::bench]
fn every_row(bencher: Bencher<'_, '_>) {
    decide_all(bencher, cases(|_| true));
}

#[divan::bench(args = ["asco-cap-2018", "asco-cap-2013", "asco-cap-2007", "gastric-2016"])]
fn rows_of(bencher: Bencher<'_, '_>, edition: &str) {
    decide_all(bencher, cases(|own| own.id() == edition));
}

fn decide_all(bencher: Bencher<'_, '_>, cases: Vec<(Edition, Evidence)>) {
    let conventions = Conventions::default();
    bencher.counter(ItemsCount::new(cases.len())).bench(|| {
        for (edition, evidence) in &cases {
            divan::black_box(decide(divan::black_box(evidence), *edition, &conventions));
        }
    });
}

fn cases(wanted: impl Fn(Edition) -> bool) -> Vec<(Edition, Evidence)> {
    let mut reader = csv::Reader::from_reader(ROWS.as_bytes());
    let columns = reader.headers().cloned().unwrap_or_default();
    (reader.records().filter_map(Result::ok))
        .filter_map(|row| {
            let get = |name: &str| {
                let index = columns.iter().position(|column| column == name)?;
                row.get(index).filter(|text| !text.is_empty())
            };
            let edition = Edition::parse(get("guideline")?).filter(|own| wanted(*own))?;
            Some((edition, evidence(edition, get)))
        })
        .collect()
}

fn evidence<'r>(edition: Edition, get: impl Fn(&str) -> Option<&'r str>) -> Evidence {
    let measure = |column| get(column).and_then(|text| Measure::parse(text).ok());
    let score =
        (EnumSet::<Score>::all().iter()).find(|score| get("ihc_score") == Some(score.name()));
    let count = |role, ratio, copies| IshResult {
        role,
        probe: match get("ish_method") {
            Some("dual") => Some(Probe::Dual),
            Some("single") => Some(Probe::Single),
            _ => None,
        },
        ratio: measure(ratio),
        her2_copies: measure(copies),
        cep17_copies: match role {
            CountRole::Initial => measure("cep17_copies"),
            _ => None,
        },
        cells: measure("cells"),
        ..IshResult::new(Source::unversioned("Observation/ish"))
    };
    let site = match edition {
        Edition::Gastric2016 => Site::Gastroesophageal,
        _ => Site::Breast,
    };
    Evidence {
        ihc: (score.into_iter())
            .map(|score| IhcResult {
                percent: measure("ihc_percent_stained"),
                ..IhcResult::new(
                    IhcFinding::Score(EnumSet::only(score)),
                    Source::unversioned("Observation/ihc"),
                )
            })
            .collect(),
        ish: [
            count(CountRole::Initial, "ratio", "her2_copies"),
            count(CountRole::Recount, "recount_ratio", "recount_her2_copies"),
        ]
        .into_iter()
        .filter(IshResult::has_numbers)
        .collect(),
        ..Evidence::new(SiteFinding::Known(site), JoinedBy::Specimen)
    }
}
