//! The reference rows of `tests/reference/guideline.csv`, decided by the engine under the edition of each.

use std::collections::BTreeMap;

use enumset::EnumSet;
use her2_adapter::her2::conventions::Conventions;
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::decision::Decision;
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Probe, Score, Site,
    SiteFinding,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;

use crate::samples::source;

const ROWS: &str = include_str!("../reference/guideline.csv");

struct Row {
    fields: csv::StringRecord,
    headers: csv::StringRecord,
}

impl Row {
    fn get(&self, column: &str) -> &str {
        let index = self.headers.iter().position(|name| name == column);
        index.and_then(|index| self.fields.get(index)).unwrap_or("")
    }

    fn measure(&self, column: &str) -> Option<Measure> {
        let text = self.get(column);
        (!text.is_empty()).then(|| Measure::parse(text).expect("reference rows hold numbers"))
    }
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(ROWS.as_bytes());
    let headers = reader.headers().expect("a header line").clone();
    reader
        .records()
        .map(|fields| Row {
            fields: fields.expect("a row"),
            headers: headers.clone(),
        })
        .collect()
}

fn evidence(row: &Row, edition: Edition) -> Evidence {
    let score = match row.get("ihc_score") {
        "" => None,
        "0" => Some(Score::Zero),
        "1+" => Some(Score::OnePlus),
        "2+" => Some(Score::TwoPlus),
        "3+" => Some(Score::ThreePlus),
        other => panic!("unknown score {other}"),
    };
    let ihc = score.map(|score| IhcResult {
        percent: row.measure("ihc_percent_stained"),
        ..IhcResult::new(IhcFinding::Score(EnumSet::only(score)), source("ihc"))
    });
    let probe = match row.get("ish_method") {
        "dual" => Some(Probe::Dual),
        "single" => Some(Probe::Single),
        _ => None,
    };
    let count = |role, ratio, copies, cep17, cells| IshResult {
        role,
        probe,
        ratio,
        her2_copies: copies,
        cep17_copies: cep17,
        cells,
        ..IshResult::new(source("ish"))
    };
    let initial = count(
        CountRole::Initial,
        row.measure("ratio"),
        row.measure("her2_copies"),
        row.measure("cep17_copies"),
        row.measure("cells"),
    );
    let recount = count(
        CountRole::Recount,
        row.measure("recount_ratio"),
        row.measure("recount_her2_copies"),
        None,
        row.measure("cells"),
    );
    Evidence {
        ihc: ihc.into_iter().collect(),
        ish: [initial, recount]
            .into_iter()
            .filter(IshResult::has_numbers)
            .collect(),
        ..Evidence::new(SiteFinding::Known(site_of(edition)), JoinedBy::Specimen)
    }
}

fn site_of(edition: Edition) -> Site {
    match edition {
        Edition::AscoCap2018 | Edition::AscoCap2013 | Edition::AscoCap2007 => Site::Breast,
        Edition::Gastric2016 => Site::Gastroesophageal,
    }
}

fn differences(row: &Row, decision: &Decision, columns: &[&str]) -> Vec<String> {
    let group = decision
        .ish_group
        .map_or(String::new(), |group| group.number().to_string());
    columns
        .iter()
        .filter_map(|column| {
            let ours = match *column {
                "expected_status" => decision.status.name(),
                "expected_category" => decision.category.name(),
                "expected_next_action" => decision.next_action.name(),
                _ => group.as_str(),
            };
            let expected = row.get(column);
            (ours != expected).then(|| format!("{column}: expected {expected:?}, ours {ours:?}"))
        })
        .collect()
}

#[test]
fn every_reference_row_holds_at_its_level_under_its_edition() {
    let mut failures = Vec::new();
    let mut advisory = Vec::new();
    let mut checked: BTreeMap<Edition, usize> = BTreeMap::new();
    for row in rows() {
        let edition = Edition::parse(row.get("guideline")).expect("a known edition");
        *checked.entry(edition).or_default() += 1;
        let decision = decide(&evidence(&row, edition), edition, &Conventions::default());
        let all = [
            "expected_status",
            "expected_category",
            "expected_ish_group",
            "expected_next_action",
        ];
        let id = row.get("id");
        match row.get("assert_level") {
            "exact" => {
                let found = differences(&row, &decision, &all);
                if !found.is_empty() {
                    failures.push(format!("{id}: {}", found.join("; ")));
                }
            }
            "unresolved-class" => {
                let mut found = differences(&row, &decision, &["expected_next_action"]);
                if !row.get("expected_ish_group").is_empty() {
                    found.extend(differences(&row, &decision, &["expected_ish_group"]));
                }
                if decision.status.is_decided() {
                    found.push(format!("decided: {}", decision.status.name()));
                }
                if !found.is_empty() {
                    failures.push(format!("{id}: {}", found.join("; ")));
                }
                // The level does not bind these, but a difference is worth seeing.
                let soft = differences(&row, &decision, &["expected_status", "expected_category"]);
                if !soft.is_empty() {
                    advisory.push(format!("{id}: {}", soft.join("; ")));
                }
            }
            _ => {
                let found = differences(&row, &decision, &all);
                if !found.is_empty() {
                    advisory.push(format!("{id}: {}", found.join("; ")));
                }
            }
        }
    }
    for (edition, rows) in &checked {
        println!("{}: {rows} rows", edition.id());
    }
    println!("{} differ where the level allows it:", advisory.len());
    for line in &advisory {
        println!("  {line}");
    }
    let least = [
        (Edition::AscoCap2018, 240),
        (Edition::AscoCap2013, 62),
        (Edition::AscoCap2007, 57),
        (Edition::Gastric2016, 37),
    ];
    assert_eq!(checked, BTreeMap::from(least));
    assert!(
        failures.is_empty(),
        "{} rows fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
