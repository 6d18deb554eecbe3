//! The whole decision table: as accepted, whole, and what a case really ends in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use enumset::EnumSet;
use her2_adapter::her2::asco_cap_2018::{CopyClass, Ihc, Ish, Recount};
use her2_adapter::her2::decide::{Conventions, decide};
use her2_adapter::her2::decision::{Group, NextAction, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Origin, OtherTissue, Probe,
    Score, Site, SiteFinding, Source, StatedResult, TissueStatement,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;
use her2_adapter::render::{Format, table};

const ACCEPT: &str = "HER2_ACCEPT_SNAPSHOTS";

#[test]
fn the_table_of_each_edition_is_as_it_was_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let mut changes = Vec::new();
    for edition in Edition::ALL {
        let file = folder.join(format!("{}.txt", edition.id()));
        let now = table(edition, Format::Text);
        if std::env::var_os(ACCEPT).is_some() {
            fs::write(&file, &now).unwrap();
        }
        let accepted = fs::read_to_string(&file).unwrap_or_default();
        if accepted != now {
            changes.push(format!(
                "{}\n{}",
                file.display(),
                difference(&accepted, &now)
            ));
        }
    }
    assert!(
        changes.is_empty(),
        "the decision table is not the accepted one (-: accepted, +: now):\n{}\n\
         If every line is as the guideline has it: {ACCEPT}=1 cargo test --test it table",
        changes.join("\n")
    );
}

#[test]
fn every_pair_of_results_has_one_answer_and_one_rule() {
    let scores = EnumSet::<Score>::all().iter().map(Ihc::Score);
    let all_ihc: Vec<Ihc> = [Ihc::NotKnown, Ihc::Failed]
        .into_iter()
        .chain(scores)
        .collect();
    let groups: Vec<Group> = EnumSet::<Group>::all().iter().collect();
    let mut all_ish = vec![Ish::NotDone, Ish::Failed, Ish::Amplified, Ish::NotAmplified];
    all_ish.extend(EnumSet::<CopyClass>::all().iter().map(Ish::Single));
    for group in &groups {
        all_ish.push(Ish::Adjudicated(*group));
        all_ish.push(Ish::Dual(*group, Recount::NotDone));
        all_ish.push(Ish::Dual(*group, Recount::SameGroup));
        let others = groups.iter().filter(|other| *other != group);
        all_ish.extend(others.map(|other| Ish::Dual(*group, Recount::OtherGroup(*other))));
    }
    let pairs: BTreeSet<(Ihc, Ish)> = (all_ihc.iter())
        .flat_map(|ihc| all_ish.iter().map(move |ish| (*ihc, *ish)))
        .collect();
    for edition in Edition::ALL {
        let inputs = edition.inputs();
        assert_eq!(inputs.iter().copied().collect::<BTreeSet<_>>(), pairs);
        assert_eq!(inputs.len(), pairs.len(), "an input is listed twice");
        let rules: BTreeSet<String> = records(edition)
            .iter()
            .map(|record| record["rule_id"].clone())
            .collect();
        assert_eq!(rules.len(), pairs.len(), "two inputs have the same rule id");
        assert_eq!(records(edition).len(), pairs.len());
    }
}

#[test]
fn a_question_stands_where_an_answer_is_missing_and_only_there() {
    for edition in Edition::ALL {
        for (ihc, ish) in edition.inputs() {
            let answer = edition.answer(ihc, ish);
            let rule = edition.rule_id(ihc, ish);
            if answer.status.is_decided() && answer.action == NextAction::None {
                assert_eq!(answer.review, None, "{rule} is done, but asks");
            }
            if answer.status == Status::Insufficient {
                assert!(answer.review.is_some(), "{rule} is open, but does not ask");
            }
            if matches!(answer.status, Status::Equivocal | Status::Indeterminate) {
                assert_ne!(
                    answer.action,
                    NextAction::None,
                    "{rule} is open, but nothing follows"
                );
            }
            assert!(!answer.sentence.trim().is_empty(), "{rule} has no sentence");
            assert!(!answer.source.trim().is_empty(), "{rule} has no source");
        }
    }
}

