//! The staining patterns of `tests/reference/ihc_patterns.csv`, scored as each edition has it.

use std::collections::BTreeMap;

use her2_adapter::her2::evidence::{Sample, Score};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::guideline::staining::{Intensity, Membrane, Staining, scores};
use her2_adapter::her2::number::Measure;

const ROWS: &str = include_str!("../reference/ihc_patterns.csv");

/// The stainings that a row describes: "moderate to intense" is two, "complete, basolateral or lateral" as well.
fn stainings(row: &BTreeMap<String, String>) -> Vec<Staining> {
    let intensities: &[Intensity] = match row["intensity"].as_str() {
        "none" => &[Intensity::Absent],
        "faint" => &[Intensity::Faint],
        // Of 2007, which knows no faint staining apart from weak.
        "weak" => &[Intensity::Faint, Intensity::WeakToModerate],
        "weak-moderate" => &[Intensity::WeakToModerate],
        "moderate-intense" => &[Intensity::WeakToModerate, Intensity::Intense],
        "intense" | "strong" => &[Intensity::Intense],
        other => panic!("unknown intensity {other}"),
    };
    let membranes: &[Membrane] = match row["completeness"].as_str() {
        "none" | "incomplete" | "partial" => &[Membrane::Partial],
        "incomplete-basolateral" => &[Membrane::Basolateral],
        "complete" => &[Membrane::Complete],
        "complete-or-basolateral-or-lateral" => &[Membrane::Complete, Membrane::Basolateral],
        other => panic!("unknown completeness {other}"),
    };
    let in_cluster = match row["cluster_ge5"].as_str() {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        other => panic!("unknown cluster {other}"),
    };
    let sample = match row["specimen"].as_str() {
        "any" => None,
        "biopsy" => Some(Sample::Biopsy),
        "resection" => Some(Sample::Resection),
        other => panic!("unknown specimen {other}"),
    };
    let percent = Measure::parse(&row["percent"]).unwrap().span();
    (intensities.iter())
        .flat_map(|intensity| {
            membranes.iter().map(|membrane| Staining {
                intensity: *intensity,
                membrane: *membrane,
                percent,
                in_cluster,
                sample,
            })
        })
        .collect()
}

#[test]
fn every_staining_pattern_has_the_score_of_its_edition_and_other_schemes_have_none() {
    let mut reader = csv::Reader::from_reader(ROWS.as_bytes());
    let rows = (reader.deserialize()).map(|row| row.expect("a row with every field"));
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for row in rows {
        let row: BTreeMap<String, String> = row;
        *checked.entry(row["guideline"].clone()).or_default() += 1;
        let Some(edition) = Edition::parse(&row["guideline"]) else {
            // A scheme that no edition has binds nobody here.
            assert_eq!(row["assert_level"], "advisory", "{row:?}");
            continue;
        };
        assert_eq!(row["assert_level"], "exact", "{row:?}");
        for staining in stainings(&row) {
            let given: Vec<&str> = (scores(edition, &staining).iter())
                .map(Score::name)
                .collect();
            if given != [row["expected_score"].as_str()] {
                failures.push(format!("{}: {given:?} for {staining:?}", row["id"]));
            }
        }
    }
    println!("rows: {checked:?}");
    let expected = [
        ("asco-cap-2018", 24),
        ("asco-cap-2013", 13),
        ("asco-cap-2007", 13),
        ("gastric-2016", 16),
        ("endometrial-serous-NCT01367002", 10),
        ("colorectal-HERACLES", 11),
    ];
    assert_eq!(
        checked,
        expected
            .map(|(scheme, rows)| (scheme.to_owned(), rows))
            .into()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