#[test]
fn low_ultralow_and_null_are_kinds_of_negative_only() {
    for edition in Edition::ALL {
        for record in records(edition) {
            let expected: &[&str] = match record["status"].as_str() {
                "positive" => &["positive"],
                "equivocal" => &["equivocal"],
                "negative" => &["low", "null, ultralow or zero-unspecified", "none"],
                _ => &["none"],
            };
            assert!(
                expected.contains(&record["category"].as_str()),
                "{record:?}"
            );
        }
    }
}

/// Every record of the CSV is in exactly one row of the Markdown, with the same answer.
#[test]
fn a_row_of_several_inputs_speaks_for_each_of_them() {
    for edition in Edition::ALL {
        let rows = markdown_rows(edition);
        for record in records(edition) {
            let of_input: Vec<_> = (rows.iter())
                .filter(|row| match row["rule id"].strip_suffix('*') {
                    Some(beginning) => record["rule_id"].starts_with(beginning),
                    None => row["rule id"] == record["rule_id"],
                })
                .collect();
            let [row] = of_input.as_slice() else {
                panic!("{} is in {} rows", record["rule_id"], of_input.len());
            };
            for (column, cell) in *row {
                let is_folded = row["recount"] == "other group";
                if !(is_folded && matches!(column.as_str(), "recount" | "rule id")) {
                    let name = column.to_lowercase().replace(' ', "_");
                    assert_eq!(*cell, record[&name], "{column} of {}", record["rule_id"]);
                }
            }
        }
    }
}

#[test]
fn the_text_fits_a_terminal_and_names_thresholds_and_every_rule() {
    for edition in Edition::ALL {
        let page = table(edition, Format::Text);
        for line in page.lines() {
            assert!(line.chars().count() <= 120, "too long: {line}");
        }
        let words: Vec<&str> = page.split_whitespace().collect();
        let running = words.join(" ");
        let thresholds = running.split("Thresholds ").nth(1).unwrap();
        assert!(
            !thresholds.starts_with("Sources"),
            "{} states no threshold",
            edition.id()
        );
        for record in records(edition) {
            assert!(
                running.contains(&record["sentence"]),
                "{}",
                record["sentence"]
            );
            assert!(running.contains(&record["source"]), "{}", record["source"]);
        }
    }
}

/// The table is what decides: a case with exactly these results, at the edges of their classes, ends in its row.
#[test]
fn a_case_ends_as_the_row_of_its_results_says() {
    let edition = Edition::AscoCap2018;
    let rows: BTreeMap<String, BTreeMap<String, String>> = (records(edition).into_iter())
        .map(|record| (record["rule_id"].clone(), record))
        .collect();
    for (ihc, ish) in edition.inputs() {
        let row = &rows[&edition.rule_id(ihc, ish)];
        for evidence in cases(ihc, ish) {
            let decision = decide(&evidence, edition, &Conventions::default());
            let codes: Vec<&str> = decision
                .review
                .iter()
                .map(|item| item.code.name())
                .collect();
            assert_eq!(decision.rule, row["rule_id"]);
            assert_eq!(decision.status.name(), row["status"], "{row:?}");
            assert_eq!(decision.next_action.name(), row["next_action"], "{row:?}");
            assert_eq!(codes.join(", "), row["review_code"], "{row:?}");
            let mut kinds = row["category"]
                .split(", ")
                .flat_map(|kinds| kinds.split(" or "));
            assert!(
                kinds.any(|kind| kind == decision.category.name()),
                "{row:?}"
            );
        }
    }
}

/// The records of the CSV, by column.
fn records(edition: Edition) -> Vec<BTreeMap<String, String>> {
    let text = table(edition, Format::Csv);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .map(|record| record.expect("a record with every field"))
        .collect()
}

/// The rows of the Markdown, by column, without escapes and dashes.
fn markdown_rows(edition: Edition) -> Vec<BTreeMap<String, String>> {
    let page = table(edition, Format::Markdown);
    let mut lines = (page.lines())
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.replace(['\\', '–'], "")));
    let columns: Vec<String> = lines.next().unwrap().collect();
    (lines.skip_while(|cells| cells.clone().all(|cell| cell == "---")))
        .map(|cells| {
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), columns.len(), "{cells:?}");
            columns.iter().cloned().zip(cells).collect()
        })
        .collect()
}

/// Evidence that is exactly this input: with the least and, where there is one, the greatest numbers of its class.
fn cases(ihc: Ihc, ish: Ish) -> Vec<Evidence> {
    let ihc: Vec<IhcResult> = match ihc {
        Ihc::NotKnown => Vec::new(),
        Ihc::Failed => vec![ihc_result(IhcFinding::Stated(StatedResult::Indeterminate))],
        Ihc::Score(score) => vec![ihc_result(IhcFinding::Score(EnumSet::only(score)))],
    };
    let dual = |role, group, edge| {
        let [(low_ratio, low_copies), (high_ratio, high_copies)] = match group {
            Group::One => [("2.0", "4.0"), ("9.99", "30")],
            Group::Two => [("2.0", "0.1"), ("9.99", "3.99")],
            Group::Three => [("0.1", "6.0"), ("1.99", "30")],
            Group::Four => [("0.1", "4.0"), ("1.99", "5.99")],
            Group::Five => [("0.1", "0.1"), ("1.99", "3.99")],
        };
        let (ratio, copies) = if edge == 0 {
            (low_ratio, low_copies)
        } else {
            (high_ratio, high_copies)
        };
        count(role, Probe::Dual, Some(ratio), Some(copies), None)
    };
    let word = |word| count(CountRole::Initial, Probe::Dual, None, None, Some(word));
    let ish_at = |edge: usize| match ish {
        Ish::NotDone => Vec::new(),
        Ish::Failed => vec![word(StatedResult::Indeterminate)],
        Ish::Amplified => vec![word(StatedResult::Positive)],
        Ish::NotAmplified => vec![word(StatedResult::Negative)],
        Ish::Single(class) => {
            let copies = match class {
                CopyClass::Below4 => ["0.1", "3.99"],
                CopyClass::From4To6 => ["4.0", "5.99"],
                CopyClass::AtLeast6 => ["6.0", "30"],
            };
            vec![count(
                CountRole::Initial,
                Probe::Single,
                None,
                Some(copies[edge]),
                None,
            )]
        }
        Ish::Dual(group, recount) => {
            let second = match recount {
                Recount::NotDone => None,
                Recount::SameGroup => Some(group),
                Recount::OtherGroup(other) => Some(other),
            };
            [dual(CountRole::Initial, group, edge)]
                .into_iter()
                .chain(second.map(|group| dual(CountRole::Recount, group, edge)))
                .collect()
        }
        Ish::Adjudicated(group) => vec![dual(CountRole::Adjudicated, group, edge)],
    };
    [0, 1]
        .map(|edge| Evidence {
            site: SiteFinding::Known(Site::Breast),
            joined_by: JoinedBy::Specimen,
            ihc: ihc.clone(),
            ish: ish_at(edge),
            reported: Vec::new(),
            unreadable: Vec::new(),
            tissue: TissueStatement::Stated,
            other_tissue: OtherTissue::default(),
        })
        .into()
}

fn ihc_result(finding: IhcFinding) -> IhcResult {
    IhcResult {
        finding,
        interpretation: None,
        percent: None,
        intense_percent: None,
        staining_present: None,
        origin: Origin::Coded,
        source: source("Observation/ihc"),
    }
}

fn count(
    role: CountRole,
    probe: Probe,
    ratio: Option<&str>,
    copies: Option<&str>,
    word: Option<StatedResult>,
) -> IshResult {
    let measure = |text: &str| Measure::parse(text).unwrap();
    IshResult {
        role,
        probe: Some(probe),
        ratio: ratio.map(measure),
        her2_copies: copies.map(measure),
        cep17_copies: None,
        cells: copies.map(|_| measure("20")),
        result: word,
        origin: Origin::Coded,
        source: source("Observation/ish"),
    }
}

fn source(reference: &str) -> Source {
    Source {
        reference: reference.to_owned(),
        version: None,
    }
}

/// The lines that differ, each run of them below the heading it stands under.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // The longest common part of what follows two lines.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut lines: Vec<String> = Vec::new();
    let (mut i, mut j) = (0, 0);
    let mut heading = None;
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            if !new[j].is_empty() && !new[j].starts_with(' ') {
                heading = Some(new[j]);
            }
            (i, j) = (i + 1, j + 1);
            continue;
        }
        lines.extend(heading.take().map(|heading| format!("  {heading}")));
        if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("- {}", old[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", new[j]));
            j += 1;
        }
    }
    if lines.is_empty() {
        lines.push("only line endings differ".to_owned());
    }
    lines.join("\n")
}
